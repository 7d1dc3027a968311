"""The options by which every command names where a prompt may go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from tui.cli.completing import complete_models, complete_tasks, complete_tiers

Command = TypeVar("Command", bound=Callable[..., object])

TARGETS = (
    click.option("-t", "--tier", metavar="TIER", shell_complete=complete_tiers, help="opus, sonnet or haiku."),
    click.option("-k", "--task", metavar="TASK", shell_complete=complete_tasks, help="A task of the configuration."),
    click.option(
        "-m", "--model", metavar="MODEL", shell_complete=complete_models, help="service/name or program/name."
    ),
    click.option("--fallback", is_flag=True, help="With --model: its configured fallbacks as well."),
)
CONDITIONS = (
    click.option("--private", is_flag=True, help="Only to models on your own machines."),
    click.option("--external", is_flag=True, help="As if external mode were on."),
    click.option("--allow-secrets", is_flag=True, help="Even with a credential in the prompt."),
)
PROMPT = (
    click.option("-p", "--prompt", "option_prompt", metavar="PROMPT", help="The same as the argument."),
    click.argument("prompt", required=False),
)

WRITING = (
    click.option("--system", metavar="TEXT", default="", help="What the model is told to be, before the prompt."),
    click.option(
        "-f",
        "--file",
        "files",
        metavar="FILE",
        multiple=True,
        type=click.Path(path_type=Path),
        help="A text file that goes behind the prompt, or an image; may be given again.",
    ),
)


def with_options(*groups: tuple[Callable[[Command], Command], ...]) -> Callable[[Command], Command]:
    """Adds these options to a command, in this order."""

    def add(command: Command) -> Command:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return add
