"""Google's ``gemini`` (0.61), whose stream-json is truly streamed."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from tui.chat.http_stream import in_short, kind_of_words
from tui.chat.pieces import Pieces
from tui.chat.program import Child, Invocation, environment_with
from tui.chat.prompt import Prompt
from tui.chat.reply import Ended, FailureKind, ReplyFailed, Retrying, Usage
from tui.fleet.failures import error_message
from tui.fleet.printable import printable
from tui.fleet.probes.shapes import count

MOST_ATTEMPTS = 3
"""Tries that the program may make by itself: it waits 4, 8, 25 s … between them, without a word on stdout."""

EXIT_KINDS = {
    41: FailureKind.NOT_LOGGED_IN,
    42: FailureKind.REFUSED,
    52: FailureKind.REFUSED,
    55: FailureKind.REFUSED,
    # For an error of the API: its HTTP status modulo 256.
    400 % 256: FailureKind.REFUSED,
    401 % 256: FailureKind.NOT_LOGGED_IN,
    403 % 256: FailureKind.NOT_LOGGED_IN,
    404 % 256: FailureKind.UNKNOWN_MODEL,
    429 % 256: FailureKind.RATE_LIMITED,
}
STATUS_KINDS = {401: FailureKind.NOT_LOGGED_IN, 403: FailureKind.NOT_LOGGED_IN, 429: FailureKind.RATE_LIMITED}
_ATTEMPT = re.compile(r"Attempt (\d{1,4}) failed with status (\d{3})")
_API_ERROR = re.compile(r"\[API Error: (.*)\]\s*$", re.DOTALL)


class _Error(msgspec.Struct):
    message: object = None


class _Stats(msgspec.Struct):
    input_tokens: object = None
    output_tokens: object = None
    models: dict[str, object] | None = None


class _Line(msgspec.Struct):
    type: object = None
    role: object = None
    content: object = None
    status: object = None
    model: object = None
    error: _Error | None = None
    stats: _Stats | None = None


_line_decoder = msgspec.json.Decoder(_Line)


def gemini_invocation(model: str, prompt: Prompt) -> Invocation:
    """Headless: its own folder has to be called trusted, and a second process of 250 MB is avoided."""
    environment = environment_with(
        prefixes=("GEMINI_", "GOOGLE_"),
        more={"GEMINI_CLI_TRUST_WORKSPACE": "true", "GEMINI_CLI_NO_RELAUNCH": "true", "TERM": "dumb"},
    )
    home = Path(environment.get("GEMINI_CLI_HOME") or environment.get("HOME") or "~").expanduser() / ".gemini"
    return Invocation(
        command=("gemini", "-m", model, "-o", "stream-json"),
        environment=environment,
        stdin=prompt.as_text().encode(),
        keeps_in=(home / "tmp", home / "history"),
    )


class GeminiDialect:
    """Lines of stream-json. Only a ``result`` says that the answer is whole: ended by SIGTERM, the exit code is 0."""

    in_lines = True

    def __init__(self) -> None:
        self.pieces = Pieces()
        self.complete = False
        self._model: str | None = None
        self.given_up: ReplyFailed | None = None
        self._told = False

    def read(self, data: bytes) -> None:
        try:
            line = _line_decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        match line.type:
            case "init" if isinstance(line.model, str):
                self._model = printable(line.model, 120)
            case "message" if line.role == "assistant":
                self._told = True
                self.pieces.say(line.content)
            case "result":
                self._result(line)

    def note(self, line: str) -> None:
        """It tells of its own retries on stderr only."""
        if (found := _ATTEMPT.search(line)) is None:
            return
        attempt, status = int(found.group(1)), int(found.group(2))
        self.pieces.add(Retrying(f"gemini tries again after attempt {attempt} was answered {status}"))
        if attempt >= MOST_ATTEMPTS:
            kind = STATUS_KINDS.get(status, FailureKind.SERVER_ERROR)
            self.given_up = ReplyFailed(kind, f"gemini was answered {status} {attempt} times")

    def end(self, child: Child) -> Ended:
        if not self.complete:
            if self._told:
                raise ReplyFailed(FailureKind.BROKEN, "gemini: the answer broke off in the middle")
            words = in_short(child.last_words())
            kind = EXIT_KINDS.get(child.exit_code or 0) or kind_of_words(words)
            raise ReplyFailed(kind, f"gemini ended without an answer (exit code {child.exit_code}): {words}")
        return Ended(reason="stop", served_by=self._model)

    def _result(self, line: _Line) -> None:
        if line.status != "success":
            words = line.error.message if line.error and isinstance(line.error.message, str) else "it failed"
            inner = _API_ERROR.search(words)
            said = error_message(inner.group(1).encode()) if inner else ""
            raise ReplyFailed(kind_of_words(words), f"gemini: {said or in_short(words)}")
        stats = line.stats
        if stats is not None:
            self.pieces.add(Usage(count(stats.input_tokens), count(stats.output_tokens)))
            if stats.models is not None and len(stats.models) == 1:
                # What the API says answered, which may be a version of the model that was asked for.
                self._model = printable(next(iter(stats.models)), 120)
        self.complete = True
