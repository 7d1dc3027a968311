"""Who answers, why and how fast, in words for the rows around an answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from tui.app.widgets.plan_words import STYLES, SYMBOLS
from tui.app.widgets.status_row import Words
from tui.chat.reply import Candidate as AskedCandidate
from tui.chat.reply import Failed, Finished
from tui.control.loading import disturbed_by_load
from tui.fleet.printable import printable
from tui.fleet.snapshot import FleetSnapshot, ModelState
from tui.fleet.wording import latency_words
from tui.ledger.records import ModelFigures, Turn
from tui.routing.decide import Decision
from tui.routing.plan import Candidate, Plan, is_private
from tui.routing.policy import Request


def where_words(where: str) -> Words:
    return Words(f"  {where}", "dim" if where == "local" else "accent")


def mode_words(decision: Decision, request: Request) -> tuple[Words, ...]:
    """The modes under which a prompt is sent; and that it stays at home, where that is for what it carries along."""
    on = []
    private = is_private(decision.plan, request)
    if private:
        on.append("private")
    if decision.modes.external.enabled:
        on.append("external mode")
    elif request.external:
        on.append("external once")
    under = (Words("under ", "dim"), Words(" and ".join(on), "on")) if on else (Words("under no mode", "dim"),)
    return (*under, Words(" · stays at home", "dim")) if request.stays_home and not private else under


def plan_words(plan: Plan) -> tuple[Words, ...]:
    """Where a prompt would go now."""
    if not plan.candidates:
        return (Words(" → ", "dim"), Words(f"× {printable(plan.error, 300)}", "down"))
    first = plan.candidates[0]
    symbol = Words(f"{SYMBOLS.get(first.state, '?')} ", STYLES.get(first.state, "unknown"))
    return (Words(" → ", "dim"), symbol, Words(printable(first.model, 100)), where_words(first.where))


def cold_words(plan: Plan, snapshot: FleetSnapshot | None, figures: Mapping[str, ModelFigures]) -> str:
    """What happens before a model that is not loaded can answer; empty where it is, or nothing is known of it."""
    if not plan.candidates or plan.candidates[0].state != ModelState.IDLE:
        return ""
    first = plan.candidates[0]
    evicted = (words.rstrip(".") for words in evicted_words(first, snapshot))
    took = load_words(figures.get(first.model))
    return "; ".join((f"{printable(first.model, 60)} is loaded first{f' ({took})' if took else ''}", *evicted))


def load_words(figures: ModelFigures | None) -> str:
    """How long a model took to load before; empty where nobody has seen it."""
    if figures is None or figures.load_s is None:
        return ""
    return f"it took {seconds_words(figures.load_s)} before"


def evicted_words(candidate: Candidate, snapshot: FleetSnapshot | None) -> tuple[str, ...]:
    """What asking a model does to others, a sentence each."""
    found = snapshot.find_model(candidate.model) if snapshot is not None else None
    if found is None or candidate.state != ModelState.IDLE:
        return ()
    return disturbed_by_load(*found)


def candidate_words(candidate: AskedCandidate, symbol: Words) -> tuple[Words, ...]:
    """Who is asked, where that runs, and why it."""
    return (
        symbol,
        Words(f" {printable(candidate.model, 100)}", "strong"),
        where_words(str(candidate.where)),
        Words(f"  {printable(candidate.why, 200)}", "dim"),
    )


def figure_words(finished: Finished) -> str:
    """An answer in figures; what is not known is left out."""
    timings, usage = finished.timings, finished.usage
    parts = []
    if timings.load is not None:
        parts.append(f"loaded in {seconds_words(timings.load)}")
    if timings.first_token is not None:
        parts.append(f"first token {seconds_words(timings.first_token)}")
    if timings.tokens_per_second is not None:
        parts.append(f"{timings.tokens_per_second:.0f} tok/s")
    if usage.output is not None:
        given = f" for {usage.input:,}" if usage.input is not None else ""
        parts.append(f"{usage.output:,} tokens{given}")
    if timings.total is not None:
        parts.append(seconds_words(timings.total))
    if finished.cost is not None:
        parts.append("free" if finished.cost == 0 else f"${finished.cost:.4f}")
    return " · ".join(parts)


def seconds_words(seconds: float) -> str:
    """ "0.4 ms", "412 ms", "3.2 s", "95 s"."""
    return latency_words(seconds) if seconds < 60 else f"{seconds:.0f} s"


def turn_words(turn: Turn, now: float) -> tuple[str, str]:
    """Who answered at another time, where and when, and its figures."""
    parts = []
    if turn.served_by and turn.served_by not in _own_names(turn.model):
        parts.append(f"answered as {printable(turn.served_by, 80)}")
    if turn.tokens_per_second is not None:
        parts.append(f"{turn.tokens_per_second:.0f} tok/s")
    if turn.output_tokens is not None:
        parts.append(f"{turn.output_tokens:,} tokens")
    if turn.total_s is not None:
        parts.append(seconds_words(turn.total_s))
    if turn.private:
        parts.append("private")
    return f"{printable(turn.model, 100)}  {turn.where}", " · ".join((when_words(turn.at, now), *parts))


def when_words(at: float, now: float) -> str:
    """When something was: "14:02" of today, "yesterday 14:02", "17 Nov 14:02", "2025-03-02". Local time."""
    then, today = datetime.fromtimestamp(at).astimezone(), datetime.fromtimestamp(now).astimezone().date()
    if then.date() == today:
        return f"{then:%H:%M}"
    if then.date() == today - timedelta(days=1):
        return f"yesterday {then:%H:%M}"
    return f"{then.day} {then:%b %H:%M}" if abs(today - then.date()).days < 180 else f"{then:%Y-%m-%d}"


def served_words(finished: Finished, asked: str, snapshot: FleetSnapshot) -> str:
    """Where another model answered than the one asked for: who did, and why, as far as it was said.

    ``asked`` is the model that the plan put first. Fallbacks of LiteLLM's own are told like ours.
    """
    answered = finished.fell_back[-1].to if finished.fell_back else finished.model
    sentences = []
    if answered != asked:
        sentences.append(f"{printable(asked, 80)} was asked first, {printable(answered, 80)} answered")
    if finished.served_by not in _names_of(answered, snapshot):
        sentences.append(f"{printable(answered, 80)} had {printable(finished.served_by, 80)} answer")
    reasons = [printable(step.reason, 160) for step in finished.fell_back if step.reason]
    return "; ".join(sentences) + (f": {reasons[-1]}" if sentences and reasons else "")


def _names_of(model_id: str, snapshot: FleetSnapshot) -> set[str]:
    """All that a model may be called where it answers by itself."""
    found = snapshot.find_model(model_id)
    deployments = (found[1].deployments or ()) if found is not None else ()
    names = _own_names(model_id)
    for deployment in deployments:
        names |= {deployment.model, deployment.model.partition("/")[2]}
    return names


def _own_names(model_id: str) -> set[str]:
    """What a model is called by whoever does not know how it is served."""
    name = model_id.partition("/")[2]
    return {model_id, name, f"{name}:latest", name.removesuffix(":latest")}


def failure_words(failed: Failed) -> str:
    """Why there is no answer, or not all of one."""
    words = printable(failed.error, 1000)
    if failed.partial:
        words = f"The answer broke off: {words}"
    if failed.retry_after is not None:
        words += f" (it may be asked again in {failed.retry_after:.0f} s)"
    return words
