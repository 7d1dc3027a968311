"""What a reply comes to, for whoever has no use for its pieces."""

from __future__ import annotations

from tui.chat.reply import Failed, Finished, Reasoning, ReplyEvent, Restarted, Text


class Gathered:
    """The text of one reply and how it ended, as far as it has come."""

    def __init__(self) -> None:
        self.end: Finished | Failed | None = None
        self._text: list[str] = []
        self._reasoning: list[str] = []

    @property
    def text(self) -> str:
        """The answer so far, exactly as it came; what was taken back is gone."""
        return "".join(self._text)

    @property
    def reasoning(self) -> str:
        return "".join(self._reasoning)

    @property
    def begun(self) -> bool:
        """True once a part of the answer has come."""
        return bool(self._text)

    def take(self, event: ReplyEvent) -> None:
        """Takes in what has just happened."""
        match event:
            case Text(text):
                self._text.append(text)
            case Reasoning(text):
                self._reasoning.append(text)
            case Restarted():
                self._text.clear()
                self._reasoning.clear()
            case Finished() | Failed():
                self.end = event
