"""What the events of opencode's server (1.18) say about one answer."""

from __future__ import annotations

import re
import time

import msgspec

from tui.chat.figures import amount
from tui.chat.http_stream import in_short, kind_of_words
from tui.chat.pieces import Pieces
from tui.chat.reply import Ended, FailureKind, ReplyFailed, Restarted, Retrying, Usage
from tui.fleet.printable import printable
from tui.fleet.probes.shapes import count

MOST_ATTEMPTS = 3
"""Tries that it may make by itself; it waits 2, 4, 9 and 19 s between them and does not stop for minutes."""
LONGEST_PAUSE = 10.0
"""Seconds. Where it is told to wait longer than this before it tries again, somebody else is asked instead."""

STATUS_KINDS = {
    401: FailureKind.NOT_LOGGED_IN,
    403: FailureKind.NOT_LOGGED_IN,
    404: FailureKind.UNKNOWN_MODEL,
    429: FailureKind.RATE_LIMITED,
}
_NO_MODEL = re.compile(r"(?i)model not found|provider not found|ProviderModelNotFound")


class _ErrorData(msgspec.Struct):
    message: object = None
    statusCode: object = None  # noqa: N815  (the wire's own names)
    responseHeaders: dict[str, object] | None = None  # noqa: N815


class _Error(msgspec.Struct):
    name: object = None
    data: _ErrorData | None = None


class _Status(msgspec.Struct):
    type: object = None
    attempt: object = None
    message: object = None
    next: object = None


class _Part(msgspec.Struct):
    id: object = None
    type: object = None
    text: object = None


class _Properties(msgspec.Struct):
    sessionID: object = None  # noqa: N815
    partID: object = None  # noqa: N815
    field: object = None
    delta: object = None
    part: _Part | None = None
    status: _Status | None = None
    error: _Error | None = None


class _Event(msgspec.Struct):
    type: object = None
    properties: _Properties | None = None


class _Tokens(msgspec.Struct):
    input: object = None
    output: object = None


class _Info(msgspec.Struct):
    modelID: object = None  # noqa: N815
    finish: object = None
    cost: object = None
    tokens: _Tokens | None = None
    error: _Error | None = None


class _Answer(msgspec.Struct):
    info: _Info | None = None
    parts: list[_Part] | None = None
    name: object = None
    data: _ErrorData | None = None


_event_decoder = msgspec.json.Decoder(_Event)


class OpencodeReader:
    """What one session has said so far."""

    def __init__(self) -> None:
        self.pieces = Pieces()
        self.session = ""
        self.idle = False
        self._thinking: set[object] = set()
        self._said = ""
        self._told = False
        self._error: ReplyFailed | None = None

    def read(self, lines: list[bytes]) -> ReplyFailed | None:
        """Takes lines of the event stream in; returns the failure that one tells of, if any."""
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            try:
                event = _event_decoder.decode(line[5:])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            if event.properties is None or event.properties.sessionID != self.session:
                continue
            if (failure := self._event(str(event.type), event.properties)) is not None:
                return failure
        return None

    def _event(self, kind: str, properties: _Properties) -> ReplyFailed | None:
        match kind:
            case "message.part.updated" if properties.part is not None and properties.part.type == "reasoning":
                self._thinking.add(properties.part.id)
            case "message.part.delta" if properties.field == "text" and isinstance(properties.delta, str):
                self._told = True
                if properties.partID in self._thinking:
                    self.pieces.think(properties.delta)
                else:
                    self._said += properties.delta
                    self.pieces.say(properties.delta)
            case "session.status" if properties.status is not None and properties.status.type == "retry":
                return self._retry(properties.status)
            case "session.error" if properties.error is not None:
                self._error = _failure(properties.error)
            case "session.idle":
                self.idle = True
        return None

    def _retry(self, status: _Status) -> ReplyFailed | None:
        words = in_short(status.message) if isinstance(status.message, str) else "no answer"
        at = amount(status.next)
        pause = max(0.0, at / 1000 - time.time()) if at is not None else 0.0
        if (count(status.attempt) or 0) >= MOST_ATTEMPTS or pause > LONGEST_PAUSE:
            kind = kind_of_words(words)
            after = pause if kind is FailureKind.RATE_LIMITED else None
            return ReplyFailed(kind, f"opencode: {words}", retry_after=after)
        if self._told:
            # The answer to the next try begins at its beginning.
            self._said, self._told = "", False
            self.pieces.add(Restarted(f"opencode begins its answer anew: {words}"))
        else:
            self.pieces.add(Retrying(f"opencode tries again: {words}"))
        return None

    def end(self, body: bytes) -> Ended:
        """The last word, from the whole answer that the server gives at the end.

        Raises:
            ReplyFailed: it tells of a failure.
        """
        try:
            answer = msgspec.json.decode(body, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._error or ReplyFailed(FailureKind.BAD_ANSWER, "opencode's server gave no answer") from None
        info = answer.info
        if info is None or info.error is not None:
            # The event says why ("Model not found: …") where the answer only says that something was unexpected.
            raise self._error or _failure(info.error if info and info.error else _Error(answer.name, answer.data))
        whole = "".join(part.text for part in answer.parts or () if part.type == "text" and isinstance(part.text, str))
        if whole.startswith(self._said):
            self.pieces.say(whole[len(self._said) :])
        if info.tokens is not None:
            self.pieces.add(Usage(count(info.tokens.input), count(info.tokens.output)))
        return Ended(
            reason=printable(info.finish, 40) if isinstance(info.finish, str) else "stop",
            served_by=printable(info.modelID, 120) if isinstance(info.modelID, str) else None,
            # A subscription's calls are told as costing 0, which is not known to be so.
            cost=amount(info.cost) or None,
        )


def _failure(error: _Error) -> ReplyFailed:
    data = error.data or _ErrorData()
    words = data.message if isinstance(data.message, str) else str(error.name or "it failed")
    kind = STATUS_KINDS.get(data.statusCode) if isinstance(data.statusCode, int) else None
    if kind is None:
        kind = FailureKind.UNKNOWN_MODEL if _NO_MODEL.search(words) else kind_of_words(words)
    headers = data.responseHeaders or {}
    return ReplyFailed(kind, f"opencode: {in_short(words)}", retry_after=amount(headers.get("retry-after")))
