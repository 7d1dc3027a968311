"""Candidate after candidate: who is asked, who is not, and what is told of it."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from tests.chat.asking import Asked, Reply, ask, config_of, one_program
from tests.chat.stand_ins import StandIns
from tests.waiting import until
from tui.chat.dispatch import Dispatcher, NotPrivate
from tui.chat.prompt import Prompt
from tui.chat.reply import FailureKind, FellBack, Started, event_json, finished_json
from tui.demo.fleet import DemoFleet

SECOND = "ollama/llama3.2"


def chats(fleet: DemoFleet) -> dict[str, int]:
    """How many prompts each server was sent."""
    paths = ("/v1/chat/completions", "/api/chat", "/v1/messages")
    return {name: sum(record.path in paths for record in server.requests) for name, server in fleet.servers.items()}


async def test_the_first_that_answers_is_the_only_one_that_is_asked(fleet: DemoFleet, dispatcher: Dispatcher) -> None:
    reply = await ask(dispatcher, "llama-swap/gemma", SECOND)
    assert reply.finished.model == "llama-swap/gemma"
    assert reply.finished.fell_back == ()
    assert chats(fleet) == {"llama-swap": 1, "ollama": 0, "litellm": 0}


@pytest.mark.parametrize("scene", ["down", "error", "unauthorized", "loading", "garbage"])
async def test_what_fails_before_its_first_token_is_followed_by_the_next_with_the_reason_kept(
    fleet: DemoFleet, dispatcher: Dispatcher, scene: str
) -> None:
    await fleet.llama_swap.scene(scene)  # type: ignore[arg-type]
    reply = await ask(dispatcher, "llama-swap/gemma", "nobody/x", SECOND)
    assert reply.finished.model == SECOND
    assert [event.candidate.model for event in reply.of(Started)] == ["llama-swap/gemma", "nobody/x", SECOND]
    first, second = reply.of(FellBack)
    assert (first.from_, first.to, second.to) == ("llama-swap/gemma", "nobody/x", SECOND)
    assert first.reason
    assert reply.finished.fell_back == (first, second)
    # Each is asked once: a proxy and a program have retried by themselves.
    assert chats(fleet)["llama-swap"] <= 1


async def test_when_nobody_answers_the_last_reason_is_told_and_all_others_are_kept(
    fleet: DemoFleet, dispatcher: Dispatcher
) -> None:
    await fleet.llama_swap.scene("down")
    reply = await ask(dispatcher, "llama-swap/gemma", "litellm/rate-limited")
    failed = reply.failed
    assert (failed.kind, failed.model, failed.partial) == (FailureKind.RATE_LIMITED, "litellm/rate-limited", False)
    assert [step.from_ for step in failed.fell_back] == ["llama-swap/gemma"]
    assert failed.retry_after == 7


async def test_after_the_first_token_nobody_else_is_asked(fleet: DemoFleet, dispatcher: Dispatcher) -> None:
    await fleet.llama_swap.scene("drop", after=1)
    reply = await ask(dispatcher, "llama-swap/qwen3", SECOND)
    assert reply.failed.partial
    # One token of thinking is enough.
    assert (reply.text, bool(reply.reasoning)) == ("", True)
    assert chats(fleet)["ollama"] == 0


async def test_once_the_time_is_up_nobody_else_is_asked(fleet: DemoFleet, dispatcher: Dispatcher) -> None:
    await fleet.llama_swap.scene("hang")
    reply = await ask(dispatcher, "llama-swap/gemma", SECOND, timeout=0.1)
    assert reply.failed.kind is FailureKind.TIMED_OUT
    assert chats(fleet)["ollama"] == 0


@pytest.mark.parametrize("text", ["", " ", "\n\t\n"])
async def test_an_empty_prompt_is_sent_to_nobody(fleet: DemoFleet, dispatcher: Dispatcher, text: str) -> None:
    # Ollama would take it for "load this model", and answer with nothing.
    reply = await ask(dispatcher, "llama-swap/gemma", SECOND, prompt=Prompt.of(text))
    assert reply.failed.kind is FailureKind.REFUSED
    assert "empty" in reply.failed.error
    assert reply.record is not None
    assert (reply.record.outcome, reply.record.attempts) == ("failed", ())
    assert not any(len(server.requests) for server in fleet.servers.values())


async def test_no_candidates_is_an_error(dispatcher: Dispatcher) -> None:
    assert (await ask(dispatcher)).failed.kind is FailureKind.REFUSED


@pytest.mark.parametrize(
    "candidates",
    [
        [Asked("llama-swap/gemma"), Asked("litellm/gpt-5.2", "cloud")],
        [Asked("litellm/gpt-5.2", "cloud"), Asked("llama-swap/gemma")],
        [Asked("llama-swap/gemma"), Asked("litellm/local-chat", "unknown")],
    ],
)
async def test_a_private_prompt_with_any_candidate_that_is_not_local_is_sent_to_nobody(
    fleet: DemoFleet, dispatcher: Dispatcher, candidates: list[Asked]
) -> None:
    with pytest.raises(NotPrivate):
        await ask(dispatcher, candidates=candidates, private=True)
    assert not any(len(server.requests) for server in fleet.servers.values())
    reply = await ask(dispatcher, "llama-swap/gemma", private=True)
    assert reply.finished
    assert reply.record is not None
    assert reply.record.private


async def test_a_program_is_never_private_whatever_a_plan_says_of_it(stand_ins: StandIns) -> None:
    stand_ins.add("asks", echo=True)
    async with Dispatcher(one_program("command", "asks")) as dispatcher:
        with pytest.raises(NotPrivate):
            await ask(dispatcher, candidates=[Asked("one/m", "local")], private=True)
    assert stand_ins.runs("asks") == 0


async def test_the_ledger_is_told_of_every_candidate(fleet: DemoFleet) -> None:
    await fleet.llama_swap.scene("unauthorized")
    async with Dispatcher(config_of(fleet), clock=lambda: 1234.5) as dispatcher:
        reply = await ask(dispatcher, "litellm/rate-limited", "llama-swap/gemma", SECOND)
    record = reply.record
    assert record is not None
    assert record.outcome == "finished"
    assert record.finished == reply.finished
    assert record.text == reply.text
    limited, refused, answered = record.attempts
    assert (limited.kind, limited.retry_after, limited.asked_at) == (FailureKind.RATE_LIMITED, 7, 1234.5)
    assert (refused.kind, refused.model) == (FailureKind.NOT_LOGGED_IN, "llama-swap/gemma")
    assert (answered.kind, answered.where, answered.outcome) == (None, "local", "finished")
    assert (limited.outcome, limited.partial) == ("failed", False)
    assert answered.usage == reply.finished.usage


async def test_the_ledger_is_told_of_what_was_broken_off(fleet: DemoFleet, dispatcher: Dispatcher) -> None:
    await fleet.ollama.scene("hang")
    told = Reply([])

    async def read() -> None:
        events = dispatcher.ask([Asked(SECOND)], Prompt.of("hi"), witness=told)
        async with contextlib.aclosing(events):
            async for _ in events:
                pass

    reading = asyncio.create_task(read())
    await until(lambda: len(fleet.ollama.requests) > 0, "the question arrived")
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert told.record is not None
    assert (told.record.outcome, told.record.finished, told.record.failed) == ("cancelled", None, None)
    (attempt,) = told.attempts
    assert (attempt.model, attempt.outcome, attempt.kind) == (SECOND, "cancelled", None)


async def test_the_documents_are_as_promised(fleet: DemoFleet, dispatcher: Dispatcher) -> None:
    await fleet.llama_swap.scene("down")
    reply = await ask(dispatcher, "llama-swap/gemma", SECOND)
    lines = [event_json(event) for event in reply.events]
    assert lines[0] == {"event": "started", "model": "llama-swap/gemma", "where": "local", "why": "the test wants it"}
    assert set(lines[1]) == {"event", "from", "to", "reason"}
    assert {line["event"] for line in lines} == {"started", "fell_back", "text", "usage", "finished"}
    last = lines[-1]
    assert {"model", "served_by", "fell_back", "usage", "cost_usd", "timings"} <= set(last)
    assert "response" not in last
    assert last == {"event": "finished"} | finished_json(reply.finished)
    timings = last["timings"]
    assert isinstance(timings, dict)
    assert set(timings) == {"load_ms", "first_token_ms", "total_ms", "tokens_per_second"}
    assert isinstance(timings["total_ms"], int)
    await fleet.ollama.scene("error")
    failed: Reply = await ask(dispatcher, SECOND)
    assert {"event": "failed", "kind": "server_error"}.items() <= event_json(failed.failed).items()
