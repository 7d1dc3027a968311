"""What a shell offers after TAB."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.cli.demo_process import PATIENCE
from tests.cli.house import House
from tui.cli.completing import LOOKED_AT_AGAIN_AFTER
from tui.cli.completion import InBash
from tui.cli.main import COMPLETION_VARIABLE, cli
from tui.control.known_models import Listed, known_models, known_models_file
from tui.control.own_records import write_record


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine changes nothing of what is offered."""
    monkeypatch.setattr("tui.cli.completing.LONGEST_LOOK", PATIENCE)


async def offered(*line: str) -> list[str]:
    """What is offered for the last word of ``fleetdeck …``."""
    shell = InBash(cli, {}, "fleetdeck", COMPLETION_VARIABLE)
    items = await asyncio.to_thread(shell.get_completions, list(line[:-1]), line[-1])
    return [item.value for item in items]


def keep_known(**models: tuple[str, ...]) -> None:
    write_record(known_models_file(), {name: Listed(time.time(), names) for name, names in models.items()})


async def test_commands_options_and_choices(house: House) -> None:
    assert await offered("inv") == ["invoke"]
    assert "--readonly" in await offered("--r")
    assert "--fallback" in await offered("route", "--fa")
    assert await offered("completion", "") == ["bash", "zsh", "fish"]
    assert "check" in await offered("config", "")


async def test_names_of_the_configuration(house: House) -> None:
    house.config.write_text(
        '[machines.koala]\n[services.swap]\nkind = "llama-swap"\nurl = "http://koala:9"\nunit = "swap.service"\n'
        '[services.qdrant]\nkind = "qdrant"\nurl = "http://koala:9"\n'
        '[clis.copilot]\nkind = "opencode"\nprovider = "github-copilot"\nmodels = ["gpt-5.2"]\n'
        '[tasks]\ndefault = ["copilot/gpt-5.2"]\n'
    )
    keep_known(swap=())
    config = ("--config", str(house.config))
    assert await offered(*config, "route", "-t", "") == ["opus", "sonnet", "haiku"]
    assert "default" in await offered(*config, "route", "--task", "d")
    assert await offered(*config, "unit", "restart", "") == ["swap"], "qdrant has no unit"
    assert "koala" in await offered(*config, "hold", "")
    assert "copilot/gpt-5.2" in await offered(*config, "race", "-m", "copilot/")


async def test_models_are_those_that_the_services_list_now_and_are_kept(house: House) -> None:
    listed = await offered("--config", str(house.config), "load", "llama-swap/")
    assert "llama-swap/qwen3" in listed
    assert "qwen3" in known_models()["llama-swap"].models


async def test_what_was_listed_lately_is_not_asked_for_again(house: House) -> None:
    kept = dict.fromkeys(house.fleet.servers, ("of-before",))
    keep_known(**kept)
    assert await offered("--config", str(house.config), "load", "ollama/of") == ["ollama/of-before"]
    assert not list(house.fleet.servers["ollama"].requests)


async def test_old_names_are_offered_while_a_server_is_away(house: House) -> None:
    before = time.time() - LOOKED_AT_AGAIN_AFTER - 1
    write_record(known_models_file(), {"ollama": Listed(before, ("of-before",))})
    house.config.write_text('[services.ollama]\nkind = "ollama"\nurl = "http://127.0.0.1:9"\n')
    assert await offered("--config", str(house.config), "load", "oll") == ["ollama/of-before"]
    assert known_models()["ollama"].at > before, "it is not asked at every key"


async def test_no_program_is_run_for_a_key_in_the_middle_of_a_line(house: House) -> None:
    told = house.home / "told"
    command = f'["{shutil.which("sh", path=os.defpath)}", "-c", "echo > {told}; echo sk-key"]'
    house.config.write_text(
        f'[services.openai]\nkind = "openai"\nurl = "https://127.0.0.1:9/v1"\nkey = {{ command = {command} }}\n'
    )
    assert await offered("--config", str(house.config), "load", "openai/") == []
    assert not told.exists()


async def test_names_that_a_shell_would_take_for_something_else_are_not_offered(house: House) -> None:
    harmful = ("$(reboot)", "a b", "x*", "a\nb", "\x1b[31m", "`id`", "a;b")
    keep_known(**dict.fromkeys(house.fleet.servers, ("good:1b", *harmful)))
    offers = await offered("--config", str(house.config), "load", "ollama/")
    assert "ollama/good:1b" in offers
    assert not set(offers) & {f"ollama/{name}" for name in harmful}


async def test_a_broken_configuration_offers_less_and_says_nothing(house: House) -> None:
    house.config.write_text("[panel")
    assert await offered("--config", str(house.config), "route", "-k", "") == []
    assert house.capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("fleetdeck load ollama/llama3.2:1", ["1b"]),
        ("fleetdeck route --model=ollama/llama3.2:1", ["1b"]),
        ("fleetdeck route -m ollama/ph", ["ollama/phi4"]),
    ],
)
def test_bash_gets_the_part_that_it_replaces(house: House, tmp_path: Path, line: str, word: list[str]) -> None:
    """bash ends words at colons and equals signs, and replaces what stands behind the last one."""
    house.config.write_text('[services.ollama]\nkind = "ollama"\nurl = "http://127.0.0.1:9"\n')
    keep_known(ollama=("llama3.2:1b", "llama3.2:3b", "phi4"))
    bash = shutil.which("bash", path=os.defpath)
    if bash is None:
        pytest.skip("bash is not installed")
    command = house.programs.folder / "fleetdeck"
    command.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tui\n")
    command.chmod(0o755)
    script = InBash(cli, {}, "fleetdeck", COMPLETION_VARIABLE).source_template % {
        "complete_func": "_completion",
        "complete_var": COMPLETION_VARIABLE,
        "prog_name": "fleetdeck",
    }
    ask = '\n_completion fleetdeck\nprintf "%s\\n" "${COMPREPLY[@]}"'
    asked = f"COMP_WORDBREAKS=$' \\t\\n\"\\'><=;|&(:'\nCOMP_LINE={shlex.quote(line)}\nCOMP_POINT=${{#COMP_LINE}}"
    ran = subprocess.run(
        [bash, "--norc", "-c", f"{script}{asked}{ask}"],
        env={**os.environ, "FLEETDECK_CONFIG": str(house.config), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.split() == word, ran.stderr


def test_every_parameter_that_names_something_is_completed(house: House) -> None:
    keep_known(**dict.fromkeys(house.fleet.servers, ("some-model",)))
    house.configure('[services.with-unit]\nkind = "ollama"\nurl = "http://koala:9"\nunit = "ollama.service"\n')
    named = {"MODEL", "TIER", "TASK", "SERVICE", "MACHINE"}
    something_else = {"fleetdeck claude agents model", "fleetdeck agents run task"}
    empty = [
        f"{path} {parameter.name}"
        for path, context, parameter in _parameters(click.Context(cli, info_name="fleetdeck"))
        if (parameter.metavar or parameter.make_metavar(context).strip("[]")) in named
        and f"{path} {parameter.name}" not in something_else
        and not parameter.shell_complete(_with_config(context, house.config), "")
    ]
    assert not empty


def _parameters(context: click.Context) -> Iterator[tuple[str, click.Context, click.Parameter]]:
    command = context.command
    for parameter in command.params:
        yield context.command_path, context, parameter
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _parameters(click.Context(inner, info_name=name, parent=context))


def _with_config(context: click.Context, config: Path) -> click.Context:
    context.find_root().params["config_path"] = config
    return context


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_the_scripts_ask_this_program(house: House, shell: str) -> None:
    ran = await house.call("completion", shell)
    assert ran.code == 0
    assert f"{COMPLETION_VARIABLE}={shell}_complete" in ran.out
