"""The Ledger screen, as a person uses it."""

from __future__ import annotations

import csv
import json
import stat
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.widgets import Input

from tests.app.panel import NOON, Panel
from tests.app.still_fleet import StillApp, all_up
from tests.ledger.asked import Asked, ask
from tests.waiting import until
from tui.app import ledger_feeds
from tui.app.screens import ledger as screen
from tui.config.paths import data_home
from tui.ledger.file import ledger_path
from tui.ledger.records import Action, Outcome
from tui.ledger.store import Ledger
from tui.ledger.wording import NOBODY

HOUR, DAY = 3600.0, 86_400.0
SECRET = "the plans of the secret garden"


@asynccontextmanager
async def ledger_panel(*, size: tuple[int, int] = (140, 40), readonly: bool = False) -> AsyncIterator[Panel]:
    """The panel on its Ledger screen, after its first look into the ledger."""
    app = StillApp(all_up(), readonly=readonly)
    async with app.run_test(size=size, notifications=True) as pilot:
        panel = Panel(app, pilot)
        await panel.press("4")
        await until(lambda: getattr(app.screen, "_answer", None) is not None, "the ledger is read")
        await pilot.pause()
        yield panel


@pytest.fixture
def used() -> None:
    """Some days of use: two models, a tier, a private request, one without an answer, and two actions."""
    with Ledger() as ledger:
        for hours in range(1, 60, 3):
            ask(ledger, Asked(at=NOON - hours * HOUR, rate=80.0, first_token=0.25, output_tokens=40, answer="because"))
        gpt = Asked(at=NOON - HOUR / 2, kind="tier", name="opus", model="copilot/gpt", where="cloud", cost=0.0125)
        ask(ledger, gpt)
        ask(ledger, Asked(at=NOON - 600, private=True, prompt=SECRET, answer="roses"))
        ask(ledger, Asked(at=NOON - 20 * DAY, model="swap/gemma", rate=120.0))
        ask(ledger, Asked(at=NOON - 60, model=None, where=None, outcome=Outcome.FAILED, error="nothing is up"))
        ledger.act(Action(at=NOON - 300, face="panel", name="unit.stop", target="llama-swap", machine="koala",
                          before="active", after="inactive"))  # fmt: skip
        ledger.act(Action(at=NOON - 200, face="cli", name="model.load", target="swap/qwen", worked=False, detail="no"))


async def test_it_opens_on_what_was_used(used: None) -> None:
    async with ledger_panel() as panel:
        await panel.sees("usage by model · last 7 days")
        assert panel.line_with("swap/qwen").split()[2:5] == ["local", "21", "21"]
        assert "$0.0125" in panel.line_with("copilot/gpt")
        assert NOBODY in panel.painted
        assert "swap/gemma" not in panel.painted
        await panel.press("t", "t")
        await panel.sees("all the time")
        await panel.sees("swap/gemma")


async def test_it_adds_up_by_whatever_is_wanted(used: None) -> None:
    async with ledger_panel() as panel:
        await panel.press("b")
        await panel.sees("usage by task")
        await panel.sees("tier opus")
        await panel.press("b")
        await panel.sees("2026-11-20")
        await panel.press("b")
        await panel.sees("usage by where")
        assert panel.line_with("cloud").split()[1:3] == ["cloud", "1"]


async def test_enter_lists_the_requests_that_a_row_adds_up(used: None) -> None:
    async with ledger_panel() as panel:
        await panel.press("down", "enter")
        await panel.sees("requests · last 7 days · filter: copilot/gpt cloud")
        await panel.sees("1 request")
        assert "swap/qwen" not in panel.painted
        await panel.press("escape")
        await panel.sees("23 requests")


async def test_a_request_opens_with_all_that_is_kept(used: None) -> None:
    async with ledger_panel() as panel:
        await panel.press("right_square_bracket", "right_square_bracket")
        await panel.sees("requests · last 7 days")
        await panel.press("end", "enter")
        await panel.sees("first token after 250 ms")
        await panel.sees("why is the sky blue")
        await panel.sees("because")
        await panel.sees("swap/qwen (local): finished")


async def test_of_a_private_request_there_is_no_text(used: None) -> None:
    async with ledger_panel() as panel:
        await panel.press("left_square_bracket", "left_square_bracket")
        await panel.sees("requests · last 7 days")
        assert " private " in panel.line_with("11:50:00")
        await panel.press("down", "enter")
        await panel.sees("It was private: nothing of what was said is kept")
        assert SECRET not in panel.painted
        assert "roses" not in panel.painted


async def test_words_find_requests_and_letters_are_text_meanwhile(used: None) -> None:
    async with ledger_panel(size=(80, 24)) as panel:
        await panel.press("right_square_bracket", "right_square_bracket")
        await panel.sees("requests · last 7 days")
        await panel.press("slash", *"zugzwang")
        await panel.sees("nothing holds these words in this time; t looks further back, esc shows all")
        await panel.press(*["backspace"] * 8, *"opus")
        await panel.sees("filter: opus")
        await panel.sees("1 request ")
        assert "swap/qwen" not in panel.painted
        await panel.press("enter")
        assert not isinstance(panel.app.focused, Input)
        await panel.press("escape")
        await panel.sees("swap/qwen")


async def test_actions_tell_what_was_before_and_after(used: None) -> None:
    async with ledger_panel() as panel:
        await panel.press("left_square_bracket")
        await panel.sees("actions · last 7 days")
        assert "active → inactive" in panel.line_with("unit.stop")
        assert "× failed" in panel.line_with("model.load")
        await panel.press("down", "enter")
        await panel.sees("2026-11-20 11:55:00 by panel")


async def test_plots_are_drawn(used: None) -> None:
    async with ledger_panel() as panel:
        await panel.press("right_square_bracket")
        await panel.sees("requests per day")
        await panel.sees("█ local")
        await panel.sees("tokens/s, median per day")
        await panel.sees("● swap/qwen")
        await panel.sees("11-20")


async def test_what_others_write_shows(used: None) -> None:
    async with ledger_panel() as panel:
        with Ledger() as ledger:
            ask(ledger, Asked(at=NOON - 1, model="swap/brand-new"))
        await panel.sees("swap/brand-new")


async def test_a_search_ends_however_often_others_write(used: None, monkeypatch: pytest.MonkeyPatch) -> None:
    look, written = ledger_feeds._answer, threading.Semaphore(0)

    def look_for_long(*asked: Any) -> ledger_feeds.Answer:
        """Somebody else writes many times meanwhile."""
        for _ in range(30):
            written.acquire(timeout=1)
        return look(*asked)

    monkeypatch.setattr(ledger_feeds, "CHANGES_SEEN", 0.01)
    async with ledger_panel() as panel:
        monkeypatch.setattr(ledger_feeds, "_answer", look_for_long)
        await panel.press("left_square_bracket")
        with Ledger() as ledger:

            def is_shown_while_others_write() -> bool:
                ask(ledger, Asked(at=NOON - 1))
                written.release()
                return "actions · last 7 days" in panel.painted

            await until(is_shown_while_others_write, "the search has come to its end")
        written.release(1000)


async def test_of_a_look_that_takes_long_it_is_said(used: None, monkeypatch: pytest.MonkeyPatch) -> None:
    look, may_end = ledger_feeds._answer, threading.Event()

    def look_for_long(*asked: Any) -> ledger_feeds.Answer:
        may_end.wait(20)
        return look(*asked)

    monkeypatch.setattr(screen, "SOON", 0.01)
    async with ledger_panel() as panel:
        monkeypatch.setattr(ledger_feeds, "_answer", look_for_long)
        await panel.press("left_square_bracket")
        await panel.sees("looking …")
        may_end.set()
        await panel.sees("actions · last 7 days")
        assert "looking …" not in panel.painted


async def test_nothing_is_read_while_another_screen_is_shown(used: None) -> None:
    async with ledger_panel() as panel:
        await panel.press("1")
        await until(lambda: not any(one.group == "ledger" and one.is_running for one in panel.app.workers),
                    "nobody follows the ledger")  # fmt: skip
        with Ledger() as ledger:
            ask(ledger, Asked(at=NOON - 1, model="swap/brand-new"))
        await panel.press("f5")
        await panel.sees("swap/brand-new")


async def test_a_slower_model_is_marked_and_told(used: None) -> None:
    with Ledger() as ledger:
        for step in range(40):
            ask(ledger, Asked(at=NOON - 50 + step, model="swap/tired", rate=80.0 if step < 30 else 20.0))
    async with ledger_panel() as panel:
        await panel.sees("▼ swap/tired is slower: 20 tokens/s, before that 80")
        assert "▼ 80" in panel.line_with("swap/tired  ")


@pytest.mark.parametrize(("section", "name"), [(0, "usage-by-model"), (2, "requests"), (3, "actions")])
async def test_everything_can_be_taken_along(used: None, section: int, name: str) -> None:
    folder = data_home() / "exports"
    async with ledger_panel(readonly=True) as panel:
        await panel.press(*["right_square_bracket"] * section, "S")
        await panel.is_told("saved in ")
        await panel.press("J")
        await until(lambda: len(list(folder.glob("*.json"))) == 1, "the JSON is written")
        (table,), (document,) = folder.glob("*.csv"), folder.glob("*.json")
    assert table.name == f"{name}-2026-11-20-120000.csv"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (table, document)} == {0o600}
    rows = list(csv.DictReader(table.read_text().splitlines()))
    read = json.loads(document.read_text())
    listed = read["rows" if section == 0 else name]
    assert read["schema"] == 1
    assert len(rows) == len(listed) == {0: 3, 2: 23, 3: 2}[section]
    assert SECRET not in table.read_text() + document.read_text()


async def test_more_is_read_as_the_cursor_goes_down(monkeypatch: pytest.MonkeyPatch) -> None:
    with Ledger() as ledger:
        for step in range(65):
            ask(ledger, Asked(at=NOON - step))
    monkeypatch.setattr(screen, "PAGE", 20)
    monkeypatch.setattr(screen, "NEAR_THE_END", 5)
    async with ledger_panel() as panel:
        await panel.press("right_square_bracket", "right_square_bracket")
        await panel.sees("the newest 20 of 65 requests")
        await panel.press("end")
        await panel.sees("the newest 40 of 65 requests")
        await panel.press("end")
        await panel.sees("the newest 60 of 65 requests")
        await panel.press("end")
        await panel.sees(" 65 requests")


async def test_it_is_found_again_as_it_was_left(used: None) -> None:
    async with ledger_panel() as panel:
        await panel.press("b", "t")
        await panel.sees("usage by task · last 30 days")
    async with ledger_panel() as panel:
        await panel.sees("usage by task · last 30 days")


async def test_an_empty_ledger_says_what_will_stand_there() -> None:
    async with ledger_panel() as panel:
        await panel.sees("Nothing has been asked yet.")
        await panel.press("left_square_bracket")
        await panel.sees("nothing was done in this time")
        assert not ledger_path().exists()


async def test_a_file_that_is_no_ledger_is_told() -> None:
    ledger_path().parent.mkdir(parents=True)
    ledger_path().write_text("a shopping list, not a database, and long enough to be looked at as one" * 40)
    async with ledger_panel() as panel:
        await panel.sees("is no ledger")


async def test_outside_text_is_neither_markup_nor_control_codes() -> None:
    with Ledger() as ledger:
        for hostile in ("[/x]", "[red]a[/]", "{'a': [1]}", "swap/\x1b[31mred\x07"):
            ask(ledger, Asked(at=NOON - 60, model=hostile, name=hostile, prompt=hostile, answer=hostile, rate=5.0))
            ledger.act(Action(at=NOON, face="cli", name="model.load", target=hostile, detail=hostile, before=hostile))
    async with ledger_panel() as panel:
        for _ in range(4):
            await panel.sees("[/x]" if ledger_feeds.Section.PLOTS is not section_of(panel) else "a[/]")
            assert "\x1b" not in panel.painted
            await panel.press("right_square_bracket")
        await panel.press("left_square_bracket", "enter")
        await panel.sees("Action ")
        assert "\x1b" not in panel.painted


def section_of(panel: Panel) -> ledger_feeds.Section:
    shown = panel.app.screen
    assert isinstance(shown, screen.LedgerScreen)
    return shown.question.section
