"""``fleetdeck claude``: what Claude Code calls, and what sets it up.

Its hook runs at the start of every session, so that each command imports what it needs, and the hook next to nothing.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.cli.main import EXIT_DONE, EXIT_FAILED, CommandFailed, Invocation
from tui.cli.modes import external_mode_file
from tui.config.paths import CONFIG_VARIABLE, modes_file
from tui.routing.modes import Mode, Modes, read_modes

if TYPE_CHECKING:
    from tui.bridges.claude_agents import Agent
    from tui.bridges.claude_install import Installation, Surroundings
    from tui.bridges.claude_status import Session
    from tui.config.schema import Config

LARGEST_INPUT = 1_000_000
"""Bytes: what Claude Code tells its status line is a few thousand."""
LATEST = 5.0
"""Seconds for which a status line may wait for what it is told."""

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document.")
_YES = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
_REGISTRY = click.option(
    "--registry", type=click.Path(dir_okay=False, path_type=Path), help="A component-registry.json with our phrases."
)


@click.group()
def claude() -> None:
    """Claude Code: its hook and status line, its agents' models, and what sets it up."""


@claude.command()
@click.option("--json", "as_json", is_flag=True, help="The form that Claude Code reads: a context and a message.")
@click.pass_obj
def hook(invocation: Invocation, as_json: bool) -> None:
    """Answer Claude Code's SessionStart hook with the modes: "external-mode:enabled" on a line while it is on."""
    from tui.bridges.claude_status import hook_document, hook_lines

    modes = _modes(invocation)
    if as_json:
        document = hook_document(modes, shlex.join(own_program(invocation)))
        sys.stdout.write(json.dumps(document) + "\n")
        return
    for line in hook_lines(modes):
        click.echo(line)
    for problem in modes.problems:
        click.echo(problem, err=True)


@claude.command()
@click.pass_obj
def statusline(invocation: Invocation) -> None:
    """Print Claude Code's status line from the JSON on standard input, and keep the quota in it for the panel."""
    import time

    from tui.bridges.claude_quota import keep_quota, quota_file, read_quota, told_quota
    from tui.bridges.claude_status import session_of, status_line
    from tui.config.paths import reason_of

    now = time.time()
    session = session_of(_told(), ("opus", "sonnet", "haiku"))
    told = told_quota(session.limits, now)
    if told.windows:
        try:
            keep_quota(quota_file(), told)
        except OSError as error:
            click.echo(f"the quota is not kept for the panel: {reason_of(error)}", err=True)
    modes = _modes(invocation)
    quota = read_quota(quota_file()).words(now)
    click.echo(status_line(modes, session, _routed(invocation, session, modes), quota))
    for problem in modes.problems:
        click.echo(problem, err=True)


@claude.command()
@click.argument("name", required=False)
@click.argument("model", required=False)
@click.option("--scope", type=click.Choice(("user", "project")), help="Where several agents have one name.")
@_JSON
@click.pass_obj
def agents(invocation: Invocation, name: str | None, model: str | None, scope: str | None, as_json: bool) -> None:
    """List the agents of Claude Code with their models; with a NAME and a MODEL, change that one's.

    MODEL is haiku, sonnet, opus or inherit. Of the agent's file that line alone is touched.
    """
    from tui.bridges.claude_agents import agents_here
    from tui.cli.asking import refuse_readonly
    from tui.fleet.printable import printable

    found = agents_here(os.environ, Path.home(), Path.cwd())
    if name is not None:
        named = [agent for agent in found if name in (agent.name, agent.path.stem) and scope in (None, agent.scope)]
        if not named:
            known = ", ".join(sorted({printable(agent.name, 60) for agent in found if agent.name})) or "none"
            raise click.UsageError(f"there is no agent {printable(name, 60)}; there are {known}")
        found = tuple(named)
    if model is not None:
        refuse_readonly(invocation)
        found = (_changed(found[0], model),)
    if as_json:
        from tui.cli.answers import print_document
        from tui.cli.document import SCHEMA

        print_document({"schema": SCHEMA, "agents": [_agent_document(agent) for agent in found]})
    else:
        _print_agents(found, _modes(invocation))


@claude.command()
@click.option("--no-mcp", is_flag=True, help="Leave the MCP server unregistered.")
@click.option("--skill", is_flag=True, help="Write an /external skill as well.")
@_REGISTRY
@_DRY_RUN
@_YES
@click.pass_obj
def install(invocation: Invocation, no_mcp: bool, skill: bool, registry: Path | None, dry_run: bool, yes: bool) -> None:
    """Set Claude Code up: the hook, the status line and the MCP server. Shows the change, and asks.

    Everything else in its settings stays as it is; the version before is kept beside the file.
    """
    from tui.bridges.claude_install import installation

    if invocation.demo:
        raise click.UsageError("the simulated fleet is gone when this command ends: install without --demo")
    plan = installation(_surroundings(invocation), mcp=not no_mcp, skill=skill, registry=registry)
    _carry_out(invocation, plan, "Set Claude Code up like this?", "Claude Code is set up already", dry_run, yes)


@claude.command()
@_REGISTRY
@_DRY_RUN
@_YES
@click.pass_obj
def uninstall(invocation: Invocation, registry: Path | None, dry_run: bool, yes: bool) -> None:
    """Take all of it back: the settings are then as they were before. Shows the change, and asks."""
    from tui.bridges.claude_install import removal

    plan = removal(_surroundings(invocation), registry=registry)
    _carry_out(invocation, plan, "Take it out of Claude Code?", "Claude Code has nothing of fleetdeck", dry_run, yes)


@claude.command()
@_JSON
@click.pass_obj
def check(invocation: Invocation, as_json: bool) -> int:
    """Find what would break the subscription's terms, agents that do not follow the mode, and what is dead.

    Exits 1 where something is wrong.
    """
    from tui.bridges.claude_check import look_at_claude
    from tui.fleet.printable import printable

    modes = _modes(invocation)
    look = look_at_claude(_surroundings(invocation), Path.cwd(), modes)
    if as_json:
        from tui.cli.answers import print_document
        from tui.cli.document import SCHEMA

        problems = [
            {"kind": problem.kind, "about": problem.about, "text": problem.text, "fix": problem.fix}
            for problem in look.problems
        ]
        print_document({"schema": SCHEMA, "set_up": look.is_set_up, "problems": problems})
    else:
        for problem in look.problems:
            click.echo(f"× {problem.kind}  {printable(problem.about, 120)}: {printable(problem.text, 400)}")
            click.echo(f"  {printable(problem.fix, 300)}")
        if not look.problems:
            click.echo("● nothing is wrong with how Claude Code is set up")
        for words in modes.problems:
            click.echo(f"{printable(words, 300)}; whether agents follow the modes is not known", err=True)
        if not look.is_set_up:
            click.echo("its settings have no hook of fleetdeck: fleetdeck claude install", err=True)
    return EXIT_FAILED if look.problems else EXIT_DONE


def own_program(invocation: Invocation) -> tuple[str, ...]:
    """How another program runs this fleetdeck with this configuration, whatever its PATH and folder are."""
    called, beside = Path(sys.argv[0]), Path(sys.executable).with_name("fleetdeck")
    if called.name == "fleetdeck" and called.is_file():
        words: tuple[str, ...] = (str(called.absolute()),)
    else:
        # Not with what a folder of that name holds where a session is started.
        words = (str(beside),) if beside.is_file() else (sys.executable, "-P", "-m", "tui")
    named = os.environ.get(CONFIG_VARIABLE)
    config = invocation.config_path or (Path(named) if named else None)
    return (*words, "--config", str(config.expanduser().absolute())) if config is not None else words


def _surroundings(invocation: Invocation) -> Surroundings:
    from tui.bridges.claude_install import Surroundings

    return Surroundings(program=own_program(invocation), home=Path.home())


def _modes(invocation: Invocation) -> Modes:
    """The modes; external mode is unknown where its file is not known. A session is nothing to hold up for that."""
    from tui.config.errors import ConfigError

    try:
        file = external_mode_file(invocation)
    except ConfigError as error:
        # Which file external mode is kept in is not known; the other modes have a place of their own.
        others = read_modes(modes_file(), modes_file())
        return replace(others, external=Mode(), external_problem="; ".join(str(problem) for problem in error.problems))
    return read_modes(file, modes_file())


def _told() -> object:
    """What stands on standard input; None where nobody tells anything, or not in time, or no JSON."""
    import select

    content = b""
    descriptor = sys.stdin.fileno()
    while not sys.stdin.isatty() and len(content) < LARGEST_INPUT and select.select([descriptor], [], [], LATEST)[0]:
        piece = os.read(descriptor, 65536)
        if not piece:
            break
        content += piece
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _routed(invocation: Invocation, session: Session, modes: Modes) -> str:
    """Where the session's tier goes by the person's rules and the modes alone: servers are not asked for a line that
    is drawn every few seconds."""
    import time

    from tui.config.errors import ConfigError
    from tui.fleet.snapshot import FleetSnapshot
    from tui.ledger.usage import Usage
    from tui.routing.guard import Findings
    from tui.routing.locality import Where, may_be_local
    from tui.routing.plan import plan
    from tui.routing.policy import Request

    try:
        config: Config | None = invocation.read_config()
    except ConfigError:
        return "? (the configuration is wrong)" if session.tier is not None else ""
    if config is None or session.tier is None:
        return ""
    now = time.time()
    # Unlooked at, nearly every model counts as cloud: who may answer at home is sought among all who may answer.
    anywhere = replace(modes, private=Mode(), others_problem="")
    made = plan(Request(tier=session.tier), config, FleetSnapshot(at=now), anywhere, Usage(), Findings(), now)
    if not modes.private.enabled and not modes.private_unknown:
        return made.candidates[0].model if made.candidates else "nowhere"
    for candidate in made.candidates:
        if candidate.where is Where.LOCAL:
            return candidate.model
        if may_be_local(candidate.model, config, modes.hold):
            return f"{candidate.model} ?"
    return "nowhere at home"


def _changed(agent: Agent, model: str) -> Agent:
    """The agent, once its file names the model."""
    from tui.bridges.claude_agents import AGENT_MODELS, change_model
    from tui.cli.remembering import in_ledger
    from tui.config.errors import ConfigChanged, ConfigError

    wanted = next((one for one in AGENT_MODELS if one == model), None)
    if wanted is None:
        raise click.UsageError(f"an agent runs on {', '.join(AGENT_MODELS)}")
    with in_ledger("agent.model", f"{agent.name or agent.path.stem} {wanted}"):
        try:
            change_model(agent.path, wanted).save()
        except (ConfigError, ConfigChanged) as error:
            raise CommandFailed(str(error)) from None
    return replace(agent, model=wanted)


def _agent_document(agent: Agent) -> dict[str, object]:
    return {
        "name": agent.name or None,
        "scope": agent.scope,
        "path": str(agent.path),
        "model": agent.model or None,
        "description": agent.description,
        "tools": list(agent.tools) if agent.tools is not None else None,
        "hidden": agent.hidden,
        "problem": agent.problem or None,
    }


def _print_agents(found: tuple[Agent, ...], modes: Modes) -> None:
    from tui.bridges.claude_check import drift_of
    from tui.cli.lines import Line, print_lines
    from tui.fleet.printable import printable

    lines = []
    for agent in found:
        wrong = agent.problem or drift_of(agent, modes)
        note = wrong or ("hidden by a project's agent" if agent.hidden else agent.description)
        name = printable(agent.name or agent.path.stem, 40)
        symbol = "×" if wrong else "○" if agent.hidden else "●"
        model = printable(agent.model, 40) or "default"
        lines.append(Line((f"{symbol} {name}", model, agent.scope, printable(note, 80)), "red" if wrong else None))
    print_lines(lines)
    if not found:
        click.echo("no agents: ~/.claude/agents and .claude/agents hold none", err=True)


def _carry_out(
    invocation: Invocation, plan: Installation, question: str, nothing: str, dry_run: bool, yes: bool
) -> None:
    from tui.bridges.claude_install import InstallFailed
    from tui.cli.asking import ask_person, person_is_there, refuse_readonly
    from tui.cli.remembering import in_ledger
    from tui.config.errors import ConfigChanged, ConfigError
    from tui.config.kept_file import versions
    from tui.fleet.printable import printable_lines

    if not dry_run:
        refuse_readonly(invocation)
    for edit in plan.edits:
        click.echo(printable_lines(edit.diff()))
    for command in plan.commands:
        click.echo(f"$ {shlex.join(command)}")
    for note in plan.notes:
        click.echo(note, err=True)
    if plan.changes_nothing:
        click.echo(nothing, err=True)
        return
    if dry_run:
        return
    if not yes:
        if not person_is_there():
            raise click.UsageError("nobody is there to be asked; say --yes to do it all the same")
        ask_person(question, ())
    with in_ledger("claude.set-up", " ".join(edit.path.name for edit in plan.edits) or "mcp"):
        try:
            plan.carry_out()
        except (ConfigError, ConfigChanged, InstallFailed) as error:
            raise CommandFailed(str(error)) from None
    for edit in plan.edits:
        kept = versions(edit.path) if edit.before is not None and edit.kept else ()
        before = f"; what it was is kept as {kept[0].name}" if kept else ""
        click.echo(f"{edit.path} is {'removed' if edit.after is None else 'written'}{before}", err=True)
