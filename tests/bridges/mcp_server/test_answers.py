"""What an agent is answered, and told where there is no answer."""

from __future__ import annotations

import pytest

from tests.bridges.mcp_server.agent import CLOUD, CODER, LOCAL, called, document, rows, session, words
from tests.cli.house import House
from tui.bridges.mcp_progress import Progress
from tui.chat.reply import Restarted, Started, Text
from tui.demo.models import answer_to
from tui.routing.locality import Where
from tui.routing.plan import Candidate


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


async def test_without_a_chosen_model_a_loaded_one_is_asked_and_none_is_loaded_for_it(house: House) -> None:
    house.config.write_text(house.config.read_text().partition("[mcp]")[0])
    async with session(house) as client:
        refused = await client.call_tool("ask_local_llama", {"prompt": "hello"})
        assert refused.is_error
        assert "list_available_local_models" in words(refused)
        assert document(await client.call_tool("ask", {"prompt": "hello", "model": "llama-swap/gemma"}))
        assert document(await client.call_tool("ask_local_llama", {"prompt": "hello"}))["model"] == "llama-swap/gemma"


def test_progress_tells_of_the_newest_answer_alone() -> None:
    progress = Progress()
    assert progress.words == "planning"
    progress.take(Started(Candidate(LOCAL, Where.LOCAL, "ready", "asked for by name")))
    assert progress.words == f"{LOCAL}: asked (local)"
    progress.take(Text("one\n\x1b[31mtwo"))
    assert progress.words == f"{LOCAL}: 12 characters so far: …one ␛[31mtwo"
    progress.take(Restarted("again"))
    assert progress.words == f"{LOCAL}: begins its answer anew"
