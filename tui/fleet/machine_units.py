"""What ``systemctl show`` says of a unit, in words that a person can act on.

Its exit status is 0 for units that do not exist, too, and is 1 where the bus is not to be had: only the properties tell
(systemd 252).
"""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping

from tui.fleet.machine_wire import UnitShown
from tui.fleet.printable import printable
from tui.fleet.snapshot import UnitSnapshot, UnitState

_EXIT_WORDS = {
    200: "its working directory is missing",
    203: "its program is missing or cannot be executed",
    208: "its standard input cannot be set up",
    209: "its output cannot be set up",
    216: "its group does not exist",
    217: "its user does not exist",
}
"""Exit statuses by which systemd says that it could not even start the program (systemd.exec(5))."""
_KILLED, _DUMPED = "2", "3"


def unit_snapshot(shown: UnitShown, now: float, machine: str) -> UnitSnapshot:
    """``now``: when it was heard, since far clocks may be wrong."""
    properties = dict(line.split("=", 1) for line in shown.out.splitlines() if "=" in line)
    if not properties:
        reason = bus_trouble(shown.error, machine) or printable(shown.error, 160) or "systemctl says nothing"
        return UnitSnapshot(name=shown.unit, scope=shown.scope, reason=reason)
    changed = _number(properties.get("StateChangeTimestampMonotonic"))
    return UnitSnapshot(
        name=shown.unit,
        scope=shown.scope,
        state=_state(properties.get("ActiveState", "")),
        sub=printable(properties.get("SubState", ""), 40),
        reason=_reason(shown.unit, shown.scope, properties, machine),
        since=now - max(0.0, shown.clock - changed / 1e6) if changed else None,
        restarts=_number(properties.get("NRestarts")),
        main_pid=_number(properties.get("MainPID")) or None,
        invocation=printable(properties.get("InvocationID", ""), 40),
        needs_reload=properties.get("NeedDaemonReload") == "yes",
    )


def _state(word: str) -> UnitState:
    try:
        return UnitState(word)
    except ValueError:
        return UnitState.UNKNOWN


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _reason(unit: str, scope: str, properties: Mapping[str, str], machine: str) -> str:
    load = properties.get("LoadState", "")
    if load == "not-found":
        return f"there is no unit {unit} on {machine}"
    if load == "masked":
        return f"is masked: `systemctl{' --user' if scope == 'user' else ''} unmask {unit}` frees it"
    if load not in ("loaded", ""):
        return f"its unit file cannot be used ({printable(load, 40)})"
    state, sub = _state(properties.get("ActiveState", "")), properties.get("SubState", "")
    restarts = _number(properties.get("NRestarts"))
    if state is UnitState.FAILED:
        again = f", {restarts + 1} times in a row: systemd has given up" if restarts else ""
        return _failure(properties) + again
    if sub.startswith("auto-restart"):
        return f"{_failure(properties)}; systemd starts it again ({restarts} so far)"
    if state is UnitState.ACTIVATING:
        return "is starting"
    if state is UnitState.DEACTIVATING:
        return "is stopping; systemd kills it when that takes too long (90 s, where its file says nothing else)"
    return ""


def _failure(properties: Mapping[str, str]) -> str:
    result, code = properties.get("Result", ""), properties.get("ExecMainCode", "")
    status = _number(properties.get("ExecMainStatus"))
    if result == "timeout":
        # systemd uses one word for both; a program that was up had to be killed when it was told to stop.
        return f"did not start or stop in time, and was ended{f' by {_signal(status)}' if code == _KILLED else ''}"
    if result == "start-limit-hit":
        return "was started too often in a short time"
    if result == "oom-kill":
        return "was killed because memory ran out"
    if result == "watchdog":
        return "did not give the sign of life that its unit asks for"
    if result in ("exit-code", "signal", "core-dump"):
        if code in (_KILLED, _DUMPED):
            return f"was killed by {_signal(status)}"
        words = _EXIT_WORDS.get(status)
        return f"{words} (status {status})" if words else f"ended with status {status}"
    return f"failed ({printable(result, 40)})" if result not in ("", "success") else "failed"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def bus_trouble(complaint: str, machine: str) -> str:
    """Why systemd could not be asked at all; empty where the complaint is about something else.

    The texts are those of systemd 252 and, with other words around the same cause, of 257.
    """
    if re.search(r"No such file or directory: '(systemctl|journalctl)'", complaint):
        return f"there is no systemd on {machine}"
    if not re.search(r"Failed to connect to .*bus", complaint):
        return ""
    if re.search(r"No such file or directory|No medium found|No such device|not defined", complaint):
        hint = "`loginctl enable-linger` there starts it, and keeps it after logout"
        return f"no systemd of yours runs on {machine}: {hint}"
    if re.search(r"Permission denied|Operation not permitted", complaint):
        return f"systemd on {machine} belongs to another user"
    return f"systemd on {machine} cannot be reached: {printable(complaint.splitlines()[-1], 160)}"


def action_trouble(verb: str, unit: str, status: int | None, complaint: str, machine: str) -> str:
    """Why systemd refused to ``verb`` a unit."""
    if trouble := bus_trouble(complaint, machine):
        return trouble
    if "is masked" in complaint:
        return f"{unit} is masked on {machine}"
    if "not found" in complaint or "not loaded" in complaint:
        return f"there is no unit {unit} on {machine}"
    if re.search(r"authentication required|Access denied|authorized", complaint):
        return f"{machine} lets only root {verb} {unit}: make it a user unit, or add a polkit rule"
    lines = complaint.splitlines()
    said = printable(lines[0], 200) if lines else f"systemctl ended with status {status}"
    return f"{unit} could not {verb} on {machine}: {said}"
