"""Names that must resolve, and the private network that makes them."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import time

from tui.cli.doctor.configuration import is_of_home
from tui.cli.doctor.finding import Area, Finding, fine, problem, warning
from tui.config.schema import Config, is_loopback
from tui.fleet.tailnet import PeerPath, Tailnet, ask_tailscale, peer_for, tailscale_program

RESOLVED_WITHIN = 2.0
"""Seconds for all names together: resolvers that are there answer in milliseconds."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a name came to: addresses, or why there are none."""

    host: str
    addresses: tuple[str, ...] = ()
    trouble: str = ""
    silent: bool = False
    """Nobody answered at all, so that whoever asks again waits again."""


async def resolve_hosts(config: Config) -> Mapping[str, Resolved]:
    """Every name in the services' URLs, looked up at the same time."""
    hosts = sorted({service.host for service in config.services.values() if not _is_address(service.host)})
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_resolve(host)) for host in hosts]
    return {task.result().host: task.result() for task in tasks}


async def _resolve(host: str) -> Resolved:
    """In a thread that nobody waits for at the end: the system's resolver cannot be interrupted."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Resolved] = loop.create_future()

    def tell(resolved: Resolved) -> None:
        if not answer.done():
            answer.set_result(resolved)

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            resolved = Resolved(host, tuple(dict.fromkeys(str(each[4][0]) for each in found)))
        except (OSError, UnicodeError):
            # Python refuses to look up a name with an empty or overlong part: UnicodeError.
            resolved = Resolved(host, trouble="no such name")
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, resolved)

    threading.Thread(target=ask, daemon=True, name=f"resolve {host}").start()
    try:
        async with asyncio.timeout(RESOLVED_WITHIN):
            return await answer
    except TimeoutError:
        return Resolved(host, trouble=f"the name server gave no answer within {RESOLVED_WITHIN:g} s", silent=True)


def check_names(config: Config, names: Mapping[str, Resolved]) -> Iterator[Finding]:
    """What the names in the services' URLs mean here."""
    for host, resolved in names.items():
        users = ", ".join(service.name for service in config.services.values() if service.host == host)
        machine = config.machine_at(host)
        if resolved.trouble:
            fix = "is the VPN up (`tailscale status`)? else write its address" if is_of_home(host) else "check it"
            yield problem(Area.NETWORK, host, f"{resolved.trouble}: {host}", f"{fix} in the url of {users}")
        elif not is_loopback(host) and machine is not None and not machine.local and _all_loopback(resolved):
            text = f"means this machine here ({resolved.addresses[0]}), and the configuration calls it another one"
            fix = f"take the name out of /etc/hosts, or write local = true in [machines.{machine.name}]"
            yield warning(Area.NETWORK, host, text, fix)
        else:
            yield fine(Area.NETWORK, host, ", ".join(resolved.addresses[:2]))


async def check_tailnet(config: Config) -> tuple[Finding, ...]:
    """What Tailscale says of the machines; nothing where it is not installed."""
    program = await asyncio.to_thread(tailscale_program)
    if program is None:
        return ()
    return tuple(_tailnet_findings(config, await ask_tailscale(program)))


def _tailnet_findings(config: Config, tailnet: Tailnet) -> Iterator[Finding]:
    if tailnet.trouble:
        fix = "`tailscale up` connects this machine; `tailscale status` says more"
        yield warning(Area.NETWORK, "tailscale", tailnet.trouble, fix)
        return
    for machine in config.machines.values():
        ssh = (machine.ssh.rpartition("@")[2],) if machine.ssh is not None else ()
        peer = peer_for(tailnet, (*ssh, *machine.addresses, machine.name))
        if peer is None:
            continue
        words = peer.words(time())
        if peer.path is PeerPath.EXPIRED:
            fix = "`tailscale up --force-reauth` on it logs it in again"
            yield problem(Area.NETWORK, machine.name, f"its key in the tailnet has expired ({words})", fix)
        elif peer.path is PeerPath.OFFLINE:
            fix = "wake it, or start Tailscale on it"
            yield problem(Area.NETWORK, machine.name, f"Tailscale calls it {words}", fix)
        else:
            yield fine(Area.NETWORK, machine.name, f"Tailscale: {words}")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _all_loopback(resolved: Resolved) -> bool:
    return bool(resolved.addresses) and all(is_loopback(address) for address in resolved.addresses)
