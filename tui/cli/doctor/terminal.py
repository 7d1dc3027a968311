"""The terminal: colours, characters, the clipboard."""

from __future__ import annotations

import locale
import os
import shutil
import sys
from collections.abc import Iterator, Mapping

from tui.app.clipboard import local_commands
from tui.cli.doctor.finding import Area, Finding, fine, warning
from tui.cli.standard_streams import locale_draws, locale_said
from tui.cli.terminal import WITHOUT_CURSOR, has_few_colors, says_truecolor

SMALLEST = (80, 24)
"""Columns and lines for which the panel is laid out."""
PACKAGES = {"wl-copy": "wl-clipboard", "xclip": "xclip", "xsel": "xsel", "tmux": "tmux"}


def check_terminal() -> tuple[Finding, ...]:
    return (
        *_colors(os.environ),
        *_characters(os.environ, getattr(sys.__stdout__, "encoding", "utf-8")),
        *_size(),
        *_clipboard(os.environ),
    )


def _colors(environment: Mapping[str, str]) -> Iterator[Finding]:
    term = environment.get("TERM", "")
    if environment.get("NO_COLOR"):
        fix = "`unset NO_COLOR` brings colours back; states are told by symbol and word as well"
        yield warning(Area.TERMINAL, "colours", "NO_COLOR is set, so that there are none", fix)
    elif term in WITHOUT_CURSOR:
        text = f"TERM is {term or 'not set'}: nobody knows what this terminal can draw"
        fix = "`export TERM=xterm-256color`, in a terminal that is one; over ssh it needs `ssh -t`"
        yield warning(Area.TERMINAL, "colours", text, fix)
    elif environment.get("TMUX") and not term.startswith(("tmux", "screen")):
        text = f"TERM is {term} within tmux, so that programs draw for another terminal than tmux"
        fix = "`set -g default-terminal tmux-256color` in ~/.tmux.conf, and no export of TERM in the shell's files"
        yield warning(Area.TERMINAL, "colours", text, fix)
    elif not says_truecolor(environment):
        count = "16" if has_few_colors(environment) else "256"
        text = f"COLORTERM does not say truecolor, so that themes are drawn in {count} colours"
        fix = "`export COLORTERM=truecolor` where the terminal has them; over ssh, SetEnv COLORTERM=truecolor there"
        yield warning(Area.TERMINAL, "colours", text, fix)
    else:
        yield fine(Area.TERMINAL, "colours", f"{term}, 24 bits")


def _characters(environment: Mapping[str, str], encoding: str) -> Iterator[Finding]:
    variable, named = locale_said(environment)
    fix = "`export LANG=C.UTF-8` (every Linux has it), and unset LC_ALL"
    try:
        locale.setlocale(locale.LC_CTYPE, "")
    except locale.Error:
        text = f"{variable} is {named}, a locale that is not installed here"
        yield warning(Area.TERMINAL, "characters", text, f"{fix}; `locale -a` lists what there is")
        return
    if "utf" not in encoding.lower() or not locale_draws(environment):
        shown = f"{variable} is {named}" if not locale_draws(environment) else f"the encoding is {encoding}"
        text = f"{shown}, which is not UTF-8: commands write ASCII, and the panel's frames may look broken"
        yield warning(Area.TERMINAL, "characters", text, fix)
    else:
        yield fine(Area.TERMINAL, "characters", "UTF-8")


def _size() -> Iterator[Finding]:
    if not sys.stdout.isatty():
        return
    size = shutil.get_terminal_size()
    if size.columns < SMALLEST[0] or size.lines < SMALLEST[1]:
        text = f"{size.columns} by {size.lines} is less than the {SMALLEST[0]} by {SMALLEST[1]} of the smallest layout"
        yield warning(Area.TERMINAL, "size", text, "make it larger, or its letters smaller")


def _clipboard(environment: Mapping[str, str]) -> Iterator[Finding]:
    commands = [command[0] for command in local_commands(environment)]
    there = [command for command in commands if shutil.which(command)]
    if there:
        yield fine(Area.TERMINAL, "clipboard", f"by {' and '.join(there)}")
        return
    wanted = [command for command in commands if command in PACKAGES]
    if wanted:
        text = f"none of {', '.join(wanted)} is installed, so that only the terminal itself can copy"
        fix = f"on Debian and Ubuntu: `apt install {PACKAGES[wanted[0]]}`"
        yield warning(Area.TERMINAL, "clipboard", text, fix)
    else:
        yield fine(Area.TERMINAL, "clipboard", "by the terminal itself (OSC 52), if it allows that")
