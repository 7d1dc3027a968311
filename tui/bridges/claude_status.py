"""What Claude Code is told of the modes: by its SessionStart hook, and in its status line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.bridges.json_text import member
from tui.fleet.printable import printable
from tui.routing.modes import Mode, Modes

Json = dict[str, object]


def hook_lines(modes: Modes) -> tuple[str, ...]:
    """One marker for each mode that is on, as scripts look for them: ``external-mode:enabled``."""
    lines = []
    if modes.external_unknown:
        lines.append("external-mode:unknown")
    elif modes.external.enabled:
        lines.append("external-mode:enabled")
    if modes.private.enabled or modes.private_unknown:
        lines.append("private-mode:enabled")
    lines += [f"hold:{printable(machine, 60)}" for machine in modes.hold]
    return tuple(lines)


def hook_document(modes: Modes, program: str) -> Json:
    """What Claude Code 2.1 reads from a SessionStart hook: a context for the model, a line for the person.

    ``program`` is the shell command by which fleetdeck is run.
    """
    lines = list(hook_lines(modes))
    if not modes.external.enabled and not modes.external_unknown:
        # A session that is resumed may have been told otherwise before.
        lines.insert(0, "external-mode:disabled")
    elif not modes.external_unknown:
        lines.append(
            f"External mode is on{_why(modes.external)}: models other than Claude's subscription are to do the work. "
            f"Hand each piece on with `{program} delegate --tier opus|sonnet|haiku`, the prompt on its standard input, "
            "and use its answer."
        )
    if modes.private.enabled or modes.private_unknown:
        lines.append(
            f"Private mode is on{_why(modes.private)}: what you hand on with `{program}` reaches models on this "
            "person's own machines or fails; do not send it elsewhere instead."
        )
    document: Json = {"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": "\n".join(lines)}}
    words = [*(printable(problem, 300) for problem in modes.problems), *_words_of(modes)]
    if words:
        document["systemMessage"] = f"fleetdeck: {'; '.join(words)}"
    return document


@dataclass(frozen=True, slots=True)
class Session:
    """What Claude Code tells its status line of a session."""

    model: str
    """As people know it; empty: it was not told."""
    tier: str | None
    """The tier that its model belongs to; None: to none of ours."""
    limits: object
    """``rate_limits``, as they came."""


def session_of(document: object, tiers: Sequence[str]) -> Session:
    """What the JSON on the status line's standard input says; whatever is missing or odd is left out."""
    identity, shown = member(document, "model", "id"), member(document, "model", "display_name")
    name = identity if isinstance(identity, str) else ""
    tier = next((tier for tier in tiers if tier in name.lower()), None)
    words = shown if isinstance(shown, str) and shown else name
    return Session(printable(words, 60), tier, member(document, "rate_limits"))


def status_line(modes: Modes, session: Session, routed: str, quota: str) -> str:
    """One line: the mode, the session's model, where its tier goes, and what is used of the subscription.

    ``routed`` is the model that a request for the session's tier would go to, or why it goes nowhere.
    """
    if modes.external_unknown:
        chip = "[EXTERNAL ?]"
    elif modes.external.enabled:
        since = modes.external.since
        chip = f"[EXTERNAL{f' since {since:%H:%M}' if since else ''}]"
    else:
        chip = "[CLAUDE]"
    parts = [f"{chip} {session.model}".rstrip()]
    if routed:
        parts.append(f"{session.tier} → {printable(routed, 80)}")
    if modes.private_unknown:
        parts.append("PRIVATE ?")
    elif modes.private.enabled:
        parts.append("PRIVATE on")
    if modes.hold:
        parts.append(f"HOLD {', '.join(printable(name, 20) for name in modes.hold)}")
    if quota:
        parts.append(printable(quota, 120))
    return " · ".join(parts)


def _why(mode: Mode) -> str:
    return f" ({printable(mode.reason, 200)})" if mode.reason else ""


def _words_of(modes: Modes) -> list[str]:
    words = []
    if modes.external_unknown:
        words.append("whether external mode is on is not known")
    elif modes.external.enabled:
        words.append(f"external mode is on{_why(modes.external)}")
    if modes.private.enabled:
        words.append(f"private mode is on{_why(modes.private)}")
    elif modes.private_unknown:
        words.append("private mode counts as on")
    return words
