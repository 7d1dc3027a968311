"""Keys, fetched where the configuration says they are, and never shown."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tui.config.schema import KeySource

COMMAND_TIMEOUT = 10.0
"""Seconds that a key command may take: a password manager may have to ask its agent, never a person."""


class KeyUnavailable(Exception):
    """The key could not be fetched; the text says why and never holds a part of it."""


class Secret:
    """A key that does not show itself in a log, a traceback or a repr."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


async def read_key(source: KeySource) -> Secret:
    """Fetches a key.

    Raises:
        KeyUnavailable: it is not there, is empty, or its command failed.
    """
    if source.env is not None:
        return _checked(os.environ.get(source.env, ""), f"the environment variable {source.env} is not set")
    if source.file is not None:
        return await asyncio.to_thread(_from_file, source.file)
    if source.command is not None:
        return await _from_command(source.command)
    raise KeyUnavailable("the key has no source")


def _checked(text: str, missing: str) -> Secret:
    value = text.strip()
    if not value:
        raise KeyUnavailable(missing)
    if not value.isascii() or not value.isprintable():
        raise KeyUnavailable("the key holds characters that no HTTP header can carry")
    return Secret(value)


def _from_file(name: str) -> Secret:
    path = Path(name).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise KeyUnavailable(f"{path} is not text") from None
    except OSError as error:
        raise KeyUnavailable(f"{path} cannot be read: {(error.strerror or 'error').lower()}") from None
    return _checked(text.partition("\n")[0], f"the first line of {path} is empty")


async def _from_command(command: tuple[str, ...]) -> Secret:
    program = command[0]
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise KeyUnavailable(f"{program} cannot be run: {(error.strerror or 'error').lower()}") from None
    try:
        async with asyncio.timeout(COMMAND_TIMEOUT):
            output, _ = await process.communicate()
    except TimeoutError:
        raise KeyUnavailable(f"{program} gave no key within {COMMAND_TIMEOUT:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise KeyUnavailable(f"{program} failed with exit code {process.returncode}")
    return _checked(output.decode(errors="replace").partition("\n")[0], f"{program} printed no key")
