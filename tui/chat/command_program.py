"""Any program that reads a prompt on its standard input and writes text: aichat, llm, a script."""

from __future__ import annotations

import codecs
import os

from tui.chat.http_stream import in_short, kind_of_words
from tui.chat.pieces import Pieces
from tui.chat.program import Child, Invocation
from tui.chat.prompt import Prompt
from tui.chat.reply import Ended, FailureKind, ReplyFailed
from tui.config.schema import CliSettings


def command_invocation(program: CliSettings, model: str, prompt: Prompt) -> Invocation:
    """Runs as in the person's own shell, with all variables and in the same folder: what it needs only they know."""
    command = tuple(word.replace("{model}", model) for word in program.command or ())
    return Invocation(
        command=command, environment=dict(os.environ), stdin=prompt.as_text().encode(), in_own_folder=False
    )


class CommandDialect:
    """Text as it comes. Only the exit code says whether it is all."""

    in_lines = False
    complete = False
    given_up: ReplyFailed | None = None

    def __init__(self, name: str) -> None:
        self.pieces = Pieces()
        self._name = name
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._said = False

    def read(self, data: bytes) -> None:
        text = self._decoder.decode(data)
        self._said = self._said or bool(text.strip())
        self.pieces.say(text)

    def note(self, line: str) -> None:
        """Its stderr is of interest only where it fails."""

    def end(self, child: Child) -> Ended:
        self.pieces.say(self._decoder.decode(b"", final=True))
        words = in_short(child.last_words())
        if child.exit_code != 0:
            code = "did not end" if child.exit_code is None else f"failed with exit code {child.exit_code}"
            raise ReplyFailed(kind_of_words(words), f"{self._name} {code}" + (f": {words}" if words else ""))
        if not self._said:
            raise ReplyFailed(FailureKind.BAD_ANSWER, f"{self._name} wrote nothing" + (f": {words}" if words else ""))
        return Ended(reason="stop")
