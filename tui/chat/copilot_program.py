"""GitHub's ``copilot`` (1.0), in its JSON lines."""

from __future__ import annotations

import msgspec

from tui.chat.http_stream import in_short, kind_of_words
from tui.chat.pieces import Pieces
from tui.chat.program import Child, Invocation, environment_with
from tui.chat.prompt import Prompt
from tui.chat.reply import Ended, FailureKind, ReplyFailed, Restarted, Retrying
from tui.fleet.printable import printable

STATUS_KINDS = {
    401: FailureKind.NOT_LOGGED_IN,
    403: FailureKind.NOT_LOGGED_IN,
    404: FailureKind.UNKNOWN_MODEL,
    429: FailureKind.RATE_LIMITED,
}


class _Data(msgspec.Struct):
    messageId: object = None  # noqa: N815  (the wire's own names)
    deltaContent: object = None  # noqa: N815
    content: object = None
    model: object = None
    reason: object = None
    message: object = None
    errorType: object = None  # noqa: N815
    statusCode: object = None  # noqa: N815
    source: object = None


class _Line(msgspec.Struct):
    type: object = None
    data: _Data | None = None
    exitCode: object = None  # noqa: N815


_line_decoder = msgspec.json.Decoder(_Line)


def copilot_invocation(model: str, prompt: Prompt) -> Invocation:
    """Without tools: ``none`` is no tool's name, which leaves none (an empty list would leave all)."""
    options = ("--output-format", "json", "--stream", "on", "--available-tools=none", "--no-auto-update")
    return Invocation(
        command=("copilot", "-s", "--model", model, *options),
        environment=environment_with(("GH_TOKEN", "GITHUB_TOKEN", "GH_HOST", "GH_CONFIG_DIR"), ("COPILOT_",)),
        stdin=prompt.as_text().encode(),
    )


class CopilotDialect:
    """JSON lines. Each of its own retries streams the answer from its beginning, under a new ``messageId``."""

    in_lines = True

    def __init__(self) -> None:
        self.pieces = Pieces()
        self.complete = False
        self.given_up: ReplyFailed | None = None
        self._message: object = None
        self._told = False
        self._model: str | None = None
        self._error: ReplyFailed | None = None

    def read(self, data: bytes) -> None:
        try:
            line = _line_decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if line.type == "result":
            if line.exitCode != 0:
                raise self._error or ReplyFailed(FailureKind.SERVER_ERROR, f"copilot failed ({line.exitCode})")
            self.complete = True
        elif line.data is not None:
            self._event(str(line.type), line.data)

    def note(self, line: str) -> None:
        """Its stderr is of interest only where it fails."""

    def end(self, child: Child) -> Ended:
        if not self.complete:
            if self._error is not None:
                raise self._error
            if self._told:
                raise ReplyFailed(FailureKind.BROKEN, "copilot: the answer broke off in the middle")
            words = child.stderr.decode("utf-8", errors="replace").strip()
            kind = FailureKind.NOT_LOGGED_IN if "No authentication information" in words else kind_of_words(words)
            raise ReplyFailed(kind, f"copilot ended without an answer: {in_short(words) or child.exit_code}")
        return Ended(reason="stop", served_by=self._model)

    def _event(self, kind: str, data: _Data) -> None:
        match kind:
            case "assistant.message_start":
                if self._message is not None and self._told:
                    self.pieces.add(Restarted("copilot lost its connection and begins its answer anew"))
                    self._told = False
                self._message = data.messageId
            case "assistant.message_delta" if data.messageId == self._message:
                self._told = True
                self.pieces.say(data.deltaContent)
            case "assistant.reasoning_delta":
                self.pieces.think(data.deltaContent)
            case "assistant.message":
                if isinstance(data.model, str):
                    self._model = printable(data.model, 120)
                if not self._told:
                    self.pieces.say(data.content)
                # This message is whole: one that follows goes on where it ended.
                self._message, self._told = None, True
            case "model.call_failure" if data.statusCode == 429 and data.source in ("top_level", None):
                # It would now wait for as long as it was told to, and say nothing before it tries again.
                raise ReplyFailed(FailureKind.RATE_LIMITED, "copilot: its provider takes no more requests now (429)")
            case "assistant.turn_retry":
                self.pieces.add(Retrying(f"copilot tries again: {in_short(str(data.reason or 'no answer'))}"))
            case "session.error":
                self._error = _failure(data)


def _failure(data: _Data) -> ReplyFailed:
    words = data.message if isinstance(data.message, str) else "it failed"
    status = data.statusCode if isinstance(data.statusCode, int) else 0
    kind = STATUS_KINDS.get(status)
    if kind is None:
        kind = FailureKind.NOT_LOGGED_IN if data.errorType == "authentication" else kind_of_words(words)
    return ReplyFailed(kind, f"copilot: {in_short(words)}")
