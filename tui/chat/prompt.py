"""What is asked of a model, in the form that each kind of backend takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Image:
    """An image that goes along with a turn."""

    name: str
    media_type: str
    """"image/png", "image/jpeg", "image/gif" or "image/webp"."""
    data: str
    """Base64 (RFC 4648 §4)."""

    @property
    def url(self) -> str:
        """All of it as an address (RFC 2397)."""
        return f"data:{self.media_type};base64,{self.data}"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. What UTF-8 cannot hold (half a character of a file name) becomes "?"."""

    role: Role
    text: str
    images: tuple[Image, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", writable(self.text))

    @property
    def in_words(self) -> str:
        """The text, and the name of each image in its place."""
        return "\n\n".join([*([self.text] if self.text else []), *(f"[image {image.name}]" for image in self.images)])


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
    def of(
        cls, text: str, *, system: str = "", max_tokens: int | None = None, images: tuple[Image, ...] = ()
    ) -> Prompt:
        """A prompt of one turn."""
        return cls((Message("user", text, images),), writable(system), max_tokens)

    @property
    def is_empty(self) -> bool:
        """True where the last turn holds nothing that could be answered."""
        return not self.messages or not (self.messages[-1].text.strip() or self.messages[-1].images)

    def openai_messages(self) -> list[dict[str, object]]:
        """As chat completions take it: the system's words are the first message, images are parts of a turn."""
        messages: list[dict[str, object]] = [{"role": "system", "content": self.system}] if self.system else []
        for message in self.messages:
            images = [{"type": "image_url", "image_url": {"url": image.url}} for image in message.images]
            content: object = [{"type": "text", "text": message.text}, *images] if images else message.text
            messages.append({"role": message.role, "content": content})
        return messages

    def ollama_messages(self) -> list[dict[str, object]]:
        """As Ollama's own chat takes it: the system's words are the first message, images stand beside the text."""
        messages: list[dict[str, object]] = [{"role": "system", "content": self.system}] if self.system else []
        for message in self.messages:
            images = {"images": [image.data for image in message.images]} if message.images else {}
            messages.append({"role": message.role, "content": message.text, **images})
        return messages

    def anthropic_messages(self) -> list[dict[str, object]]:
        """As the Messages API takes it, which wants the system's words elsewhere, and images before the question."""
        messages: list[dict[str, object]] = []
        for message in self.messages:
            blocks: list[dict[str, object]] = [
                {"type": "image", "source": {"type": "base64", "media_type": image.media_type, "data": image.data}}
                for image in message.images
            ]
            if blocks and message.text.strip():
                # An empty block of text is refused (version 2023-06-01).
                blocks.append({"type": "text", "text": message.text})
            messages.append({"role": message.role, "content": blocks or message.text})
        return messages

    def as_text(self) -> str:
        """As a program takes it on its standard input: one text, with speakers named where there are several turns.

        Programs are sent no images; the name of one stands in its place.
        """
        if len(self.messages) == 1:
            turns = self.messages[0].in_words
        else:
            turns = "\n\n".join(f"{message.role.capitalize()}: {message.in_words}" for message in self.messages)
        return f"{self.system}\n\n{turns}" if self.system else turns


def writable(text: str) -> str:
    """``text`` as UTF-8 can hold it: half a character becomes "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")
