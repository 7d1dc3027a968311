"""The prompt as a person gives it: in words, on standard input, in files."""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from tui.chat.attachments import LARGEST, NotAttachable, WrittenPrompt, read_attachment
from tui.config.paths import reason_of

PIPED_WITHIN = 2.0
"""Seconds in which standard input has to begin where a prompt was also given otherwise. An agent may have left it open
and will never write to it; what a pipeline takes longer for is waited for with "-"."""
READ_SIZE = 256 * 1024


def read_prompt(
    argument: str | None, option: str | None, files: Sequence[Path], tell: Callable[[str], None] = lambda words: None
) -> WrittenPrompt:
    """The words, a blank line, what standard input holds, and the files. ``tell`` is given a note for the person.

    Bytes that are no UTF-8 come as lone surrogates (``surrogateescape``).

    Raises:
        click.UsageError: there is no prompt, or a part of it cannot be read.
    """
    words = [text for text in (argument, option) if text is not None and text != "-"]
    if len(words) > 1:
        raise click.UsageError("give the prompt once, as the argument or with -p")
    try:
        attached = tuple(read_attachment(path) for path in files)
    except NotAttachable as refused:
        raise click.UsageError(str(refused)) from None
    asked_for = "-" in (argument, option)
    piped = _standard_input(asked_for, alone=not words and not attached, tell=tell)
    prompt = WrittenPrompt("\n\n".join(part for part in (*words, piped) if part.strip()), attached)
    if prompt.is_empty:
        raise click.UsageError("the prompt is empty")
    return prompt


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
    if len(data) > LARGEST:
        raise click.UsageError(f"standard input holds more than {LARGEST // 1024**2} MB, which no model reads")
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
