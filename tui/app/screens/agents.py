"""Claude Code's agents: what each runs on, whether it follows the modes, and keys that change its model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from tui.app.actions import Scope
from tui.app.agent_acts import AgentsRead, follow_agents, set_model
from tui.app.bindings import bindings_of
from tui.app.messages import ActAsked, CopyAsked
from tui.app.panel_state import PanelState
from tui.app.widgets.columns import Column
from tui.app.widgets.row_painter import Cell
from tui.app.widgets.row_table import RowTable
from tui.bridges.claude_agents import NO_FRONTMATTER, Agent, AgentModel
from tui.bridges.claude_check import drift_of
from tui.fleet.printable import printable
from tui.fleet.wording import age_words
from tui.routing.modes import Modes

COLUMNS = (
    Column("name", "agent", least=16, most=32),
    Column("model", "model", least=8, most=24),
    Column("scope", "of", least=7, most=7, rank=2),
    Column("state", "follows the modes", least=20, most=60, rank=1),
    Column("about", "for", least=16, most=300, rank=3, stretch=True),
)
NOTHING_TOLD = "not known yet: Claude Code tells its status line, once `fleetdeck claude install` has set it up"


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent, and how it stands to the modes of now."""

    agent: Agent
    drift: str

    @property
    def key(self) -> str:
        return str(self.agent.path)


class AgentTable(RowTable[AgentRow]):
    """All agents that Claude Code finds from here."""

    HELP_TITLE = "Agents"
    HELP = (
        "Claude Code's agents, of this folder's project and your own, with the model that each file names. While "
        "external mode is on, an agent pinned to a model of Claude's subscription does not follow it."
    )


class AgentsScreen(ModalScreen[None]):
    """Lists the agents' files, and changes the line in one that names its model."""

    CSS_PATH = "agents.tcss"
    SCOPE = Scope.AGENTS
    # What a modal screen stands above does not get its keys, and whether an agent follows a mode is a question of here.
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_of(Scope.AGENTS),
        *(
            binding
            for binding in bindings_of(Scope.APP)
            if binding.id in ("mode.external", "mode.private", "panel.help")
        ),
    ]

    def __init__(self, state: PanelState) -> None:
        super().__init__()
        self._state = state
        self._agents: tuple[Agent, ...] = ()
        self._table = AgentTable(COLUMNS, key_of=lambda row: row.key, cells_of=agent_cells, id="agents")

    def compose(self) -> ComposeResult:
        with Vertical(id="agents-box") as box:
            box.border_title = Content("Claude Code's agents")
            yield self._table
            yield Static(id="agent")
            yield Static(id="quota")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self._table.empty_text = "looking …"
        self._table.focus()
        self._show_quota()
        self.run_worker(
            follow_agents(self),
            group="agents",
            exclusive=True,
            exit_on_error=False,
            description="follow Claude Code's agents",
        )

    @on(AgentsRead)
    def take_agents(self, message: AgentsRead) -> None:
        self._agents = message.agents
        self._table.empty_text = "none: ~/.claude/agents and .claude/agents of this folder hold no agents"
        self._show_agents()

    def show_state(self, state: PanelState) -> None:
        before, self._state = self._state, state
        if state.modes != before.modes:
            self._show_agents()
        self._show_quota()

    @on(RowTable.Highlighted)
    def show_agent(self) -> None:
        row = self._table.cursor_record
        self.query_one("#agent", Static).update(_about(row) if row is not None else Content(""))
        self.refresh_bindings()

    def action_set_model(self, model: AgentModel) -> None:
        from tui.app import acts, questions

        row = self._table.cursor_record
        if row is not None:
            agent = row.agent
            target = f"{agent.name or agent.path.stem} {model}"
            change = acts.remembered(set_model(agent, model), "agent.model", target, None)
            self.post_message(ActAsked(questions.NOTHING_TO_ASK, lambda monitor, config: change))

    def action_copy(self) -> None:
        row = self._table.cursor_record
        if row is not None:
            self.post_message(CopyAsked(str(row.agent.path)))

    def action_close(self) -> None:
        if self.is_current:
            self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "set_model":
            if self._state.readonly:
                return False
            row = self._table.cursor_record
            # Without frontmatter there is no line to change; what lacks a name still has one.
            return True if row is not None and row.agent.problem != NO_FRONTMATTER else None
        return True

    def _show_agents(self) -> None:
        self._table.show_records([_row(agent, self._state.modes) for agent in self._agents])
        drifted = sum(bool(row.drift) for row in self._table.records)
        self.query_one("#agents-box").border_subtitle = Content(f"{drifted} not following the mode" if drifted else "")
        self.show_agent()

    def _show_quota(self) -> None:
        quota, now = self._state.quota, self._state.now
        words, told_at = (quota.words(now), quota.told_at()) if quota is not None else ("", None)
        if not words or told_at is None:
            shown = Content.assemble(("subscription ", "bold"), (NOTHING_TOLD, "dim"))
        else:
            shown = Content.assemble(("subscription ", "bold"), words, (f" · told {age_words(now - told_at)}", "dim"))
        self.query_one("#quota", Static).update(shown)


def agent_cells(row: AgentRow) -> tuple[Cell, ...]:
    """The cells of :data:`COLUMNS`."""
    agent = row.agent
    if agent.problem:
        state = Cell(f"× skipped: {printable(agent.problem, 80)}", "down")
    elif row.drift:
        state = Cell(f"× {printable(row.drift, 120)}", "down")
    elif agent.hidden:
        state = Cell("○ hidden by the project's", "dim")
    else:
        state = Cell("● yes", "up")
    return (
        Cell(printable(agent.name or agent.path.stem, 60)),
        Cell(printable(agent.model, 40), "accent") if agent.model else Cell("default", "dim"),
        Cell(agent.scope, "dim"),
        state,
        Cell(printable(agent.description, 300), "dim"),
    )


def _row(agent: Agent, modes: Modes) -> AgentRow:
    return AgentRow(agent, drift_of(agent, modes))


def _about(row: AgentRow) -> Content:
    agent = row.agent
    tools = "all tools" if agent.tools is None else f"tools {', '.join(agent.tools)}"
    lines = [Content(printable(str(agent.path), 300)), Content(printable(f"{agent.description} · {tools}", 600))]
    if row.drift:
        lines.append(Content.styled(f"× {row.drift}", "$state-down"))
    return Content("\n").join(lines)
