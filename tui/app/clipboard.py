"""Puts text on the clipboard: of this machine where it has one, and of the terminal's, over ssh and tmux as well."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping

TIMEOUT = 2.0
"""Seconds: a clipboard tool whose display is gone may hang."""


def local_commands(environment: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """The commands that may reach a clipboard from here, in the order in which they are run.

    tmux takes an escape code of ours only with ``set-clipboard on``; its own ``load-buffer -w`` (3.2) always works.
    """
    commands: list[tuple[str, ...]] = []
    if environment.get("TMUX"):
        commands.append(("tmux", "load-buffer", "-w", "-"))
    if environment.get("WAYLAND_DISPLAY"):
        commands.append(("wl-copy",))
    if environment.get("DISPLAY"):
        commands += [("xclip", "-selection", "clipboard"), ("xsel", "--clipboard", "--input")]
    if not environment.get("SSH_CONNECTION"):
        commands.append(("pbcopy",))
    return tuple(commands)


async def copy_locally(text: str) -> tuple[str, ...]:
    """Hands ``text`` to every clipboard command that exists here; returns the names of those that took it."""
    taken = []
    for command in local_commands(os.environ):
        program = shutil.which(command[0])
        if program is not None and await feed((program, *command[1:]), text):
            taken.append(command[0])
    return tuple(taken)


async def feed(command: tuple[str, ...], text: str) -> bool:
    """Runs a command that reads ``text``; False where it is not there, fails, or takes too long."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            # xclip stays behind to serve the clipboard, and would hold any pipe of ours open.
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    try:
        async with asyncio.timeout(TIMEOUT):
            await process.communicate(text.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
    return process.returncode == 0
