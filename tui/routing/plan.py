"""Where a request goes: the candidates in order, and for every other one the reason why not.

The rules are a pure function: no input or output, and no clock but the one passed in. Whoever explains a route and
whoever takes it call the same one, so that what is explained is what happens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tui.config.schema import Config
from tui.fleet.printable import printable
from tui.fleet.snapshot import FleetSnapshot, Freshness, MachineState, ModelSnapshot, ModelState, ServiceState
from tui.ledger.usage import Usage
from tui.routing.guard import Findings
from tui.routing.locality import Locality, Where, listed_model, locality
from tui.routing.modes import Mode, Modes
from tui.routing.policy import Asked, Request, Target, Targets, is_claude, owner_problem, targets_of

HOW_TO_ALLOW_SECRETS = "; --allow-secrets sends it all the same"
"""For a person to read: whoever must not decide that is told the rest alone."""


class Rule(StrEnum):
    """The rules that may skip a candidate, in the order in which they are asked."""

    TARGET = "target"
    PRIVATE = "private"
    EXTERNAL = "external"
    HOLD = "hold"
    HEALTH = "health"
    LIMIT = "limit"
    SIZE = "size"
    IMAGES = "images"
    GUARD = "guard"


class Failure(StrEnum):
    """Why a plan has no candidate."""

    WRONG_REQUEST = "wrong-request"
    """What was asked for does not exist, or makes no sense."""
    NOTHING_MAY = "nothing-may"
    GUARD_REFUSED = "guard-refused"
    """A guard skipped the last of those that every other rule would have let through."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that the request may go to."""

    model: str
    where: Where
    state: str
    """Of the model where it is known, else of its service: a word of either's states."""
    why: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A model that the request may not go to now, and which rule says so."""

    model: str
    where: Where
    reason: str
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The candidates in the order in which they are to be asked. ``error`` is empty where there is one at least."""

    asked: Asked | None = None
    candidates: tuple[Candidate, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    private: str = ""
    """Why nothing but the person's own machines may see the request; empty: others may."""
    error: str = ""
    failure: Failure | None = None


def is_private(plan: Plan, request: Request) -> bool:
    """Whether nothing of the request may be remembered. What stays at home only for what it carries along may be."""
    return bool(plan.private) and plan.private != request.stays_home


def plan(
    request: Request,
    config: Config,
    snapshot: FleetSnapshot,
    modes: Modes,
    usage: Usage,
    findings: Findings,
    now: float,
) -> Plan:
    """The plan for a request. ``now`` is Unix seconds; ages of what was observed and used are taken from it."""
    external_on = request.external or modes.external.enabled
    targets = targets_of(request, config, external_on=external_on)
    if targets.error:
        return Plan(asked=targets.asked, error=targets.error, failure=Failure.WRONG_REQUEST)
    private = _private_words(targets, modes, now) or request.stays_home
    situation = _Situation(request, config, snapshot, modes, usage, findings, now, private)
    options = [situation.option(target) for target in targets.models]
    skipped: list[Skipped] = []
    for option in options:
        refusal = next(((rule, reason) for rule, ask in RULES if (reason := ask(situation, option))), None)
        if refusal is not None:
            skipped.append(Skipped(option.model, option.place.where, refusal[1], refusal[0]))
    refused = {skip.model for skip in skipped}
    # All are put in order before any is left out, so that who is left out changes nothing between the others.
    ordered = _warm_first(options) if targets.prefer_warm else options
    kept = [option for option in ordered if option.model not in refused]
    for target in targets.only_external:
        where = locality(target.model, config, snapshot).where
        skipped.append(Skipped(target.model, where, "external mode is off", Rule.EXTERNAL))
    candidates = tuple(situation.candidate(option, targets.prefer_warm) for option in kept)
    error, failure = ("", None) if candidates else _nothing_left(skipped, situation.private, targets.hint)
    return Plan(
        asked=targets.asked,
        candidates=candidates,
        skipped=tuple(skipped),
        private=situation.private,
        error=error,
        failure=failure,
    )


@dataclass(frozen=True, slots=True)
class _Option:
    """A target with what is known of it."""

    target: Target
    owner: str
    place: Locality
    state: str
    loading: ModelState | None
    """What is known of its memory by a fresh look; None where nothing is."""
    listed: ModelSnapshot | None

    @property
    def model(self) -> str:
        return self.target.model


@dataclass(frozen=True, slots=True)
class _Situation:
    """All that the rules look at."""

    request: Request
    config: Config
    snapshot: FleetSnapshot
    modes: Modes
    usage: Usage
    findings: Findings
    now: float
    private: str

    def option(self, target: Target) -> _Option:
        owner, _, name = target.model.partition("/")
        service = self.snapshot.service(owner) if owner in self.config.services else None
        listed = listed_model(service, name)
        loading = None
        state = str(ServiceState.UNKNOWN)
        if service is not None and service.seen.freshness(self.now) is Freshness.FRESH:
            state = str(service.state)
            known = listed is not None and listed.state is not ModelState.UNKNOWN
            if listed is not None and known and service.models_seen.freshness(self.now) is Freshness.FRESH:
                loading, state = listed.state, str(listed.state)
        elif owner in self.findings.programs:
            state = str(ServiceState.DOWN if self.findings.programs[owner] else ServiceState.UP)
        return _Option(target, owner, locality(target.model, self.config, self.snapshot), state, loading, listed)

    def candidate(self, option: _Option, prefer_warm: bool) -> Candidate:
        notes = [option.target.why]
        if option.loading is ModelState.IDLE:
            notes.append("would be loaded first")
        elif option.loading is ModelState.STARTING:
            notes.append("is being loaded")
        elif option.loading is ModelState.READY and prefer_warm:
            notes.append("is loaded")
        service = self.snapshot.service(option.owner)
        if service is not None and option.state == ServiceState.UNKNOWN:
            notes.append(f"{option.owner} has not answered" if service.seen.at is None else "its state is not known")
        elif service is not None and option.state == ServiceState.BUSY:
            notes.append(f"{option.owner}: {printable(service.reason, 120)}")
        elif service is not None and service.models and option.listed is None:
            notes.append(f"{option.owner} does not list it")
        half_told = option.state != ServiceState.UNKNOWN and not option.place.told
        if service is not None and half_told and (option.listed is not None or not service.models):
            notes.append(f"counts as cloud: {option.place.reason}")
        if self.request.images and takes_images(option.model, self.config, self.snapshot) is None:
            notes.append("whether it takes images is not known")
        return Candidate(option.model, option.place.where, option.state, "; ".join(notes))


def _private_words(targets: Targets, modes: Modes, now: float) -> str:
    if targets.private:
        return targets.private
    if modes.private.enabled:
        return mode_on_words("private mode", modes.private, now)
    if modes.private_unknown:
        return "the file of private mode cannot be read, so that it counts as on"
    return ""


def _not_configured(situation: _Situation, option: _Option) -> str:
    return owner_problem(option.model, situation.config)


def _not_private(situation: _Situation, option: _Option) -> str:
    if not situation.private or option.place.where is Where.LOCAL:
        return ""
    return f"{situation.private}, and {option.place.reason}"


def _subscription(situation: _Situation, option: _Option) -> str:
    if not is_claude(option.owner, situation.config):
        return ""
    if situation.modes.external.enabled:
        return mode_on_words("external mode", situation.modes.external, situation.now)
    return "the request asks for external models" if situation.request.external else ""


def _held(situation: _Situation, option: _Option) -> str:
    for machine in sorted(option.place.machines):
        hold = situation.modes.hold.get(machine)
        if hold is not None and hold.enabled:
            return mode_on_words(f"the hold on {printable(machine, 60)}", hold, situation.now)
    return ""


def _down(situation: _Situation, option: _Option) -> str:
    missing = situation.findings.programs.get(option.owner, "") if option.owner in situation.config.clis else ""
    if missing:
        return missing
    service = situation.snapshot.service(option.owner) if option.owner in situation.config.services else None
    if service is None:
        return ""
    if service.state is ServiceState.DOWN and service.seen.freshness(situation.now) is Freshness.FRESH:
        return f"{option.owner} is down" + (f": {printable(service.reason, 160)}" if service.reason else "")
    return _machine_down(situation, service.machine, option.place.machines)


def _machine_down(situation: _Situation, owner: str | None, workers: frozenset[str]) -> str:
    """Why the service's own machine cannot answer, or else none of those that would do the work."""
    down = {
        machine.name: machine.reason
        for machine in situation.snapshot.machines
        if machine.state is MachineState.DOWN and machine.seen.freshness(situation.now) is Freshness.FRESH
    }
    name = owner if owner in down else min(workers, default=None) if workers <= down.keys() else None
    if name is None:
        return ""
    return f"{name} is down" + (f": {printable(down[name], 160)}" if down[name] else "")


def _over_limit(situation: _Situation, option: _Option) -> str:
    refusal = situation.usage.refusals.get(option.model)
    if refusal is not None and refusal.until > situation.now:
        left = max(1, round(refusal.until - situation.now))
        return f"{printable(refusal.reason, 160)}; may be asked again in {left} s"
    settings = situation.config.models.get(option.model)
    if settings is None or settings.limit is None:
        return ""
    most, asked = settings.limit.requests_per_minute, situation.usage.requests_in_last_minute.get(option.model, 0)
    if most is not None and asked >= most:
        return f"its limit is {most} requests a minute, and {asked} went out in the last one"
    usd, spent = settings.limit.usd_per_day, situation.usage.usd_today.get(option.model, 0.0)
    costs = settings.price is not None and (settings.price.input > 0 or settings.price.output > 0)
    if usd is not None and (spent >= usd if usd > 0 or costs else spent > 0):
        return f"its limit is ${usd:g} a day, and ${spent:.2f} is spent today"
    return ""


def _too_small(situation: _Situation, option: _Option) -> str:
    settings = situation.config.models.get(option.model)
    known = settings.context if settings is not None and settings.context else None
    context = known or (option.listed.context if option.listed is not None else None)
    if context is None or context >= situation.request.prompt_tokens:
        return ""
    return f"it takes {context} tokens, and the prompt may come to {situation.request.prompt_tokens}"


def takes_images(model: str, config: Config, snapshot: FleetSnapshot) -> bool | None:
    """Whether images may go to a model: as the configuration says, else its service; None: neither does."""
    owner, _, name = model.partition("/")
    if owner in config.clis:
        return False
    settings = config.models.get(model)
    if settings is not None and settings.images is not None:
        return settings.images
    service = config.services.get(owner)
    listed = listed_model(snapshot.service(owner), name)
    told = listed.takes_images if listed is not None else None
    # All of Anthropic's models since Claude 3 (2024) do.
    return True if told is None and service is not None and service.kind == "anthropic" else told


def _blind(situation: _Situation, option: _Option) -> str:
    if not situation.request.images or takes_images(option.model, situation.config, situation.snapshot) is not False:
        return ""
    if option.owner in situation.config.clis:
        return "it is a program, and programs are sent text alone"
    settings = situation.config.models.get(option.model)
    says = "the configuration" if settings is not None and settings.images is False else option.owner
    return f"it takes no images, {printable(says, 60)} says"


def _guarded(situation: _Situation, option: _Option) -> str:
    findings = situation.findings
    if findings.claude and is_claude(option.owner, situation.config):
        return findings.claude
    if findings.credentials and option.place.where is Where.CLOUD and not situation.request.allow_secrets:
        return f"the prompt holds a credential ({', '.join(findings.credentials)}){HOW_TO_ALLOW_SECRETS}"
    return ""


RULES: Sequence[tuple[Rule, Callable[[_Situation, _Option], str]]] = (
    (Rule.TARGET, _not_configured),
    (Rule.PRIVATE, _not_private),
    (Rule.EXTERNAL, _subscription),
    (Rule.HOLD, _held),
    (Rule.HEALTH, _down),
    (Rule.LIMIT, _over_limit),
    (Rule.SIZE, _too_small),
    (Rule.IMAGES, _blind),
    (Rule.GUARD, _guarded),
)
"""Each gives the reason to skip an option, or nothing."""


def mode_on_words(what: str, mode: Mode, now: float) -> str:
    """``external mode is on since 14:02 (quota)``, in local time; with the day where that is not today's."""
    since = mode.since
    words = f"{what} is on"
    if since is not None:
        today = since.date() == datetime.fromtimestamp(now).astimezone().date()
        words += f" since {since:%H:%M}" if today else f" since {since:%Y-%m-%d %H:%M}"
    return words + (f" ({printable(mode.reason, 120)})" if mode.reason else "")


def _warm_first(options: list[_Option]) -> list[_Option]:
    """Loaded models before those that would have to load. What is never loaded, or not known, keeps its place."""
    places = [place for place, option in enumerate(options) if option.loading is not None]
    by_warmth = sorted((options[place] for place in places), key=_coldness)
    result = list(options)
    for place, option in zip(places, by_warmth, strict=True):
        result[place] = option
    return result


def _coldness(option: _Option) -> int:
    return 0 if option.loading is ModelState.READY else 1 if option.loading is ModelState.STARTING else 2


def _nothing_left(skipped: Sequence[Skipped], private: str, hint: str) -> tuple[str, Failure]:
    reasons = "; ".join(
        [*(f"{printable(skip.model, 80)}: {skip.reason}" for skip in skipped), *([hint] if hint else [])]
    )
    refused = any(skip.rule is Rule.GUARD for skip in skipped)
    what = "no model on your own machines may take this private request" if private else "nothing may take this request"
    return f"{what}: {reasons}", Failure.GUARD_REFUSED if refused else Failure.NOTHING_MAY
