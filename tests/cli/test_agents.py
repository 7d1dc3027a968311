"""``agents`` from the command line: asked first, told as it goes, and kept where a model was probed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.chat.scripted import Scripted
from tests.cli.demo_process import DemoProcess
from tests.cli.house import House
from tests.cli.terminal import on_terminal
from tui.ledger.probes import probes_known

BOTH = ("--manager", "llama-swap/qwen3", "--worker", "ollama/llama3.2:latest")


@pytest.fixture
def folder(tmp_path: Path) -> str:
    root = tmp_path / "project"
    root.mkdir()
    (root / "notes.md").write_text("Remember the milk.\n")
    return str(root)


async def test_a_task_is_done_by_a_manager_and_workers(house: House, folder: str) -> None:
    ran = await house.call("agents", "Explore the files", *BOTH, "--folder", folder, "--yes")
    assert (ran.code, "notes.md" in ran.out) == (0, True)
    assert "fleetdeck: file_explorer, step 1: print(list_files(folder='.'))" in ran.err
    assert {row["face"] for row in house.remembered()} == {"agents"}


async def test_the_document_has_every_step(house: House, folder: str) -> None:
    ran = await house.call("agents", "Explore the files", *BOTH, "--folder", folder, "--yes", "--json", "-q")
    assert (ran.code, ran.err) == (0, "")
    document = ran.document
    assert (document["schema"], document["finished"], document["error"]) == (1, True, None)
    steps = document["steps"]
    assert isinstance(steps, list)
    assert [(step["agent"], step["number"]) for step in steps] == [
        ("file_explorer", 1),
        ("file_explorer", 2),
        ("manager", 1),
        ("manager", 2),
    ]


async def test_nothing_runs_before_somebody_agrees(house: House, folder: str) -> None:
    ran = await house.call("agents", "x", *BOTH, "--folder", folder)
    assert (ran.code, "this runs code that models write; --yes says that you want that" in ran.err) == (2, True)
    assert (await house.call("--readonly", "agents", "x", *BOTH, "--yes")).code == 2
    assert house.prompted() == {}


async def test_a_model_that_may_not_be_asked_has_the_exit_code_of_its_reason(house: House) -> None:
    cloud = ("--manager", "litellm/gpt-5.2", "--worker", "llama-swap/qwen3")
    assert (await house.call("agents", "x", *cloud, "--yes", "--private")).code == 3
    assert (await house.call("agents", "x", "--manager", "nobody/x", "--worker", "nobody/x", "--yes")).code == 2
    assert (await house.call("agents", " ", *BOTH, "--yes")).code == 2
    assert house.prompted() == {}


async def test_agents_that_do_not_come_to_an_end_have_failed(house: House, folder: str) -> None:
    async with Scripted({"chatty": "Birds."}).running() as server:
        house.configure(server.config_toml())
        chatty = ("--manager", "one/chatty", "--worker", "one/chatty")
        ran = await house.call("agents", "x", *chatty, "--folder", folder, "--steps", "2", "--yes", "--json")
    assert (ran.code, ran.document["finished"]) == (1, False)
    assert "they were not done after 2 steps" in ran.err


async def test_what_a_probe_finds_is_kept_and_stands_beside_the_model(house: House) -> None:
    async with Scripted({"chatty": "Birds."}).running() as server:
        house.configure(server.config_toml())
        good = await house.call("agents", "probe", "llama-swap/qwen3", "--yes")
        poor = await house.call("agents", "probe", "one/chatty", "--yes", "--json", "-q")
        listed = await house.call("models")
        documents = (await house.call("models", "--json")).document["models"]
    assert (good.code, good.out.splitlines()[0]) == (0, "✓ calls tools: it called the tool and gave the number")
    assert (poor.code, poor.document["calls_tools"], poor.document["writes_code"]) == (1, False, False)
    assert list(probes_known()) == ["llama-swap/qwen3", "one/chatty"]
    (line,) = [line for line in listed.out.splitlines() if " llama-swap/qwen3 " in line]
    assert line.endswith("calls tools, writes agent code")
    assert isinstance(documents, list)
    found = {model["id"]: model["agents"] for model in documents}
    assert (found["llama-swap/qwen3"]["calls_tools"], found["llama-swap/gemma"]) == (True, None)


async def test_a_model_that_gives_no_answer_is_not_judged(house: House) -> None:
    ran = await house.call("agents", "probe", "llama-swap/nosuch", "--yes")
    assert (ran.code, "no router for requested model" in ran.err) == (1, True)
    assert probes_known() == {}


async def test_without_the_library_one_sentence_says_how_to_get_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "smolagents", None)
    ran = await house.call("agents", "probe", "llama-swap/qwen3", "--yes")
    assert (ran.code, "pip install 'fleetdeck[agents]'" in ran.err) == (2, True)
    assert "Traceback" not in ran.err


def test_a_person_is_asked_and_may_say_no(demo: DemoProcess, folder: str) -> None:
    command = demo.command("agents", "Explore the files", *BOTH, "--folder", folder)
    with on_terminal(command, demo.environment()) as terminal:
        terminal.sees("llama-swap/qwen3 (local) and ollama/llama3.2:latest (local) will write Python code")
        terminal.sees("none of your keys")
        terminal.sees("Run what they write? [y/N]")
        terminal.write("n\n")
        assert terminal.ends() == 1
    with on_terminal(command, demo.environment()) as terminal:
        terminal.sees("Run what they write? [y/N]")
        terminal.write("y\n")
        assert terminal.ends() == 0
        assert "notes.md" in terminal.shown
