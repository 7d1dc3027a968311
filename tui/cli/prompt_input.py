"""The prompt as a person gives it: in words, on standard input, in files."""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from tui.config.paths import reason_of
from tui.fleet.printable import printable

PIPED_WITHIN = 2.0
"""Seconds in which standard input has to begin where a prompt was also given otherwise. An agent may have left it open
and will never write to it; what a pipeline takes longer for is waited for with "-"."""
LARGEST = 64 * 1024 * 1024
"""Bytes: more than any model of today reads, and less than what stops a machine."""
READ_SIZE = 256 * 1024


def read_prompt(
    argument: str | None, option: str | None, files: Sequence[Path], tell: Callable[[str], None] = lambda words: None
) -> str:
    """The words, a blank line, what standard input holds, and each file. ``tell`` is given a note for the person.

    Bytes that are no UTF-8 come as lone surrogates (``surrogateescape``).

    Raises:
        click.UsageError: there is no prompt, or a part of it cannot be read.
    """
    words = [text for text in (argument, option) if text is not None and text != "-"]
    if len(words) > 1:
        raise click.UsageError("give the prompt once, as the argument or with -p")
    attached = [_attached(path) for path in files]
    asked_for = "-" in (argument, option)
    piped = _standard_input(asked_for, alone=not words and not attached, tell=tell)
    text = "\n\n".join(part for part in (*words, piped, *attached) if part.strip())
    if not text:
        raise click.UsageError("the prompt is empty")
    return text


def _standard_input(asked_for: bool, *, alone: bool, tell: Callable[[str], None]) -> str:
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty() and not asked_for:
        if alone:
            raise click.UsageError('say a prompt: as the argument, with -p, or on standard input ("-": type it here)')
        return ""
    try:
        descriptor = sys.stdin.fileno()
        if not _begins_within(descriptor, PIPED_WITHIN) and not sys.stdin.isatty():
            if not asked_for and not alone:
                tell(
                    f"nothing came from standard input within {PIPED_WITHIN:g} s, so that it is not part of the "
                    'prompt; "-" waits for it, and < /dev/null spares the waiting'
                )
                return ""
            tell("waiting for the prompt on standard input")
        data = _read_all(descriptor)
    except io.UnsupportedOperation:
        return ""  # No stream of the system's, but what a program that runs us has put in its place.
    except OSError as error:
        raise click.UsageError(f"standard input cannot be read: {reason_of(error)}") from None
    _check_size(data, "standard input")
    return data.decode("utf-8", "surrogateescape")


def _begins_within(descriptor: int, seconds: float) -> bool:
    """Whether something, or the end, can be read."""
    return bool(select.select([descriptor], [], [], seconds)[0])


def _read_all(descriptor: int) -> bytes:
    data = bytearray()
    while len(data) <= LARGEST:
        try:
            block = os.read(descriptor, READ_SIZE)
        except BlockingIOError:
            # Somebody who shares the pipe has set it to not wait, as Node does.
            select.select([descriptor], [], [])
            continue
        if not block:
            break
        data += block
    return bytes(data)


def _attached(path: Path) -> str:
    name = printable(path.name, 200)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise click.UsageError(f"{printable(str(path), 200)} cannot be read: {reason_of(error)}") from None
    _check_size(data, name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise click.UsageError(f"{name} is no text file (UTF-8), and nothing else can be sent along")
    end = "" if text.endswith("\n") else "\n"
    return f"--- {name} ---\n{text}{end}--- end of {name} ---"


def _check_size(data: bytes, what: str) -> None:
    if len(data) > LARGEST:
        raise click.UsageError(f"{what} holds more than {LARGEST // 1024**2} MB, which no model reads")
