"""Why a model of llama-swap did not start, or stopped by itself: pieced together, since no answer tells it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping

from tui.fleet.probes.shapes import reason_line
from tui.fleet.snapshot import ModelState

KEPT_LINES = 20
"""Of what the models' own servers wrote last."""
LONGEST_LINE = 2000
FAILED_TO_START = "failed to start"
WORDS_MAY_FOLLOW = 3.0
"""Seconds after a failure in which a log line or the failed request's row may still say more."""

_TELLING = re.compile(
    r"(?i)error|fail|cannot|can't|unable|out of memory|not found|no such|denied|exception|invalid|abort|fault|panic"
)
# Both are anchored, since a log line also quotes the user agent, which anybody may choose.
_ENDED = re.compile(r"\[WARN\] <([^>]+)> upstream process exited unexpectedly$")
_UNLOAD = re.compile(r'^[^"]*"(?:POST /api/models/unload(?:/(?P<model>[^"]+?))?|GET /unload)(?:\?[^" ]*)? HTTP/')
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


class FailedStarts:
    """Reads state changes, the two logs and finished requests as they come, in whatever order.

    The log of the models' servers does not say which model a line is of, so the words may be a neighbour's; they are
    shown as what was written last, not as the cause.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._unfinished = {"upstream": "", "proxy": ""}
        self._answers: dict[str, str] = {}
        self._kinds: dict[str, str] = {}
        self._newest: tuple[str, float] | None = None
        self._words = ""
        self._words_tell = False
        self._words_are_complete = False
        self._last_unload: tuple[str | None, float] | None = None
        self.reasons: dict[str, str] = {}
        """Model to reason, until it is started again."""

    @property
    def wants_words(self) -> bool:
        """True while a failure is so fresh that the request which caused it may not have been answered yet."""
        return self._newest is not None and self._clock() - self._newest[1] <= WORDS_MAY_FOLLOW

    def state_changed(self, name: str, was: ModelState | None, now: ModelState) -> None:
        """Takes note of one model's state; ``was`` is None where it was not known."""
        if now is ModelState.STARTING and was is not ModelState.STARTING:
            # What is written from here on is another model's.
            self._words_are_complete = True
            self._lines.clear()
            self._answers.pop(name, None)
        if now is not ModelState.IDLE:
            self._forget(name)
        elif was is ModelState.STARTING and not self._was_unloaded(name):
            self._failed(name, FAILED_TO_START)

    def log_written(self, source: str, text: str, *, live: bool) -> bool:
        """Takes a piece of a log; ``live``: not the history with which a stream begins. True: a reason changed."""
        if source not in self._unfinished:
            return False
        *lines, rest = (self._unfinished[source] + text)[-LONGEST_LINE * KEPT_LINES :].split("\n")
        self._unfinished[source] = rest[-LONGEST_LINE:]
        if source == "proxy":
            return live and self._read_proxy_log(lines)
        self._lines.extend(kept for line in lines[-KEPT_LINES:] if (kept := _ANSI.sub("", line).strip()[:LONGEST_LINE]))
        return self._say_again()

    def answered(self, model: str, error: str) -> bool:
        """Takes what a finished request was answered. True: a reason changed."""
        if not error or model not in self._kinds:
            return False
        self._answers[model] = reason_line(error.removeprefix("unspecific error: "))
        return self._say_again()

    def connection_ended(self) -> None:
        """Forgets what belongs to one connection: a new one begins with the logs' history."""
        self._lines.clear()
        self._unfinished = dict.fromkeys(self._unfinished, "")
        self._newest = None

    def _read_proxy_log(self, lines: list[str]) -> bool:
        before: Mapping[str, str] = dict(self.reasons)
        for line in lines:
            if ended := _ENDED.search(line):
                self._failed(ended.group(1), "its process ended by itself")
            elif unload := _UNLOAD.search(line):
                # The line comes when the unloading is over, that is after the change of state that it explains.
                self._last_unload = (unload.group("model"), self._clock())
                name = self._newest[0] if self._newest is not None else ""
                if self._kinds.get(name) == FAILED_TO_START and self._was_unloaded(name):
                    self._forget(name)
        return before != self.reasons

    def _was_unloaded(self, name: str) -> bool:
        if self._last_unload is None:
            return False
        model, at = self._last_unload
        return model in (None, name) and self._clock() - at <= WORDS_MAY_FOLLOW

    def _failed(self, name: str, kind: str) -> None:
        self._kinds[name] = kind
        self._newest = (name, self._clock())
        self._words, self._words_tell, self._words_are_complete = "", False, False
        self._say_again()

    def _forget(self, name: str) -> None:
        self._kinds.pop(name, None)
        self.reasons.pop(name, None)
        if self._newest is not None and self._newest[0] == name:
            self._newest = None

    def _say_again(self) -> bool:
        """Words the newest failure with all that is known by now. True: that changed it."""
        if self._newest is None or not self.wants_words:
            return False
        name = self._newest[0]
        kind = self._kinds[name]
        if not self._words_are_complete:
            self._listen_to_last_words(kind)
        told = [words for words in (self._answers.get(name, ""), self._words) if words]
        reason = f"{kind}{': ' if told else ''}{'; it wrote: '.join(told)}"
        changed = self.reasons.get(name) != reason
        self.reasons[name] = reason
        return changed

    def _listen_to_last_words(self, kind: str) -> None:
        """The last line that sounds like a failure; of a start that failed, the last line until there is such a one."""
        telling = next((line for line in reversed(self._lines) if _TELLING.search(line)), "")
        if telling:
            self._words, self._words_tell = reason_line(telling), True
        elif self._lines and kind == FAILED_TO_START and not self._words_tell:
            self._words = reason_line(self._lines[-1])
