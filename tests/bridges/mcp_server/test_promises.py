"""What the tools promise an agent's owner: where prompts go, and what no tool does."""

from __future__ import annotations

import logging

import pytest
from mcp_types import Tool

from tests.bridges.mcp_server.agent import CLOUD, LOCAL, document, rows, session, words
from tests.cli.house import House
from tui.bridges.mcp_asking import Asking
from tui.routing.mode_files import Flip, flip_external, flip_private

SECRET = "use ghp_" + "a1B2" * 9


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


async def test_nothing_of_a_prompt_is_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "tui")
    await house.fleet.llama_swap.scene("error")
    async with session(house) as client:
        await client.call_tool("ask", {"prompt": "canary-4711", "model": LOCAL})
        await client.call_tool("ask", {"prompt": "canary-4711", "tier": "canary-4711"})
        await client.call_tool("ask", {"prompt": "canary-4711", "model": "canary-4711/x"})
    assert "canary-4711" not in logged(caplog)


async def test_a_tool_that_breaks_is_logged_without_its_words(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("canary-4711")

    monkeypatch.setattr(Asking, "plan", broken)
    async with session(house) as client:
        assert (await client.call_tool("ask", {"prompt": "hello", "model": LOCAL})).is_error
    assert "a tool broke: RuntimeError at test_promises.py:" in logged(caplog)
    assert "canary-4711" not in logged(caplog)


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """What this program, and no library of its, has logged; tracebacks too."""
    formatted = logging.Formatter()
    return "\n".join(formatted.format(record) for record in caplog.records if record.name.startswith("tui"))
