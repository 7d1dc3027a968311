"""What a person writes and attaches, before it is a prompt: text files stand behind the words, images beside them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from tui.chat.prompt import Image
from tui.config.paths import reason_of
from tui.fleet.printable import printable
from tui.routing.size import TOKENS_OF_IMAGE, tokens_at_most

LARGEST = 64 * 1024 * 1024
"""Bytes: more than any model of today reads, and less than what stops a machine."""
LARGEST_IMAGE = 20 * 1024 * 1024
"""Bytes: what OpenAI takes. A server that takes less (Anthropic: 5 MB) says so itself."""
IMAGES_TAKEN = "PNG, JPEG, GIF or WebP"
"""The forms that OpenAI, Anthropic and llama.cpp's servers all read."""


class NotAttachable(Exception):
    """A file cannot go along; the text is a sentence for the person."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along with a prompt, as it was when it was read."""

    name: str
    """Without its folder, and harmless."""
    size: int
    """Bytes of the file."""
    tokens: int
    """At most, as ``size.tokens_at_most`` estimates."""
    text: str = ""
    """Of a text file: what stands in the prompt, between lines that name the file."""
    image: Image | None = None

    @property
    def in_words(self) -> str:
        """What stands for it where a person or the ledger reads what was sent."""
        return self.text or f"[image {self.name}, {self.size:,} bytes]"


@dataclass(frozen=True, slots=True)
class WrittenPrompt:
    """The words of a person and the files that go along with them."""

    words: str
    attachments: tuple[Attachment, ...] = ()

    @property
    def text(self) -> str:
        """What the model reads."""
        return _joined(self.words, *(attached.text for attached in self.attachments))

    @property
    def images(self) -> tuple[Image, ...]:
        """What the model sees."""
        return tuple(attached.image for attached in self.attachments if attached.image is not None)

    @property
    def in_brief(self) -> str:
        """What a person reads of it later: the words, and the names of the files."""
        return _joined(self.words, " ".join(f"[{attached.name}]" for attached in self.attachments))

    @property
    def is_empty(self) -> bool:
        return not self.words.strip() and not self.attachments

    def said(self, system: str) -> str:
        """All that the model is told, ``system`` first, as the guards and the ledger take it: an image by its name."""
        return _joined(system, self.words, *(attached.in_words for attached in self.attachments))

    def tokens_at_most(self, system: str) -> int:
        """An estimate that errs on the high side, the images included."""
        return tokens_at_most(_joined(system, self.words)) + sum(attached.tokens for attached in self.attachments)


def read_attachment(path: Path, *, largest: int = LARGEST) -> Attachment:
    """A text file (UTF-8) of up to ``largest`` bytes, or an image. Waits for the disk.

    Raises:
        NotAttachable: it cannot be read, is too large, or is neither.
    """
    name = printable(path.name, 200)
    try:
        with path.open("rb") as file:
            data = file.read(max(largest, LARGEST_IMAGE) + 1)
    except OSError as error:
        raise NotAttachable(f"{printable(str(path), 200)} cannot be read: {reason_of(error)}") from None
    if (media_type := media_type_of(data)) is not None:
        _check_size(data, name, LARGEST_IMAGE)
        image = Image(name, media_type, base64.b64encode(data).decode("ascii"))
        return Attachment(name, len(data), TOKENS_OF_IMAGE, image=image)
    _check_size(data, name, largest)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise NotAttachable(f"{name} is neither a text file (UTF-8) nor an image ({IMAGES_TAKEN})")
    end = "" if text.endswith("\n") else "\n"
    fenced = f"--- {name} ---\n{text}{end}--- end of {name} ---"
    return Attachment(name, len(data), tokens_at_most(fenced), text=fenced)


def media_type_of(data: bytes) -> str | None:
    """The kind of image that these bytes are, by how they begin; None: none that every server takes."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _check_size(data: bytes, name: str, largest: int) -> None:
    if len(data) > largest:
        raise NotAttachable(f"{name} holds more than {largest // 1024**2} MB, which no model reads")


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part.strip())
