"""Answers that break, do not end, are refused, or take long: each with its exit code, and nothing left running."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chat.asking import AnyAnswer, answering, chunk
from tests.chat.stand_ins import is_running
from tests.cli.demo_process import PATIENCE
from tests.cli.house import House, a_house
from tests.waiting import until
from tui.demo.fleet import DemoFleet
from tui.demo.http_server import Request, Response, json_response, serve
from tui.demo.llama_swap_catalogue import LlamaSwapConfig
from tui.demo.llama_swap_processes import ModelSetup
from tui.demo.models import SimulatedModel, answer_to

GEMMA = ("-m", "llama-swap/gemma")
ENDLESS = "write 900000 tokens"
DEADLINE_AND_GRACE = 5.0


async def test_an_answer_that_breaks_after_ten_tokens_is_printed_as_far_as_it_came_and_fails(house: House) -> None:
    await house.fleet.llama_swap.scene("drop", after=10)
    ran = await house.call("invoke", "-k", "quick", "hi")
    assert ran.code == 1
    assert ran.out == "".join(answer_to("hi").text[:10])
    assert "what had come is not the whole answer" in ran.err
    # Somebody has read the beginning: nobody else may go on with another one.
    assert house.prompted() == {"llama-swap": 1}
    ran = await house.call("invoke", "-k", "quick", "hi", "--json")
    assert (ran.code, ran.document["kind"], ran.document["partial"]) == (1, "broken", True)
    assert ran.document["response"] == "".join(answer_to("hi").text[:10])
    ran = await house.call("invoke", "-k", "quick", "hi", "--events")
    assert [event["event"] for event in ran.events][-1] == "failed"


async def test_an_answer_without_an_end_is_ended_by_the_timeout(house: House) -> None:
    house.fleet.llama_swap.speed = 1.0
    ran = await house.call("invoke", *GEMMA, "--timeout", "0.5", "--json", ENDLESS)
    assert (ran.code, ran.document["kind"]) == (1, "timed_out")
    assert "had not finished when the time was up" in ran.err
    await until(lambda: house.prompts("llama-swap")[-1].closed_early, "the server sees that nobody reads any more")


async def test_a_server_that_says_nothing_is_ended_by_the_timeout(house: House) -> None:
    await house.fleet.llama_swap.scene("hang")
    ran = await house.call("invoke", "-k", "quick", "--timeout", "0.6", "hi")
    assert (ran.code, ran.out) == (1, "")
    assert house.prompted() == {"llama-swap": 1}
    assert house.remembered()[0]["outcome"] == "failed"


async def test_a_429_is_kept_for_as_long_as_it_says(house: House) -> None:
    ran = await house.call("invoke", "-m", "litellm/rate-limited", "--json", "hi")
    assert (ran.code, ran.document["kind"], ran.document["retry_after_s"]) == (1, "rate_limited", 7)
    assert "it may be asked again in 7 s" in ran.err
    ran = await house.call("invoke", "-m", "litellm/rate-limited", "hi")
    assert ran.code == 3
    assert "may be asked again in" in ran.err
    assert house.prompted() == {"litellm": 1}


@contextlib.asynccontextmanager
async def one_that_answers(house: House, answer: AnyAnswer) -> AsyncIterator[None]:
    """A service called ``one``, which is well and answers each prompt alike."""

    async def respond(request: Request) -> Response:
        return json_response({"data": [{"id": "m"}]}) if request.method == "GET" else await answer(request)

    server = await serve(respond)
    house.configure(f'\n[services.one]\nkind = "openai"\nurl = "{server.url}"\n')
    try:
        yield
    finally:
        server.close()
        await server.closed()


async def test_a_429_without_a_time_is_kept_for_a_minute(house: House) -> None:
    limited = answering(json_response({"error": {"message": "slow down"}}, 429))
    async with one_that_answers(house, limited):
        ran = await house.call("invoke", "-m", "one/m", "--json", "hi")
        assert (ran.code, ran.document["kind"], ran.document["retry_after_s"]) == (1, "rate_limited", None)
        ran = await house.call("invoke", "-m", "one/m", "hi")
    assert ran.code == 3
    seconds = int(ran.err.partition("may be asked again in ")[2].split()[0])
    assert 50 < seconds <= 60


async def test_a_401_says_whose_key_is_wrong(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETDECK_DEMO_KEY", "sk-wrong-key-4711")
    ran = await house.call("invoke", "-m", "litellm/gpt-5.2", "--json", "hi")
    assert (ran.code, ran.document["kind"]) == (1, "not_logged_in")
    assert "litellm refused the key" in ran.err
    assert "4711" not in ran.out + ran.err


@pytest.mark.parametrize("error", [{"message": "out of memory"}, "out of memory"], ids=["object", "string"])
async def test_a_200_with_an_error_inside_is_a_failure(house: House, error: object) -> None:
    said = answering([chunk("Well"), b"data: " + json.dumps({"error": error}).encode() + b"\n\n"])
    silent = answering([b"data: " + json.dumps({"error": error}).encode() + b"\n\n"])
    for answer, kind, text in ((said, "broken", "Well"), (silent, "server_error", "")):
        async with one_that_answers(house, answer):
            ran = await house.call("invoke", "-m", "one/m", "--json", "hi")
        assert (ran.code, ran.document["kind"], ran.document["response"]) == (1, kind, text)
        assert "out of memory" in ran.err


async def test_what_is_no_answer_at_all_is_a_failure(house: House) -> None:
    async with one_that_answers(house, answering(Response(200, b"<html>Wi-Fi login</html>", "text/html"))):
        ran = await house.call("invoke", "-m", "one/m", "--json", "hi")
    assert (ran.code, ran.document["kind"]) == (1, "bad_answer")


@pytest.mark.parametrize("tells", [True, False], ids=["llama-swap tells it in the stream", "only its list tells"])
async def test_a_model_that_loads_for_ninety_seconds_is_shown_as_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tells: bool
) -> None:
    slow = ModelSetup(SimulatedModel("heavy", load_seconds=90))
    # Ninety of its seconds are more than one of ours, after which silence is looked into.
    config = LlamaSwapConfig((slow,), send_loading_state=tells)
    async with a_house(tmp_path, monkeypatch, capsys, DemoFleet(speed=75, llama_swap=config)) as house:
        ran = await house.call("invoke", "-m", "llama-swap/heavy", "--events", "hi")
    names = [event["event"] for event in ran.events]
    assert ran.code == 0
    assert names.index("loading") < names.index("text")
    assert "load" in ran.err.splitlines()[1]
    timings = ran.events[-1]["timings"]
    assert isinstance(timings, dict)
    assert timings["load_ms"] > 1000


async def test_a_child_that_ignores_term_does_not_outlive_the_timeout(house: House) -> None:
    house.programs.add("claude", ignores_term=True, child=True, out="{}\n", lingers=60)
    started = asyncio.get_running_loop().time()
    ran = await house.process("invoke", "-m", "claude/opus", "--timeout", "0.5", "-p", "hi")
    assert ran.code == 1
    assert "had not finished when the time was up" in ran.err
    assert asyncio.get_running_loop().time() - started < DEADLINE_AND_GRACE
    assert len(house.programs.pids("claude")) >= 2
    await until(lambda: not any(is_running(pid) for pid in house.programs.pids("claude")), "all of it has ended")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_an_interruption_ends_the_far_side(house: House, number: signal.Signals, code: int) -> None:
    house.fleet.llama_swap.speed = 20.0
    process = await house.started("invoke", *GEMMA, "--events", ENDLESS)
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        while b'"text"' not in await process.stdout.readline():
            pass
        process.send_signal(number)
        rest, errors = await process.communicate()
    assert process.returncode == code
    last = json.loads(rest.splitlines()[-1])
    assert (last["event"], last["kind"]) == ("failed", "interrupted")
    assert b"Traceback" not in errors
    await until(lambda: house.prompts("llama-swap")[-1].closed_early, "the server sees that nobody reads any more")
    assert house.remembered()[0]["outcome"] == "cancelled"


async def test_an_interruption_ends_a_program(house: House) -> None:
    house.programs.add("claude", out="{}\n", lingers=60)
    process = await house.started("invoke", "-m", "claude/opus", "hi")
    await until(lambda: house.programs.pids("claude"), "it runs", timeout=PATIENCE)
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(PATIENCE):
        await process.communicate()
    assert process.returncode == 130
    await until(lambda: not any(is_running(pid) for pid in house.programs.pids("claude")), "all of it has ended")


async def test_a_reader_that_has_seen_enough_ends_the_far_side(house: House) -> None:
    house.fleet.llama_swap.speed = 20.0
    process = await house.started("invoke", *GEMMA, ENDLESS)
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE):
        assert await process.stdout.read(1)
        process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        errors = await process.stderr.read()
        assert await process.wait() == 0
    assert b"Error" not in errors
    await until(lambda: house.prompts("llama-swap")[-1].closed_early, "the server sees that nobody reads any more")
