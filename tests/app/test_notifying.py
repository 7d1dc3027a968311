"""What a person is told who looks elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.app import App

from tests.app.panel import Panel, open_panel
from tests.app.test_playground import editor, playground, screen, write
from tests.waiting import until
from tui.app.notifying import desktop_command, tell_of_answer, tell_of_outages, terminal_code
from tui.app.panel_state import PanelState
from tui.config.schema import Config, PanelSettings
from tui.demo.fleet import DemoFleet
from tui.fleet.snapshot import FleetSnapshot, ServiceSnapshot, ServiceState
from tui.ledger.records import Turn

TURN = Turn(
    at=0.0,
    asked_kind="model",
    asked_name="ollama/qwen3",
    model="ollama/qwen3",
    where="local",
    prompt="my secret question",
    answer="a secret answer",
    total_s=42.4,
)
UP, DOWN, UNKNOWN = ServiceState.UP, ServiceState.DOWN, ServiceState.UNKNOWN


class Away(App[None]):
    """A panel, as far as notifying needs one, whose terminal keeps what is written to it."""

    def __init__(self, *, notify: bool = True) -> None:
        super().__init__()
        self.state = PanelState(config=Config(panel=PanelSettings(notify=notify)), now=0.0)
        self.told: list[str] = []


@contextmanager
def listening(app: App[None]) -> Iterator[list[str]]:
    """What the terminal is asked to show; a terminal that is drawn on has its codes beside everything else."""
    told: list[str] = []
    driver = app._driver
    assert driver is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm-256color")
        patch.setenv("PATH", "/nonexistent")
        patch.setattr(driver, "write", lambda data: told.append(data) if "\x1b]" in data else None)
        yield told


@pytest.mark.parametrize(
    ("away", "notify", "seconds", "is_told"),
    [(True, True, 42.4, True), (False, True, 42.4, False), (True, False, 42.4, False), (True, True, 14.0, False)],
)
async def test_a_long_answer_is_told_of_to_who_looks_elsewhere(
    away: bool, notify: bool, seconds: float, is_told: bool
) -> None:
    app = Away(notify=notify)
    async with app.run_test() as pilot:
        app.app_focus = not away
        with listening(app) as told:
            tell_of_answer(app, replace(TURN, total_s=seconds))
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert told == (["\x1b]9;fleetdeck: ollama/qwen3 has answered, after 42 s\x07"] if is_told else [])


async def test_a_long_wait_for_an_answer_that_fails_is_told_of_and_one_that_is_stopped_is_not(
    fleet: DemoFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.app.notifying.LONG_ANSWER", 0.0)
    async with playground(fleet, "ollama/llama3.2:latest") as panel:
        await fleet.ollama.scene("hang")
        with listening_to(panel) as told:
            for ends in (screen(panel).action_stop, lambda: panel.app.run_worker(fleet.ollama.scene("down"))):
                await write(panel, "my secret question")
                await until(lambda: fleet.ollama.requests.to("/api/chat"), "it is asked")
                # A key tells that somebody is there.
                panel.app.app_focus = False
                ends()
                await until(lambda: not screen(panel).busy, "it is over")
            await until(lambda: any("answer" in words for words in told), "it is told of the failure")
    answers = [words for words in told if "answer" in words]
    assert answers == ["\x1b]9;fleetdeck: no whole answer from ollama/llama3.2:latest, after 0 s\x07"]


async def test_the_panel_tells_of_an_answer_and_of_nothing_that_was_said(
    fleet: DemoFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.app.notifying.LONG_ANSWER", 0.0)
    async with playground(fleet, "ollama/llama3.2:latest") as panel:
        with listening_to(panel) as told:
            editor(panel).show_prompt("my secret question")
            # A key would tell that somebody is there.
            panel.app.app_focus = False
            editor(panel).action_send()
            await until(lambda: any("llama3.2:latest has answered" in words for words in told), "it is told of")
    assert not any("secret" in words for words in told)


async def test_the_panel_tells_of_an_outage(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        with listening_to(panel) as told:
            await fleet.qdrant.scene("down")
            panel.app.app_focus = False
            panel.app.monitor.look_now("qdrant")
            await until(lambda: told, "it is told of the outage")
    assert told[0].startswith("\x1b]9;fleetdeck: qdrant is down: ")


@contextmanager
def listening_to(panel: Panel) -> Iterator[list[str]]:
    with listening(panel.app) as told:  # type: ignore[arg-type]  (what it ends with is of no concern here)
        yield told


async def test_each_outage_is_told_of_once_and_one_that_was_there_before_is_not() -> None:
    app = Away()
    async with app.run_test() as pilot:
        app.app_focus = False
        with listening(app) as told:
            await tell_of_outages(
                app,
                _seen(
                    (0.0, UNKNOWN, UNKNOWN),
                    (1.0, UP, DOWN),
                    (2.0, DOWN, DOWN),
                    (3.0, UP, UP),
                    (4.0, DOWN, UP),
                    (400.0, UP, UP),
                    (401.0, DOWN, DOWN),
                ),
            )
            await app.workers.wait_for_complete()
            await pilot.pause()
    assert [text.partition("fleetdeck: ")[2].rstrip("\x07") for text in told] == [
        "one is down: no answer",
        "one is down: no answer; two is down: no answer",
    ]


async def _seen(*rows: tuple[float, ServiceState, ServiceState]) -> AsyncIterator[FleetSnapshot]:
    for at, one, two in rows:
        services = tuple(
            ServiceSnapshot(name=name, kind="http", url="http://x", state=state, reason="no answer")
            for name, state in (("one", one), ("two", two))
        )
        yield FleetSnapshot(at=at, services=services)


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({"TERM": "xterm-256color"}, "\x1b]9;fleetdeck: it is so\x07"),
        ({"TERM": "foot"}, "\x1b]777;notify;fleetdeck;it is so\x07"),
        ({"TERM": "tmux-256color", "TMUX": "x"}, "\x1bPtmux;\x1b\x1b]9;fleetdeck: it is so\x07\x1b\\"),
        ({"TERM": "screen-256color"}, "\x1bP\x1b]9;fleetdeck: it is so\x07\x1b\\"),
        ({"TERM": "linux"}, ""),
        ({"TERM": "dumb"}, ""),
        ({}, ""),
    ],
)
def test_each_terminal_is_asked_in_its_own_way(environment: dict[str, str], code: str) -> None:
    assert terminal_code(environment, "it is so") == code


def test_words_of_servers_are_no_codes_and_no_markup(tmp_path: Path) -> None:
    hostile = "a\x07\x1b]0;window\x1b\\<b>bold</b>"
    code = terminal_code({"TERM": "xterm"}, hostile)
    assert code.count("\x1b") == code.count("\x07") == 1
    program = tmp_path / "notify-send"
    program.write_text("")
    program.chmod(0o755)
    command = desktop_command({"PATH": str(tmp_path), "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"}, hostile)
    assert command[0] == str(program)
    assert "<b>" not in command[-1]
    assert "\x1b" not in command[-1]


def test_over_ssh_the_desktop_is_another_one(tmp_path: Path) -> None:
    program = tmp_path / "notify-send"
    program.write_text("")
    program.chmod(0o755)
    here = {"PATH": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    assert desktop_command(here, "words") == (), "there is no desktop here"
    (tmp_path / "bus").touch()
    assert desktop_command(here, "words")[1:] == ("--app-name", "fleetdeck", "--", "fleetdeck", "words")
    assert desktop_command({**here, "SSH_CONNECTION": "1 2 3 4"}, "words") == ()
