"""The server as agents' programs start it: a process that speaks over standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from tests.bridges.mcp_server.agent import LOCAL, PATIENCE, connected, document
from tests.cli.house import House, Json
from tests.waiting import until
from tui.demo.models import answer_to

LONG = "write 200000 tokens"
BUILT_IN = {
    "ask_local_llama", "ask_coding_model", "list_available_local_models", "ask", "explain_route", "fleet_status",
}  # fmt: skip


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


async def test_without_the_extra_it_says_how_to_install_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    ran = await house.call("mcp")
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err == "fleetdeck: the MCP server needs an extra; `pip install 'fleetdeck[mcp]'` adds it\n"


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
    async with connected(slow_house) as wire:
        wire.ask(2, f"canary-4711 {LONG}")
        await wire.until(progress_of(2), "an answer is on its way")
        wire.send("notifications/cancelled", requestId=2, reason="the person pressed esc")
        await until(lambda: answers_given_up(slow_house) == 1, "the request has ended at the server", timeout=PATIENCE)
        wire.ask(3, f"canary-4711 {LONG}")
        await wire.until(progress_of(3), "it answers on")
        wire.process.send_signal(signal.SIGTERM)
        rest, errors = await asyncio.wait_for(wire.process.communicate(), PATIENCE)
    assert wire.process.returncode == -signal.SIGTERM
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in rest.splitlines())
    assert b"canary-4711" not in errors
    await until(lambda: answers_given_up(slow_house) == 2, "ending the program ended the request", timeout=PATIENCE)
    assert [row["outcome"] for row in slow_house.remembered()] == ["cancelled", "cancelled"]


async def test_it_ends_when_the_agent_hangs_up(slow_house: House) -> None:
    async with connected(slow_house) as wire:
        wire.ask(2, LONG)
        await wire.until(progress_of(2), "an answer is on its way")
        assert wire.process.stdin is not None
        wire.process.stdin.close()
        await asyncio.wait_for(wire.process.communicate(), PATIENCE)
    assert wire.process.returncode == 0
    await until(lambda: answers_given_up(slow_house) == 1, "the request has ended at the server", timeout=PATIENCE)
