"""Scenes: the ways in which a simulated server can misbehave, and what hostile text looks like."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, get_args

from tui.demo.http_server import Response

SceneName = Literal[
    "normal",
    "slow",
    "hang",
    "error",
    "drop",
    "garbage",
    "huge",
    "hostile",
    "unauthorized",
    "loading",
    "down",
    "restart",
]
SCENE_NAMES: tuple[SceneName, ...] = get_args(SceneName)

VARIANTS: dict[str, tuple[str, ...]] = {
    "garbage": ("html", "binary", "truncated", "text", "empty"),
    "huge": ("big", "endless"),
    "hostile": ("text", "long", "many", "deep"),
}
HUGE_BYTES = 50 * 1024 * 1024
MANY_MODELS = 10_000
DEEP_LEVELS = 100_000
LONG_NAME = 20_000

HOSTILE_NAMES = (
    "[/red]closing-tag",
    "[bold red]markup[/]",
    "\x1b[2J\x1b[1;1Hclear-screen",
    "\x1b]0;window title\x07title",
    "\u202egpj.reversed\u202c",
    "\u200f\u05d0\u05d1right-to-left",
    "line\nbreak\r\ttab",
    "zero\u200bwidth\ufeffjoin",
    "e\u0301\u0302\u0303\u0304combining",
    "👩‍👩‍👧‍👦🏳️‍🌈emoji",
    "'; DROP TABLE requests; --",
    "$(touch /tmp/owned)`id`",
    "../../../etc/passwd",
    "nul\x00byte",
    "c1\x9b31mcontrol",
)
HOSTILE_TEXT = "[/red] \x1b[2J\x1b]0;owned\x07 \u202eesrever\u202c [link=file:///etc/passwd]x[/link] \x9b31m\x00 end"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a server plays now. `latency` is in seconds, `after` in tokens, `down_for` in seconds, `size` in bytes."""

    name: SceneName = "normal"
    variant: str = ""
    latency: float = 1.5
    after: int = 10
    down_for: float = 0.2
    size: int = HUGE_BYTES
    message: str = ""

    def __post_init__(self) -> None:
        if self.name not in SCENE_NAMES:
            raise ValueError(f"no scene is called {self.name!r}; there are {', '.join(SCENE_NAMES)}")
        variants = VARIANTS.get(self.name, ())
        if self.variant and self.variant not in variants:
            raise ValueError(
                f"scene {self.name} has no variant {self.variant!r}; it has {', '.join(variants) or 'none'}"
            )
        if not self.variant and variants:
            object.__setattr__(self, "variant", variants[0])

    def plays(self, name: SceneName, variant: str = "") -> bool:
        return self.name == name and (not variant or self.variant == variant)

    @property
    def drop_after(self) -> int | None:
        """How many tokens a stream may send before it breaks; None: all of them."""
        return self.after if self.name == "drop" else None


def hostile_names(scene: Scene) -> tuple[str, ...]:
    """The model names to add to a server's catalogue while a hostile scene plays; none in the other scenes."""
    if scene.plays("hostile", "text"):
        return HOSTILE_NAMES
    if scene.plays("hostile", "long"):
        return ("n" * LONG_NAME, "長" * LONG_NAME)
    if scene.plays("hostile", "many"):
        return tuple(f"model-{number:05d}" for number in range(MANY_MODELS))
    return ()


def garbage(scene: Scene) -> Response:
    """An answer that claims to be JSON and is none."""
    bodies = {
        "html": b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Wi-Fi login</h1></body></html>",
        "binary": b"\x80\x81\xfe\xff\x00\x1b[31m" + bytes(range(256)),
        "truncated": b'{"object":"list","data":[{"id":"qwen3","obj',
        "text": b"upstream connect error or disconnect/reset before headers",
        "empty": b"",
    }
    content_type = "text/html" if scene.variant == "html" else "application/json"
    return Response(200, bodies[scene.variant], content_type)


def huge(scene: Scene) -> Response:
    """An answer far larger than any client should read: of `size` bytes, or without an end."""

    async def body() -> AsyncIterator[bytes]:
        block = b'"0123456789abcdef",' * 3449  # about 64 KiB
        sent = 0
        yield b'{"object":"list","data":['
        while scene.variant == "endless" or sent < scene.size:
            yield block
            sent += len(block)
        yield b'""]}'

    return Response(200, body(), "application/json")


def deepen(body: bytes) -> bytes:
    """The same JSON object with one more key that is nested 100 000 levels deep."""
    if not body.rstrip().endswith(b"}"):
        return body
    separator = b"" if body.strip() == b"{}" else b","
    return body.rstrip()[:-1] + separator + b'"nested":' + b"[" * DEEP_LEVELS + b"]" * DEEP_LEVELS + b"}"
