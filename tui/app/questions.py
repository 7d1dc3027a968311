"""What is asked before something is done that disturbs others, or that is written down."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from tui.config.edit import Edit
from tui.config.schema import Config, MachineSettings
from tui.control.fitting import Fit, Verdict
from tui.control.lending import disturbed_by_hold
from tui.control.loading import disturbed_by_load, disturbed_by_unload
from tui.control.units import disturbed_by_unit
from tui.fleet.machine_watch import UnitVerb
from tui.fleet.printable import printable, printable_lines
from tui.fleet.snapshot import FleetSnapshot, ModelSnapshot, ServiceSnapshot


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its consequences. Without any of them, and without a body, there is nothing to ask."""

    text: str
    consequences: tuple[str, ...]
    verb: str
    body: Content | None = None

    @property
    def needs_asking(self) -> bool:
        return bool(self.consequences) or self.body is not None


NOTHING_TO_ASK = Question("", (), "")
"""For what gives back what was taken."""


def question_of_load(service: ServiceSnapshot, model: ModelSnapshot, fit: Fit) -> Question:
    """A load that fits and displaces nobody is nothing to ask about."""
    name = printable(service.model_id(model), 60)
    consequences = disturbed_by_load(service, model)
    if consequences or fit.verdict in (Verdict.FITS_ALONE, Verdict.TOO_LARGE):
        consequences += (f"Will it fit? {fit.words[:1].upper()}{fit.words[1:]}.",)
    return Question(f"Load {name}?", consequences, "Load")


def question_of_hold(snapshot: FleetSnapshot, config: Config, machine: MachineSettings) -> Question:
    nothing = ("Nothing of ours is on it; while it is lent, no prompt goes to its models.",)
    return Question(f"Lend the GPU of {machine.name}?", disturbed_by_hold(snapshot, config, machine) or nothing, "Lend")


def question_of_unload(service: ServiceSnapshot, model: ModelSnapshot | None) -> Question:
    name = printable(service.model_id(model) if model else f"all models of {service.name}", 60)
    consequences = disturbed_by_unload(service, model) or ("The next request for it has to load it again.",)
    return Question(f"Unload {name}?", consequences, "Unload")


def question_of_unit(service: ServiceSnapshot, verb: UnitVerb) -> Question:
    consequences = disturbed_by_unit(service, verb)
    if verb == "stop" and not consequences:
        consequences = ("It stays down until somebody starts it.",)
    name = printable(service.name, 60)
    machine = f" on {service.machine}" if service.machine else ""
    return Question(f"{verb.capitalize()} the unit of {name}{machine}?", consequences, verb.capitalize())


def question_of_edit(text: str, edit: Edit) -> Question:
    """Shows the edit as a diff, in colours that the signs repeat."""
    lines = [Content.styled(line, _DIFF_STYLES.get(line[:1], "")) for line in printable_lines(edit.diff()).splitlines()]
    return Question(text, (), "Save", Content("\n").join(lines))


_DIFF_STYLES = {"+": "$state-up", "-": "$state-down", "@": "$foreground 60%"}
