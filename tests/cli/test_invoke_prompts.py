"""Prompts of every kind, from wherever they come; and answers on a terminal."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.chat.asking import answering, chunk
from tests.cli.demo_process import PATIENCE, DemoProcess
from tests.cli.house import House
from tests.cli.terminal import on_terminal
from tests.cli.test_invoke_trouble import one_that_answers
from tui.demo.models import answer_to

GEMMA = ("-m", "llama-swap/gemma")


def content(house: House) -> object:
    (message,) = house.said_to("llama-swap")
    return message["content"]


@pytest.mark.parametrize("dash", [(), ("-",)])
async def test_what_is_piped_is_the_prompt(house: House, dash: tuple[str, ...]) -> None:
    ran = await house.process("invoke", *GEMMA, *dash, said=b"from a pipe\n")
    assert (ran.code, content(house)) == (0, "from a pipe\n")
    assert ran.out == "".join(answer_to("from a pipe\n").text)


@pytest.mark.parametrize("given", [("Explain",), ("-p", "Explain"), ("-p", "Explain", "-")], ids=" ".join)
async def test_argument_and_pipe_make_one_prompt_with_a_blank_line_between(house: House, given: tuple[str]) -> None:
    ran = await house.process("invoke", *GEMMA, *given, said=b"diff --git a b\n")
    assert (ran.code, content(house)) == (0, "Explain\n\ndiff --git a b\n")


async def test_an_empty_pipe_beside_an_argument_adds_nothing(house: House) -> None:
    assert (await house.process("invoke", *GEMMA, "Explain")).code == 0
    assert content(house) == "Explain"


async def test_a_pipe_that_is_left_open_and_silent_is_not_waited_for(house: House) -> None:
    ours, theirs = os.pipe()
    try:
        process = await house.started("invoke", *GEMMA, "Explain", stdin=ours)
        async with asyncio.timeout(PATIENCE):
            _, errors = await process.communicate()
    finally:
        os.close(ours)
        os.close(theirs)
    assert (process.returncode, content(house)) == (0, "Explain")
    assert b"nothing came from standard input within 2 s" in errors


@pytest.mark.parametrize("said", [b"", b" \n\t\n"])
async def test_an_empty_prompt_is_a_wrong_call(house: House, said: bytes) -> None:
    ran = await house.process("invoke", *GEMMA, said=said)
    assert (ran.code, ran.out) == (2, "")
    assert "the prompt is empty" in ran.err
    assert house.prompted() == {}


async def test_an_empty_argument_is_a_wrong_call(house: House) -> None:
    for given in (("",), ("-p", "  ")):
        ran = await house.call("delegate", "-t", "opus", *given)
        assert (ran.code, "the prompt is empty" in ran.err) == (2, True)
    ran = await house.call("invoke", "-p", "one", "two")
    assert (ran.code, "give the prompt once" in ran.err) == (2, True)


async def test_five_megabytes_arrive_whole_where_they_fit_and_are_refused_where_not(house: House) -> None:
    said = b"word " * 1_000_000
    ran = await house.process("invoke", *GEMMA, said=said)
    assert ran.code == 3
    assert "it takes 131072 tokens, and the prompt may come to" in ran.err
    async with one_that_answers(house, answering([chunk("read it", "stop")])):
        ran = await house.process("invoke", "-m", "one/m", said=said)
    assert (ran.code, ran.out) == (0, "read it")
    assert house.remembered()[-1]["prompt_length"] == len(said)


async def test_nuls_and_escape_codes_arrive_as_they_are_and_half_characters_as_question_marks(house: House) -> None:
    codes = "\x00\x1b[2J\x07\u202e\x9b31m \r\n end"
    assert (await house.process("invoke", *GEMMA, said=codes.encode())).code == 0
    assert content(house) == codes
    assert (await house.process("invoke", *GEMMA, said=b"half \xc3 of it")).code == 0
    assert content(house) == "half ? of it"


@pytest.mark.parametrize("given", [("-p", "--weird"), ("--", "--weird"), ("-p", "-h"), ("--", "-m")], ids=" ".join)
async def test_a_prompt_that_looks_like_an_option_is_a_prompt_where_that_is_said(
    house: House, given: tuple[str, str]
) -> None:
    assert (await house.call("invoke", *GEMMA, *given)).code == 0
    assert content(house) == given[1]


async def test_a_prompt_that_looks_like_an_option_is_never_taken_for_one_in_silence(house: House) -> None:
    ran = await house.call("invoke", *GEMMA, "--weird")
    assert ran.code == 2
    assert 'a prompt that begins with "-" goes behind -p or --' in ran.err
    assert house.prompted() == {}


def test_a_terminal_gets_no_control_codes(demo: DemoProcess) -> None:
    demo.steer("ollama/scene/hostile")
    command = demo.command("invoke", "-q", "-m", "ollama/llama3.2:latest", "hi")
    with on_terminal(command, demo.environment()) as terminal:
        assert terminal.ends() == 0
        assert "[link=file:///etc/passwd]x[/link]" in terminal.shown
    assert terminal.raw.endswith(b"\r\n")
    for code in ("\x1b", "\u202e", "\x9b", "\x00", "\x07"):
        assert code.encode() not in terminal.raw


def test_a_pipe_gets_the_answer_to_the_letter(demo: DemoProcess) -> None:
    demo.steer("ollama/scene/hostile")
    out = demo.run("invoke", "-m", "ollama/llama3.2:latest", "hi").stdout
    assert "\x1b[2J" in out
    document = demo.run("invoke", "-m", "ollama/llama3.2:latest", "--json", "hi").stdout
    assert "\x1b" not in document
    assert r"\u001b[2J" in document


def test_a_terminal_without_a_prompt_is_a_wrong_call_and_a_dash_reads_from_it(demo: DemoProcess) -> None:
    with on_terminal(demo.command("invoke"), demo.environment()) as terminal:
        assert terminal.ends() == 2
        assert "say a prompt" in terminal.shown
    command = demo.command("invoke", "-m", "ollama/llama3.2:latest", "-")
    with on_terminal(command, demo.environment()) as terminal:
        terminal.write("typed here\n\x04")
        terminal.sees("> typed here")
        assert terminal.ends() == 0


async def test_an_answer_that_begins_anew_says_so_where_the_old_one_stands(house: House) -> None:
    house.configure('\n[clis.copilot]\nkind = "copilot"\n')
    house.programs.add_capture("copilot", "drop", exit_code=1)
    ran = await house.call("invoke", "-m", "copilot/gpt-5", "hi")
    assert ran.code == 1
    first, *others = ran.out.split("[the answer begins anew; what stands above is void]\n\n")
    assert first == "Hello from the\n"
    assert others[-1] == "Hello from the"
    assert "copilot/gpt-5 begins its answer anew" in ran.err
    document = (await house.call("invoke", "-m", "copilot/gpt-5", "hi", "--json")).document
    assert document["response"] == "Hello from the"
