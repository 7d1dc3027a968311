"""The tools of an agent follow the configuration while it is connected."""

from __future__ import annotations

from tests.bridges.mcp_server.agent import LOCAL, document, rows, session
from tests.cli.house import House


async def test_an_edited_configuration_is_taken_up_and_a_broken_one_is_not(house: House) -> None:
    async with session(house) as client:
        before = house.config.read_text()
        house.config.write_text(before.replace(f'local  = "{LOCAL}"', 'local  = "llama-swap/gemma"'))
        assert document(await client.call_tool("ask_local_llama", {"prompt": "hello"}))["model"] == "llama-swap/gemma"
        house.config.write_text("[services")
        answer = document(await client.call_tool("ask_local_llama", {"prompt": "hello"}))
    assert answer["model"] == "llama-swap/gemma"
    assert any("older configuration" in str(remark) for remark in rows(answer["remarks"]))
