"""Answers over HTTP from the simulated fleet: what was said, who said it, and what it cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import httpx
import pytest

from tests.chat.asking import DONE, answering, ask, ask_config, chunk, one_service
from tui.chat.dispatch import Dispatcher
from tui.chat.prompt import Image, Message, Prompt
from tui.chat.reply import FellBack, Reasoning, Started, Text, Usage
from tui.config.load import parse_config
from tui.demo.fleet import DemoFleet
from tui.demo.fleet_config import MASTER_KEY
from tui.demo.http_server import serve
from tui.demo.llama_swap import LlamaSwap
from tui.demo.models import answer_to
from tui.demo.ollama import Ollama

PROMPT = Prompt.of("why is the sky blue?")


def said(prompt: Prompt = PROMPT, *, thinking: bool = False) -> tuple[str, str]:
    """The reasoning and the text with which every simulated model answers."""
    answer = answer_to(prompt.messages[-1].text, thinking=thinking)
    return "".join(answer.reasoning), "".join(answer.text)


@pytest.mark.parametrize("model", ["llama-swap/qwen3", "ollama/qwen3:8b", "litellm/local-chat"])
async def test_reasoning_and_text_arrive_whole_and_apart(dispatcher: Dispatcher, model: str) -> None:
    reply = await ask(dispatcher, model, prompt=PROMPT)
    assert (reply.reasoning, reply.text) == said(thinking=True)
    kinds = [type(event) for event in reply.events]
    assert kinds[0] is Started
    assert kinds.index(Reasoning) < kinds.index(Text)
    finished = reply.finished
    assert (finished.model, finished.where, finished.reason) == (model, "local", "stop")
    assert finished.usage.output == answer_to(PROMPT.messages[0].text, thinking=True).completion_tokens
    assert finished.usage in reply.of(Usage)
    assert finished.timings.first_token is not None
    assert finished.timings.total is not None
    assert 0 < finished.timings.first_token <= finished.timings.total


async def test_llama_swap_and_ollama_tell_their_own_rate(dispatcher: Dispatcher) -> None:
    for model in ("llama-swap/gemma", "ollama/llama3.2"):
        finished = (await ask(dispatcher, model)).finished
        assert finished.timings.tokens_per_second is not None
        assert finished.timings.tokens_per_second > 100
    assert finished.timings.load is not None
    assert finished.served_by == "llama3.2"


async def test_the_messages_protocol(fleet: DemoFleet) -> None:
    # llama-swap serves it as well, which stands in for Anthropic's own server here.
    prompt = Prompt.of("why is the sky blue?", system="Be brief.")
    reply = await ask_config(one_service(fleet.llama_swap.url, "anthropic"), "one/qwen3", prompt)
    assert (reply.reasoning, reply.text) == said(thinking=True)
    assert reply.finished.reason == "end_turn"
    assert reply.finished.served_by == "qwen3"
    assert reply.finished.usage.input
    body = fleet.llama_swap.requests.to("/v1/messages")[0].json()
    assert isinstance(body, dict)
    assert body["system"] == "Be brief."
    assert body["max_tokens"] > 1000


async def test_what_litellm_really_asked_is_told(dispatcher: Dispatcher) -> None:
    reply = await ask(dispatcher, "litellm/flaky", prompt=PROMPT)
    (step,) = reply.of(FellBack)
    assert (step.from_, step.to) == ("litellm/flaky", "litellm/local-chat")
    assert reply.finished.fell_back == (step,)
    assert reply.finished.served_by == "openai/qwen3"
    assert reply.finished.model == "litellm/flaky"


async def test_the_cost_is_the_servers_or_else_by_the_configured_price(fleet: DemoFleet) -> None:
    price = '[models."llama-swap/gemma"]\nprice = { input = 2.0, output = 10.0 }\n'
    config = parse_config(fleet.config_toml() + price, Path("config.toml"))
    async with Dispatcher(config) as dispatcher:
        told = (await ask(dispatcher, "litellm/gpt-5.2")).finished
        assert told.usage.input is not None
        assert told.usage.output is not None
        assert told.cost == pytest.approx(told.usage.input * 1.25e-6 + told.usage.output * 1e-5)
        reckoned = (await ask(dispatcher, "llama-swap/gemma")).finished
        assert reckoned.usage.input is not None
        assert reckoned.usage.output is not None
        assert reckoned.cost == pytest.approx((reckoned.usage.input * 2 + reckoned.usage.output * 10) / 1e6)
        assert (await ask(dispatcher, "llama-swap/coder")).finished.cost is None


async def test_a_conversation_and_its_system_prompt_reach_the_model(fleet: DemoFleet, dispatcher: Dispatcher) -> None:
    prompt = Prompt((Message("user", "hi"), Message("assistant", "hello"), Message("user", "again")), "Be brief.", 7)
    for model in ("llama-swap/gemma", "ollama/llama3.2", "litellm/local-code"):
        assert (await ask(dispatcher, model, prompt=prompt)).finished.reason == "length"
    for server, path in ((fleet.llama_swap, "/v1/chat/completions"), (fleet.ollama, "/api/chat")):
        body = server.requests.to(path)[0].json()
        assert isinstance(body, dict)
        roles = [(message["role"], message["content"]) for message in body["messages"]]
        assert roles == [("system", "Be brief."), ("user", "hi"), ("assistant", "hello"), ("user", "again")]


async def test_images_reach_the_model_in_the_form_that_its_protocol_has(
    fleet: DemoFleet, dispatcher: Dispatcher
) -> None:
    image = Image("dot.png", "image/png", "iVBORw0KGgo=")
    prompt = Prompt.of("what is this?", images=(image,))
    anthropic = one_service(fleet.llama_swap.url, "anthropic")
    assert (await ask(dispatcher, "llama-swap/gemma", prompt=prompt)).finished
    assert (await ask(dispatcher, "ollama/llama3.2", prompt=prompt)).finished
    assert (await ask_config(anthropic, "one/gemma", prompt)).finished
    text, url = {"type": "text", "text": "what is this?"}, {"url": "data:image/png;base64,iVBORw0KGgo="}
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    assert _last_turn(fleet.llama_swap, "/v1/chat/completions") == {
        "role": "user",
        "content": [text, {"type": "image_url", "image_url": url}],
    }
    assert _last_turn(fleet.ollama, "/api/chat") == {
        "role": "user",
        "content": "what is this?",
        "images": ["iVBORw0KGgo="],
    }
    assert _last_turn(fleet.llama_swap, "/v1/messages")["content"] == [{"type": "image", "source": source}, text]


def test_an_image_alone_is_a_prompt_and_no_empty_text_stands_beside_it() -> None:
    prompt = Prompt.of("", images=(Image("dot.png", "image/png", "aGk="),))
    assert not prompt.is_empty
    (turn,) = prompt.anthropic_messages()
    assert [block["type"] for block in cast(list[dict[str, object]], turn["content"])] == ["image"]
    assert "[image dot.png]" in prompt.as_text()


def _last_turn(server: LlamaSwap | Ollama, path: str) -> dict[str, object]:
    body = server.requests.to(path)[-1].json()
    assert isinstance(body, dict)
    return cast(dict[str, object], body["messages"][-1])


async def test_the_key_goes_to_the_service_that_it_is_for(fleet: DemoFleet, dispatcher: Dispatcher) -> None:
    assert (await ask(dispatcher, "litellm/local-chat")).finished
    assert fleet.litellm.requests[-1].headers["authorization"] == f"Bearer {MASTER_KEY}"
    assert (await ask(dispatcher, "llama-swap/gemma")).finished
    assert "authorization" not in fleet.llama_swap.requests[-1].headers


async def test_a_chat_does_not_shorten_how_long_ollama_keeps_its_model(
    fleet: DemoFleet, dispatcher: Dispatcher
) -> None:
    async def keep_alive_after(kept: object) -> object:
        await load_for(fleet, kept)
        assert (await ask(dispatcher, "ollama/llama3.2")).finished
        body = fleet.ollama.requests.to("/api/chat")[-1].json()
        assert isinstance(body, dict)
        return body.get("keep_alive")

    assert await keep_alive_after(-1) == -1
    longer = await keep_alive_after("2h")
    assert isinstance(longer, int)
    assert 7000 < longer <= 7200
    assert await keep_alive_after("1m") is None


async def load_for(fleet: DemoFleet, keep_alive: object) -> None:
    async with httpx.AsyncClient(verify=False) as client:
        for kept in (0, keep_alive):
            body = {"model": "llama3.2", "keep_alive": kept}
            assert (await client.post(f"{fleet.ollama.url}/api/generate", json=body)).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "--version",
        "-",
        "nul \x00 bell \x07 escape \x1b[2J",
        "'quoted' \"twice\" $(echo no) `no` \\",
        "half a character: \ud83d",
        "line\r\nbreaks\r\n\n",
        "👩‍👩‍👧‍👦 \u202eesrever",
    ],
)
async def test_odd_prompts_arrive_to_the_letter(fleet: DemoFleet, dispatcher: Dispatcher, text: str) -> None:
    for model in ("llama-swap/gemma", "ollama/llama3.2", "litellm/local-code"):
        assert (await ask(dispatcher, model, prompt=Prompt.of(text))).finished
    for server, path in ((fleet.llama_swap, "/v1/chat/completions"), (fleet.ollama, "/api/chat")):
        body = server.requests.to(path)[0].json()
        assert isinstance(body, dict)
        assert body["messages"][-1]["content"] == text.replace("\ud83d", "?")


async def test_five_megabytes_arrive_whole() -> None:
    text = "0123456789abcdé" * 350_000
    server = await serve(answering([chunk("ab", "stop"), DONE]))
    reply = await ask_config(one_service(server.url), prompt=Prompt.of(text))
    server.close()
    await server.closed()
    assert reply.finished
    assert json.loads(server.requests[0].body)["messages"][0]["content"] == text
