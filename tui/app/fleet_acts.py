"""What the Fleet screen's keys ask for: each act with its question, and its place in the ledger."""

from __future__ import annotations

from collections.abc import Mapping

from tui.app import acts, questions
from tui.app.messages import ActAsked
from tui.app.widgets.fleet_rows import ModelRow
from tui.config.schema import Config, MachineSettings
from tui.control.fitting import Taken, will_it_fit
from tui.control.states import hold_state, loaded_models, model_state, unit_state
from tui.fleet.machine_watch import UnitVerb
from tui.fleet.snapshot import FleetSnapshot, ModelSnapshot, ServiceSnapshot


def load_asked(row: ModelRow, snapshot: FleetSnapshot, taken: Mapping[str, Taken]) -> ActAsked:
    model_id, machine = row.id, row.service.machine
    return ActAsked(
        questions.question_of_load(row.service, row.model, will_it_fit(snapshot, model_id, taken)),
        lambda monitor, config: acts.remembered(
            acts.load(monitor, config, model_id),
            "model.load",
            model_id,
            machine,
            state=lambda: model_state(monitor.snapshot, model_id),
        ),
    )


def unload_asked(service: ServiceSnapshot, model: ModelSnapshot | None) -> ActAsked:
    """``model`` None: all of the service's."""
    model_id = service.model_id(model) if model is not None else None
    return ActAsked(
        questions.question_of_unload(service, model),
        lambda monitor, config: acts.remembered(
            acts.unload(monitor, config, service.name, model_id),
            "model.unload",
            model_id or service.name,
            service.machine,
            state=lambda: (
                loaded_models(monitor.snapshot, (service.name,))
                if model_id is None
                else model_state(monitor.snapshot, model_id)
            ),
        ),
    )


def unit_asked(service: ServiceSnapshot, verb: UnitVerb) -> ActAsked:
    return ActAsked(
        questions.question_of_unit(service, verb),
        lambda monitor, config: acts.remembered(
            acts.unit(monitor, config, service.name, verb),
            f"unit.{verb}",
            service.name,
            service.machine,
            state=lambda: unit_state(monitor, config, service.name),
        ),
    )


def hold_asked(machine: MachineSettings, snapshot: FleetSnapshot, config: Config, *, lend: bool) -> ActAsked:
    """Taking back what was lent disturbs nobody, so that there is nothing to ask."""
    question = questions.question_of_hold(snapshot, config, machine) if lend else questions.NOTHING_TO_ASK
    return ActAsked(
        question,
        lambda monitor, config: acts.remembered(
            acts.hold(monitor, config, machine.name, lend=lend),
            "gpu.hold",
            "on" if lend else "off",
            machine.name,
            state=lambda: hold_state(monitor.snapshot, config, machine.name),
        ),
    )
