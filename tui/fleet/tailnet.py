"""How the machines are reached over Tailscale, as this machine's own ``tailscale`` says.

Read from tailscale's source of August 2026. Its help calls the format unstable, so that every field may be missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from tui.config.schema import MachineSettings
from tui.fleet.printable import printable
from tui.fleet.probes.shapes import line, unix_time
from tui.fleet.wording import age_words

log = logging.getLogger(__name__)

PERIOD = 10.0
TIMEOUT = 3.0
MOST_OUTPUT = 8 << 20
MAC_APPLICATION = "/Applications/Tailscale.app/Contents/MacOS/Tailscale"
RUNNING = "Running"


class PeerPath(StrEnum):
    """How packets reach a peer."""

    DIRECT = "direct"
    RELAY = "relay"
    ONLINE = "online"
    """It is there, and nothing has been sent to it lately."""
    OFFLINE = "offline"
    EXPIRED = "expired"
    SELF = "self"


@dataclass(frozen=True, slots=True, kw_only=True)
class TailnetPeer:
    """One machine of a tailnet. That it is online says Tailscale's server, a moment late."""

    name: str
    """The first label of its name in MagicDNS, which is unique; empty where it has none."""
    path: PeerPath
    relay: str = ""
    last_seen: float | None = None
    host: str = ""
    """What it calls itself; several may have the same name."""
    whole_name: str = ""
    addresses: tuple[str, ...] = ()

    def words(self, now: float) -> str:
        """ "direct", "relay fra", "offline, last seen 3 h ago"."""
        match self.path:
            case PeerPath.RELAY:
                return f"relay {self.relay}".rstrip()
            case PeerPath.OFFLINE if self.last_seen is not None:
                return f"offline, last seen {age_words(max(0.0, now - self.last_seen))}"
            case PeerPath.EXPIRED:
                return "key expired"
            case PeerPath.SELF:
                return "this machine"
            case _:
                return str(self.path)


@dataclass(frozen=True, slots=True)
class Tailnet:
    """All machines of the tailnet, this one included."""

    peers: tuple[TailnetPeer, ...] = ()
    trouble: str = ""
    """Why nothing is known of them, and what to do."""


class _Peer(msgspec.Struct, rename="pascal"):
    host_name: object = None
    dns_name: object = msgspec.field(default=None, name="DNSName")
    addresses: object = msgspec.field(default=None, name="TailscaleIPs")
    cur_addr: object = None
    relay: object = None
    last_seen: object = None
    online: object = None
    active: object = None
    expired: object = None


class _Status(msgspec.Struct, rename="pascal"):
    backend_state: object = None
    auth_url: object = msgspec.field(default=None, name="AuthURL")
    own: _Peer | None = msgspec.field(default=None, name="Self")
    peer: dict[str, _Peer] | None = None


def parse_status(output: bytes) -> Tailnet:
    """What ``tailscale status --json`` says. Its exit status is 0 also where Tailscale is stopped or logged out."""
    try:
        status = msgspec.json.decode(output, type=_Status)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Tailnet(trouble="tailscale gives a status that cannot be read")
    if status.backend_state != RUNNING:
        return Tailnet(trouble=_not_running(line(status.backend_state, 40), line(status.auth_url, 200)))
    own = (_peer(status.own, own=True),) if status.own is not None else ()
    return Tailnet((*own, *(_peer(peer) for peer in (status.peer or {}).values())))


def _not_running(state: str, page: str) -> str:
    match state:
        case "NeedsLogin":
            return f"Tailscale needs a login here: {f'open {page}' if page else '`tailscale up`'}"
        case "NeedsMachineAuth":
            return "Tailscale waits for an administrator to let this machine in"
        case "Stopped":
            return "Tailscale is stopped here: `tailscale up` starts it"
        case _:
            return f"Tailscale is not running here ({state or 'no state'})"


def _peer(peer: _Peer, *, own: bool = False) -> TailnetPeer:
    whole = line(peer.dns_name, 253).rstrip(".").lower()
    addresses = peer.addresses if isinstance(peer.addresses, list) else []
    return TailnetPeer(
        name=whole.partition(".")[0],
        path=PeerPath.SELF if own else _path(peer),
        relay=line(peer.relay, 40),
        last_seen=unix_time(peer.last_seen),
        host=line(peer.host_name, 100),
        whole_name=whole,
        addresses=tuple(address for each in addresses if (address := _address(each))),
    )


def _path(peer: _Peer) -> PeerPath:
    if peer.expired is True:
        return PeerPath.EXPIRED
    if peer.online is not True:
        return PeerPath.OFFLINE
    if peer.cur_addr:
        return PeerPath.DIRECT
    return PeerPath.RELAY if peer.active is True else PeerPath.ONLINE


def _address(text: object) -> str:
    """An address in its one usual form; empty where it is none."""
    try:
        return str(ipaddress.ip_address(text)) if isinstance(text, str) else ""
    except ValueError:
        return ""


def peer_for(tailnet: Tailnet, names: Iterable[str]) -> TailnetPeer | None:
    """The peer that a machine's names and addresses mean: by address, by MagicDNS name, or by what it calls itself,
    where only one peer does."""
    wanted = {name.strip().rstrip(".").lower() for name in names} - {""}
    addresses = {_address(name) for name in wanted} - {""}
    for peer in tailnet.peers:
        if not addresses.isdisjoint(peer.addresses):
            return peer
    for peer in tailnet.peers:
        if not wanted.isdisjoint({peer.name, peer.whole_name} - {""}):
            return peer
    named = [peer for peer in tailnet.peers if peer.host.lower() in wanted]
    return named[0] if len(named) == 1 else None


def tailscale_program() -> str | None:
    """Where the program is; None where Tailscale is not installed here."""
    found = shutil.which("tailscale")
    if found is not None:
        return found
    return MAC_APPLICATION if os.access(MAC_APPLICATION, os.X_OK) else None


async def ask_tailscale(program: str) -> Tailnet:
    """Asks for the state of the tailnet, which takes at most 3 s."""
    answer = await _output(program, "status", "--json")
    if isinstance(answer, str):
        return Tailnet(trouble=f"tailscale {answer}")
    status, output, complaint = answer
    if status == 0:
        return parse_status(output)
    if "failed to connect" in complaint:
        return Tailnet(trouble="Tailscale's service does not run here")
    said = complaint.strip().splitlines()
    return Tailnet(trouble=f"tailscale ended with status {status}{': ' + printable(said[-1], 160) if said else ''}")


async def ssh_host(alias: str) -> str:
    """The host that ssh's configuration has for a name; the name itself where ssh does not say."""
    answer = await _output("ssh", "-G", "--", alias)
    if isinstance(answer, str) or answer[0] != 0:
        return alias
    for row in answer[1].decode(errors="replace").splitlines():
        key, _, value = row.partition(" ")
        if key.lower() == "hostname" and value.strip():
            return value.strip()
    return alias


async def _output(*command: str) -> tuple[int, bytes, str] | str:
    """A program's exit status, output and complaint, or why there are none."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return f"cannot be started: {(error.strerror or str(error)).lower()}"
    try:
        async with asyncio.timeout(TIMEOUT):
            output, complaint = await process.communicate()
    except TimeoutError:
        return f"does not answer within {TIMEOUT:g} s"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode or 0, output[:MOST_OUTPUT], complaint.decode(errors="replace")


class TailnetWatch:
    """Looks at the tailnet every 10 s, while somebody looks at what it shows.

    ``changed`` is called when :attr:`peers` or :attr:`trouble` have; ``came_online`` with the name of each machine that
    was offline before, since then it is worth connecting to it at once.
    """

    def __init__(
        self,
        machines: Sequence[MachineSettings],
        *,
        changed: Callable[[], None],
        came_online: Callable[[str], None] = lambda machine: None,
    ) -> None:
        self.peers: Mapping[str, TailnetPeer] = {}
        """By the machine's name; without those that are not in the tailnet."""
        self.trouble = ""
        self._machines = machines
        self._changed = changed
        self._came_online = came_online
        self._shown = asyncio.Event()

    def show(self, shown: bool) -> None:
        """Whether anybody sees what is looked at. In the beginning nobody does."""
        if shown:
            self._shown.set()
        else:
            self._shown.clear()

    async def run(self) -> None:
        """Watches until it is cancelled; ends by itself where Tailscale is not installed."""
        program = await asyncio.to_thread(tailscale_program)
        if program is None:
            return
        names: dict[str, tuple[str, ...]] | None = None
        while True:
            await self._shown.wait()
            if names is None:
                names = {machine.name: await _names_of(machine) for machine in self._machines}
            self._take(await ask_tailscale(program), names)
            await asyncio.sleep(PERIOD)

    def _take(self, tailnet: Tailnet, names: Mapping[str, Sequence[str]]) -> None:
        found = {machine: peer_for(tailnet, known) for machine, known in names.items()}
        peers = {machine: peer for machine, peer in found.items() if peer is not None}
        before, self.peers = self.peers, peers
        news = (peers, tailnet.trouble) != (before, self.trouble)
        self.trouble = tailnet.trouble
        for machine, peer in peers.items():
            was = before.get(machine)
            if was is not None and was.path is PeerPath.OFFLINE and peer.path is not PeerPath.OFFLINE:
                self._came_online(machine)
        if news:
            self._changed()


async def _names_of(machine: MachineSettings) -> tuple[str, ...]:
    """What a machine goes by, ssh's host for it first."""
    host = (await ssh_host(machine.ssh), machine.ssh) if machine.ssh is not None else ()
    return (*host, *machine.addresses, machine.name)
