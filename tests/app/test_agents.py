"""Claude Code's agents in the panel, and what is used of its subscription."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.app.panel import NOON, Panel, open_panel
from tests.waiting import until
from tui.app import agent_acts
from tui.bridges.claude_agents import Agent, agents_here
from tui.bridges.claude_quota import Quota, Window, keep_quota, quota_file
from tui.config.paths import data_home
from tui.demo.fleet import DemoFleet
from tui.routing.mode_files import Flip, flip_external


@pytest.fixture
def agents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of the person's agents: one pinned, one that inherits, one without a name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    folder = Path.home() / ".claude" / "agents"
    folder.mkdir(parents=True)
    write(folder, "planner", "model: inherit")
    write(folder, "reviewer", "model: opus  # thorough")
    (folder / "unnamed.md").write_text("---\ndescription: nobody\n---\n")
    return folder


def write(folder: Path, name: str, line: str) -> None:
    (folder / f"{name}.md").write_text(f"---\nname: {name}\ndescription: does [red]{name}[/]\n{line}\n---\nbody\n")


async def open_agents(panel: Panel, name: str) -> None:
    """Opens the view, with the cursor on an agent."""
    await panel.press("A")
    await panel.sees("reviewer")
    for _ in range(5):
        if f"{name}.md" in panel.painted:
            return
        await panel.press("down")
    raise AssertionError(panel.painted)


async def test_a_key_changes_an_agents_model_and_nothing_else_of_its_file(fleet: DemoFleet, agents: Path) -> None:
    async with open_panel(fleet) as panel:
        await open_agents(panel, "reviewer")
        assert "[red]reviewer[/]" in panel.painted, "what a file says is no markup"
        assert "skipped: has no name" in panel.line_with("unnamed")
        await panel.press("h")
        await panel.is_told("reviewer runs on haiku; before, opus")
        expected = "---\nname: reviewer\ndescription: does [red]reviewer[/]\nmodel: haiku  # thorough\n---\nbody\n"
        assert (agents / "reviewer.md").read_text() == expected
        await until(lambda: "haiku" in panel.line_with("reviewer  "), "the row follows the file")
        with closing(sqlite3.connect(data_home() / "ledger.sqlite3")) as book:
            await until(lambda: book.execute("SELECT COUNT(*) FROM actions").fetchone()[0] == 1, "it is remembered")
            assert book.execute("SELECT face, name, target FROM actions").fetchall() == [
                ("panel", "agent.model", "reviewer haiku")
            ]
        await panel.press("escape")
        await panel.sees_no("Claude Code's agents")


async def test_an_agent_that_does_not_follow_external_mode_shows(fleet: DemoFleet, agents: Path) -> None:
    async with open_panel(fleet) as panel:
        await open_agents(panel, "reviewer")
        assert "● yes" in panel.line_with("reviewer  ")
        flip_external(panel.app.state.config.panel.external_mode_path, Flip.ON)
        await panel.sees("× works on opus of Claude's subscription while external mode is on")
        assert "● yes" in panel.line_with("planner  ")
        await panel.sees("1 not following the mode")
        await panel.press("f7")
        await panel.sees_no("works on opus")
        await panel.press("f7")
        await panel.sees("× works on opus")
        await panel.press("i")
        await panel.sees_no("works on opus")
        await panel.press("f1")
        await panel.sees("an agent pinned to a model of Claude's subscription does not follow it")


async def test_files_that_change_elsewhere_are_followed(fleet: DemoFleet, agents: Path) -> None:
    async with open_panel(fleet) as panel:
        await open_agents(panel, "planner")
        write(agents, "planner", "model: sonnet")
        await until(lambda: "sonnet" in panel.line_with("planner  "), "the row follows the file")
        write(agents, "newcomer", "")
        await panel.sees("newcomer")
        (agents / "newcomer.md").unlink()
        await panel.sees_no("newcomer")


async def test_what_changes_while_the_files_are_read_shows_too(
    fleet: DemoFleet, agents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = agents / "below"
    below.mkdir()
    write(below, "helper", "model: opus")

    def read_and_changed(*where: Any) -> tuple[Agent, ...]:
        found = agents_here(*where)
        for folder, name in ((agents, "planner"), (below, "helper")):
            write(folder, name, "model: haiku")
        return found

    monkeypatch.setattr(agent_acts, "agents_here", read_and_changed)
    async with open_panel(fleet) as panel:
        await open_agents(panel, "reviewer")
        for name in ("planner  ", "helper  "):
            await until(lambda name=name: "haiku" in panel.line_with(name), "the row follows the file")  # type: ignore[misc]


async def test_a_file_without_a_line_to_change_has_no_keys_for_it(fleet: DemoFleet, agents: Path) -> None:
    (agents / "bare.md").write_text("only words\n")
    async with open_panel(fleet) as panel:
        for name, may in (("bare", None), ("unnamed", True)):
            await open_agents(panel, name)
            assert panel.app.screen.check_action("set_model", ("haiku",)) is may, name
            await panel.press("escape")


async def test_read_only_takes_the_changes_away(fleet: DemoFleet, agents: Path) -> None:
    before = (agents / "reviewer.md").read_bytes()
    async with open_panel(fleet, readonly=True) as panel:
        await open_agents(panel, "reviewer")
        assert "Haiku" not in panel.footer
        await panel.press("h", "s", "o", "i")
        await panel.press("escape")
        await panel.sees_no("Claude Code's agents")
    assert (agents / "reviewer.md").read_bytes() == before


@pytest.mark.parametrize("width", [80, 160])
async def test_what_is_used_of_the_subscription_shows_with_its_age(fleet: DemoFleet, agents: Path, width: int) -> None:
    async with open_panel(fleet, size=(width, 24)) as panel:
        await open_agents(panel, "planner")
        assert "not known yet" in panel.painted
        keep_quota(quota_file(), Quota((Window("five_hour", 34.0, NOON + 7200, NOON - 180),)))
        await panel.sees("5 h 34% used, resets in 2 h · told 3 min ago")
        await panel.press("escape")
        if width >= 160:
            await panel.sees("claude 5 h 34% (3 min ago)")
        else:
            await panel.sees_no("Claude Code's agents")
            strip = panel.painted.splitlines()[0]
            assert "koala" in strip, "it gives way to who is there"
            assert strip.rstrip().endswith("12:00:00")
