"""The routes: models that nobody lists, and tasks that no model can take now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tui.cli.doctor.finding import Area, Finding, fine, problem, warning
from tui.cli.doctor.programs import ProgramsLook
from tui.config.errors import nearest
from tui.config.schema import Config
from tui.fleet.service_watch import ALIVE
from tui.fleet.snapshot import FleetSnapshot
from tui.ledger.usage import Usage
from tui.routing.guard import Findings, look
from tui.routing.locality import listed_model
from tui.routing.modes import Modes
from tui.routing.plan import Plan, plan
from tui.routing.policy import DEFAULT_TASK, Request, owner_problem

MOST_NAMES = 4
MOST_REASONS = 3
"""Where more differ, a list of them hides what they have in common: something that stands above."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that decides where a request would go now."""

    config: Config
    snapshot: FleetSnapshot
    modes: Modes
    guard: Findings
    programs: ProgramsLook

    def plan(self, request: Request) -> Plan:
        return plan(request, self.config, self.snapshot, self.modes, Usage(), self.guard, self.snapshot.at)


async def check_routes(
    config: Config, snapshot: FleetSnapshot, modes: Modes, programs: ProgramsLook
) -> tuple[Finding, ...]:
    guard = await asyncio.to_thread(look, "", frozenset(config.clis), config)
    # Who is not logged in can answer as little as who is not installed.
    guard = replace(guard, programs={**guard.programs, **programs.unusable})
    situation = Situation(config, snapshot, modes, guard, programs)
    found = (*_models(situation), *_tasks(situation))
    if found or not (config.tasks or config.tiers):
        return found
    counts = f"{len(config.tasks)} tasks and {len(config.tiers)} tiers"
    return (fine(Area.ROUTES, "tasks and tiers", f"each of {counts} has a model that can answer now"),)


def _named_models(config: Config) -> Mapping[str, list[str]]:
    """Every model that the configuration names, and the settings that name it."""
    named: dict[str, list[str]] = {}

    def add(model: str | None, where: str) -> None:
        if model is not None:
            named.setdefault(model, []).append(where)

    for task in config.tasks.values():
        for model in task.models:
            add(model, f"tasks.{task.name}")
    for tier in config.tiers.values():
        add(tier.external, f"tiers.{tier.name}")
        for model in tier.fallback:
            add(model, f"tiers.{tier.name}")
    for settings in config.models.values():
        add(settings.id, "models")
        for model in settings.fallback:
            add(model, f'the fallback of "{settings.id}"')
    add(config.mcp.local, "mcp.local")
    add(config.mcp.coding, "mcp.coding")
    return named


def _models(situation: Situation) -> Iterator[Finding]:
    for model, places in _named_models(situation.config).items():
        text, fix = _not_listed(model, situation)
        if text:
            where = _some(tuple(dict.fromkeys(places)))
            yield problem(Area.ROUTES, model, text, f"{fix} (named in {where})")


def _not_listed(model: str, situation: Situation) -> tuple[str, str]:
    """Why nobody answers under a model's name, and what to do; empty where somebody does, or nobody can tell."""
    owner, _, name = model.partition("/")
    wrong = owner_problem(model, situation.config)
    if wrong:
        return wrong, "name another model"
    if owner in situation.programs.models:
        names = situation.programs.models[owner]
        listed = name in names
    else:
        service = situation.snapshot.service(owner)
        if service is None or service.state not in ALIVE or service.models_seen.at is None:
            return "", ""
        names = frozenset(one.name for one in service.models)
        listed = listed_model(service, name) is not None
    if listed:
        return "", ""
    if not names:
        return f"{owner} lists no models at all", f"add one to {owner}"
    meant = nearest(name, sorted(names))
    hint = (
        f'did you mean "{owner}/{meant}"?'
        if meant
        else f"`fleetdeck models` lists what there is: {_some(sorted(names))}"
    )
    return f"{owner} lists no model {name}", hint


def _tasks(situation: Situation) -> Iterator[Finding]:
    """Those that no model can take, whatever the modes; and those that the modes leave without one."""
    config, set_up = situation.config, replace(situation, modes=Modes())
    stopped = _stopped(set_up)
    yield from _no_model(stopped)
    dead = {about for abouts in stopped.values() for about in abouts}
    by_modes = [about for abouts in _stopped(situation).values() for about in abouts if about not in dead]
    if by_modes:
        text = f"no model can answer while {_modes_on(situation.modes)}"
        yield warning(
            Area.ROUTES, _some(by_modes), text, "that may be what you want; `fleetdeck route` says why for each"
        )
    for name in config.tiers:
        made = situation.plan(Request(tier=name, external=True))
        if f"tier {name}" not in dead and not made.candidates:
            fix = f'write external = "service/model" in tiers.{name}'
            yield warning(Area.ROUTES, f"tier {name}", "nothing may take it while external mode is on", fix)
    if DEFAULT_TASK not in config.tasks and (config.tasks or config.clis):
        text = "there is no task default, which takes a prompt without tier, task and model"
        yield warning(Area.ROUTES, "task default", text, 'write default = ["service/model"] in [tasks]')


def _stopped(situation: Situation) -> Mapping[str, list[str]]:
    """Why nobody can answer, and the tasks and tiers of which that is so."""
    stopped: dict[str, list[str]] = {}
    requests = {f"task {name}": Request(task=name) for name in situation.config.tasks}
    requests |= {f"tier {name}": Request(tier=name) for name in situation.config.tiers}
    for about, request in requests.items():
        reason = _nobody(situation, situation.plan(request))
        if reason:
            stopped.setdefault(reason, []).append(about)
    return stopped


def _no_model(stopped: Mapping[str, list[str]]) -> Iterator[Finding]:
    """Those that have the same reason stand together: one server that is down stops many tasks."""
    fix = "mend what stands above of these models, or name one more in the configuration"
    if len(stopped) <= MOST_REASONS:
        for reason, abouts in stopped.items():
            yield problem(Area.ROUTES, _some(abouts), f"no model can answer now: {reason}", fix)
    else:
        abouts = [about for some in stopped.values() for about in some]
        text = "no model can answer now; `fleetdeck route` says why for each"
        yield problem(Area.ROUTES, _some(abouts), text, fix)


def _modes_on(modes: Modes) -> str:
    """Those that are on, in words."""
    on = [
        f"{name} mode is on"
        for name, mode in (("external", modes.external), ("private", modes.private))
        if mode.enabled
    ]
    return " and ".join([*on, *(f"the GPU of {machine} is lent" for machine in modes.hold)])


def _nobody(situation: Situation, made: Plan) -> str:
    """Why none of a plan's candidates can answer; empty where one can."""
    if not made.candidates:
        return "; ".join(dict.fromkeys(f"{skip.model}: {skip.reason}" for skip in made.skipped)) or made.error
    reasons = {candidate.model: _cannot_answer(candidate.model, situation) for candidate in made.candidates}
    if not all(reasons.values()):
        return ""
    skipped = {skip.model: skip.reason for skip in made.skipped}
    return "; ".join(f"{model}: {reason}" for model, reason in {**reasons, **skipped}.items())


def _cannot_answer(model: str, situation: Situation) -> str:
    owner = model.partition("/")[0]
    service = situation.snapshot.service(owner)
    if owner in situation.config.services and (service is None or service.state not in ALIVE):
        return f"{owner} has not answered"
    return _not_listed(model, situation)[0]


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
