"""The command line: the options before any command, and the way to each command's file."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tui.config.schema import Config

PROGRAM = "fleetdeck"
COMPLETION_VARIABLE = "_FLEETDECK_COMPLETE"
"""Set by the scripts of ``fleetdeck completion``: what was typed so far is then completed, and no command is run."""
DRIVER_VARIABLE = "TEXTUAL_DRIVER"
"""Textual's own: names what shows the panel in place of a terminal, such as a browser."""

EXIT_DONE, EXIT_FAILED, EXIT_WRONG_CALL, EXIT_EMPTY_PLAN, EXIT_GUARD_REFUSED, EXIT_INTERRUPTED = 0, 1, 2, 3, 4, 130

WRITES_LOG = object()
"""Says that this process is the command's own, so that its log records are ours to write."""

COMMANDS: Mapping[str, tuple[str, str]] = {
    # Name → where it is, and its one line of help: nothing is imported to print the list of commands.
    "status": ("tui.cli.status:status", "One look at everything."),
    "models": ("tui.cli.models:models", "Every model: where it runs, its state, what it is for."),
    "ps": ("tui.cli.models:ps", "The models that are loaded."),
    "load": ("tui.cli.loading:load", "Load a model, and wait until it is ready."),
    "unload": ("tui.cli.loading:unload", "Unload a model, and wait until it is gone."),
    "unit": ("tui.cli.units:unit", "A service's systemd unit: start, stop, restart, status or logs."),
    "external": ("tui.cli.modes:external", "External mode: on, off, toggle or status."),
    "private": ("tui.cli.modes:private", "Private mode: on, off, toggle or status."),
    "hold": ("tui.cli.hold:hold", "Lend the GPU of a machine, and take it back."),
    "route": ("tui.cli.route:route", "Where a prompt would go, and why; sends nothing."),
    "invoke": ("tui.cli.invoke:invoke", "Send a prompt where its route says; the answer comes as it is made."),
    "ask": ("tui.cli.invoke:invoke", "The same as invoke."),
    "delegate": ("tui.cli.invoke:delegate", "Send a prompt to a tier, as agents do."),
    "race": ("tui.cli.race:race_command", "The same prompt to several models at once, side by side."),
    "consensus": ("tui.cli.consensus:consensus_command", "Ask several models, and see whether enough of them agree."),
    "pipeline": ("tui.cli.pipeline:pipeline", "Run a file of prompts that use each other's answers."),
    "conversations": ("tui.cli.conversations:conversations", "Conversations: list, show, export or delete them."),
    "agents": ("tui.cli.agents:agents", "Let agents that think with your models work on a task."),
    "usage": ("tui.cli.usage:usage_command", "Requests, tokens, cost and speed, by model, task, day or where."),
    "audit": ("tui.cli.audit:audit", "Which model saw what, and everything that was done."),
    "litellm-config": ("tui.cli.litellm_config:litellm_config", "LiteLLM's configuration for the local models."),
    "metrics": ("tui.cli.metrics:metrics_command", "The fleet for Prometheus: one scrape, or served."),
    "mcp": ("tui.cli.mcp:mcp_command", "Serve agents of other programs over MCP, on standard input and output."),
    "claude": ("tui.cli.claude:claude", "What Claude Code calls, and what sets it up."),
    "import-policy": ("tui.cli.policy:import_policy", "Take a model-policy.json over into the configuration."),
    "doctor": ("tui.cli.doctor.command:doctor", "Look for what is set up wrong, and say how to mend it."),
    "web": ("tui.cli.web:web_command", "The panel in a browser on this machine."),
    "keys": ("tui.cli.settings:keys", "The keys of the panel, with the ids that [keys] rebinds."),
    "themes": ("tui.cli.settings:themes", "The themes that the panel can use."),
    "config": ("tui.cli.settings:config", "Where the configuration is, and what is wrong with it."),
    "completion": ("tui.cli.completion:completion", "The script that makes a shell complete all of this."),
}


SCREENS = ("fleet", "routes", "playground", "ledger", "logs")


@dataclass(frozen=True, slots=True)
class Invocation:
    """What was said before the command."""

    config_path: Path | None = None
    demo: bool = False
    readonly: bool = False
    screen: str | None = None

    def read_config(self) -> Config | None:
        """The person's configuration; None where they have none.

        Raises:
            ConfigError: a file that was named is missing, or one is wrong.
        """
        from tui.config.load import load_config
        from tui.config.paths import find_config

        path = find_config(self.config_path)
        return load_config(path) if path is not None else None


class LateCommands(click.Group):
    """Imports a command's file when it is called: most calls need one of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """click's own knows nothing that was meant: it looks among the commands that are imported already."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            from tui.config.errors import nearest

            if (meant := nearest(name, COMMANDS)) is not None:
                ctx.fail(f"No such command {name!r}. Did you mean {meant!r}?")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """click's own would import every command's file, to ask each for its line of help."""
        from click.shell_completion import CompletionItem

        names = [(name, about) for name, (_, about) in COMMANDS.items() if name.startswith(incomplete)]
        commands = [CompletionItem(name, help=about) for name, about in names]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.group(cls=LateCommands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="Use this configuration.")
@click.option("--demo", is_flag=True, help="Use a simulated fleet; nothing outside of it is touched.")
@click.option("--readonly", is_flag=True, help="Take away every action that changes something.")
@click.option("--screen", type=click.Choice(SCREENS), help="The screen that opens first.")
@click.version_option(__version__, prog_name=PROGRAM)
@click.pass_context
def cli(context: click.Context, config_path: Path | None, demo: bool, readonly: bool, screen: str | None) -> None:
    """A control panel for a private fleet of language models. Without a command it opens the panel."""
    if demo:
        from tui.cli.demo import simulated_fleet

        config_path = context.with_resource(simulated_fleet())
    if context.obj is WRITES_LOG and "logging" in sys.modules:  # else nothing that this command does writes a record
        from tui.cli.log import write_log

        write_log()
    context.obj = Invocation(config_path, demo, readonly, screen)
    if context.invoked_subcommand is None:
        _open_panel_or_status(context)


def _open_panel_or_status(context: click.Context) -> None:
    """The panel for a person on a terminal that can draw one, else what can be printed line by line."""
    if DRIVER_VARIABLE in os.environ:
        from tui.cli.panel import open_panel

        open_panel(context.obj)
        return
    if sys.stdout.isatty() and sys.stdin.isatty():
        from tui.cli.terminal import why_no_panel

        obstacle = why_no_panel(os.environ, getattr(sys.__stdout__, "encoding", ""))
        if not obstacle:
            from tui.cli.panel import open_panel

            open_panel(context.obj)
            return
        click.echo(obstacle, err=True)
    from tui.cli.status import status

    context.invoke(status)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 1 tried and failed, 2 wrong call or configuration, 3 nothing may take
    the request, 4 a guard refused, 130 interrupted."""
    from tui.cli.faults import tell_of_faults_elsewhere
    from tui.cli.interrupts import interruptible
    from tui.cli.standard_streams import prepare_streams

    prepare_streams()
    tell_of_faults_elsewhere()
    with interruptible():
        try:
            code = run(arguments, WRITES_LOG)
            sys.stdout.flush()
        except KeyboardInterrupt:
            code = EXIT_INTERRUPTED
        except Exception as error:
            code = _code_after(error, sys.argv[1:] if arguments is None else arguments)
    sys.exit(code)


def _code_after(error: Exception, arguments: list[str]) -> int:
    """The exit code after an error that no command expected, which is told of."""
    from tui.cli.faults import tell_of_fault
    from tui.cli.standard_streams import OutputLost, give_up_output

    lost: BaseException = error
    while isinstance(lost, ExceptionGroup):
        lost = (lost.subgroup((OutputLost, BrokenPipeError)) or lost).exceptions[0]
    if not isinstance(lost, OutputLost | BrokenPipeError):
        click.echo(tell_of_fault(error, arguments), err=True)
        return EXIT_FAILED
    give_up_output()
    if isinstance(lost, OutputLost):
        click.echo(f"fleetdeck: {lost}", err=True)
        return EXIT_FAILED
    return EXIT_DONE


def run(arguments: list[str] | None = None, process: object = None) -> int:
    """The same within a program of somebody else's: returns the exit code, and raises what a fault of ours raises.

    ``process``: ``WRITES_LOG``, where what is logged in it is ours alone.
    """
    from tui.config.errors import ConfigError

    if COMPLETION_VARIABLE in os.environ:
        # It has to be known to click before that sees the variable.
        importlib.import_module("tui.cli.completion")
    try:
        result: Any = cli.main(arguments, prog_name=PROGRAM, standalone_mode=False, obj=process)
        sys.stdout.flush()
    except click.exceptions.Abort:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code if isinstance(error, CommandFailed) else EXIT_WRONG_CALL
    except ConfigError as error:
        click.echo(str(error), err=True)
        return EXIT_WRONG_CALL
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit:
        # click's end, with 1, where the reader has seen enough (`| head`): no failure of ours.
        return EXIT_DONE
    return result if isinstance(result, int) else EXIT_DONE


class CommandFailed(click.ClickException):
    """It was tried and failed; the text is one sentence for stderr."""

    exit_code = EXIT_FAILED

    def show(self, file: Any = None) -> None:
        click.echo(f"fleetdeck: {self.message}", file=file, err=file is None)
