"""Claude Code (``claude`` 2.1) as a plain model: no tools, no settings, no session kept."""

from __future__ import annotations

import time

import msgspec

from tui.chat.anthropic_stream import MessageEvent, MessageReader
from tui.chat.http_stream import in_short, kind_of_words
from tui.chat.pieces import Pieces
from tui.chat.program import Child, Invocation, environment_with
from tui.chat.prompt import Prompt
from tui.chat.reply import Ended, FailureKind, ReplyFailed, Restarted, Retrying

ERROR_KINDS = {
    "authentication_failed": FailureKind.NOT_LOGGED_IN,
    "oauth_org_not_allowed": FailureKind.NOT_LOGGED_IN,
    "billing_error": FailureKind.RATE_LIMITED,
    "rate_limit": FailureKind.RATE_LIMITED,
    "overloaded": FailureKind.RATE_LIMITED,
    "invalid_request": FailureKind.REFUSED,
    "model_not_found": FailureKind.UNKNOWN_MODEL,
}
"""What the program's ``assistant`` lines call an error."""


class _RateLimit(msgspec.Struct):
    status: object = None
    resetsAt: object = None  # noqa: N815  (the wire's own name)
    rateLimitType: object = None  # noqa: N815


class _Line(msgspec.Struct):
    type: object = None
    subtype: object = None
    event: MessageEvent | None = None
    parent_tool_use_id: object = None
    error: object = None
    is_error: object = None
    result: object = None
    rate_limit_info: _RateLimit | None = None


_line_decoder = msgspec.json.Decoder(_Line)


def claude_invocation(model: str, prompt: Prompt) -> Invocation:
    """The form that 2.1.328 accepts for a pure model: its first line then lists no tools and no MCP servers.

    Not ``--bare``: that never reads the subscription's login. Of the variables that begin with ``ANTHROPIC_`` or
    ``CLAUDE_`` only the one that says where the login is reaches it: others change who pays, or where the prompt goes.
    """
    options = (
        "--safe-mode",
        *("--tools", ""),
        *("--system-prompt", "You are a helpful assistant."),
        "--no-session-persistence",
        *("--output-format", "stream-json"),
        # Without --verbose print mode refuses stream-json.
        "--verbose",
        "--include-partial-messages",
    )
    return Invocation(
        command=("claude", "-p", "--model", model, *options),
        environment=environment_with(
            ["CLAUDE_CONFIG_DIR"], more={"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
        ),
        stdin=prompt.as_text().encode(),
    )


class ClaudeDialect:
    """Lines of stream-json. Of some forty types of line five matter; the others are ignored."""

    in_lines = True

    def __init__(self) -> None:
        self.complete = False
        self.given_up: ReplyFailed | None = None
        self._message = MessageReader("claude")
        self.pieces: Pieces = self._message.pieces
        self._told = False
        self._within = False
        self._error = ""
        self._limit: _RateLimit | None = None

    def read(self, data: bytes) -> None:
        try:
            line = _line_decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        match line.type:
            case "stream_event" if line.event is not None and line.parent_tool_use_id is None:
                self._event(line.event)
            case "assistant" if isinstance(line.error, str):
                self._error = line.error
            case "system" if line.subtype == "api_retry":
                self.pieces.add(Retrying(f"claude tries again: {in_short(str(line.error or 'no answer'))}"))
            case "rate_limit_event":
                self._limit = line.rate_limit_info
            case "result":
                self._result(line)

    def note(self, line: str) -> None:
        """Its stderr is of interest only where it fails."""

    def end(self, child: Child) -> Ended:
        if not self.complete:
            words = in_short(child.last_words())
            told = f": {words}" if words else f" (exit code {child.exit_code})"
            kind = FailureKind.BROKEN if self._told else kind_of_words(words)
            raise ReplyFailed(kind, f"claude ended without an answer{told}")
        return Ended(reason=self._message.stop or "end_turn", served_by=self._message.model)

    def _event(self, event: MessageEvent) -> None:
        if event.type == "message_start":
            if self._within and self._told:
                self.pieces.add(Restarted("claude began its answer anew"))
            self._within = True
        elif event.type == "message_stop":
            self._within = False
        elif event.type == "content_block_delta":
            self._told = True
        self._message.read(event)

    def _result(self, line: _Line) -> None:
        text = line.result if isinstance(line.result, str) else ""
        # A failure may call itself a "success" that is an error (2.1.328, not logged in).
        if line.is_error is True or line.subtype != "success":
            words = in_short(text) or f"it ended with {in_short(str(line.subtype))}"
            kind = ERROR_KINDS.get(self._error) or _kind_of_result(text)
            raise ReplyFailed(kind, f"claude: {words}", retry_after=self._retry_after())
        if not self._told:
            self.pieces.say(text)
        self.complete = True

    def _retry_after(self) -> float | None:
        limit = self._limit
        if limit is None or limit.status != "rejected" or not isinstance(limit.resetsAt, int | float):
            return None
        return max(0.0, limit.resetsAt - time.time())


def _kind_of_result(text: str) -> FailureKind:
    lowered = text.lower()
    if "not logged in" in lowered or "/login" in lowered:
        return FailureKind.NOT_LOGGED_IN
    if "limit" in lowered and "reset" in lowered:
        return FailureKind.RATE_LIMITED
    return kind_of_words(text)
