"""What goes wrong over HTTP: each way has its kind, its words, and what had arrived until then."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import json
from collections.abc import AsyncIterator

import pytest

from tests.chat.asking import (
    DONE,
    KEY_VARIABLE,
    AnyAnswer,
    Asked,
    Reply,
    answering,
    ask,
    ask_config,
    chunk,
    config_of,
    one_service,
    streaming,
)
from tests.waiting import PATIENCE, until
from tui.chat import loading_watch
from tui.chat.dispatch import Dispatcher
from tui.chat.http_stream import retry_after_seconds
from tui.chat.prompt import Prompt
from tui.chat.reply import FailureKind, Loading, Text
from tui.config.schema import ServiceKind
from tui.demo.fleet import DemoFleet
from tui.demo.http_server import HttpServer, Request, Response, json_response, serve
from tui.demo.llama_swap_catalogue import DEFAULT_CONFIG
from tui.demo.models import answer_to

LONGER_AND_LONGER = (0.4, 2.0, 8.0)
"""Seconds: on a busy machine the first word may take longer than on a quiet one."""
MODELS = {"llama-swap": "llama-swap/gemma", "ollama": "ollama/llama3.2", "litellm": "litellm/local-code"}
PATHS = {"llama-swap": "/v1/chat/completions", "ollama": "/api/chat", "litellm": "/v1/chat/completions"}


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@contextlib.asynccontextmanager
async def server_with(answer: AnyAnswer) -> AsyncIterator[HttpServer]:
    server = await serve(answer)
    try:
        yield server
    finally:
        server.close()
        await server.closed()


async def reply_to(answer: AnyAnswer, kind: ServiceKind = "openai", *, key: bool = False) -> Reply:
    async with server_with(answer) as server:
        return await ask_config(one_service(server.url, kind, key=key))


# Scenes of the simulated fleet


async def test_a_stream_that_breaks_after_ten_tokens_is_told_as_broken_with_what_had_come(
    fleet: DemoFleet, dispatcher: Dispatcher, name: str
) -> None:
    await fleet.servers[name].scene("drop", after=10)
    reply = await ask(dispatcher, MODELS[name], "llama-swap/qwen3")
    assert reply.failed.kind is FailureKind.BROKEN
    assert reply.failed.partial
    assert reply.text == "".join(answer_to("say hello").text[:10])
    assert reply.record is not None
    assert reply.record.text == reply.text
    assert reply.failed.model == MODELS[name]


async def test_a_refused_key_and_a_server_in_trouble(fleet: DemoFleet, dispatcher: Dispatcher, name: str) -> None:
    await fleet.servers[name].scene("unauthorized")
    refused = (await ask(dispatcher, MODELS[name])).failed
    assert refused.kind is FailureKind.NOT_LOGGED_IN
    assert "401" in refused.error
    await fleet.servers[name].scene("error", message="the disk is on fire")
    failed = (await ask(dispatcher, MODELS[name])).failed
    assert failed.kind is FailureKind.SERVER_ERROR
    assert "the disk is on fire" in failed.error
    await fleet.servers[name].scene("down")
    down = (await ask(dispatcher, MODELS[name])).failed
    assert (down.kind, "connection refused" in down.error) == (FailureKind.UNREACHABLE, True)
    await fleet.servers[name].scene("normal")
    assert (await ask(dispatcher, MODELS[name])).finished


@pytest.mark.parametrize("variant", ["html", "binary", "truncated", "text", "empty"])
async def test_garbage_is_a_clear_error(fleet: DemoFleet, dispatcher: Dispatcher, name: str, variant: str) -> None:
    await fleet.servers[name].scene("garbage", variant=variant)
    failed = (await ask(dispatcher, MODELS[name])).failed
    assert failed.kind is FailureKind.BAD_ANSWER
    assert failed.error.isprintable()


async def test_an_endless_answer_that_is_none_is_given_up(fleet: DemoFleet, dispatcher: Dispatcher, name: str) -> None:
    await fleet.servers[name].scene("huge", variant="endless")
    assert (await ask(dispatcher, MODELS[name])).failed.kind is FailureKind.BAD_ANSWER
    await until(lambda: fleet.servers[name].requests.to(PATHS[name])[-1].closed_early, "the server saw us leave")


async def test_a_server_that_hangs_is_left_when_the_time_is_up(
    fleet: DemoFleet, dispatcher: Dispatcher, name: str
) -> None:
    await fleet.servers[name].scene("hang")
    reply = await ask(dispatcher, MODELS[name], "llama-swap/qwen3", timeout=0.15)
    assert reply.failed.kind is FailureKind.TIMED_OUT
    assert not reply.failed.partial
    left = fleet.servers[name].requests
    await until(lambda: all(record.closed_early for record in left), "the server saw us leave")


async def test_an_answer_without_end_is_cut_at_the_deadline() -> None:
    async with DemoFleet(services=("litellm",), keys=False) as fleet, Dispatcher(config_of(fleet)) as dispatcher:
        for timeout in LONGER_AND_LONGER:
            reply = await ask(dispatcher, "litellm/gpt-5.2", prompt=Prompt.of("write 100000 tokens"), timeout=timeout)
            if reply.text:
                break
        assert reply.failed.kind is FailureKind.TIMED_OUT
        assert reply.failed.partial
        assert "time was up" in reply.failed.error
        await until(lambda: fleet.litellm.requests[-1].closed_early, "the server saw us leave")


async def test_leaving_in_the_middle_closes_the_connection_at_once(name: str) -> None:
    fleet = DemoFleet(speed=100, services=("llama-swap", "ollama", "litellm"), keys=False)
    async with fleet, Dispatcher(config_of(fleet)) as dispatcher:
        events = dispatcher.ask([Asked(MODELS[name])], Prompt.of("write 100000 tokens"))
        async with contextlib.aclosing(events):
            async for event in events:
                if isinstance(event, Text):
                    break
        log = fleet.servers[name].requests
        await until(lambda: log.to(PATHS[name])[-1].closed_early, "the server saw it at once", timeout=0.5)


async def test_cancelling_the_reader_closes_the_connection_too(
    fleet: DemoFleet, dispatcher: Dispatcher, name: str
) -> None:
    await fleet.servers[name].scene("hang")
    reading = asyncio.create_task(ask(dispatcher, MODELS[name], timeout=None))
    requests = fleet.servers[name].requests
    await until(lambda: len(requests) > 0, "the question arrived")
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await until(lambda: all(record.closed_early for record in requests), "the server saw us leave")


# Limits


async def test_too_many_requests_with_and_without_a_time_to_wait(dispatcher: Dispatcher) -> None:
    limited = (await ask(dispatcher, "litellm/rate-limited")).failed
    assert (limited.kind, limited.retry_after) == (FailureKind.RATE_LIMITED, 7.0)
    cooling = (await ask(dispatcher, "litellm/cooling-down")).failed
    assert cooling.kind is FailureKind.RATE_LIMITED
    assert cooling.retry_after is not None
    bare = (await reply_to(AnyAnswer(json_response({"error": "Too many requests"}, 429)))).failed
    assert (bare.kind, bare.retry_after) == (FailureKind.RATE_LIMITED, None)
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    anthropic = (await reply_to(AnyAnswer(json_response(overloaded, 529)), "anthropic")).failed
    assert (anthropic.kind, "Overloaded" in anthropic.error) == (FailureKind.RATE_LIMITED, True)


def test_a_time_to_wait_is_seconds_or_a_date() -> None:
    assert retry_after_seconds({"retry-after": "12"}, 0) == 12
    assert retry_after_seconds({"retry-after": "1.5"}, 0) == 1.5
    assert retry_after_seconds({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 40) == 60
    assert retry_after_seconds({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, 40) == 0
    assert retry_after_seconds({"llm_provider-retry-after": "7"}, 0) == 7
    for nonsense in ("", "soon", "-", "1e999999999999", "Mon"):
        assert retry_after_seconds({"retry-after": nonsense}, 0) is None


# Loading


@pytest.mark.parametrize("name", ["llama-swap", "ollama"])
async def test_a_model_that_loads_is_told_as_loading_and_its_time_is_known(name: str) -> None:
    fleet = DemoFleet(speed=5, services=("llama-swap", "ollama"))
    async with fleet, Dispatcher(config_of(fleet), look_after=0.05) as dispatcher:
        reply = await ask(dispatcher, MODELS[name], prompt=Prompt.of("write 20 tokens"))
    (loading,) = reply.of(Loading)
    assert "is being loaded" in loading.text
    assert reply.events.index(loading) < reply.events.index(reply.of(Text)[0])
    timings = reply.finished.timings
    assert timings.load is not None
    assert timings.first_token is not None
    assert 0.1 < timings.load <= timings.first_token


async def test_a_look_at_the_loading_delays_neither_the_answer_nor_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading_watch, "LOOK_TIMEOUT", 10 * PATIENCE)

    async def answer(request: Request) -> Response:
        if request.path == "/running":
            await asyncio.Event().wait()
        await until(lambda: "/running" in {record.path for record in server.requests}, "its loading was asked for")
        return streaming([chunk("ab", "stop")])

    server = await serve(answer)
    async with asyncio.timeout(PATIENCE):
        reply = await ask_config(one_service(server.url, "llama-swap"))
    assert reply.finished
    server.close()
    await server.closed()


async def test_llama_swaps_own_words_about_loading_are_no_thoughts() -> None:
    talking = dataclasses.replace(DEFAULT_CONFIG, send_loading_state=True)
    fleet = DemoFleet(speed=20, services=("llama-swap",), llama_swap=talking)
    async with fleet, Dispatcher(config_of(fleet)) as dispatcher:
        reply = await ask(dispatcher, "llama-swap/qwen3")
        assert reply.of(Loading)[0].text == "llama-swap loading model: qwen3"
        assert any("Done!" in event.text for event in reply.of(Loading))
        answer = answer_to("say hello", thinking=True)
        assert (reply.reasoning, reply.text) == ("".join(answer.reasoning), "".join(answer.text))
        assert reply.finished.timings.load is not None
        # What it says of loading is no part of an answer, so that the next one may be asked.
        second = await ask(dispatcher, "llama-swap/too-large", "llama-swap/gemma")
        assert second.finished.model == "llama-swap/gemma"
        assert "upstream command exited prematurely" in second.finished.fell_back[0].reason


# Bytes on the wire


@pytest.mark.parametrize(
    "pieces",
    [
        [chunk("a"), chunk("b"), chunk(None, "stop"), DONE],
        [chunk("a"), chunk("b", "stop")],
        [chunk("a"), chunk("b"), DONE],
        [b": ping\n\n", b"event: message\nid: 7\nretry: 5\n" + chunk("ab", "stop"), DONE],
        [chunk("ab", "stop").replace(b"data: ", b"data:"), b"data:[DONE]"],
        [chunk("ab", "stop").replace(b"\n", b"\r\n"), b"data: [DONE]\r\n\r\n"],
        [bytes([byte]) for byte in chunk("ab", "stop") + DONE],
        [chunk("ab", "stop") + DONE + b"data: {broken after the end\n\n"],
        [json.dumps({"choices": [{"message": {"content": "ab"}, "finish_reason": "stop"}]}).encode()],
        [json.dumps({"choices": [{"message": {"content": "ab"}, "finish_reason": "stop"}]}, indent=2).encode()],
        [b'data: {"choices":[{"delta":{"content":[{"type":"text","text":"ab"}]},"finish_reason":"stop"}]}\n\n'],
        [b'data: {"choices":null}\n\n', b"data:\n\n", chunk("ab", "stop", usage={"prompt_tokens": "?"}, timings={})],
    ],
)
async def test_every_way_to_write_a_whole_stream(pieces: list[bytes]) -> None:
    reply = await reply_to(answering(pieces))
    assert reply.text == "ab"
    assert reply.finished.reason == "stop"


@pytest.mark.parametrize(
    ("pieces", "kind", "words"),
    [
        ([chunk("ab")], FailureKind.BROKEN, "broke off"),
        ([chunk("ab"), b'data: {"id": "c1", "choi'], FailureKind.BROKEN, "no chat completion"),
        (
            [chunk("ab"), b'data: {"error": {"message": "out of memory", "code": "500"}}\n\n'],
            FailureKind.BROKEN,
            "out of memory",
        ),
        ([chunk("ab"), b'data: {"error": "it is over"}\n\n', DONE], FailureKind.BROKEN, "it is over"),
        ([chunk("ab"), b'{"src":"llama-swap","error":"upstream died"}'], FailureKind.BROKEN, "upstream died"),
    ],
)
async def test_a_stream_that_is_not_whole_says_why_and_keeps_what_came(
    pieces: list[bytes], kind: FailureKind, words: str
) -> None:
    reply = await reply_to(answering([b"".join(pieces)]))
    assert reply.text == "ab"
    assert reply.failed.kind is kind
    assert reply.failed.partial
    assert words in reply.failed.error


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"message": "no such thing", "type": "server_error"}}, FailureKind.SERVER_ERROR),
        ({"error": "Rate limit reached"}, FailureKind.RATE_LIMITED),
        ({"error": {"message": "who are you?", "code": 401}}, FailureKind.NOT_LOGGED_IN),
        ({"error": {"message": None, "code": None}}, FailureKind.SERVER_ERROR),
    ],
)
async def test_an_error_inside_a_200(body: object, kind: FailureKind) -> None:
    kinds: tuple[ServiceKind, ...] = ("openai", "ollama")
    for spoken in kinds:
        failed = (await reply_to(AnyAnswer(json_response(body)), spoken)).failed
        assert (failed.kind, failed.partial) == (kind, False)
        assert failed.error


async def test_a_redirect_is_not_followed_and_takes_no_key_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "sk-the-key")
    async with server_with(AnyAnswer(json_response({}))) as elsewhere:
        away = Response(307, b"", None, (("location", f"{elsewhere.url}/v1/chat/completions"),))
        failed = (await reply_to(AnyAnswer(away), key=True)).failed
        assert failed.kind is FailureKind.REFUSED
        assert "redirects" in failed.error
        assert not list(elsewhere.requests)


async def test_a_key_that_is_not_there_is_said_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    async with server_with(answering([chunk("ab", "stop")])) as server:
        failed = (await ask_config(one_service(server.url, key=True))).failed
        assert (failed.kind, KEY_VARIABLE in failed.error) == (FailureKind.NOT_LOGGED_IN, True)
        assert not list(server.requests)


async def test_no_error_shows_a_key_or_reaches_the_terminal_as_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "sk-abcdef0123456789")
    words = "bad key sk-abcdef0123456789 \x1b[2J\x1b]0;title\x07 \u202eesrever"
    answers = (json_response({"error": {"message": words}}, 500), json_response({"error": words}))
    kinds: tuple[ServiceKind, ...] = ("openai", "ollama", "anthropic")
    for answer, kind in itertools.product(answers, kinds):
        failed = (await reply_to(AnyAnswer(answer), kind, key=True)).failed
        assert "abcdef0123456789" not in failed.error
        assert failed.error.isprintable()


async def test_messages_that_are_not_whole() -> None:
    start = (
        b'event: message_start\ndata: {"type":"message_start","message":{"model":"c-1","usage":{"input_tokens":3}}}\n\n'
    )
    delta = b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"ab"}}\n\n'
    stop = b'data: {"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":2}}\n\n'
    whole = await reply_to(
        answering([start, b'data: {"type":"ping"}\n\n', delta, stop, b'data: {"type":"message_stop"}\n\n']), "anthropic"
    )
    assert (whole.text, whole.finished.reason, whole.finished.served_by) == ("ab", "max_tokens", "c-1")
    assert (whole.finished.usage.input, whole.finished.usage.output) == (3, 2)
    broken = await reply_to(answering([start, delta]), "anthropic")
    assert (broken.text, broken.failed.kind) == ("ab", FailureKind.BROKEN)
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    overloaded = await reply_to(answering([start, error]), "anthropic")
    assert overloaded.failed.kind is FailureKind.RATE_LIMITED


async def test_a_line_of_many_levels_or_of_many_megabytes_is_refused() -> None:
    deep = b"data: " + b"[" * 100_000 + b"\n\n"
    endless = (b"data: " + b"x" * 65_536 for _ in range(200))
    assert (await reply_to(answering([deep]))).failed.kind is FailureKind.BAD_ANSWER
    assert (await reply_to(answering(endless))).failed.kind is FailureKind.BAD_ANSWER


async def test_services_that_are_no_models(fleet: DemoFleet) -> None:
    for kind in ("qdrant", "http"):
        failed = (await ask_config(one_service(fleet.ollama.url, kind))).failed
        assert failed.kind is FailureKind.REFUSED
    unknown = (await ask_config(one_service(fleet.ollama.url), "nobody/x")).failed
    assert unknown.kind is FailureKind.UNKNOWN_MODEL
    for model in MODELS.values():
        async with Dispatcher(config_of(fleet)) as dispatcher:
            missing = (await ask(dispatcher, model.partition("/")[0] + "/no-such-model")).failed
            assert missing.kind is FailureKind.UNKNOWN_MODEL
