"""The man page, which tells of the commands as they are."""

from __future__ import annotations

import os
import shutil
import subprocess

import click
import pytest

from docs.man_page import PAGE, man_page
from tui.cli.main import COMMANDS, cli


def test_the_page_is_that_of_the_commands_as_they_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == man_page(), "`make man` writes it anew"


@pytest.fixture(scope="module")
def shown() -> str:
    """The page as a person reads it."""
    man = shutil.which("man")
    if man is None or not subprocess.run([man, "--version"], capture_output=True, check=False).stdout.startswith(
        b"man "
    ):
        pytest.skip("there is no man-db, which knows --warnings")
    ran = subprocess.run(
        [man, "--warnings", "-l", str(PAGE)],
        env={"PATH": os.defpath, "MANWIDTH": "200", "LC_ALL": "C.UTF-8", "MANPAGER": "cat", "MAN_KEEP_FORMATTING": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stderr == ""
    return ran.stdout


def test_it_can_be_read(shown: str) -> None:
    for heading in ("NAME", "SYNOPSIS", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES"):
        assert f"\n{heading}\n" in shown
    assert "~/.config/fleetdeck/config.toml" in shown
    for name in COMMANDS:
        assert f"\n   {name}\n" in shown


def test_every_option_of_every_command_is_in_it(shown: str) -> None:
    words = set(shown.replace(",", " ").replace("/", " ").split())
    assert not [option for option in _options(click.Context(cli)) if option not in words]


def _options(context: click.Context) -> set[str]:
    command = context.command
    found = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    for name in command.list_commands(context) if isinstance(command, click.Group) else ():
        inner = command.get_command(context, name)
        assert inner is not None
        found |= set() if inner.hidden else _options(click.Context(inner, parent=context))
    return found
