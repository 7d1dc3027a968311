"""Answers from command-line programs: each is run once for a prompt, and what it prints is read as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Protocol

from tui.chat.lines import LONGEST_FROM_PROGRAM, LineSplitter, LineTooLong
from tui.chat.pieces import Pieces
from tui.chat.program import Child, Invocation, ProgramLimits, running
from tui.chat.prompt import Prompt
from tui.chat.reply import Ended, FailureKind, Piece, Reasoning, ReplyFailed, Restarted, Text
from tui.config.schema import CliSettings

PROGRAM_LIMITS = ProgramLimits()
EXIT_WITHIN = 5.0
"""Seconds from a program's last word to its end."""


class Dialect(Protocol):
    """What one program prints, and what it means."""

    pieces: Pieces
    in_lines: bool
    """True where it prints lines; else it gets what was read as it came."""

    given_up: ReplyFailed | None
    """What it has said beside its answer that makes waiting for one pointless."""

    @property
    def complete(self) -> bool:
        """True once it has said that its answer is whole."""

    def read(self, data: bytes) -> None:
        """Takes a line in. Raises ReplyFailed where it tells of a failure."""

    def note(self, line: str) -> None:
        """Takes a line of its stderr in."""

    def end(self, child: Child) -> Ended:
        """The last word, once it has ended or is complete. Raises ReplyFailed where its answer is not whole."""


async def stream_program(
    program: CliSettings, model: str, prompt: Prompt, limits: ProgramLimits = PROGRAM_LIMITS
) -> AsyncGenerator[Piece, None]:
    """One answer of a program.

    Raises:
        ReplyFailed: there is none, or it is not complete.
    """
    match program.kind:
        case "opencode":
            from tui.chat.opencode_program import stream_opencode

            stream = stream_opencode(program, model, prompt, limits)
        case "claude":
            from tui.chat.claude_program import ClaudeDialect, claude_invocation

            stream = _stream(claude_invocation(model, prompt), ClaudeDialect(), limits)
        case "gemini":
            from tui.chat.gemini_program import GeminiDialect, gemini_invocation

            stream = _stream(gemini_invocation(model, prompt), GeminiDialect(), limits)
        case "copilot":
            from tui.chat.copilot_program import CopilotDialect, copilot_invocation

            stream = _stream(copilot_invocation(model, prompt), CopilotDialect(), limits)
        case _:
            from tui.chat.command_program import CommandDialect, command_invocation

            stream = _stream(command_invocation(program, model, prompt), CommandDialect(program.name), limits)
    try:
        async for piece in stream:
            yield piece
    finally:
        await stream.aclose()


async def _stream(invocation: Invocation, dialect: Dialect, limits: ProgramLimits) -> AsyncGenerator[Piece, None]:
    now = asyncio.get_running_loop().time
    splitter = LineSplitter(LONGEST_FROM_PROGRAM)
    until, said = now() + limits.first_word, False
    async with running(invocation, limits.grace, dialect.note) as child:
        while not dialect.complete:
            data = await child.read()
            failure = _take(dialect, splitter, data)
            for piece in dialect.pieces.take():
                if isinstance(piece, Text | Reasoning):
                    until, said = now() + limits.silence, True
                elif isinstance(piece, Restarted):
                    until = now() + limits.silence
                yield piece
            if (failure := failure or dialect.given_up) is not None:
                raise failure
            if data is None:
                break
            if now() >= until:
                seconds = limits.silence if said else limits.first_word
                raise ReplyFailed(FailureKind.TIMED_OUT, f"{child.name} said nothing for {seconds:g} s")
        await child.wait(EXIT_WITHIN)
        ended = dialect.end(child)
        for piece in dialect.pieces.take():
            yield piece
        yield ended


def _take(dialect: Dialect, splitter: LineSplitter, data: bytes | None) -> ReplyFailed | None:
    """Gives the dialect what was read, in lines where it wants them; returns the failure that one tells of."""
    try:
        if not dialect.in_lines:
            if data:
                dialect.read(data)
            return None
        for line in splitter.rest() if data is None else splitter.split(data):
            if line.strip():
                dialect.read(line)
    except ReplyFailed as failure:
        return failure
    except LineTooLong:
        return ReplyFailed(FailureKind.BAD_ANSWER, "the program printed a line that does not end")
    return None
