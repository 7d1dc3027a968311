"""One tier or task: its plan step by step, and its candidates to be put in another order, added and removed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Footer, Input, Static

from tui.app.actions import Scope
from tui.app.bindings import bindings_of
from tui.app.messages import ActAsked, ActionEnded
from tui.app.panel_state import PanelState
from tui.app.planning import plan_substance
from tui.app.widgets.choices import choice_rows
from tui.app.widgets.columns import Column
from tui.app.widgets.plan_words import plan_step_by_step
from tui.app.widgets.route_rows import Route, RouteKind, named_tiers, route_of
from tui.app.widgets.row_painter import Cell
from tui.app.widgets.row_table import RowTable
from tui.config.edit import Edit, edit_config, undo
from tui.config.errors import ConfigError
from tui.config.splice import NoSuchPlace
from tui.fleet.printable import printable
from tui.routing.policy import owner_problem
from tui.routing.rewriting import Candidates, configured_candidates, planned_with, with_candidates

COLUMNS = (
    Column("place", "", least=3, most=3, align="right"),
    Column("model", "candidate", least=24, most=60),
    Column("verdict", "now", least=20, most=200, stretch=True),
)


@dataclass(frozen=True, slots=True)
class ConfiguredCandidate:
    """A model in the person's own order, and what the plan says of it."""

    place: int
    model: str
    verdict: str
    style: str


class CandidateTable(RowTable[ConfiguredCandidate]):
    """The candidates as the configuration has them, or will."""

    HELP_TITLE = "Candidates"
    HELP = "The models that this may go to, in your order. Nothing is written before you have seen the diff."


class RouteScreen(ModalScreen[None]):
    """Shows the plan as things stand; of an order that is not saved yet, as it would be with that."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.ROUTE)]

    def __init__(self, state: PanelState, kind: RouteKind, name: str, written: set[bytes]) -> None:
        """``written``: what the panel itself made of the configuration; that is taken back without asking."""
        super().__init__()
        self._written = written
        self._state = state
        self._kind: RouteKind = kind
        self._route_name = name
        self._wanted = configured_candidates(state.config, kind, name)
        self._table = CandidateTable(
            COLUMNS,
            key_of=lambda row: row.model,
            cells_of=lambda row: (Cell(f"{row.place}."), Cell(printable(row.model, 100)), Cell(row.verdict, row.style)),
            id="candidates",
        )
        models = [row.choice.name for row in choice_rows(state.config, state.snapshot) if row.choice.kind == "model"]
        self._asks_external = False
        self._new = Input(
            suggester=SuggestFromList(models, case_sensitive=False),
            id="new-candidate",
            compact=True,
        )

    def compose(self) -> ComposeResult:
        with Vertical(id="route-box") as box:
            box.border_title = Content(self._title)
            yield self._table
            yield self._new
            with VerticalScroll(id="explanation", can_focus=True):
                yield Static(id="steps")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self._new.display = False
        self._table.empty_text = "no candidates: a adds one"
        self._table.focus()
        self._show()

    @property
    def changed(self) -> bool:
        """True where the candidates on screen are not those in the configuration."""
        return self._wanted != configured_candidates(self._state.config, self._kind, self._route_name)

    def show_state(self, state: PanelState) -> None:
        """Takes over what is known now. An order that was saved elsewhere replaces one that was not changed here."""
        untouched, before = not self.changed, plan_substance(self._state)
        self._state = state
        if plan_substance(state) == before:
            return
        if untouched:
            self._wanted = configured_candidates(state.config, self._kind, self._route_name)
        self._show()

    def _route(self) -> Route | None:
        """None where the configuration names it no more."""
        state, config = self._state, self._state.config
        if self._route_name not in (named_tiers(config) if self._kind == "tier" else config.tasks):
            return None
        if self.changed:
            state = replace(state, config=planned_with(config, self._kind, self._route_name, self._wanted))
        return route_of(self._kind, self._route_name, state)

    def _show(self) -> None:
        route = self._route()
        self._table.show_records([self._row(place, model, route) for place, model in enumerate(self._wanted.models, 1)])
        self.query_one("#steps", Static).update(self._steps(route))
        box = self.query_one("#route-box")
        box.border_title = Content(self._title)
        box.border_subtitle = Content("changed, not saved: s saves" if self.changed else "")
        self.refresh_bindings()

    @property
    def _title(self) -> str:
        name = f"{self._kind} {printable(self._route_name, 60)}"
        if self._kind == "task":
            return name
        return f"{name} · external: {printable(self._wanted.external or 'nobody', 60)}"

    def _steps(self, route: Route | None) -> Content:
        if route is None:
            return Content("It is no longer part of the configuration.")
        words = "would go, once this is saved" if self.changed else "goes now"
        name = f"{self._kind} {printable(self._route_name, 60)}"
        title = Content.styled(f"Where a prompt for {name} {words}", "bold $primary")
        return Content("\n").join([title, plan_step_by_step(route.plan)])

    def _row(self, place: int, model: str, route: Route | None) -> ConfiguredCandidate:
        if route is not None:
            for number, candidate in enumerate(route.plan.candidates, 1):
                if candidate.model == model:
                    verdict = ("would go here" if self.changed else "goes here") if number == 1 else f"{number}. asked"
                    style = "up" if number == 1 else ""
                    return ConfiguredCandidate(place, model, f"{verdict} · {candidate.why}", style)
            for skip in route.plan.skipped:
                if skip.model == model:
                    return ConfiguredCandidate(place, model, f"skipped: {printable(skip.reason, 200)}", "down")
        return ConfiguredCandidate(place, model, "not in the plan", "dim")

    def action_move(self, steps: int) -> None:
        index = self._table.cursor_index
        if index is None or not 0 <= index + steps < len(self._wanted.models):
            return
        models = list(self._wanted.models)
        models.insert(index + steps, models.pop(index))
        self._want(replace(self._wanted, models=tuple(models)))

    def action_remove(self) -> None:
        index = self._table.cursor_index
        if index is not None:
            models = self._wanted.models
            self._want(replace(self._wanted, models=(*models[:index], *models[index + 1 :])))

    def _want(self, candidates: Candidates) -> None:
        self._wanted = candidates
        self._show()

    def action_add(self) -> None:
        self._ask_model("", "service/model or program/model; → takes what is proposed", external=False)

    def action_external(self) -> None:
        placeholder = "who answers in Claude's stead: service/model or program/model; empty: nobody"
        self._ask_model(self._wanted.external or "", placeholder, external=True)

    def _ask_model(self, value: str, placeholder: str, *, external: bool) -> None:
        self._asks_external = external
        self._new.placeholder = placeholder
        self._new.value = value
        self._new.display = True
        self._new.focus()

    @on(Input.Submitted, "#new-candidate")
    def take_typed(self, event: Input.Submitted) -> None:
        """A name that nobody can answer for stays in the field, to be mended."""
        model = event.value.strip()
        problem = owner_problem(model, self._state.config) if model else ""
        if not problem and not self._asks_external and model in self._wanted.models:
            problem = f"{printable(model, 80)} is a candidate already"
        if problem:
            self.post_message(ActionEnded(problem, failed=True))
            return
        self._new.display = False
        self._table.focus()
        if self._asks_external:
            self._want(replace(self._wanted, external=model or None))
        elif model:
            self._want(replace(self._wanted, models=(*self._wanted.models, model)))
            self._table.cursor_key = model

    async def action_save(self) -> None:
        config = self._state.config
        if not self.changed or config.path is None:
            return
        try:
            wanted = self._wanted
            edit = await asyncio.to_thread(
                edit_config,
                config.path,
                lambda text: with_candidates(text, config, self._kind, self._route_name, wanted),
            )
        except (ConfigError, NoSuchPlace) as error:
            self.post_message(ActionEnded(str(error), failed=True))
        else:
            question = f"Change the candidates of {self._kind} {printable(self._route_name, 60)}?"
            self._save(edit, question, f"saved {edit.path.name}; U takes it back")

    async def action_undo(self) -> None:
        """Takes back what is not saved; with nothing unsaved, the last change that was."""
        if self.changed:
            self._wanted = configured_candidates(self._state.config, self._kind, self._route_name)
            self._show()
        elif self._state.config.path is not None:
            try:
                edit = await asyncio.to_thread(undo, self._state.config.path)
            except ConfigError as error:
                self.post_message(ActionEnded(str(error), failed=True))
            else:
                question = "Take back the last change of the configuration?"
                words = f"{edit.path.name} is as it was before; U brings the change back"
                self._save(edit, question, words, ask=edit.before not in self._written)

    def _save(self, edit: Edit, question: str, words: str, *, ask: bool = True) -> None:
        from tui.app import acts, questions

        if edit.before == edit.after:
            self.post_message(ActionEnded("there is nothing to save: the configuration says so already"))
            return
        self._written.add(edit.after)
        asked = questions.question_of_edit(question, edit) if ask else questions.NOTHING_TO_ASK
        self.post_message(ActAsked(asked, lambda monitor, config: acts.save(edit, words)))

    def action_close(self) -> None:
        if self._new.display:
            self._new.display = False
            self._table.focus()
        elif self.is_current and self.changed:
            self._ask_to_leave()
        elif self.is_current:
            self.dismiss()

    def _ask_to_leave(self) -> None:
        from tui.app.questions import Question
        from tui.app.screens.dialogs import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                self.dismiss()

        question = Question("Leave without saving?", ("The candidates stay as your configuration has them.",), "Leave")
        self.app.push_screen(ConfirmScreen(question), answered)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Read-only takes every change away; with nothing changed there is nothing to save."""
        if action in ("move", "remove", "add", "external", "save", "undo"):
            if self._state.readonly or self._state.config.path is None:
                return False
            if isinstance(self.focused, Input):
                return False
        if action == "external":
            return self._kind == "tier"
        if action == "save":
            return True if self.changed else None
        return True
