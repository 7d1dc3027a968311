"""Programs that stand in for claude, opencode, gemini, copilot and others: what they print, and how they misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.chat.asking import Asked, one_program
from tests.chat.stand_ins import CAPTURES, LIMITS, OPENCODE_SCRIPT, StandIns, answer_of, until_gone
from tests.waiting import until
from tui.chat.dispatch import Dispatcher
from tui.chat.program import ProgramLimits
from tui.chat.prompt import Message, Prompt
from tui.chat.reply import FailureKind, Restarted, Retrying, Text
from tui.config.schema import CliKind

REPOSITORY = Path(__file__).parents[2]
ASKS = """
import asyncio
from tests.chat.asking import ask, one_program
from tui.chat.dispatch import Dispatcher
async def main():
    async with Dispatcher(one_program("command", "stubborn")) as dispatcher:
        await ask(dispatcher, "one/m")
asyncio.run(main())
"""
SAID = "Hello from the fake server."


def claude_lines(*texts: str, result: dict[str, object] | None = None, before: str = "") -> str:
    """stream-json of claude 2.1 as its SDK's types describe it."""

    def event(value: Mapping[str, object], parent: str | None = None) -> str:
        return json.dumps({"type": "stream_event", "event": value, "parent_tool_use_id": parent}) + "\n"

    start = {"type": "message_start", "message": {"model": "claude-h-1", "usage": {"input_tokens": 11}}}
    lines = [
        json.dumps({"type": "system", "subtype": "init", "model": "claude-h-1", "tools": []}) + "\n",
        before,
        event(start),
        event({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "Hm."}}),
        event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "of a subagent"}}, "tool_1"),
        *(event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}}) for text in texts),
        event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}),
        event({"type": "message_stop"}),
        json.dumps({"type": "some_type_of_next_year", "event": None}) + "\n",
    ]
    ending = {"type": "result", "subtype": "success", "is_error": False, "result": "".join(texts)} | (result or {})
    return "".join(lines) + json.dumps(ending) + "\n"


# What they say


async def test_claude_streams_its_thinking_and_its_answer(stand_ins: StandIns) -> None:
    stand_ins.add("claude", out=claude_lines("Hello", " there"))
    reply = await answer_of(one_program("claude"))
    assert (reply.reasoning, reply.text) == ("Hm.", "Hello there")
    finished = reply.finished
    assert (finished.reason, finished.served_by) == ("end_turn", "claude-h-1")
    assert (finished.usage.input, finished.usage.output) == (11, 5)


async def test_claude_that_is_not_logged_in_is_a_clear_error_and_no_answer(stand_ins: StandIns) -> None:
    stand_ins.add_capture("claude", "nologin", exit_code=1)
    reply = await answer_of(one_program("claude"))
    assert reply.text == ""
    assert reply.failed.kind is FailureKind.NOT_LOGGED_IN
    assert "Not logged in" in reply.failed.error


async def test_claude_says_when_its_limit_ends(stand_ins: StandIns) -> None:
    limit = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": time.time() + 600}}
    wrong: dict[str, object] = {"type": "assistant", "message": {}, "parent_tool_use_id": None, "error": "rate_limit"}
    before = json.dumps(limit) + "\n" + json.dumps(wrong) + "\n"
    ending = json.dumps({"type": "result", "subtype": "success", "is_error": True, "result": "You've hit your limit"})
    stand_ins.add("claude", out=before + ending + "\n", exit_code=1)
    failed = (await answer_of(one_program("claude"))).failed
    assert failed.kind is FailureKind.RATE_LIMITED
    assert failed.retry_after is not None
    assert 500 < failed.retry_after <= 600


async def test_gemini_streams(stand_ins: StandIns) -> None:
    stand_ins.add_capture("gemini", "ok", pause=0.01)
    reply = await answer_of(one_program("gemini"))
    assert reply.text == SAID
    assert len(reply.of(Text)) > 1
    assert (reply.finished.usage.input, reply.finished.usage.output) == (11, 5)


async def test_copilot_streams(stand_ins: StandIns) -> None:
    stand_ins.add_capture("copilot", "ok", pause=0.01)
    reply = await answer_of(one_program("copilot"))
    assert reply.text == SAID
    assert len(reply.of(Text)) > 1
    assert reply.finished.served_by == "fake-ok"


async def test_what_copilot_says_again_after_a_broken_stream_is_not_there_twice(stand_ins: StandIns) -> None:
    stand_ins.add_capture("copilot", "drop", exit_code=1)
    reply = await answer_of(one_program("copilot"))
    assert len(reply.of(Restarted)) >= 2
    assert reply.text == "Hello from the"
    assert reply.record is not None
    assert reply.record.text == "Hello from the"
    assert reply.failed.kind is FailureKind.BROKEN
    assert reply.failed.partial
    broken = (CAPTURES / "copilot-drop.out").read_text(encoding="utf-8").splitlines()
    whole = (CAPTURES / "copilot-ok.out").read_text(encoding="utf-8").splitlines()
    retry = next(number for number, line in enumerate(broken) if "assistant.turn_retry" in line)
    stand_ins.add("copilot", out="\n".join([*broken[: retry + 1], *whole]) + "\n")
    mended = await answer_of(one_program("copilot"))
    assert (mended.text, len(mended.of(Restarted))) == (SAID, 1)
    assert mended.finished


@pytest.mark.parametrize(
    ("name", "case", "exit_code", "kind"),
    [
        ("gemini", "401", 145, FailureKind.NOT_LOGGED_IN),
        ("gemini", "nologin", 41, FailureKind.NOT_LOGGED_IN),
        ("gemini", "429", 0, FailureKind.RATE_LIMITED),
        ("copilot", "401", 1, FailureKind.NOT_LOGGED_IN),
        ("copilot", "429", 1, FailureKind.RATE_LIMITED),
        ("copilot", "nologin", 1, FailureKind.NOT_LOGGED_IN),
    ],
)
async def test_their_errors_are_told_in_kind(
    stand_ins: StandIns, name: CliKind, case: str, exit_code: int, kind: FailureKind
) -> None:
    stand_ins.add_capture(name, case, exit_code)
    failed = (await answer_of(one_program(name))).failed
    assert failed.kind is kind
    assert not failed.partial
    assert name in failed.error
    assert failed.error.isprintable()


async def test_gemini_that_goes_on_trying_in_silence_is_given_up(stand_ins: StandIns) -> None:
    stand_ins.add_capture("gemini", "429", lingers=60)
    began = time.monotonic()
    reply = await answer_of(one_program("gemini"))
    assert reply.failed.kind is FailureKind.RATE_LIMITED
    assert reply.of(Retrying)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", ["claude", "gemini", "copilot"])
async def test_an_exit_code_of_zero_is_no_proof_of_a_whole_answer(stand_ins: StandIns, name: CliKind) -> None:
    whole = claude_lines("Hello") if name == "claude" else (CAPTURES / f"{name}-ok.out").read_text(encoding="utf-8")
    lines = [line for line in whole.splitlines(keepends=True) if '"type":"result"' not in line.replace(" ", "")]
    stand_ins.add(name, out="".join(lines))
    reply = await answer_of(one_program(name))
    assert reply.failed.kind is FailureKind.BROKEN
    assert reply.failed.partial
    assert reply.text


async def test_any_command_streams_its_text(stand_ins: StandIns) -> None:
    stand_ins.add("llm", out=(CAPTURES / "llm-ok.out").read_text(encoding="utf-8"))
    assert (await answer_of(one_program("command", "llm", "-m", "{model}"))).text.strip() == SAID
    assert stand_ins.told("llm").arguments == ["-m", "m"]
    stand_ins.add_capture("llm", "drop", exit_code=1)
    broken = await answer_of(one_program("command", "llm"))
    assert (broken.failed.kind, broken.text) == (FailureKind.BROKEN, "Hello from the")
    assert "Connection error" in broken.failed.error
    stand_ins.add("llm", err="Error: Error code: 429 - fake 429 error\n", exit_code=1)
    assert (await answer_of(one_program("command", "llm"))).failed.kind is FailureKind.RATE_LIMITED
    stand_ins.add("llm")
    assert (await answer_of(one_program("command", "llm"))).failed.kind is FailureKind.BAD_ANSWER


async def test_a_character_that_is_split_between_reads_stays_one(stand_ins: StandIns) -> None:
    stand_ins.add("echoes", echo=True)
    text = "é漢👩‍🚀" * 30_000
    assert (await answer_of(one_program("command", "echoes"), text)).text == text


# What they are given


@pytest.mark.parametrize("name", ["claude", "gemini", "copilot"])
@pytest.mark.parametrize(
    "text",
    ["--version", "nul \x00 and \x1b[2J", "'quotes' $(no)", "é" * 2_500_000],
    ids=["flag", "codes", "quotes", "5 MB"],
)
async def test_prompts_go_to_standard_input_to_the_letter_and_nowhere_else(
    stand_ins: StandIns, name: CliKind, text: str
) -> None:
    out = claude_lines("ok") if name == "claude" else (CAPTURES / f"{name}-ok.out").read_text(encoding="utf-8")
    stand_ins.add(name, tells_prompt=True, out=out)
    assert (await answer_of(one_program(name), text)).finished
    told = stand_ins.told(name)
    assert told.stdin == text
    assert not any(text in argument for argument in told.arguments)
    assert not any(text in value for value in told.environment.values())


async def test_a_program_that_does_not_read_a_long_prompt_is_judged_by_its_end(stand_ins: StandIns) -> None:
    stand_ins.add("deaf", reads_stdin=False, out="I know already.\n")
    assert (await answer_of(one_program("command", "deaf"), "x" * 5_000_000)).text == "I know already.\n"


async def test_a_conversation_is_told_with_its_speakers(stand_ins: StandIns) -> None:
    stand_ins.add("echoes", echo=True)
    turns = (Message("user", "hi"), Message("assistant", "hello"), Message("user", "again"))
    reply = await answer_of(one_program("command", "echoes"), Prompt(turns, "Be brief."))
    assert reply.text == "Be brief.\n\nUser: hi\n\nAssistant: hello\n\nUser: again"


async def test_only_what_a_program_needs_of_our_environment_reaches_it(
    stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {
        "ANTHROPIC_API_KEY": "a", "ANTHROPIC_BASE_URL": "https://elsewhere", "CLAUDE_CODE_OAUTH_TOKEN": "b",
        "CLAUDE_CONFIG_DIR": "/c", "LITELLM_API_KEY": "d", "GEMINI_API_KEY": "e", "GH_TOKEN": "f", "LC_ALL": "C.UTF-8",
        "COPILOT_MODEL": "g", "AWS_SECRET_ACCESS_KEY": "h", "CLAUDECODE": "1", "OPENAI_API_KEY": "i",
    }  # fmt: skip
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    wanted: dict[CliKind, set[str]] = {
        "claude": {"CLAUDE_CONFIG_DIR"},
        "gemini": {"GEMINI_API_KEY"},
        "copilot": {"GH_TOKEN", "COPILOT_MODEL"},
        "opencode": set(),
    }
    for program, names in wanted.items():
        if program == "opencode":
            stand_ins.add(program, OPENCODE_SCRIPT, events=["ok"])
        else:
            stand_ins.add(program)
        await answer_of(one_program(program, provider="zai" if program == "opencode" else None))
        told = stand_ins.told(program).environment
        assert set(told) & set(ours) == names | {"LC_ALL"}
        assert told["HOME"] == str(stand_ins.home)


async def test_agents_run_in_an_empty_folder_and_leave_nothing_there(stand_ins: StandIns) -> None:
    stand_ins.add("gemini", leaves_report=True, out=(CAPTURES / "gemini-ok.out").read_text(encoding="utf-8"))
    assert (await answer_of(one_program("gemini"), "canary")).finished
    told = stand_ins.told("gemini")
    assert told.folder.startswith(str(stand_ins.temporary))
    assert told.environment["TMPDIR"] == told.folder
    assert not list(stand_ins.temporary.iterdir())


# How they end


async def test_a_program_that_is_not_there(stand_ins: StandIns) -> None:
    for name in ("claude", "gemini", "copilot", "opencode"):
        failed = (await answer_of(one_program(name, provider="p"))).failed
        assert (failed.kind, f"{name} is not installed" in failed.error) == (FailureKind.NOT_INSTALLED, True)
    (stand_ins.folder / "broken").write_text("#!/no/such/interpreter\n")
    (stand_ins.folder / "broken").chmod(0o755)
    assert (await answer_of(one_program("command", "broken"))).failed.kind is FailureKind.NOT_INSTALLED


async def test_a_program_that_ignores_term_and_its_child_are_killed_when_the_time_is_up(stand_ins: StandIns) -> None:
    stand_ins.add("stubborn", ignores_term=True, child=True, out="a word\n", lingers=60)
    began = time.monotonic()
    reply = await answer_of(one_program("command", "stubborn"), timeout=0.5)
    assert (reply.failed.kind, reply.failed.partial, reply.text) == (FailureKind.TIMED_OUT, True, "a word\n")
    assert time.monotonic() - began < 3
    assert len(stand_ins.pids("stubborn")) == 2
    await until_gone(stand_ins, "stubborn")


async def test_leaving_in_the_middle_ends_the_program(stand_ins: StandIns) -> None:
    stand_ins.add("gemini", child=True, out=(CAPTURES / "gemini-ok.out").read_text(encoding="utf-8"), pause=0.05)
    async with Dispatcher(one_program("gemini"), program_limits=LIMITS) as dispatcher:
        events = dispatcher.ask([Asked("one/m", "cloud")], Prompt.of("hi"))
        async with contextlib.aclosing(events):
            async for event in events:
                if isinstance(event, Text):
                    break
    await until_gone(stand_ins, "gemini")
    assert not list(stand_ins.temporary.iterdir())


async def test_cancelling_the_reader_ends_the_program(stand_ins: StandIns) -> None:
    stand_ins.add("stubborn", ignores_term=True, child=True, lingers=60)
    reading = asyncio.create_task(answer_of(one_program("command", "stubborn")))
    await until(lambda: len(stand_ins.pids("stubborn")) == 2, "it is running")
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await until_gone(stand_ins, "stubborn")


async def test_a_program_ends_with_us_even_if_we_are_killed(stand_ins: StandIns) -> None:
    stand_ins.add("stubborn", ignores_term=True, child=True, out="a word\n", lingers=60)
    asking = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ASKS), cwd=REPOSITORY, start_new_session=True, stdin=DEVNULL
    )
    await until(lambda: len(stand_ins.pids("stubborn")) == 2, "it is running")
    asking.kill()
    await asking.wait()
    await until_gone(stand_ins, "stubborn")


async def test_a_child_that_outlives_its_launcher_does_not_hold_the_answer_up(stand_ins: StandIns) -> None:
    stand_ins.add("launches", child=True, out="all of it\n")
    began = time.monotonic()
    assert (await answer_of(one_program("command", "launches"))).text == "all of it\n"
    assert time.monotonic() - began < 3
    await until_gone(stand_ins, "launches")


async def test_silence_has_its_limits(stand_ins: StandIns) -> None:
    stand_ins.add("silent", lingers=60)
    quick = ProgramLimits(first_word=0.3, silence=0.3, grace=0.3)
    never = (await answer_of(one_program("command", "silent"), limits=quick)).failed
    assert (never.kind, never.partial) == (FailureKind.TIMED_OUT, False)
    stand_ins.add("silent", out="one word\n", lingers=60)
    once = (await answer_of(one_program("command", "silent"), limits=ProgramLimits(silence=0.3, grace=0.3))).failed
    assert (once.kind, once.partial) == (FailureKind.TIMED_OUT, True)
    await until_gone(stand_ins, "silent")


async def test_megabytes_of_complaints_are_neither_waited_for_nor_kept(stand_ins: StandIns) -> None:
    stand_ins.add("complains", err="complaint after complaint\n" * 200_000 + "the last one\n", exit_code=3)
    failed = (await answer_of(one_program("command", "complains"))).failed
    assert failed.error == "one failed with exit code 3: the last one"
