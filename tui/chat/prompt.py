"""What is asked of a model, in the form that each kind of backend takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. What UTF-8 cannot hold (half a character of a file name) becomes "?"."""

    role: Role
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", writable(self.text))


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation whose last turn wants an answer."""

    messages: tuple[Message, ...]
    system: str = ""
    max_tokens: int | None = None
    """Of the answer, thinking included; None: as many as the model likes."""
    temperature: float | None = None
    """None: the server's own. Programs take none."""
    thinking: bool | None = None
    """Whether the model is to think before it answers, where its server can be told so (llama-swap, llama-server, vLLM,
    Ollama, Anthropic); None: as the model does by itself."""

    @classmethod
    def of(cls, text: str, *, system: str = "", max_tokens: int | None = None) -> Prompt:
        """A prompt of one turn."""
        return cls((Message("user", text),), writable(system), max_tokens)

    @property
    def is_empty(self) -> bool:
        """True where the last turn holds nothing that could be answered."""
        return not self.messages or not self.messages[-1].text.strip()

    def chat_messages(self) -> list[dict[str, str]]:
        """As OpenAI's and Ollama's protocols take it: the system's words are the first message."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return system + [{"role": message.role, "content": message.text} for message in self.messages]

    def as_text(self) -> str:
        """As a program takes it on its standard input: one text, with speakers named where there are several turns."""
        if len(self.messages) == 1:
            turns = self.messages[0].text
        else:
            turns = "\n\n".join(f"{message.role.capitalize()}: {message.text}" for message in self.messages)
        return f"{self.system}\n\n{turns}" if self.system else turns


def writable(text: str) -> str:
    """``text`` as UTF-8 can hold it: half a character becomes "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")
