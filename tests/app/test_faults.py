"""What the person sees when something in the panel itself breaks: what it was, and none of their secrets."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import tui.app.app
from tests.app.panel import Clock, open_panel
from tests.waiting import until
from tui.app.app import FleetApp
from tui.app.messages import CopyAsked
from tui.config.paths import path_words, state_home
from tui.config.schema import Config
from tui.demo.fleet import DemoFleet

KEY = "sk-live-0123456789abcdef"


class BreakingApp(FleetApp):
    """A panel whose handler of a message goes wrong, with a key in the error and a prompt among the variables."""

    CSS_PATH = str(Path(tui.app.app.__file__).with_name("app.tcss"))

    def on_copy_asked(self, message: CopyAsked) -> None:
        prompt = message.text
        raise RuntimeError(f"Authorization: Bearer {KEY}" if prompt else "")


async def test_a_crash_names_its_report_and_tells_neither_locals_nor_words_nor_keys(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO, logger="tui")
    app = BreakingApp(Config(), clock=Clock())

    async def crash() -> None:
        async with app.run_test():
            app.post_message(CopyAsked("a prompt that nobody else should read"))
            await until(lambda: app._exception, "the fault came through")

    with pytest.raises(RuntimeError, match="Bearer"):
        await crash()
    text = capsys.readouterr().err
    assert "the panel ended by a fault of its own, RuntimeError at " in text
    (report,) = (state_home() / "crashes").glob("*.txt")
    assert path_words(report) in text.replace("\n", "")
    assert "test_faults.py" in report.read_text()
    for told in (text, caplog.text, report.read_text()):
        assert KEY not in told
        assert "Authorization" not in told, "an error's own words may quote anything"
        assert "nobody else" not in told
    assert "the panel ended by a fault" in caplog.text


async def test_a_worker_that_breaks_is_told_of_and_the_panel_goes_on(
    fleet: DemoFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError(f"api_key={KEY} [/red]")

    monkeypatch.setattr("tui.app.feeds.follow_modes", broken)
    async with open_panel(fleet) as panel:
        await panel.is_told("follow the mode files stopped: RuntimeError at ")
        assert all(KEY not in toast.message for toast in panel.app._notifications)
        assert "● llama-swap" in panel.painted
