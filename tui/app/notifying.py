"""Tells a person whose terminal is out of sight: by the desktop that they sit at, else by the terminal itself."""

from __future__ import annotations

import html
import os
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App

from tui.app.clipboard import feed
from tui.app.panel_state import KeepsState
from tui.fleet.printable import printable
from tui.fleet.snapshot import FleetSnapshot, ServiceState

if TYPE_CHECKING:
    from tui.ledger.records import Turn

TITLE = "fleetdeck"
LONG_ANSWER = 15.0
"""Seconds after which somebody may have turned to something else."""
SAID_AGAIN_AFTER = 300.0
"""Seconds for which no more is told of a service that goes down again and again."""
WITHOUT_TITLE = 9
"""OSC 9, by iTerm2: kitty, WezTerm, Ghostty and Windows Terminal know it too."""
WITH_TITLE = 777
"""OSC 777, by rxvt-unicode: foot and Ghostty know it too."""


def tell_of_answer(app: App[Any], turn: Turn) -> None:
    """That a long answer is complete: by whom, never of what."""
    tell_if_long(app, f"{printable(turn.model, 60)} has answered", turn.total_s or 0.0)


def tell_if_long(app: App[Any], what: str, seconds: float) -> None:
    """``what`` has ended, where that took so long that somebody may have gone."""
    if seconds >= LONG_ANSWER:
        tell_if_away(app, f"{what}, after {seconds:.0f} s")


async def tell_of_outages(app: App[Any], snapshots: AsyncIterator[FleetSnapshot]) -> None:
    """That a service which was up is down."""
    before: FleetSnapshot | None = None
    said_at: dict[str, float] = {}
    async for snapshot in snapshots:
        went_down = {
            service.name: service.reason
            for service in snapshot.services
            if service.state is ServiceState.DOWN and service.name in _alive(before)
        }
        news = [name for name in went_down if snapshot.at - said_at.get(name, -SAID_AGAIN_AFTER) >= SAID_AGAIN_AFTER]
        if news:
            said_at.update(dict.fromkeys(news, snapshot.at))
            tell_if_away(app, "; ".join(_down_words(name, went_down[name]) for name in news))
        before = snapshot


def tell_if_away(app: App[Any], text: str) -> None:
    """Shows ``text`` outside of the panel, where nobody has it before their eyes and the configuration allows it.

    Terminals that do not tell when they lose the focus count as looked at.
    """
    if not app.app_focus and isinstance(app, KeepsState) and app.state.config.panel.notify:
        app.run_worker(_tell(app, text), group="notify", exit_on_error=False, description="notify the desktop")


async def _tell(app: App[Any], text: str) -> None:
    command = desktop_command(os.environ, text)
    if command and await feed(command, ""):
        return
    driver = app._driver
    if driver is not None:
        driver.write(terminal_code(os.environ, text))
        driver.flush()


def desktop_command(environment: Mapping[str, str], text: str) -> tuple[str, ...]:
    """The command that shows ``text`` on this machine's desktop; empty where the person does not sit at one."""
    program = shutil.which("notify-send", path=environment.get("PATH"))
    runtime = Path(environment.get("XDG_RUNTIME_DIR", "/none"))
    has_desktop = "DBUS_SESSION_BUS_ADDRESS" in environment or (runtime / "bus").exists()
    if program is None or not has_desktop or environment.get("SSH_CONNECTION"):
        return ()
    # Desktops take the text for markup.
    return (program, "--app-name", TITLE, "--", TITLE, html.escape(printable(text, 300), quote=False))


def terminal_code(environment: Mapping[str, str], text: str) -> str:
    """What makes the terminal notify; empty for those that would print it.

    tmux hands it on with ``allow-passthrough on`` (3.3), and tells of the focus with ``focus-events on``.
    """
    terminal = environment.get("TERM", "")
    if terminal in ("", "dumb", "linux"):
        return ""
    code = WITH_TITLE if _has_titles(environment) else WITHOUT_TITLE
    said = f"notify;{TITLE};{text}" if code == WITH_TITLE else f"{TITLE}: {text}"
    sequence = f"\x1b]{code};{printable(said, 300)}\x07"
    if environment.get("TMUX"):
        return f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\"
    return f"\x1bP{sequence}\x1b\\" if terminal.startswith("screen") else sequence


def _has_titles(environment: Mapping[str, str]) -> bool:
    return environment.get("TERM", "").startswith(("rxvt", "foot", "xterm-ghostty"))


def _alive(snapshot: FleetSnapshot | None) -> Iterable[str]:
    services = snapshot.services if snapshot is not None else ()
    return {service.name for service in services if service.state in (ServiceState.UP, ServiceState.BUSY)}


def _down_words(name: str, reason: str) -> str:
    return f"{printable(name, 40)} is down" + (f": {printable(reason, 120)}" if reason else "")
