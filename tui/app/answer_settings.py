"""How answers are to be made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSettings:
    """What goes with every prompt of this panel. None: as the server has it."""

    system: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    thinking: bool | None = None

    @property
    def words(self) -> str:
        """What differs from the servers' own settings, in short."""
        parts = []
        if self.system:
            parts.append("system prompt")
        if self.temperature is not None:
            parts.append(f"temperature {self.temperature:g}")
        if self.max_tokens is not None:
            parts.append(f"≤ {self.max_tokens:,} tokens")
        if self.thinking is not None:
            parts.append("thinking" if self.thinking else "no thinking")
        return " · ".join(parts)
