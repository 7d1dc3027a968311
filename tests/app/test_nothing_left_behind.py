"""Words that are not to be kept are in no file afterwards: not in the ledger, nor its log, nor the panel's own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import tui.app.app
from tests.app.panel import Clock, Panel, write_config
from tests.app.test_playground import ask, editor, playground, screen
from tests.app.test_race import a_race
from tests.app.test_race import ask as ask_all
from tests.app.test_race_agreement import name_judge
from tests.chat.scripted import Scripted
from tests.waiting import until
from tui.app.answer_settings import AnswerSettings
from tui.app.app import FleetApp
from tui.app.messages import CopyAsked
from tui.app.widgets.answer_pane import Phase
from tui.app.widgets.choices import Choice
from tui.cli.log import write_log
from tui.config.load import load_config
from tui.demo.fleet import DemoFleet

CANARY = "zugzwang"


def files_with(word: str, *folders: Path) -> list[Path]:
    """Every file below ``folders`` that holds ``word``, also where a database has merely let go of it."""
    encoded = (word.encode(), word.encode("utf-16-le"), word.encode("utf-16-be"))
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert any(file.name.startswith("ledger") for file in files), "the ledger is among them"
    return [file for file in files if any(one in file.read_bytes() for one in encoded)]


@pytest.fixture
def log_written() -> Iterator[None]:
    """The log as the command line has it written."""
    loggers = [logging.getLogger(name) for name in ("tui", "asyncio")]
    before = [(list(logger.handlers), logger.level, logger.propagate) for logger in loggers]
    write_log()
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        for handler in set(logger.handlers) - set(handlers):
            handler.close()
        logger.handlers, logger.level, logger.propagate = handlers, level, propagate


class BreakingApp(FleetApp):
    """A panel that breaks with a prompt in the error's own words, as any parser's may hold."""

    CSS_PATH = str(Path(tui.app.app.__file__).with_name("app.tcss"))

    def on_copy_asked(self, message: CopyAsked) -> None:
        try:
            int(message.text)
        except ValueError as error:
            raise RuntimeError(f"not a number: {message.text}") from error


async def drive(panel: Panel, fleet: DemoFleet) -> None:
    """All that touches text: system prompt, turns, a failure, a branch, the history with its search, copying."""
    playing = screen(panel)
    playing.settings = AnswerSettings(system=f"{CANARY} system")
    await ask(panel, f"{CANARY} one")
    await fleet.llama_swap.scene("error", message=f"no {CANARY} today")
    await ask(panel, f"{CANARY} fails", Phase.FAILED)
    await fleet.llama_swap.scene("normal")
    await ask(panel, f"{CANARY} two")
    await panel.press("escape", "left_square_bracket", "b")
    editor(panel).show_prompt(f"{CANARY} anew")
    await ask(panel, f"{CANARY} anew")
    await panel.press("escape", "y", "h")
    await panel.sees("none has been kept yet")
    await panel.press("slash", *CANARY, "escape", "escape")
    assert len(playing.talk.conversation.turns) == 2


@pytest.mark.parametrize("private", [True, False], ids=["private", "keep-none"])
async def test_no_word_is_left_behind(fleet: DemoFleet, tmp_path: Path, log_written: None, private: bool) -> None:
    await fleet.llama_swap.load("qwen3")
    more = "" if private else '\n[ledger]\nkeep_text = "none"\n'
    async with playground(fleet, "llama-swap/qwen3", more=more) as panel:
        if private:
            await panel.press("f9")
        await drive(panel, fleet)
    assert not files_with(CANARY, fleet.folder, tmp_path)


@pytest.mark.parametrize("private", [True, False], ids=["private", "keep-none"])
async def test_nor_of_a_race_and_its_judge(fleet: DemoFleet, tmp_path: Path, log_written: None, private: bool) -> None:
    long = f"{CANARY} is where whoever has to move would rather not, for every move makes it worse than it was"
    answers = {"a": f"{long}, or so they say", "b": long, "judge": f"{CANARY}: [[1, 2]]", "broken": 500}
    more = "" if private else '\n[ledger]\nkeep_text = "none"\n'
    async with (
        Scripted(answers).running() as server,
        a_race(fleet, "one/a", "one/b", "one/broken", more=server.config_toml(more)) as panel,
    ):
        if private:
            await panel.press("f9")
        await ask_all(panel, f"{CANARY}?")
        await panel.press("b", "a")
        await panel.sees("a judge can tell")
        await name_judge(panel, "one/judge")
        await panel.sees("judged by one/judge")
        await name_judge(panel, "one/broken")
        await panel.sees("the judge has not compared the answers")
        asked = sorted(model for model, said in server.prompts if CANARY in said)
        assert asked == ["a", "b", "broken", "broken", "judge"]
    assert not files_with(CANARY, fleet.folder, tmp_path)


async def test_nor_after_a_crash(fleet: DemoFleet, tmp_path: Path, log_written: None) -> None:
    await fleet.llama_swap.load("qwen3")
    app = BreakingApp(load_config(write_config(fleet, '\n[ledger]\nkeep_text = "none"\n')), clock=Clock())

    async def crash() -> None:
        async with app.run_test(size=(120, 40)) as pilot:
            panel = Panel(app, pilot)
            await until(lambda: app.state.snapshot is not None, "the fleet is seen")
            await panel.press("3")
            await panel.pilot.pause()
            screen(panel).choice = Choice("model", "llama-swap/qwen3")
            await ask(panel, f"{CANARY} one")
            app.post_message(CopyAsked(f"{CANARY} two"))
            await until(lambda: app._exception, "the fault came through")

    with pytest.raises(RuntimeError, match=CANARY):
        await crash()
    logs = list(fleet.folder.rglob("fleetdeck.log")) + list(tmp_path.rglob("fleetdeck.log"))
    assert any("RuntimeError" in log.read_text() for log in logs), "the fault itself is told"
    assert not files_with(CANARY, fleet.folder, tmp_path)


async def test_what_is_kept_is_where_it_should_be_until_it_is_deleted(fleet: DemoFleet, tmp_path: Path) -> None:
    """The same search finds what is kept: it does not pass for want of looking."""
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, "llama-swap/qwen3") as panel:
        await ask(panel, f"{CANARY} one")
        await fleet.llama_swap.scene("error", message="none today")
        await ask(panel, f"{CANARY} fails", Phase.FAILED)
        assert {file.name.removesuffix("-wal") for file in files_with(CANARY, fleet.folder, tmp_path)} == {
            "ledger.sqlite3"
        }
        await panel.press("escape", "escape", "h")
        await panel.sees(f"{CANARY} one")
        await panel.press("d")
        await panel.sees("for good?")
        await panel.press("y")
        await panel.sees("none has been kept yet")
        assert not files_with(CANARY, fleet.folder, tmp_path)
        await panel.press("escape")
        await panel.sees_no("goes along")
