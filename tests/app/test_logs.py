"""The Logs screen: what a person reads there, and that it loses and repeats nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.app.panel import Panel, open_panel
from tests.waiting import until
from tui.app import log_feeds
from tui.app.log_lines import line_of_text
from tui.app.messages import LogCame, LogsAsked, LogTroubled
from tui.app.screens.logs import LogsScreen
from tui.app.widgets.log_view import MOST_LINES, LogView
from tui.demo.fleet import DemoFleet
from tui.demo.request_log import RequestRecord
from tui.fleet import machine_watch

UNIT = "llama-swap.service"


@pytest.fixture
async def koala(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DemoFleet]:
    """A fleet of which llama-swap alone is started, with its machine."""
    async with DemoFleet(speed=40, services=["llama-swap"], machine=True) as fleet:
        for name, value in fleet.env.items():
            monkeypatch.setenv(name, value)
        for module in (log_feeds, machine_watch):
            monkeypatch.setattr(module, "FIRST_RETRY", 0.1)
        yield fleet


@asynccontextmanager
async def open_logs(fleet: DemoFleet, *, more: str = "", size: tuple[int, int] = (120, 40)) -> AsyncIterator[Panel]:
    async with open_panel(fleet, more=more, size=size, wait_for_models=False) as panel:
        await panel.press("5")
        await until(lambda: isinstance(panel.app.screen, LogsScreen), "the logs are shown")
        yield panel


def view(panel: Panel) -> LogView:
    return panel.app.screen.query_one(LogView)


def texts(panel: Panel) -> list[str]:
    return [line.text for line in view(panel).kept]


def say(fleet: DemoFleet, *lines: str) -> None:
    fleet.llama_swap.proxy_log.write("".join(f"{line}\n" for line in lines))


def streams(fleet: DemoFleet) -> list[RequestRecord]:
    """The questions for llama-swap's own log that are still being answered."""
    return [record for record in fleet.llama_swap.requests.to("/logs/stream") if not record.closed_early]


async def own_log(panel: Panel, fleet: DemoFleet) -> None:
    """Turns to llama-swap's own log and waits until it is read."""
    await panel.press("right_square_bracket")
    await until(lambda: streams(fleet), "llama-swap is asked for its log")


# What is shown


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_the_journal_is_shown_with_its_times_and_followed(koala: DemoFleet, size: tuple[int, int]) -> None:
    async with open_logs(koala, size=size) as panel:
        await panel.sees('"POST /v1/chat/completions')
        assert "llama-swap journal" in panel.painted
        assert "following" in panel.painted
        say(koala, "[INFO] a new line")
        await panel.sees("[INFO] a new line")
        line = panel.line_with("a new line")
        assert line[1:].strip()[2:8:3] == "::", f"the time stands before it: {line}"
        assert all(len(painted) <= size[0] for painted in panel.painted.splitlines())
        days = [text for text in texts(panel) if text.startswith("── 20")]
        assert len(days) >= 3, "the unit has run for three days, and each begins with its date"
        assert days == sorted(set(days))


async def test_what_systemd_does_to_the_unit_is_in_its_journal(koala: DemoFleet) -> None:
    async with open_logs(koala) as panel:
        await panel.sees("following")
        koala.machine.unit.act("restart")
        await panel.sees(f"systemd: Stopping {UNIT}")
        await panel.sees(f"systemd: Started {UNIT}")


async def test_llama_swaps_own_log_is_the_second_tab(koala: DemoFleet) -> None:
    say(koala, "[INFO] said before anybody looked")
    async with open_logs(koala) as panel:
        await own_log(panel, koala)
        await panel.sees("[INFO] said before anybody looked")
        assert "llama-swap own log" in panel.painted
        say(koala, "[WARN] said now")
        await panel.sees("[WARN] said now")
        assert "POST /v1/chat/completions" not in panel.painted
        await panel.press("left_square_bracket")
        await panel.sees("POST /v1/chat/completions")
        at = panel.painted.splitlines()[1].index("llama-swap own log")
        await panel.pilot.click("#sources", offset=(at + 2, 0))
        await panel.sees_no("POST /v1/chat/completions")
        assert panel.line_with("[WARN] said now"), "what was read is there at once"


async def test_no_control_code_and_no_key_gets_onto_the_screen(koala: DemoFleet) -> None:
    async with open_logs(koala) as panel:
        await own_log(panel, koala)
        say(koala, "\x1b[2J\x1b]0;owned\x07[/red] [bold]x[/] \x9b31m\u202e end", "--api-key sk-abcdef123456 started")
        say(koala, "loading 10 %\rloading 50 %\rloading 100 %", "\x1b[1;31mred\x1b[0m and \x1b[38;5;208mnot\x1b[0m")
        await panel.sees("red and not")
        assert "␛[2J␛]0;owned␇[/red] [bold]x[/] �31m� end" in panel.painted
        assert "sk-abcdef123456" not in panel.painted
        assert "loading 100 %" in panel.painted
        assert "loading 50 %" not in panel.painted


# Following, standing still


async def test_space_and_scrolling_let_it_stand_still_and_the_end_follows_again(koala: DemoFleet) -> None:
    async with open_logs(koala) as panel:
        await panel.sees("following")
        await until(lambda: view(panel).count > 200, "the journal is read")
        await panel.press("space")
        before = panel.painted.splitlines()[3:20]
        say(koala, *(f"[INFO] new {number}" for number in range(5)))
        await panel.sees("standing still · 5 more below")
        assert panel.painted.splitlines()[3:20] == before
        await panel.press("space")
        await panel.sees("[INFO] new 4")
        await panel.press("up")
        await panel.sees("standing still")
        await panel.press("end")
        await panel.sees("following")
        await panel.press("home")
        await panel.sees("standing still")
        assert view(panel).scroll_offset.y == 0


async def test_ten_thousand_lines_are_kept_and_what_is_read_stays_in_place_while_older_ones_go(
    koala: DemoFleet,
) -> None:
    async with open_logs(koala) as panel:
        await own_log(panel, koala)
        lines = [line_of_text(f"line {number}") for number in range(MOST_LINES + 50)]
        view(panel).append(lines)
        assert view(panel).count == MOST_LINES
        await panel.press("pageup", "pageup", "pageup")
        first = view(panel).on_screen[0]
        view(panel).append(lines[:700])
        assert view(panel).count == MOST_LINES
        assert view(panel).on_screen[0] is first
        await panel.pilot.pause()
        assert panel.line_with(first.text)


async def test_a_burst_is_posted_in_batches(koala: DemoFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_logs(koala) as panel:
        await until(lambda: view(panel).count > 200, "the journal is read")
        batches: list[int] = []
        screen = panel.app.screen
        assert isinstance(screen, LogsScreen)
        monkeypatch.setattr(view(panel), "append", lambda lines: batches.append(len(lines)))
        for number in range(2000):
            say(koala, f"[INFO] {number}")
        await until(lambda: sum(batches) >= 2000, "all have come")
        assert sum(batches) == 2000
        assert len(batches) <= 30


# Filter, wrap, copy, save


async def test_the_filter_shows_lines_that_hold_all_words(koala: DemoFleet) -> None:
    async with open_logs(koala) as panel:
        await until(lambda: view(panel).count > 200, "the journal is read")
        say(koala, "[WARN] a Needle in hay", "[WARN] a needle alone")
        await panel.sees("a needle alone")
        await panel.press("slash", "n")
        await panel.sees("filter: n ")
        panel.app.screen.query_one("#log-filter", Input).value = "nee hay"
        await until(lambda: len(view(panel).matching) == 1, "one line is left")
        await panel.sees("filter: nee hay")
        say(koala, "[INFO] more hay", "[INFO] another needle in hay")
        await panel.sees("another needle in hay")
        assert "more hay" not in panel.painted
        await panel.press("enter")
        assert view(panel).has_focus
        await panel.press("slash", *"q5[/")
        await panel.sees("nothing matches the filter")
        assert isinstance(panel.app.screen, LogsScreen), "letters and digits are text there"
        await panel.press("escape")
        await panel.sees("[INFO] more hay")


async def test_long_lines_run_out_on_the_right_or_are_wrapped(koala: DemoFleet) -> None:
    async with open_logs(koala, size=(80, 24)) as panel:
        await until(lambda: view(panel).count > 200, "the journal is read")
        say(koala, f"[INFO] begin {'長い' * 25} the end")
        await panel.sees("[INFO] begin")
        assert "the end" not in panel.painted
        await panel.press("w")
        await panel.sees("the end")
        await panel.sees("· wrapped")
        await panel.press("w")
        await panel.sees_no("the end")
        await panel.press(*["right"] * 7)
        await panel.sees("the end")


async def test_copy_takes_what_is_on_the_screen(koala: DemoFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_logs(koala) as panel:
        copied: list[str] = []
        monkeypatch.setattr(panel.app, "copy_to_clipboard", copied.append)
        say(koala, "[INFO] twice", "[INFO] twice")
        await until(lambda: texts(panel).count("[INFO] twice") == 2, "both have come")
        await panel.press("y")
        await panel.is_told("copied")
        lines = copied[0].splitlines()
        assert [line[20:] for line in lines[-2:]] == ["[INFO] twice", "[INFO] twice"]
        assert len(lines) == view(panel).size.height


async def test_save_writes_the_lines_that_are_shown_and_tells_where(koala: DemoFleet) -> None:
    async with open_logs(koala) as panel:
        await until(lambda: view(panel).count > 200, "the journal is read")
        say(koala, "[WARN] keep this")
        await panel.sees("keep this")
        await panel.press("slash", *"keep", "enter", "S")
        await panel.is_told("saved 1 line in ")
        (path,) = (Path(koala.env["XDG_STATE_HOME"]) / "fleetdeck" / "saved-logs").iterdir()
        assert path.name.startswith("llama-swap-journal-2026-11-20-120000")
        assert path.read_text().endswith(" [WARN] keep this\n")
        assert path.stat().st_mode & 0o777 == 0o600


# Neither gap nor duplicate


async def test_the_journal_goes_on_where_it_was_after_the_screen_was_hidden(koala: DemoFleet) -> None:
    async with open_logs(koala) as panel:
        await until(lambda: view(panel).count > 200, "the journal is read")
        count = view(panel).count
        logs = view(panel)
        await panel.press("1")
        await until(lambda: not panel.app.monitor.machine("koala")._journals._asked, "nobody follows it any more")  # type: ignore[union-attr]
        say(koala, "[INFO] while hidden")
        await panel.press("5")
        await panel.sees("[INFO] while hidden")
        assert logs.count == count + 1


async def test_the_journal_goes_on_where_it_was_after_the_connection_broke(koala: DemoFleet) -> None:
    async with open_logs(koala) as panel:
        await until(lambda: view(panel).count > 200, "the journal is read")
        count = view(panel).count
        koala.machine.break_connections()
        say(koala, "[INFO] while it was broken")
        await panel.sees("koala is not connected: ")
        assert '"POST /v1/chat' in panel.painted, "what came before stays"
        await panel.sees("[INFO] while it was broken")
        await panel.sees_no("koala is not connected")
        assert view(panel).count == count + 1


async def test_llama_swaps_own_log_repeats_nothing_after_the_screen_was_hidden(koala: DemoFleet) -> None:
    async with open_logs(koala) as panel:
        await own_log(panel, koala)
        say(koala, "[INFO] one", "[INFO] the same", "[INFO] the same")
        await panel.sees("[INFO] the same")
        await panel.press("1")
        await until(lambda: not streams(koala), "llama-swap is not listened to any more")
        say(koala, "[INFO] the same", "[INFO] while hidden")
        await panel.press("5")
        await panel.sees("[INFO] while hidden")
        said = [text for text in texts(panel) if "the same" in text or "hidden" in text]
        assert said == ["[INFO] the same"] * 3 + ["[INFO] while hidden"]
        assert not any("begins anew" in text for text in texts(panel))


async def test_a_restart_of_llama_swap_is_marked_in_its_own_log(koala: DemoFleet) -> None:
    async with open_logs(koala) as panel:
        await own_log(panel, koala)
        say(koala, "[INFO] before")
        await panel.sees("[INFO] before")
        await koala.llama_swap.scene("down")
        await panel.sees("asking again")
        await koala.llama_swap.scene("normal")
        say(koala, "[INFO] a fresh process")
        await panel.sees("[INFO] a fresh process")
        assert "the log begins anew here" in panel.painted
        await panel.sees_no("asking again")


async def test_what_an_earlier_reader_had_under_way_is_not_taken_for_the_present_one(koala: DemoFleet) -> None:
    async with open_logs(koala) as panel:
        await until(lambda: view(panel).count > 200, "the journal is read")
        count = view(panel).count
        panel.app.screen.post_message(LogCame("subscription 0", [line_of_text("late")], "cursor"))
        panel.app.screen.post_message(LogTroubled("subscription 0", "late trouble"))
        say(koala, "[INFO] marks the end")
        await panel.sees("marks the end")
        assert view(panel).count == count + 1
        assert "late" not in panel.painted


# Why there is nothing to read


async def test_the_log_of_a_service_can_be_asked_for_and_what_is_missing_is_said(koala: DemoFleet) -> None:
    more = '\n[services.other]\nkind = "http"\nurl = "http://127.0.0.1:9/"\n'
    more += '[services.far]\nkind = "openai"\nurl = "https://api.example.com/v1"\n'
    more += '[machines.iguana]\naddresses = ["iguana"]\n'
    more += '[services.k3s]\nkind = "http"\nurl = "http://iguana:9/"\nunit = "k3s.service"\n'
    async with open_panel(koala, more=more, wait_for_models=False) as panel:
        for name, words in (
            ("llama-swap", "POST /v1/chat/completions"),
            ("other", 'unit = "other.service" under [services.other]'),
            ("far", "far runs on none of your machines"),
            ("k3s", 'ssh = "iguana" under [machines.iguana]'),
        ):
            panel.app.post_message(LogsAsked(name))
            await panel.sees(words)


async def test_a_key_on_a_service_opens_its_journal(koala: DemoFleet) -> None:
    async with open_panel(koala, wait_for_models=False) as panel:
        await panel.go_to(panel.services, "service llama-swap")
        await panel.press("l")
        await panel.sees("POST /v1/chat/completions")
        assert "llama-swap journal" in panel.painted


async def test_a_fleet_without_logs_says_so() -> None:
    async with DemoFleet(services=["k3s"]) as fleet, open_panel(fleet, wait_for_models=False) as panel:
        await panel.press("f6")
        await panel.sees("no log to show: no service of your configuration names a unit or is a llama-swap")
        await panel.press("right_square_bracket", "S", "y", "space", "w", "down")
        assert isinstance(panel.app.screen, LogsScreen)


async def test_a_machine_that_is_not_connected_is_said_and_the_journal_comes_with_it(koala: DemoFleet) -> None:
    koala.machine.refuses = True
    async with open_logs(koala) as panel:
        await panel.sees("koala is not connected: ")
        koala.machine.refuses = False
        await panel.sees("POST /v1/chat/completions")


async def test_an_empty_journal_says_so(koala: DemoFleet) -> None:
    await koala.llama_swap.scene("down")  # else it logs that it is looked at
    koala.machine.journal.clear()
    async with open_logs(koala) as panel:
        await panel.sees("nothing in the journal of llama-swap.service")


async def test_a_journal_that_may_not_be_read_comes_with_what_helps_and_once_that_is_done_is_read(
    koala: DemoFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_feeds, "REFUSED_RETRY", 0.1)
    koala.machine.journal.refusal = "No journal files were opened due to insufficient permissions."
    async with open_logs(koala) as panel:
        await panel.sees("koala keeps its journal in memory, where only root reads it")
        await panel.sees("sudo mkdir -p /var/log/journal")
        koala.machine.journal.refusal = ""
        await panel.sees("POST /v1/chat/completions")
        await panel.sees_no("only root reads it")


async def test_the_help_of_this_screen_lists_its_own_keys(koala: DemoFleet) -> None:
    async with open_logs(koala, size=(120, 70)) as panel:
        await panel.press("question_mark")
        await panel.sees("Break long lines")
        assert "Load the model" not in panel.painted
        assert "in tables" not in panel.painted
