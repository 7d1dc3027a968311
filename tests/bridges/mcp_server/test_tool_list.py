"""The tools of an agent follow the configuration while it is connected."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.bridges.mcp_server.agent import (
    LOCAL,
    PATIENCE,
    Wire,
    connected,
    document,
    rows,
    session,
    session_and_tools,
)
from tests.cli.house import House
from tui.config.load import load_config
from tui.config.schema import Config
from tui.config.watch import watch_files

POET = """
[models."llama-swap/gemma"]
tool = { name = "ask_local_poet", description = "Verse." }
"""


async def test_an_edited_configuration_is_taken_up_and_a_broken_one_is_not(house: House) -> None:
    async with session(house) as client:
        before = house.config.read_text()
        house.config.write_text(before.replace(f'local  = "{LOCAL}"', 'local  = "llama-swap/gemma"'))
        assert document(await client.call_tool("ask_local_llama", {"prompt": "hello"}))["model"] == "llama-swap/gemma"
        house.config.write_text("[services")
        answer = document(await client.call_tool("ask_local_llama", {"prompt": "hello"}))
    assert answer["model"] == "llama-swap/gemma"
    assert any("older configuration" in str(remark) for remark in rows(answer["remarks"]))


async def tools_of(wire: Wire, number: int) -> dict[str, str]:
    """What the server offers now: names and descriptions."""
    wire.send("tools/list", number)
    result = (await wire.until(lambda came: came.get("id") == number, "the tools are listed"))["result"]
    assert isinstance(result, dict)
    return {str(tool["name"]): str(tool["description"]) for tool in rows(result["tools"])}


async def test_an_agent_is_told_of_tools_that_come_change_and_go(house: House) -> None:
    edited = house.config.read_text().replace("Hard problems that need many steps.", "Riddles.")
    async with connected(house) as wire:
        introduction = wire.introduction["result"]
        assert isinstance(introduction, dict)
        assert introduction["capabilities"]["tools"]["listChanged"] is True
        before = await tools_of(wire, 2)
        house.config.write_text(edited.replace('name = "ask_local_expert"', 'name = "ask_sonnet"') + POET)
        await wire.until(lambda came: came.get("method") == "notifications/tools/list_changed", "there is news")
        now = await tools_of(wire, 3)
        assert now.keys() ^ before.keys() == {"ask_local_expert", "ask_sonnet", "ask_local_poet"}
        assert (before["ask_reasoner"], now["ask_reasoner"]) == ("Hard problems that need many steps.", "Riddles.")
        wire.send("tools/call", 4, name="ask_local_poet", arguments={"prompt": "hello"})
        answered = (await wire.until(lambda came: came.get("id") == 4, "the new tool answers"))["result"]
        assert isinstance(answered, dict)
        assert answered["structuredContent"]["model"] == "llama-swap/gemma"


async def test_an_edit_that_leaves_the_tools_as_they_are_is_no_news(house: House) -> None:
    async with session_and_tools(house) as (client, tools):
        before = (await client.list_tools()).tools
        house.config.write_text(house.config.read_text() + "\n# why\n")
        assert not tools.put(load_config(house.config))
        assert (await client.list_tools()).tools == before


async def test_an_agent_that_listens_is_told_in_the_way_of_the_newest_protocol(house: House) -> None:
    async def read() -> Config:
        return load_config(house.config)

    async with session_and_tools(house) as (client, tools):
        changes = watch_files((Path(house.config),), period=0.02)
        following = asyncio.ensure_future(tools.follow(changes, read))
        try:
            async with asyncio.timeout(PATIENCE), client.listen(tools_list_changed=True) as news:
                house.config.write_text(house.config.read_text() + POET)
                await anext(aiter(news))
                assert "ask_local_poet" in {tool.name for tool in (await client.list_tools()).tools}
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await changes.aclose()
