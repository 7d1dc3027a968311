"""Screen 1: the health of every machine, service and model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Vertical
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Input

from tui.app.actions import Scope
from tui.app.bindings import bindings_of
from tui.app.messages import CopyAsked, LogsAsked, ScreenAsked
from tui.app.panel_state import PanelState
from tui.app.screens.panel_screen import PanelScreen
from tui.app.widgets.fleet_rows import (
    MODEL_COLUMNS,
    SERVICE_COLUMNS,
    ModelRow,
    Places,
    ServiceRow,
    model_cells,
    model_rows,
    row_key,
    service_cells,
    service_rows,
)
from tui.app.widgets.gpu_line import GpuRow, gpu_parts
from tui.app.widgets.row_painter import Cell
from tui.app.widgets.row_table import RowTable
from tui.fleet.snapshot import FleetSnapshot, MachineSnapshot, ModelState, ServiceSnapshot, UnitState

if TYPE_CHECKING:
    from tui.control.fitting import Taken
    from tui.fleet.machine_watch import UnitVerb

SERVICES_HELP = (
    "Each machine and the services on it. ● up, ◐ busy (answers slowly or in part), ◔ starting, × down, ? unknown. "
    "A state is what was observed when the service was last seen; `stale` means that three of its periods have passed "
    "without a look."
)
MODELS_HELP = (
    "Every model that a service lists: ● ready, ◔ starting, ◑ stopping, ○ idle (known, not loaded), ? unknown. "
    "`local` runs on your own machines as far as that can be proved; everything else is `cloud`."
)


class FleetTable(RowTable[ServiceRow]):
    """Machines and their services."""

    HELP_TITLE = "Fleet"
    HELP = SERVICES_HELP


class ModelTable(RowTable[ModelRow]):
    """All models of all services."""

    HELP_TITLE = "Models"
    HELP = MODELS_HELP


class FleetScreen(PanelScreen):
    """Two tables over one snapshot, with a filter for both."""

    CSS_PATH = "fleet.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.FLEET)]
    AUTO_FOCUS = "#services"
    REMEMBERED = ("filter", "services", "models")

    filter_words: var[tuple[str, ...]] = var((), init=False)

    def __init__(self) -> None:
        super().__init__()
        self._models_shown: tuple[object, ...] = ()
        self._applying: tuple[bool | None, ...] = ()
        self._places = Places()
        self._taken: Mapping[str, Taken] = {}
        self._services = FleetTable(
            SERVICE_COLUMNS,
            key_of=row_key,
            cells_of=self._service_cells,
            is_heading=lambda row: not isinstance(row, ServiceSnapshot | GpuRow),
            line_of=self._line,
            id="services",
        )
        self._models = ModelTable(
            MODEL_COLUMNS,
            key_of=lambda row: row.id,
            cells_of=self._model_cells,
            ages=lambda row: row.model.until is not None,
            id="models",
        )
        self._filter = Input(placeholder="filter: words that a row must hold", id="filter", compact=True)

    def compose_body(self) -> Iterable[Widget]:
        with Vertical(id="panels"):
            yield self._services
            yield self._models
        yield self._filter

    @property
    def chosen_service(self) -> ServiceSnapshot | None:
        """The service under the cursor, where the services' table has the focus."""
        row = self._services.cursor_record if self._services.has_focus else None
        return row if isinstance(row, ServiceSnapshot) else None

    @property
    def chosen_machine(self) -> str | None:
        """The machine under the cursor, or that of the GPU or the service there."""
        row = self._services.cursor_record if self._services.has_focus else None
        match row:
            case MachineSnapshot():
                return row.name
            case GpuRow() | ServiceSnapshot():
                return row.machine
            case _:
                return None

    @property
    def chosen_model(self) -> ModelRow | None:
        """The model under the cursor, where the models' table has the focus."""
        return self._models.cursor_record if self._models.has_focus else None

    def on_mount(self) -> None:
        self._services.border_title = "fleet"
        self._models.border_title = "models"
        self._services.empty_text = self._models.empty_text = "looking …"
        self._filter.display = False

    def show_state(self, state: PanelState) -> None:
        # Not by watching the snapshot and the time: both change at once, and the rows need looking at once.
        super().show_state(state)
        self._taken = state.taken
        self._places.tailnet = state.tailnet
        self._places.split_costs = state.split_costs
        self._show_rows()

    def watch_filter_words(self) -> None:
        self._models_shown = ()
        self._show_rows()
        chosen = f" · filter: {' '.join(self.filter_words)}" if self.filter_words else ""
        self._services.border_title = f"fleet{chosen}"
        self._models.border_title = f"models{chosen}"

    def _show_rows(self) -> None:
        snapshot = self.snapshot
        if snapshot is None:
            return
        self._places.take_up(self.config, snapshot)
        self._say_why_empty(snapshot)
        self._services.show_records(service_rows(snapshot, self.filter_words))
        shown: tuple[object, ...] = tuple(
            item
            for service in snapshot.services
            for item in (service.models, service.models_seen, service.models_seen.freshness(self.now))
        )
        shown += (self._places.split_costs,)
        if shown != self._models_shown:
            self._models_shown = shown
            self._models.show_records(model_rows(snapshot, self.filter_words))
            self._models.border_subtitle = _counts(snapshot)
        else:
            self._models.refresh_changed_rows(by_time_alone=True)
        self._dim_keys()

    def _dim_keys(self) -> None:
        """Has the last line drawn again where other keys apply now to what the cursor is on."""
        applying = tuple(self.check_action(action, parameters) for action, parameters in _STATE_DECIDES)
        if applying != self._applying:
            self._applying = applying
            self.refresh_bindings()

    def _say_why_empty(self, snapshot: FleetSnapshot) -> None:
        filtered = "nothing matches the filter" if self.filter_words else ""
        waiting = any(service.seen.at is None for service in snapshot.services)
        self._services.empty_text = filtered or "your configuration names no services"
        self._models.empty_text = filtered or ("looking …" if waiting else "no service lists a model")

    def _service_cells(self, row: ServiceRow) -> tuple[Cell, ...]:
        return service_cells(row, self.now, self._places)

    def _line(self, row: ServiceRow, width: int) -> tuple[Cell, ...] | None:
        return gpu_parts(row, width, self.now) if isinstance(row, GpuRow) else None

    def _model_cells(self, row: ModelRow) -> tuple[Cell, ...]:
        return model_cells(row, self.now, self._places)

    def action_filter(self) -> None:
        self._filter.display = True
        self._filter.focus()

    @on(Input.Changed, "#filter")
    def filter_as_typed(self, event: Input.Changed) -> None:
        self.filter_words = tuple(event.value.lower().split())

    @on(Input.Submitted, "#filter")
    def keep_filter(self, event: Input.Submitted) -> None:
        event.input.display = bool(event.value)
        (self._models if self._models.records else self._services).focus()

    def key_escape(self) -> None:
        """Clears the filter and goes back to the tables; with nothing to clear it does nothing."""
        if self._filter.display:
            had_focus = self._filter.has_focus
            self._filter.value = ""
            self._filter.display = False
            if had_focus:
                self._services.focus()

    @on(RowTable.Chosen)
    def open_chosen(self) -> None:
        self.action_details()

    def action_details(self) -> None:
        from tui.app.screens.details import DetailsScreen
        from tui.app.screens.machine import MachineScreen

        if (row := self.chosen_model) is not None:
            service_name, model_name = row.service.name, row.model.name
            self.post_message(ScreenAsked(lambda state: DetailsScreen(state, service_name, model_name)))
        elif (service := self.chosen_service) is not None:
            name = service.name
            self.post_message(ScreenAsked(lambda state: DetailsScreen(state, name, None)))
        elif (machine := self.chosen_machine) is not None:
            self.post_message(ScreenAsked(lambda state: MachineScreen(state, machine)))

    def action_copy(self) -> None:
        if (row := self.chosen_model) is not None:
            self.post_message(CopyAsked(row.id))
        elif (service := self.chosen_service) is not None:
            self.post_message(CopyAsked(service.url))
        elif isinstance(machine := self._services.cursor_record, MachineSnapshot):
            self.post_message(CopyAsked(machine.name))

    def action_load(self) -> None:
        from tui.app.fleet_acts import load_asked

        if (row := self.chosen_model) is not None and self.snapshot is not None:
            self.post_message(load_asked(row, self.snapshot, self._taken))

    def action_unload(self) -> None:
        from tui.app.fleet_acts import unload_asked

        row = self.chosen_model
        service = row.service if row is not None else self.chosen_service
        if service is not None:
            self.post_message(unload_asked(service, row.model if row is not None else None))

    def action_unit(self, verb: UnitVerb) -> None:
        from tui.app.fleet_acts import unit_asked

        if (service := self.chosen_service) is not None:
            self.post_message(unit_asked(service, verb))

    def action_hold(self) -> None:
        """Lends the GPUs of the machine under the cursor; takes them back where they are lent."""
        from tui.app.fleet_acts import hold_asked

        machine = self.config.machines.get(self.chosen_machine or "")
        if machine is not None and self.snapshot is not None:
            lend = machine.name not in self.modes.hold
            self.post_message(hold_asked(machine, self.snapshot, self.config, lend=lend))

    def action_logs(self) -> None:
        if (service := self.chosen_service) is not None:
            self.post_message(LogsAsked(service.name))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dims what does not apply to the row under the cursor; takes away what read-only forbids."""
        if action in ("load", "unload", "unit", "hold") and self.readonly:
            return False
        if isinstance(self.focused, Input) and action in _FOR_ROWS:
            return False
        if action == "hold":
            return self.chosen_machine is not None
        if action in ("unit", "logs"):
            return self._unit_may(action, str(parameters[0]) if parameters else "")
        if action == "details":
            return True if self.chosen_model or self.chosen_service or self.chosen_machine else None
        if action == "load":
            row = self.chosen_model
            return True if row is not None and row.model.state in (ModelState.IDLE, ModelState.UNKNOWN) else None
        if action == "unload":
            row, service = self.chosen_model, self.chosen_service
            models = (row.model,) if row else service.models if service else ()
            return True if any(model.loaded for model in models) else None
        return True

    def _unit_may(self, action: str, verb: str) -> bool | None:
        """Whether the unit of the service under the cursor can be told to; a service without one has no such keys."""
        service = self.chosen_service
        settings = self.config.services.get(service.name) if service is not None else None
        unit = self._places.unit(service) if service is not None else None
        if settings is None or settings.unit is None:
            return False
        if action == "logs":
            return True
        if unit is None:
            return None
        runs = unit.state in (UnitState.ACTIVE, UnitState.RELOADING, UnitState.ACTIVATING)
        return runs == (verb != "start")

    @on(RowTable.Highlighted)
    def refresh_keys(self) -> None:
        self.refresh_bindings()


_STATE_DECIDES = (("load", ()), ("unload", ()), *(("unit", (verb,)) for verb in ("start", "stop", "restart")))
_FOR_ROWS = ("details", "copy", "load", "unload", "filter", "unit", "logs", "hold")


def _counts(snapshot: FleetSnapshot) -> str:
    models = [model for _, model in snapshot.models()]
    ready = sum(model.loaded and model.state is ModelState.READY for model in models)
    return f"{ready} ready of {len(models)}" if models else ""
