"""opencode through a stand-in for its server, which sends the events that 1.18 was seen to send."""

from __future__ import annotations

import json
import time

import pytest

from tests.chat.asking import Reply, one_program
from tests.chat.stand_ins import OPENCODE_SCRIPT, StandIns, answer_of, until_gone
from tui.chat.program import ProgramLimits
from tui.chat.reply import FailureKind, Reasoning, Restarted, Text


async def opencode_reply(stand_ins: StandIns, **plan: object) -> Reply:
    stand_ins.add("opencode", OPENCODE_SCRIPT, **plan)
    return await answer_of(one_program("opencode", provider="zai"), limits=ProgramLimits(first_word=10, grace=0.3))


async def test_opencode_streams_through_its_server_and_its_session_is_deleted(stand_ins: StandIns) -> None:
    reply = await opencode_reply(stand_ins, events=["Hello", " from", " it"])
    assert (reply.reasoning, reply.text) == ("Let me see. ", "Hello from it")
    assert len(reply.of(Text)) > 1
    assert (reply.finished.served_by, reply.finished.usage.output) == ("m-1", 5)
    told = stand_ins.told("opencode")
    seen = json.loads(told.stdin)
    assert seen["requests"][-1] == "DELETE /session/ses_1"
    asked = next(json.loads(body) for body in seen["bodies"] if "parts" in body)
    assert asked["model"] == {"providerID": "zai", "modelID": "m"}
    assert asked["parts"] == [{"type": "text", "text": "say hello"}]
    assert "--hostname" in told.arguments
    config = json.loads(told.environment["OPENCODE_CONFIG_CONTENT"])
    # Without these two it may send the prompt to a free model of its own.
    assert (config["enabled_providers"], config["model"]) == (["zai"], "zai/m")
    assert config["agent"]["plain"]["tools"] == {"*": False}
    await until_gone(stand_ins, "opencode")


async def test_what_opencodes_events_left_out_is_taken_from_its_whole_answer(stand_ins: StandIns) -> None:
    reply = await opencode_reply(stand_ins, events=["Hello"], whole="Hello from it")
    assert reply.text == "Hello from it"
    assert reply.finished


async def test_opencode_that_begins_anew_has_said_it_once(stand_ins: StandIns) -> None:
    reply = await opencode_reply(
        stand_ins, events=["Hel", ["retry", 1, "reset"], "Hello", ["retry", 2, "reset"], "Hey"]
    )
    assert (reply.text, len(reply.of(Restarted))) == ("Hey", 2)
    assert reply.finished


@pytest.mark.parametrize(
    ("events", "kind", "words"),
    [
        ([["retry", 1, "fake 500 error"], ["retry", 3, "fake 500 error"], ["hang"]], FailureKind.SERVER_ERROR, "500"),
        ([["retry", 1, "Rate limit reached", 60], ["hang"]], FailureKind.RATE_LIMITED, "Rate limit"),
        ([["error", {"data": {"message": "no", "statusCode": 401}}]], FailureKind.NOT_LOGGED_IN, "no"),
        ([["error", {"data": {"message": "Model not found: zai/m."}}]], FailureKind.UNKNOWN_MODEL, "zai/m"),
    ],
)  # fmt: skip
async def test_opencodes_errors_are_told_in_kind_and_in_time(
    stand_ins: StandIns, events: list[object], kind: FailureKind, words: str
) -> None:
    began = time.monotonic()
    reply = await opencode_reply(stand_ins, events=events, status=500)
    assert not reply.of(Text)
    assert (reply.failed.kind, words in reply.failed.error) == (kind, True), reply.failed
    assert time.monotonic() - began < 5
    await until_gone(stand_ins, "opencode")


async def test_opencode_that_does_not_start(stand_ins: StandIns) -> None:
    reply = await opencode_reply(stand_ins, err="the database is locked\n")
    assert "the database is locked" in reply.failed.error
    assert not reply.of(Reasoning)
