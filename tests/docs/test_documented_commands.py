"""The commands of the documentation run, on the simulated fleet and with the configuration that ships."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.house import House, Ran, a_house
from tests.docs.conftest import LETTER
from tests.docs.pages import PAGES, ROOT, Command, blocks, commands
from tui.demo.fleet import DemoFleet
from tui.demo.fleet_config import MASTER_KEY
from tui.routing.decide import decide

PAGES_WITH_COMMANDS = [page for page in PAGES if any(True for block in blocks(page, "sh") for _ in commands(block))]
PAGES_WITH_EXAMPLES = [page for page in PAGES if any(block.comes_from for block in blocks(page, "json"))]
PATIENT = 20.0
"""Seconds for the look before a plan, which is 0.3 s elsewhere: a busy machine is to fail no test."""


def shipped_for(fleet: DemoFleet) -> str:
    """The configuration that ships, with the simulated servers' addresses in place of koala's and iguana's."""
    text = (ROOT / "config.toml").read_text(encoding="utf-8")
    for was, now in (
        ("http://koala:8080", fleet.llama_swap.url),
        ("http://koala:11434", fleet.ollama.url),
        ("http://koala:4000", fleet.litellm.url),
        ("http://koala:6333", fleet.qdrant.url),
        ("https://iguana:6443/ping", f"{fleet.k3s.url}/ping"),
        ('"koala.lan"', '"127.0.0.1"'),
        ('ssh   = "iguana"\n', ""),
        ("~/.claude/state/external-mode.json", str(fleet.folder / "external-mode.json")),
    ):
        assert was in text, f"config.toml has {was}"
        text = text.replace(was, now)
    return text


@pytest.fixture
async def documented(
    tmp_path: Path, example_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[House]:
    monkeypatch.setitem(decide.__kwdefaults__, "longest_look", PATIENT)
    for look in ("LONGEST_LOOK", "SHORTEST_LOOK"):
        monkeypatch.setattr(f"tui.cli.route.{look}", PATIENT)
    async with a_house(tmp_path, monkeypatch, capsys, DemoFleet(speed=math.inf, machine=True)) as house:
        house.config.write_text(shipped_for(house.fleet))
        monkeypatch.setenv("FLEETDECK_CONFIG", str(house.config))
        monkeypatch.setenv("LITELLM_API_KEY", MASTER_KEY)
        monkeypatch.setenv("PATH", f"{house.fleet.folder / 'bin'}:{house.programs.folder}")
        monkeypatch.setenv("COLUMNS", "120")
        yield house


async def ran(command: Command, house: House, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """The command as it is typed: it finds its configuration by itself."""
    from tui.cli.main import run

    with monkeypatch.context() as patch, (house.home / "said").open("w+") as said:
        said.write(LETTER if command.is_fed else "")
        said.seek(0)
        patch.setattr(sys, "stdin", said)
        code = await asyncio.to_thread(run, list(command.words))
    output = house.capsys.readouterr()
    return Ran(code, output.out, output.err)


@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS, ids=lambda page: str(page.relative_to(ROOT)))
async def test_they_run_one_after_the_other(page: Path, documented: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for block in blocks(page, "sh"):
        for command in commands(block) if not block.not_run else ():
            result = await ran(command, documented, monkeypatch)
            assert result.code == command.exit_code, f"{command}\n{result.out[-1000:]}{result.err[-2000:]}"


def missing(example: Any, actual: Any, at: str = "") -> list[str]:
    """What ``example`` has and ``actual`` has not, by name. Of lists some row has to have all that the first row of the
    example has."""
    if isinstance(example, dict):
        if not isinstance(actual, dict):
            return [at]
        found = []
        for name, value in example.items():
            found += missing(value, actual[name], f"{at}.{name}") if name in actual else [f"{at}.{name}"]
        return found
    if isinstance(example, list) and example:
        if not isinstance(actual, list) or not actual:
            return [f"{at}[0]"]
        return min((missing(example[0], row, f"{at}[]") for row in actual), key=len)
    return []


@pytest.mark.parametrize("page", PAGES_WITH_EXAMPLES, ids=lambda page: str(page.relative_to(ROOT)))
async def test_examples_of_json_have_no_field_that_is_not_there(
    page: Path, documented: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await documented.fleet.llama_swap.load("qwen3")
    await documented.fleet.qdrant.scene("down")
    await ran(Command(("external", "off"), "before"), documented, monkeypatch)
    for block in blocks(page, "json"):
        if block.comes_from:
            result = await ran(Command(tuple(block.comes_from.split()), block.where), documented, monkeypatch)
            assert missing(json.loads(block.text), result.document) == [], f"{block.where}: {block.comes_from}"


def test_a_field_that_is_not_there_would_be_noticed() -> None:
    assert missing({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}]}) == [".a[].c"]
    assert missing({"a": {"b": 1}}, {"a": None}) == [".a"]
