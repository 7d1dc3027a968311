"""The MCP server, by a session with the SDK's own client against the simulated fleet."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult, Tool

from tests.cli.house import House, Json, a_house
from tests.waiting import until
from tui.bridges.mcp_asking import Asking
from tui.bridges.mcp_progress import Progress
from tui.bridges.mcp_server import make_server
from tui.chat.reply import Restarted, Started, Text
from tui.config.load import load_config
from tui.config.schema import Config
from tui.demo.fleet import DemoFleet
from tui.demo.models import answer_to
from tui.routing.locality import Where
from tui.routing.mode_files import Flip, flip_external, flip_private
from tui.routing.plan import Candidate

SECRET = "use ghp_" + "a1B2" * 9
LONG = "write 200000 tokens"
LOCAL, CODER, CLOUD = "llama-swap/qwen3", "llama-swap/coder", "litellm/gpt-5.2"
TOOLS = """
[models."llama-swap/reasoning"]
tool = { name = "ask_reasoner", description = "Hard problems that need many steps." }
[models."litellm/claude-sonnet-4.5"]
tool = { name = "ask_local_expert", description = "Named by mistake: this model is in the cloud." }
"""
BUILT_IN = {
    "ask_local_llama", "ask_coding_model", "list_available_local_models", "ask", "explain_route", "fleet_status",
}  # fmt: skip
PATIENCE = 30.0


@pytest.fixture
async def house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[House]:
    async with a_house(tmp_path, monkeypatch, capsys) as opened:
        opened.configure(TOOLS)
        yield opened


@contextlib.asynccontextmanager
async def session(house: House) -> AsyncIterator[Client]:
    """An agent and the server in this process."""

    async def read_config() -> Config:
        return load_config(house.config)

    config = await read_config()
    async with Client(make_server(config, Asking(config, read_config))) as client:
        yield client


async def called(house: House, name: str, **arguments: object) -> CallToolResult:
    async with session(house) as client:
        return await client.call_tool(name, arguments)


def words(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


def document(result: CallToolResult) -> Json:
    assert not result.is_error, words(result)
    assert result.structured_content is not None
    return dict(result.structured_content)


def rows(found: object) -> list[Json]:
    assert isinstance(found, list)
    return found


def by_stdio(house: House) -> StdioServerParameters:
    command, *arguments = house.command("mcp")
    return StdioServerParameters(command=command, args=arguments, env=dict(os.environ))


async def test_a_session_over_standard_input_and_output(house: House) -> None:
    told: list[str] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async with Client(by_stdio(house)) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names == {*BUILT_IN, "ask_reasoner", "ask_local_expert"}
        result = await client.call_tool("ask_local_llama", {"prompt": "say hello"}, progress_callback=progress)
    answer = document(result)
    assert answer["answer"] == "".join(answer_to("say hello", thinking=True).text)
    assert (answer["model"], answer["where"], answer["complete"]) == (LOCAL, "local", True)
    first, note = result.content
    assert first.type == note.type == "text"
    assert first.text == answer["answer"], "an agent without structured output reads the answer first"
    assert LOCAL in note.text
    assert told, "it is told of while it streams"
    assert LOCAL in told[0]
    (row,) = house.remembered()
    assert (row["face"], row["asked_kind"], row["asked_name"], row["outcome"]) == ("mcp", "model", LOCAL, "finished")
    assert row["private"] == 1
    assert row["prompt"] is None, "of a private request nothing is kept"


async def test_every_tool_says_what_it_does_to_the_world_and_what_it_gives(house: House) -> None:
    async with session(house) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    for name, tool in tools.items():
        assert tool.description, name
        assert tool.output_schema, name
        assert tool.annotations is not None, name
        assert tool.annotations.read_only_hint is True, name
        assert tool.annotations.destructive_hint is False, name
        assert tool.annotations.open_world_hint is (name in ("ask", "ask_coding_model", "ask_reasoner")), name
    assert LOCAL in (tools["ask_local_llama"].description or "")
    assert "code-generation" in (tools["ask"].description or "")
    assert "Hard problems" in (tools["ask_reasoner"].description or "")


def properties(tool: Tool) -> set[str]:
    return set(tool.input_schema.get("properties", {}))


async def test_no_tool_takes_a_file_a_secret_or_a_mode(house: House) -> None:
    async with session(house) as client:
        for tool in (await client.list_tools()).tools:
            allowed = {"prompt", "system", "max_tokens", "timeout_s", "model", "tier", "task", "fallback"}
            assert properties(tool) <= {*allowed, "private", "external"}, tool.name
            assert "external" not in properties(tool) or tool.name in ("ask", "explain_route")


LOCAL_CALLS: tuple[tuple[str, dict[str, object]], ...] = (
    ("ask_local_llama", {}),
    ("ask_local_llama", {"model": CLOUD}),
    ("ask_local_llama", {"model": "claude/opus"}),
    ("ask_local_llama", {"model": "litellm/claude-sonnet-4.5"}),
    ("ask_local_expert", {}),
)


@pytest.mark.parametrize("external", [False, True], ids=["as it is", "external mode"])
async def test_what_says_local_reaches_local_models_alone_whatever_the_mode(house: House, external: bool) -> None:
    if external:
        flip_external(house.external_file, Flip.ON, "quota")
    async with session(house) as client:
        for name, arguments in LOCAL_CALLS:
            result = await client.call_tool(name, {"prompt": "mine alone", **arguments})
            if arguments or name == "ask_local_expert":
                assert result.is_error, (name, arguments)
                assert "on your own machines" in words(result), words(result)
            else:
                assert document(result)["where"] == "local"
    assert house.prompted() == {"llama-swap": 1}
    assert not house.programs.runs("claude")


async def test_modes_hold_for_every_tool_from_the_moment_they_are_flipped(house: House) -> None:
    async with session(house) as client:
        assert document(await client.call_tool("ask", {"prompt": "hello", "model": CLOUD}))["where"] == "cloud"
        flip_private(house.modes_file, Flip.ON)
        refused = await client.call_tool("ask", {"prompt": "hello", "model": CLOUD})
        assert refused.is_error
        assert "private mode is on" in words(refused)
        route = document(await client.call_tool("explain_route", {"tier": "opus"}))
        assert route["modes"]["private"]["enabled"] is True  # type: ignore[index]
        assert {one["where"] for one in rows(route["candidates"])} == {"local"}
        assert all(one["reason"] for one in rows(route["skipped"]))
    assert house.prompted() == {"litellm": 1}


async def test_each_tool_asks_the_model_that_stands_behind_it(house: House) -> None:
    async with session(house) as client:
        for name, model in (("ask_coding_model", CODER), ("ask_reasoner", "llama-swap/reasoning")):
            assert document(await client.call_tool(name, {"prompt": "hello"}))["model"] == model
        for asked in ({"task": "code-generation"}, {"task": "quick"}, {"model": CODER}, {}):
            route = document(await client.call_tool("explain_route", asked))
            answer = document(await client.call_tool("ask", {"prompt": "hello", **asked}))
            assert answer["model"] == rows(route["candidates"])[0]["model"], "what is explained is what happens"


async def test_system_and_length_reach_the_model(house: House) -> None:
    result = await called(house, "ask", prompt="hello", model=LOCAL, system="Be brief.", max_tokens=5)
    answer = document(result)
    assert answer["complete"] is False
    assert "max_tokens" in words(result)
    assert house.said_to("llama-swap")[0] == {"role": "system", "content": "Be brief."}


async def test_a_credential_goes_to_no_cloud_and_agents_are_not_told_how_it_could(house: House) -> None:
    async with session(house) as client:
        refused = await client.call_tool("ask", {"prompt": SECRET, "model": CLOUD})
        explained = document(await client.call_tool("explain_route", {"prompt": SECRET, "model": CLOUD}))
        at_home = await client.call_tool("ask_local_llama", {"prompt": SECRET})
    assert refused.is_error
    assert "credential" in words(refused)
    assert "credential" in str(explained)
    assert "allow-secrets" not in words(refused) + str(explained)
    assert document(at_home)["where"] == "local"
    assert house.prompted() == {"llama-swap": 1}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"model": "nope/x"}, "no service or program is called nope; there are llama-swap"),
        ({"task": "nope"}, "there is no task nope; the tasks are reasoning"),
        ({"task": "quick", "tier": "opus"}, "one of tier, task and model"),
        ({"tier": "best"}, "'opus', 'sonnet' or 'haiku'"),
        ({"model": "ollama/nobody"}, "list_available_local_models"),
        ({"timeout_s": -1}, "greater than 0"),
    ],
)
async def test_an_error_says_what_can_be_done(house: House, arguments: dict[str, object], expected: str) -> None:
    result = await called(house, "ask", prompt="hello", **arguments)
    assert result.is_error
    assert expected in words(result)


async def test_an_answer_that_breaks_off_is_an_error_with_what_had_come(house: House) -> None:
    await house.fleet.llama_swap.scene("drop", after=12)
    result = await called(house, "ask", prompt="hello", model="llama-swap/gemma")
    assert result.is_error
    assert "not the whole answer" in words(result)
    whole = "".join(answer_to("hello").text)
    last = result.content[-1]
    assert last.type == "text"
    assert last.text
    assert whole.startswith(last.text)


async def test_who_did_not_answer_is_told(house: House) -> None:
    result = await called(house, "ask", prompt="hello", tier="haiku")
    steps = [(step["from_model"], step["to_model"]) for step in rows(document(result)["fell_back"])]
    assert steps == [("claude/haiku", "llama-swap/gemma")]
    assert "did not answer" in words(result)


async def test_the_local_models_are_listed_and_what_is_down_is_said(house: House) -> None:
    await house.fleet.ollama.close()
    found = document(await called(house, "list_available_local_models"))
    models = {str(one["id"]): one for one in rows(found["models"])}
    assert models[LOCAL]["tools"] == ["ask_local_llama"]
    assert models[LOCAL]["state"] == "idle"
    assert CLOUD not in models
    assert not any(name.startswith("litellm/claude") for name in models)
    assert any("ollama" in str(one) for one in rows(found["unavailable"]))
    assert not house.prompted()


async def test_the_fleet_is_told_as_it_is(house: House) -> None:
    await house.fleet.qdrant.scene("down")
    found = document(await called(house, "fleet_status"))
    states = {str(one["name"]): one["state"] for one in rows(found["services"])}
    assert states["llama-swap"] == "up"
    assert states["qdrant"] == "down"
    assert any("qdrant" in str(problem) for problem in rows(found["problems"]))
    assert not house.prompted()


async def test_an_edited_configuration_is_taken_up_and_a_broken_one_is_not(house: House) -> None:
    async with session(house) as client:
        before = house.config.read_text()
        house.config.write_text(before.replace(f'local  = "{LOCAL}"', 'local  = "llama-swap/gemma"'))
        assert document(await client.call_tool("ask_local_llama", {"prompt": "hello"}))["model"] == "llama-swap/gemma"
        house.config.write_text("[services")
        answer = document(await client.call_tool("ask_local_llama", {"prompt": "hello"}))
    assert answer["model"] == "llama-swap/gemma"
    assert any("older configuration" in str(remark) for remark in rows(answer["remarks"]))


async def test_without_a_chosen_model_a_loaded_one_is_asked_and_none_is_loaded_for_it(house: House) -> None:
    house.config.write_text(house.config.read_text().partition("[mcp]")[0])
    async with session(house) as client:
        refused = await client.call_tool("ask_local_llama", {"prompt": "hello"})
        assert refused.is_error
        assert "list_available_local_models" in words(refused)
        assert document(await client.call_tool("ask", {"prompt": "hello", "model": "llama-swap/gemma"}))
        assert document(await client.call_tool("ask_local_llama", {"prompt": "hello"}))["model"] == "llama-swap/gemma"


async def test_nothing_of_a_prompt_is_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "tui")
    await house.fleet.llama_swap.scene("error")
    async with session(house) as client:
        await client.call_tool("ask", {"prompt": "canary-4711", "model": LOCAL})
        await client.call_tool("ask", {"prompt": "canary-4711", "tier": "canary-4711"})
        await client.call_tool("ask", {"prompt": "canary-4711", "model": "canary-4711/x"})
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("tui")]
    assert "canary-4711" not in "".join(ours)


def test_progress_tells_of_the_newest_answer_alone() -> None:
    progress = Progress()
    assert progress.words == "planning"
    progress.take(Started(Candidate(LOCAL, Where.LOCAL, "ready", "asked for by name")))
    assert progress.words == f"{LOCAL}: asked (local)"
    progress.take(Text("one\n\x1b[31mtwo"))
    assert progress.words == f"{LOCAL}: 12 characters so far: …one ␛[31mtwo"
    progress.take(Restarted("again"))
    assert progress.words == f"{LOCAL}: begins its answer anew"


async def test_without_the_extra_it_says_how_to_install_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    ran = await house.call("mcp")
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err == "fleetdeck: the MCP server needs an extra; `pip install 'fleetdeck[mcp]'` adds it\n"


class Wire:
    """An agent that writes the protocol's lines itself (version 2025-06-18), so that all that comes back is seen."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.came: list[Json] = []

    async def open(self) -> None:
        about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        self.send("initialize", 1, **about)
        await self.until(lambda came: came.get("id") == 1, "the server introduces itself")
        self.send("notifications/initialized")

    def send(self, method: str, number: int | None = None, **params: object) -> None:
        assert self.process.stdin is not None
        numbered = {} if number is None else {"id": number}
        line = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **numbered})
        self.process.stdin.write(line.encode() + b"\n")

    def ask(self, number: int, prompt: str) -> None:
        arguments = {"prompt": prompt, "model": "llama-swap/gemma"}
        self.send("tools/call", number, name="ask", arguments=arguments, _meta={"progressToken": f"p{number}"})

    async def until(self, wanted: Callable[[Json], bool], what: str) -> Json:
        """Reads on until such a message comes; every line has to be one of the protocol's."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(PATIENCE):
                while line := await self.process.stdout.readline():
                    self.came.append(json.loads(line))
                    assert self.came[-1]["jsonrpc"] == "2.0"
                    if wanted(self.came[-1]):
                        return self.came[-1]
        except TimeoutError:
            pass
        raise AssertionError(f"still not so: {what}")


@pytest.fixture
async def slow_house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[House]:
    """Its models talk for minutes."""
    async with a_house(tmp_path, monkeypatch, capsys, DemoFleet(speed=20)) as opened:
        yield opened


def progress_of(number: int) -> Callable[[Json], bool]:
    def wanted(came: Json) -> bool:
        params = came.get("params")
        assert params is None or isinstance(params, dict)
        told = params is not None and came.get("method") == "notifications/progress"
        return told and params["progressToken"] == f"p{number}" and "characters" in params["message"]

    return wanted


def answers_given_up(house: House) -> int:
    return sum(record.closed_early for record in house.prompts("llama-swap"))


async def test_cancelling_and_ending_are_felt_at_the_server_and_stdout_is_the_protocols(
    slow_house: House,
) -> None:
    process = await slow_house.started("mcp", stdin=asyncio.subprocess.PIPE)
    try:
        wire = Wire(process)
        await wire.open()
        wire.ask(2, f"canary-4711 {LONG}")
        await wire.until(progress_of(2), "an answer is on its way")
        wire.send("notifications/cancelled", requestId=2, reason="the person pressed esc")
        await until(lambda: answers_given_up(slow_house) == 1, "the request has ended at the server", timeout=PATIENCE)
        wire.ask(3, f"canary-4711 {LONG}")
        await wire.until(progress_of(3), "it answers on")
        process.send_signal(signal.SIGTERM)
        rest, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == -signal.SIGTERM
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in rest.splitlines())
    assert b"canary-4711" not in errors
    await until(lambda: answers_given_up(slow_house) == 2, "ending the program ended the request", timeout=PATIENCE)
    assert [row["outcome"] for row in slow_house.remembered()] == ["cancelled", "cancelled"]


async def test_it_ends_when_the_agent_hangs_up(slow_house: House) -> None:
    process = await slow_house.started("mcp", stdin=asyncio.subprocess.PIPE)
    try:
        wire = Wire(process)
        await wire.open()
        wire.ask(2, LONG)
        await wire.until(progress_of(2), "an answer is on its way")
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    await until(lambda: answers_given_up(slow_house) == 1, "the request has ended at the server", timeout=PATIENCE)
