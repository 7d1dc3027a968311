"""All that is kept of one request or action, as text."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from tui.app.screens.details import fact_line
from tui.fleet.printable import printable, printable_lines
from tui.fleet.wording import NOT_KNOWN, latency_words, time_words
from tui.ledger.history import AskedRequest, DoneAction, OpenedRequest
from tui.ledger.wording import asked_words, rate_words, usd_words


def request_text(request: OpenedRequest) -> Content:
    """The plan, who was asked, how long it took and what was said, as far as that is kept."""
    asked = request.asked
    lines = [fact_line(label, words) for label, words in _facts(request)]
    lines += [Content(""), _heading("asked one after the other")]
    lines += [
        fact_line(
            time_words(one.at)[-8:], f"{one.model} ({one.where}): {one.outcome}{': ' * bool(one.reason)}{one.reason}"
        )
        for one in request.attempts
    ] or [Content("nobody was asked")]
    lines.append(Content(""))
    if asked.private:
        lines.append(Content("It was private: nothing of what was said is kept, only its length and its hash."))
    elif not asked.keeps_text:
        lines.append(Content("The text is not kept: your configuration says so, it was deleted, or it never ended."))
    for title, text in (("system", request.system), ("prompt", request.prompt), ("answer", request.answer)):
        if text:
            lines += [_heading(title), Content(printable_lines(text)), Content("")]
    return Content("\n").join(lines)


def _facts(request: OpenedRequest) -> Iterator[tuple[str, str]]:
    asked = request.asked
    error = f": {request.error}" if request.error else ""
    yield "asked", f"{time_words(asked.at)} by {asked.face}, for {asked_words(asked.asked_kind, asked.asked_name)}"
    yield "mode", asked.mode or "none"
    yield "outcome", f"{asked.outcome}{error}"
    yield "answered by", f"{asked.model} ({asked.where})" if asked.model else "nobody"
    if asked.served_by:
        yield "served by", asked.served_by
    yield "plan", " → ".join(request.plan) or "empty: nothing could take it"
    yield "prompt", f"{asked.prompt_length:,} characters, SHA-256 {asked.prompt_sha256}"
    yield "tokens", f"{_count(asked.input_tokens)} in, {_count(asked.output_tokens)} out"
    yield "cost", usd_words(asked.cost_usd)
    yield "timings", _timings(asked)


def _timings(asked: AskedRequest) -> str:
    loaded = f"{latency_words(asked.load_s)} loading, " if asked.load_s else ""
    first, total = latency_words(asked.first_token_s), latency_words(asked.total_s)
    return f"{loaded}first token after {first}, {total} in all, {rate_words(asked.tokens_per_second)} tokens/s"


def action_text(done: DoneAction) -> Content:
    """What was done to what, by whom, and what was before and afterwards."""
    action = done.action
    facts = (
        ("done", f"{time_words(action.at)} by {action.face}"),
        ("action", action.name),
        ("target", action.target),
        ("machine", action.machine or NOT_KNOWN),
        ("before", action.before or NOT_KNOWN),
        ("after", action.after or NOT_KNOWN),
        ("result", "worked" if action.worked else "failed"),
        ("said", action.detail or NOT_KNOWN),
    )
    return Content("\n").join(fact_line(label, words) for label, words in facts)


def _count(count: int | None) -> str:
    return NOT_KNOWN if count is None else f"{count:,}"


def _heading(title: str) -> Content:
    return Content.styled(f"── {printable(title, 40)}", "$primary")
