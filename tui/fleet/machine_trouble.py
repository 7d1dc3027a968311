"""Why a machine cannot be looked at, read off what ssh and the far shell say, in words that a person can act on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tui.fleet.printable import printable
from tui.fleet.redact import redact
from tui.fleet.snapshot import MachineState

COMMAND_NOT_FOUND = 127
"""The exit status by which shells say it (POSIX.1-2017, 2.8.2); tcsh says 1."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no connection."""

    reason: str
    state: MachineState = MachineState.UNKNOWN
    """DOWN where nothing answers; UNKNOWN where something answers and only we cannot look."""
    permanent: bool = False
    """Only a person can end it, so that trying again soon is of no use."""
    lacks_python: bool = False


class ConnectionFailed(Exception):
    """There is no connection to a collector any more. ``trouble`` says why."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.reason)
        self.trouble = trouble


def trouble_of_ssh(host: str, complaint: str, status: int | None, *, noise: str = "", greeted: bool = False) -> Trouble:
    """Why ssh ended.

    ssh ends with 255 for failures of its own, but also where the far command was killed: what it wrote decides
    (OpenSSH 9.2; its texts have been the same for years).

    Args:
        host: as the configuration names it.
        complaint: what came on standard error.
        noise: what came on standard output before the collector spoke.
        greeted: whether the collector had spoken.
    """
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in complaint:
        return Trouble(
            f"{host}'s host key has changed: somebody may be listening in. If it was installed anew, "
            f"`ssh-keygen -R {host}` forgets the old key",
            permanent=True,
        )
    if "Host key verification failed" in complaint:
        return Trouble(f"{host}'s host key is not known yet: run `ssh {host}` once", permanent=True)
    if "Permission denied (" in complaint or "Too many authentication failures" in complaint:
        return Trouble(f"{host} accepts no key of ours (is the key in the ssh agent, and unlocked?)", permanent=True)
    for pattern, reason, state in _LINK_TROUBLES:
        if re.search(pattern, complaint):
            return Trouble(reason.format(host=host), state)
    if greeted:
        return Trouble(f"the connection to {host} broke off{last_words(complaint)}")
    if _lacks_python(complaint, status):
        return Trouble(f"python3 was not found on {host}", permanent=True, lacks_python=True)
    if "SyntaxError" in complaint or "future feature annotations" in complaint:
        return Trouble(f"python3 on {host} is older than 3.8", permanent=True, lacks_python=True)
    return Trouble(f"ssh {host} ended with status {status}{last_words(complaint or noise)}")


_LINK_TROUBLES = (
    (r"Could not resolve hostname", "no such name: {host} (is the VPN up?)", MachineState.UNKNOWN),
    (r"Connection refused", "{host} is there, but refuses ssh: is sshd running?", MachineState.UNKNOWN),
    (r"No route to host|Network is unreachable", "no route to {host}", MachineState.DOWN),
    (r"Connection timed out|Operation timed out|port \d+ timed out", "{host} does not answer", MachineState.DOWN),
    (r"Timeout, server .* not responding", "{host} went silent", MachineState.DOWN),
    (r"closed by remote host|Connection reset", "{host} closed the connection", MachineState.UNKNOWN),
)


def _lacks_python(complaint: str, status: int | None) -> bool:
    names_it = re.search(
        r"(?i)python3.*(not found|no such file)|(unknown command|command not found).*python3", complaint
    )
    return status == COMMAND_NOT_FOUND or (status == 1 and names_it is not None)


def last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f": {printable(redact(lines[-1]), 160)}" if lines else ""


def tailscale_check(complaint: str) -> str | None:
    """The page on which Tailscale wants the person to confirm this connection; ssh just waits until they have."""
    if "Tailscale SSH requires an additional check" not in complaint:
        return None
    found = re.search(r"https://[^\s\x00-\x1f]{1,300}", complaint)
    return printable(found[0]) if found else ""
