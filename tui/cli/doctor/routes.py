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
        lists, listed = f"{owner} lists no model {name}", name in names
    else:
        service = situation.snapshot.service(owner)
        if service is None or service.state not in ALIVE or service.models_seen.at is None:
            return "", ""
        names = frozenset(one.name for one in service.models)
        lists, listed = f"{owner} lists no model {name}", listed_model(service, name) is not None
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
    return lists, hint


def _tasks(situation: Situation) -> Iterator[Finding]:
    """Those that have the same reason stand together: one server that is down stops many tasks."""
    config, stopped = situation.config, dict[str, list[str]]()
    requests = {f"task {name}": Request(task=name) for name in config.tasks}
    requests |= {f"tier {name}": Request(tier=name) for name in config.tiers}
    for about, request in requests.items():
        reason = _nobody(situation, situation.plan(request))
        if reason:
            stopped.setdefault(reason, []).append(about)
    for reason, abouts in stopped.items():
        fix = "mend what stands above of these models, or name one more in the configuration"
        yield problem(Area.ROUTES, _some(abouts), f"no model can answer now: {reason}", fix)
    dead = {about for abouts in stopped.values() for about in abouts}
    for name in config.tiers:
        made = situation.plan(Request(tier=name, external=True))
        if f"tier {name}" not in dead and not made.candidates:
            fix = f'write external = "service/model" in tiers.{name}'
            yield warning(Area.ROUTES, f"tier {name}", "nothing may take it while external mode is on", fix)
    if DEFAULT_TASK not in config.tasks and (config.tasks or config.clis):
        text = "there is no task default, which takes a prompt without tier, task and model"
        yield warning(Area.ROUTES, "task default", text, 'write default = ["service/model"] in [tasks]')


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
