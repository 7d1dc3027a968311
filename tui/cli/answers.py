"""An answer on its way to standard output: as text, as one document, or as an event a line."""

from __future__ import annotations

import json
import sys
from typing import Protocol

from tui.chat.gathered import Gathered
from tui.chat.reply import (
    Failed,
    Finished,
    ReplyEvent,
    Restarted,
    Started,
    Text,
    event_json,
    fell_back_json,
    finished_json,
)
from tui.cli.document import SCHEMA, Json
from tui.fleet.printable import printable


class AnswerWriter(Protocol):
    """Is given every event of a reply as it happens; the last is a ``Finished`` or a ``Failed``."""

    @property
    def begun(self) -> bool:
        """True once a part of the answer has come."""

    def take(self, event: ReplyEvent) -> None: ...


class TextWriter:
    """Only the answer: to the letter into a pipe or file, without control codes onto a terminal."""

    def __init__(self, banner: bool) -> None:
        """``banner``: a line before the answer names the model that gives it."""
        self._banner = banner
        self._on_terminal = sys.stdout.isatty()
        self.begun = False
        self._model = ""
        self._open_line = False
        self._held = ""

    def take(self, event: ReplyEvent) -> None:
        match event:
            case Text(text):
                self._write(text)
            case Restarted() if self.begun:
                # What was written cannot be taken back, and must not be read as a part of the answer.
                self._write(f"{self._line_end()}[the answer begins anew; what stands above is void]\n\n")
            case Finished() if self._banner and not self.begun:
                self._write("")
            case Finished() | Failed():
                if self._on_terminal:
                    self._write(self._line_end())
            case Started(candidate):
                self._model = candidate.model

    def _line_end(self) -> str:
        return "\n" if self._open_line else ""

    def _write(self, text: str) -> None:
        if not self.begun:
            self.begun = True
            if self._banner:
                text = f"🔌 [External: {printable(self._model, 120)}]\n{text}"
        self._open_line = not text.endswith("\n") if text else self._open_line
        written = (self._harmless(text) if self._on_terminal else text).encode("utf-8", "replace")
        if self._on_terminal:
            # What its locale lacks is written by the nearest that it has.
            sys.stdout.write(written.decode())
        else:
            sys.stdout.buffer.write(written)
        sys.stdout.flush()

    def _harmless(self, text: str) -> str:
        """For a terminal. A carriage return is kept back until it is known whether a line ends with it."""
        text = self._held + text
        self._held = "\r" if text.endswith("\r") else ""
        lines = text.removesuffix(self._held).replace("\r\n", "\n").split("\n")
        return "\n".join(printable(line.replace("\t", "    ")) for line in lines)


class DocumentWriter:
    """``--json``: one document at the end, whatever the end is."""

    def __init__(self, about: Json) -> None:
        """``about`` is what is known of the request before it is sent."""
        self._about = about
        self._gathered = Gathered()

    @property
    def begun(self) -> bool:
        return self._gathered.begun

    def take(self, event: ReplyEvent) -> None:
        self._gathered.take(event)
        if isinstance(event, Finished | Failed):
            said: Json = {"response": self._gathered.text, "reasoning": self._gathered.reasoning}
            print_document({"schema": SCHEMA, **self._about, **_outcome(event), **said})


class EventWriter:
    """``--events``: each event on a line of its own, as it happens."""

    def __init__(self, about: Json) -> None:
        self._about = about
        self.begun = False

    def take(self, event: ReplyEvent) -> None:
        self.begun = self.begun or isinstance(event, Text)
        document = event_json(event)
        if isinstance(event, Finished | Failed):
            document = {"event": document["event"], "schema": SCHEMA, **self._about, **document}
        print_line(document)


def _outcome(event: Finished | Failed) -> Json:
    if isinstance(event, Finished):
        return finished_json(event)
    return {
        "model": event.model or None,
        "error": event.error,
        "kind": str(event.kind),
        "partial": event.partial,
        "fell_back": [fell_back_json(step) for step in event.fell_back],
        "retry_after_s": event.retry_after,
    }


def print_document(document: Json) -> None:
    """One document for a script. Escaped throughout, so that nothing that a model said reaches a terminal as it is."""
    sys.stdout.write(json.dumps(document, indent=1) + "\n")
    sys.stdout.flush()


def print_line(document: Json) -> None:
    """The same on one line."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()
