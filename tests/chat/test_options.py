"""How an answer is to be made, as each protocol is told it."""

from __future__ import annotations

import json

import pytest

from tests.chat.asking import DONE, ask_config, chunk, one_service, streaming
from tui.chat.prompt import Message, Prompt
from tui.config.schema import ServiceKind
from tui.demo.http_server import Request, Response, serve

QUESTION = (Message("user", "why?"),)


async def body_of(kind: ServiceKind, prompt: Prompt) -> dict[str, object]:
    """What a server of that kind is sent."""
    bodies: list[dict[str, object]] = []

    async def answer(request: Request) -> Response:
        if request.method == "POST" and (request.path.endswith(("/chat", "/completions", "/messages"))):
            bodies.append(json.loads(request.body))
        return streaming([chunk("yes"), chunk(None, "stop"), DONE])

    server = await serve(answer)
    try:
        await ask_config(one_service(server.url, kind), prompt=prompt)
    finally:
        server.close()
        await server.closed()
    (body,) = bodies
    return body


@pytest.mark.parametrize("kind", ["openai", "llama-swap", "vllm", "litellm", "ollama", "anthropic"])
async def test_without_a_word_the_server_decides(kind: ServiceKind) -> None:
    body = await body_of(kind, Prompt(QUESTION))
    assert not {"temperature", "options", "think", "thinking", "chat_template_kwargs"} & body.keys()


@pytest.mark.parametrize("kind", ["openai", "llama-swap", "vllm", "litellm", "anthropic"])
async def test_the_temperature_is_told(kind: ServiceKind) -> None:
    assert (await body_of(kind, Prompt(QUESTION, temperature=0.0)))["temperature"] == 0.0


async def test_ollama_is_told_by_its_own_options() -> None:
    body = await body_of("ollama", Prompt(QUESTION, max_tokens=7, temperature=0.5, thinking=False))
    assert body["options"] == {"num_predict": 7, "temperature": 0.5}
    assert body["think"] is False


@pytest.mark.parametrize("kind", ["llama-swap", "llama-server", "vllm"])
async def test_thinking_is_an_argument_of_the_template(kind: ServiceKind) -> None:
    body = await body_of(kind, Prompt(QUESTION, thinking=False))
    assert body["chat_template_kwargs"] == {"enable_thinking": False}


async def test_a_server_that_could_refuse_the_argument_is_not_told() -> None:
    assert "chat_template_kwargs" not in await body_of("openai", Prompt(QUESTION, thinking=True))


async def test_anthropic_gets_room_for_the_answer_beside_the_thinking_and_no_temperature_with_it() -> None:
    body = await body_of("anthropic", Prompt(QUESTION, max_tokens=100, temperature=0.5, thinking=True))
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert body["max_tokens"] == 2048
    assert "temperature" not in body
