"""Puts what the core knows into the documents that agents read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tui.bridges.mcp_results import (
    Answer,
    FallBack,
    FleetStatus,
    Gpu,
    LocalModel,
    LocalModels,
    Machine,
    ModeNow,
    ModesNow,
    Place,
    Route,
    RouteCandidate,
    RouteSkipped,
    Service,
)
from tui.chat.prompt import writable
from tui.chat.reply import Failed, FailureKind, Finished
from tui.config.schema import Config
from tui.fleet.gpu_snapshot import GpuSnapshot
from tui.fleet.printable import printable
from tui.fleet.service_watch import ALIVE
from tui.fleet.snapshot import (
    FleetSnapshot,
    Freshness,
    MachineSnapshot,
    ModelSnapshot,
    ModelState,
    Seen,
    ServiceSnapshot,
)
from tui.routing.decide import Decision
from tui.routing.locality import Where, locality
from tui.routing.modes import Mode, Modes
from tui.routing.plan import HOW_TO_ALLOW_SECRETS, Failure, Plan

NEXT_STEPS: Mapping[FailureKind, str] = {
    FailureKind.UNREACHABLE: "fleet_status says what is up; ask another model, or the person",
    FailureKind.TIMED_OUT: "ask again with a larger timeout_s or a smaller max_tokens, or ask a model that is loaded",
    FailureKind.NOT_LOGGED_IN: "only the person can log in or set the key; ask another model",
    FailureKind.RATE_LIMITED: "ask another model, or later",
    FailureKind.UNKNOWN_MODEL: "list_available_local_models and explain_route name models that there are",
    FailureKind.REFUSED: "change the request; the same one would be refused again",
    FailureKind.SERVER_ERROR: "ask once more, or another model",
    FailureKind.BROKEN: "ask once more, or another model",
    FailureKind.BAD_ANSWER: "ask another model, and tell the person",
    FailureKind.NOT_INSTALLED: "ask another model; only the person can install the program",
    FailureKind.INTERRUPTED: "ask once more if it is still wanted",
}
STATES_BY_WARMTH = (ModelState.READY, ModelState.STARTING, ModelState.IDLE, ModelState.UNKNOWN, ModelState.STOPPING)


def answer_of(finished: Finished, text: str, decision: Decision, remarks: Sequence[str]) -> Answer:
    timings = finished.timings
    return Answer(
        answer=writable(text),
        model=printable(finished.model),
        where=place_of(finished.where),
        served_by=printable(finished.served_by),
        complete=not finished.is_cut_off,
        finish_reason=printable(finished.reason),
        fell_back=[
            FallBack(from_model=printable(step.from_), to_model=printable(step.to), reason=printable(step.reason))
            for step in finished.fell_back
        ],
        private=decision.plan.private or None,
        external_mode=decision.modes.external.enabled,
        input_tokens=finished.usage.input,
        output_tokens=finished.usage.output,
        cost_usd=finished.cost,
        first_token_s=timings.first_token,
        total_s=timings.total,
        tokens_per_second=timings.tokens_per_second,
        remarks=[printable(remark) for remark in remarks],
    )


def answer_words(answer: Answer) -> str:
    """Who answered, for an agent that reads no structured output."""
    served = f", served by {answer.served_by}" if answer.served_by != answer.model.partition("/")[2] else ""
    steps = [f"{step.from_model} did not answer ({step.reason})" for step in answer.fell_back]
    cut = [] if answer.complete else ["it is cut off: the model may not say more at a time; raise max_tokens"]
    empty = [] if answer.answer.strip() else ["it gave no text; with thinking, max_tokens may be too small"]
    return "; ".join([f"answered by {answer.model} ({answer.where}{served})", *steps, *cut, *empty, *answer.remarks])


def failure_words(failure: Failed) -> str:
    """Why there is no answer, or not the whole of one, and what an agent can do about it."""
    who = f"{printable(failure.model, 120)}: " if failure.model else ""
    before = [f"{printable(step.from_)} did not answer ({printable(step.reason)})" for step in failure.fell_back]
    again = [f"it may be asked again in {failure.retry_after:.0f} s"] if failure.retry_after else []
    partial = ["what had come is below, and is not the whole answer"] if failure.partial else []
    parts = [*before, f"{who}{printable(failure.error, 600)}", *again, *partial]
    return f"{'; '.join(parts)}. What can be done: {NEXT_STEPS[failure.kind]}."


def refusal_words(plan: Plan) -> str:
    """Why nobody was asked, and what an agent can do about it. Allowing secrets is the person's business."""
    match plan.failure:
        case Failure.GUARD_REFUSED:
            step = "leave the credential out, or ask a local model; only the person may allow anything else"
        case Failure.NOTHING_MAY:
            step = "explain_route says what may be asked; modes are the person's to change"
        case _:
            step = "correct the request"
    return f"nothing was sent: {without_permission(plan.error)}. What can be done: {step}."


def without_permission(words: str) -> str:
    return words.replace(HOW_TO_ALLOW_SECRETS, "")


def route_of(decision: Decision, remarks: Sequence[str]) -> Route:
    plan = decision.plan
    return Route(
        candidates=[
            RouteCandidate(model=printable(one.model), where=place_of(one.where), state=one.state, why=one.why)
            for one in plan.candidates
        ],
        skipped=[
            RouteSkipped(
                model=printable(one.model),
                where=place_of(one.where),
                reason=without_permission(one.reason),
                rule=str(one.rule),
            )
            for one in plan.skipped
        ],
        private=plan.private or None,
        error=without_permission(plan.error) or None,
        modes=modes_of(decision.modes),
        remarks=[printable(remark) for remark in remarks],
    )


def local_models_of(snapshot: FleetSnapshot, config: Config) -> LocalModels:
    """What runs on the person's own machines, as far as that is known."""
    found = [
        (service, model)
        for service, model in snapshot.models()
        if locality(service.model_id(model), config, snapshot).where is Where.LOCAL
    ]
    found.sort(key=lambda pair: STATES_BY_WARMTH.index(pair[1].state))
    return LocalModels(
        models=[_local_model(service, model, config) for service, model in found],
        unavailable=[
            f"{printable(service.name)}: {printable(service.reason or str(service.state))}"
            for service in snapshot.services
            if service.state not in ALIVE
        ],
    )


def _local_model(service: ServiceSnapshot, model: ModelSnapshot, config: Config) -> LocalModel:
    identity = service.model_id(model)
    settings = config.models.get(identity)
    return LocalModel(
        id=printable(identity),
        state=model.state.value,
        about=printable((settings.about if settings else "") or model.about),
        machine=service.machine,
        context_tokens=(settings.context if settings else None) or model.context,
        memory_bytes=model.size,
        tools=list(_tools_of(identity, config)),
    )


def _tools_of(identity: str, config: Config) -> Iterator[str]:
    if identity == config.mcp.local:
        yield "ask_local_llama"
    if identity == config.mcp.coding:
        yield "ask_coding_model"
    settings = config.models.get(identity)
    if settings is not None and settings.tool is not None:
        yield settings.tool.name


def status_of(snapshot: FleetSnapshot, modes: Modes, remarks: Sequence[str]) -> FleetStatus:
    now = snapshot.at
    return FleetStatus(
        modes=modes_of(modes),
        machines=[_machine(machine, now) for machine in snapshot.machines],
        services=[_service(service, now) for service in snapshot.services],
        problems=[printable(problem.text) for problem in snapshot.problems],
        remarks=[printable(remark) for remark in remarks],
    )


def _machine(machine: MachineSnapshot, now: float) -> Machine:
    return Machine(
        name=machine.name,
        state=machine.state.value,
        stale=_is_stale(machine.seen, now),
        reason=printable(machine.reason),
        gpus=[_gpu(gpu) for gpu in machine.gpus or ()],
    )


def _gpu(gpu: GpuSnapshot) -> Gpu:
    return Gpu(
        name=printable(gpu.name),
        memory_bytes=gpu.total,
        memory_used_bytes=gpu.used,
        memory_free_bytes=gpu.free,
        utilization_percent=gpu.utilization_percent,
        held_by=[printable(holder.who) for holder in gpu.holders],
    )


def _service(service: ServiceSnapshot, now: float) -> Service:
    return Service(
        name=service.name,
        kind=service.kind,
        machine=service.machine,
        state=service.state.value,
        stale=_is_stale(service.seen, now),
        reason=printable(service.reason),
        models=len(service.models),
        loaded=[printable(service.model_id(model)) for model in service.models if model.loaded],
        requests_in_flight=service.in_flight,
    )


def modes_of(modes: Modes) -> ModesNow:
    return ModesNow(
        external=_mode(modes.external),
        private=_mode(replace(modes.private, enabled=modes.private.enabled or modes.private_unknown)),
        hold={printable(machine): _mode(hold) for machine, hold in modes.hold.items()},
    )


def _mode(mode: Mode) -> ModeNow:
    reason = printable(mode.reason) if mode.reason else None
    return ModeNow(enabled=mode.enabled, since=mode.activated_at, reason=reason)


def place_of(where: str) -> Place:
    return "local" if where == "local" else "cloud"


def _is_stale(seen: Seen, now: float) -> bool:
    return seen.freshness(now) is Freshness.STALE
