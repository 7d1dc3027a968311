"""What holds of every plan, whatever the configuration, the fleet and the modes are."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings

from tests.routing.situations import CLIS, MACHINES, NOW, Situation, configured, provably_local, roll, situations
from tui.fleet.snapshot import FleetSnapshot, Freshness, ServiceState
from tui.ledger.usage import Usage
from tui.routing.guard import Findings
from tui.routing.locality import Where, locality
from tui.routing.modes import Mode, Modes
from tui.routing.plan import Failure, Rule
from tui.routing.policy import Request

EXAMPLES = settings(max_examples=400, deadline=None)


def _models(situation: Situation) -> list[str]:
    return [candidate.model for candidate in situation.plan().candidates]


def _is_private(situation: Situation) -> bool:
    request, modes = situation.request, situation.modes
    task = situation.config.tasks.get(request.task or "default") if not request.tier and not request.model else None
    return request.private or modes.private.enabled or modes.private_unknown or bool(task and task.private)


def test_the_situations_are_of_every_kind() -> None:
    """Rules that hold of empty plans alone would say nothing."""
    rolled = [roll(seed) for seed in range(1200)]
    plans = [situation.plan() for situation in rolled]
    assert sum(bool(made.private and made.candidates) for made in plans) > 50
    assert sum(bool(not made.private and len(made.candidates) > 1) for made in plans) > 100
    skips = Counter(skip.rule for made in plans for skip in made.skipped)
    assert all(skips[rule] > 10 for rule in Rule), skips
    assert {made.failure for made in plans} == {None, *Failure}
    local = [one for made in plans for one in made.candidates if one.where is Where.LOCAL]
    assert {one.model.partition("/")[0] for one in local} >= {"swap", "ollama", "lite", "vllm"}


@EXAMPLES
@given(situations())
def test_a_private_plan_holds_nothing_that_is_not_provably_local(situation: Situation) -> None:
    if _is_private(situation):
        for model in _models(situation):
            assert provably_local(model, situation.config, situation.snapshot)


@EXAMPLES
@given(situations())
def test_local_is_what_the_definition_says(situation: Situation) -> None:
    for model in configured(situation):
        told = locality(model, situation.config, situation.snapshot).where is Where.LOCAL
        assert told == provably_local(model, situation.config, situation.snapshot), model


@EXAMPLES
@given(situations())
def test_the_same_situation_gives_the_same_plan(situation: Situation) -> None:
    assert situation.plan() == copy.deepcopy(situation).plan()


@EXAMPLES
@given(situations())
def test_every_configured_candidate_is_in_the_plan_or_skipped_with_a_reason(situation: Situation) -> None:
    made = situation.plan()
    if made.failure is Failure.WRONG_REQUEST:
        return
    kept, skipped = [one.model for one in made.candidates], [one.model for one in made.skipped]
    assert sorted(kept + skipped) == sorted(configured(situation)), "each once, and nothing else"
    assert all(one.reason for one in made.skipped)
    assert all(one.why and one.state for one in made.candidates)


@EXAMPLES
@given(situations())
def test_private_mode_never_adds_a_candidate_nor_changes_the_order(situation: Situation) -> None:
    before = _models(situation)
    after = _models(situation.with_private_mode())
    assert [model for model in before if model in after] == after


@EXAMPLES
@given(situations())
def test_an_empty_plan_is_an_error_with_all_reasons_and_no_other_is(situation: Situation) -> None:
    made = situation.plan()
    assert bool(made.error) == (not made.candidates) == (made.failure is not None)
    for one in made.skipped if made.error else ():
        assert one.model in made.error
        assert one.reason in made.error


@EXAMPLES
@given(situations())
def test_nothing_goes_to_the_subscription_in_external_mode(situation: Situation) -> None:
    if situation.modes.external.enabled or situation.request.external:
        assert not [model for model in _models(situation) if model.startswith("claude/")]


@EXAMPLES
@given(situations())
def test_external_for_one_request_is_external_mode_for_it(situation: Situation) -> None:
    off = replace(situation, modes=replace(situation.modes, external=Mode(False)))
    once = replace(off, request=replace(off.request, external=True))
    on = replace(off, modes=replace(off.modes, external=Mode(True)))
    assert _models(once) == _models(on)


@EXAMPLES
@given(situations())
def test_what_is_kept_passes_every_rule(situation: Situation) -> None:
    made = situation.plan()
    for one in made.candidates:
        service = situation.snapshot.service(one.model.partition("/")[0])
        if service is not None:
            assert not (service.state is ServiceState.DOWN and service.seen.freshness(NOW) is Freshness.FRESH)
        settings = situation.config.models.get(one.model)
        if settings is not None and settings.context is not None:
            assert settings.context >= situation.request.prompt_tokens
        refusal = situation.usage.refusals.get(one.model)
        assert refusal is None or refusal.until <= NOW
        if one.where is Where.CLOUD and not situation.request.allow_secrets:
            assert not situation.findings.credentials
        if one.where is Where.LOCAL:
            machines = locality(one.model, situation.config, situation.snapshot).machines
            assert machines <= MACHINES.keys()
            assert not [name for name in machines if situation.modes.hold.get(name, Mode()).enabled]
        assert not situation.findings.programs.get(one.model.partition("/")[0])


@EXAMPLES
@given(situations())
def test_with_nothing_known_and_every_mode_off_nothing_is_skipped_without_need(situation: Situation) -> None:
    calm = replace(
        situation,
        request=Request(tier=situation.request.tier, task=situation.request.task, model=situation.request.model),
        snapshot=FleetSnapshot(at=NOW),
        modes=Modes(),
        usage=Usage(),
        findings=Findings(),
        config=replace(situation.config, models={}),
    )
    made = calm.plan()
    needed = {Rule.TARGET, Rule.EXTERNAL} | ({Rule.PRIVATE} if made.private else set())
    assert {one.rule for one in made.skipped} <= needed


@EXAMPLES
@given(situations())
def test_candidates_stand_in_the_order_of_the_configuration_unless_warmth_is_preferred(situation: Situation) -> None:
    task = situation.config.tasks.get(situation.request.task or "default")
    if situation.request.tier or situation.request.model or not (task and task.prefer):
        kept = _models(situation)
        assert kept == [model for model in configured(situation) if model in kept]


@EXAMPLES
@given(situations())
def test_a_program_is_never_at_home(situation: Situation) -> None:
    made = situation.plan()
    places = [(one.model, one.where) for one in made.candidates] + [(one.model, one.where) for one in made.skipped]
    for model, where in places:
        assert where is Where.CLOUD or model.partition("/")[0] not in CLIS
