"""``race`` and ``consensus``: several models and one prompt, from the command line."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal

import pytest

from tests.chat.scripted import Scripted
from tests.cli.demo_process import PATIENCE
from tests.cli.house import House
from tests.cli.terminal import on_terminal
from tests.waiting import until
from tui.demo.models import answer_to
from tui.ledger.votes import Entrant, Vote, Votes, standings_now
from tui.routing.mode_files import Flip, flip_private

LOCAL, CLOUD = "llama-swap/gemma", "litellm/gpt-5.2"
SECRET = "use ghp_" + "a1B2" * 9
LONG = "It is the first of them, for the reason that all others have been ruled out before, one by one"
Json = dict[str, object]


def rows(document: Json, name: str = "lanes") -> list[Json]:
    found = document[name]
    assert isinstance(found, list)
    return found


async def test_a_race_is_a_table_with_the_quickest_first(house: House) -> None:
    ran = await house.call("race", "-m", LOCAL, "-m", CLOUD, "-m", "ollama/llama3.2:latest", "-p", "hi")
    assert ran.code == 0
    header, *lines = ran.out.splitlines()
    assert header.split("  ")[0] == "MODEL"
    assert {line.split()[0] for line in lines} == {LOCAL, CLOUD, "ollama/llama3.2:latest"}
    assert "answered, served by openai/gpt-5.2" in ran.out
    assert "$0.0" in ran.out
    assert f"fleetdeck: asking {LOCAL} (local; asked for by name" in ran.err


async def test_the_document_of_a_race_has_every_figure(house: House) -> None:
    ran = await house.call("race", "-m", LOCAL, "-m", CLOUD, "-p", "hi", "--json", "-q")
    assert (ran.code, ran.err) == (0, "")
    assert ran.document["schema"] == 1
    lanes = rows(ran.document)
    totals = []
    for lane in lanes:
        assert (lane["outcome"], lane["error"], lane["response"]) == ("answered", None, "".join(answer_to("hi").text))
        timings = lane["timings"]
        assert isinstance(timings, dict)
        assert set(timings) == {"load_ms", "prefill_ms", "first_token_ms", "total_ms", "tokens_per_second"}
        totals.append(timings["total_ms"])
    assert totals == sorted(totals)
    (cloud,) = [lane for lane in lanes if lane["model"] == CLOUD]
    assert (cloud["where"], cloud["served_by"]) == ("cloud", "openai/gpt-5.2")
    assert isinstance(cloud["cost_usd"], float)
    assert {(row["face"], row["asked_name"], row["outcome"]) for row in house.remembered()} == {
        ("cli", LOCAL, "finished"),
        ("cli", CLOUD, "finished"),
    }


async def test_tiers_and_tasks_race_too_with_files_and_a_system_prompt(house: House) -> None:
    notes = house.home / "notes.txt"
    notes.write_text("the notes")
    ran = await house.call(
        "race", "-m", LOCAL, "-t", "haiku", "-k", "default", "-p", "hi", "-f", str(notes), "--system", "Be brief.",
        "--order", "tokens-per-second", "--json", "-q",
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    assert {json.dumps(lane["asked"]): lane["model"] for lane in rows(ran.document)} == {
        '{"model": "llama-swap/gemma"}': LOCAL,
        '{"tier": "haiku"}': LOCAL,
        '{"task": "default"}': "llama-swap/qwen3",
    }
    system, user = house.said_to("llama-swap")
    assert (system["role"], system["content"]) == ("system", "Be brief.")
    assert "the notes" in str(user["content"])
    rates = [lane["timings"]["tokens_per_second"] for lane in rows(ran.document)]  # type: ignore[index]
    known = [rate for rate in rates if rate is not None]
    assert known == sorted(known, reverse=True)


async def test_what_a_model_takes_of_a_gpu_stands_in_its_lane(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.cli.memory_watch.LAST_LOOK", PATIENCE)
    ran = await house.call("race", "-m", "ollama/llama3.2:latest", "-m", CLOUD, "hi", "--json", "-q")
    taken = {str(lane["model"]): lane["gpu_memory"] for lane in rows(ran.document)}
    local = taken["ollama/llama3.2:latest"]
    assert isinstance(local, dict)
    assert (local["before"], local["bytes"] > 10**9) == (0, True)
    assert taken[CLOUD] == {"bytes": None, "before": None}


async def test_standings_are_told_without_asking_anybody(house: House) -> None:
    none = await house.call("race", "--standings")
    assert (none.code, none.out, "no votes yet" in none.err) == (0, "", True)
    with Votes() as votes:
        winner = Entrant(model=LOCAL, tokens_per_second=80.0, first_token_s=0.4)
        votes.cast(Vote(at=1.0, face="panel", task="quick", winner=winner, others=(Entrant(model=CLOUD),)))
        votes.cast(Vote(at=2.0, face="panel", task="", winner=Entrant(model=CLOUD), others=()))
    told = await house.call("race", "--standings", "-k", "quick")
    header, first, second = told.out.splitlines()
    assert header.split()[:4] == ["TASK", "MODEL", "WINS", "RACES"]
    assert first.split() == ["quick", LOCAL, "1", "1", "80", "400", "ms"]
    assert second.split() == ["quick", CLOUD, "0", "1", "–", "–"]
    document = (await house.call("race", "--standings", "--json")).document
    assert [row["task"] for row in rows(document, "standings")] == [None, "quick", "quick"]
    assert house.prompted() == {}


async def test_a_vote_is_asked_for_on_a_terminal_and_counts_with_those_of_the_panel(house: House) -> None:
    answers = {"a": "Paris\x1b[2J", "b": "Rome", "c": 500}
    async with Scripted(answers).running() as server:
        house.configure(server.config_toml())
        command = house.command(
            "race", "-m", "one/a", "-m", "one/b", "-m", "one/c", "--vote", "--for", "reasoning", "-q", "-p", "Capital?"
        )
        shown = await asyncio.to_thread(vote_on_terminal, command, "2\r")
        assert re.search(r"2\. one/b:\s+Rome", shown)
        assert "one/b has your vote" not in shown, "-q"
        await asyncio.to_thread(vote_on_terminal, command, "\r")
        wrong = await house.call("race", "-m", "one/a", "-m", "one/b", "--vote", "Capital?")
        assert (wrong.code, "needs a terminal" in wrong.err) == (2, True)
        unknown = await house.call("race", "-m", "one/a", "-m", "one/b", "--for", "reasoning", "Capital?")
        assert (unknown.code, "say --vote too" in unknown.err) == (2, True)
    (best, other) = standings_now()
    assert (best.task, best.model, best.wins, best.races) == ("reasoning", "one/b", 1, 1)
    assert (other.model, other.wins) == ("one/a", 0)


def vote_on_terminal(command: list[str], typed: str) -> str:
    """Answers the question for the better answer; what was shown."""
    with on_terminal(command, os.environ) as terminal:
        terminal.sees("The better answer (1, 2; enter: none of them)")
        terminal.write(typed)
        assert terminal.ends() == 0
        return terminal.shown


async def test_who_may_not_is_a_lane_that_says_why(house: House) -> None:
    flip_private(house.modes_file, Flip.ON, "tax")
    ran = await house.call("race", "-m", CLOUD, "-m", LOCAL, "hi", "--json")
    assert ran.code == 0
    first, last = rows(ran.document)
    assert (first["model"], last["model"], last["outcome"], last["kind"]) == (LOCAL, CLOUD, "skipped", "nothing_may")
    assert "private mode is on" in str(last["error"])
    assert set(first) == set(last)
    assert f"fleetdeck: {CLOUD} is not asked: private mode is on" in ran.err
    assert house.prompted() == {"llama-swap": 1}


async def test_a_race_in_which_nobody_may_start_has_the_exit_code_of_its_reason(house: House) -> None:
    both = ("-m", CLOUD, "-m", "litellm/claude-sonnet")
    assert (await house.call("race", *both, "--private", "hi")).code == 3
    assert (await house.call("race", *both, SECRET)).code == 4
    assert (await house.call("race", "-m", CLOUD, "-m", "nobody/x", SECRET)).code == 3
    assert (await house.call("consensus", *both, "--private", "hi")).code == 3
    assert (await house.call("race", "-m", "nobody/x", "-m", "nobody/y", "hi")).code == 2
    assert house.prompted() == {}


async def test_a_race_that_nobody_finishes_has_failed(house: House) -> None:
    async with Scripted({"a": 500, "b": 500}).running() as server:
        house.configure(server.config_toml())
        ran = await house.call("race", "-m", "one/a", "-m", "one/b", "hi", "--json")
    assert ran.code == 1
    assert [lane["kind"] for lane in rows(ran.document)] == ["server_error", "server_error"]
    assert "out of order" in ran.err


@pytest.mark.parametrize("command", ["race", "consensus"])
@pytest.mark.parametrize(
    ("models", "words"), [((LOCAL,), "two models or more"), ((LOCAL, CLOUD, LOCAL), "is named twice")]
)
async def test_several_are_two_different_ones_at_least(
    house: House, command: str, models: tuple[str, ...], words: str
) -> None:
    ran = await house.call(command, *(part for model in models for part in ("-m", model)), "hi")
    assert (ran.code, words in ran.err) == (2, True)
    assert house.prompted() == {}


async def test_an_interrupted_race_ends_all_and_shows_what_it_has(house: House) -> None:
    house.fleet.llama_swap.speed = house.fleet.ollama.speed = 20.0
    models = ("-m", LOCAL, "-m", "ollama/llama3.2:latest")
    process = await house.started("race", *models, "--json", "write 900000 tokens")
    await until(lambda: len(house.prompted()) == 2, "both are asked", timeout=PATIENCE)
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        out, errors = await process.communicate()
    assert process.returncode == 143
    assert {lane["kind"] for lane in json.loads(out)["lanes"]} == {"interrupted"}
    assert b"Traceback" not in errors
    await until(
        lambda: all(house.prompts(name)[-1].closed_early for name in ("llama-swap", "ollama")),
        "both servers see that nobody reads any more",
    )
    assert {row["outcome"] for row in house.remembered()} == {"cancelled"}


THREE = ("-m", "one/a", "-m", "one/b", "-m", "one/c")


async def test_a_consensus_shows_each_answer_and_who_agrees(house: House) -> None:
    async with Scripted({"a": "Paris", "b": "paris.", "c": "Ro\x1bme"}).running() as server:
        house.configure(server.config_toml())
        ran = await house.call("consensus", *THREE, "-p", "Capital of France?")
        strict = await house.call("consensus", *THREE, "--threshold", "0.9", "-p", "Capital of France?", "--json")
    assert ran.code == 0
    assert "one/b:\n  paris.\n" in ran.out
    assert "group 1: one/a, one/b\ngroup 2: one/c\nagreement: 67% of 3 models, 66% wanted: reached\n" in ran.out
    assert "\x1b" not in ran.out
    assert (strict.code, strict.document["agreed"], strict.document["agreement"]) == (1, False, 0.6667)
    assert [row["models"] for row in rows(strict.document, "groups")] == [["one/a", "one/b"], ["one/c"]]
    assert [row["response"] for row in rows(strict.document, "answers")] == ["Paris", "paris.", "Ro\x1bme"]
    assert (strict.document["answer"], strict.document["judge"]) == (None, None)
    assert len(house.remembered()) == 6


async def test_a_judge_is_asked_for_long_answers_and_remembered_too(house: House) -> None:
    answers = {"a": LONG, "b": LONG + " indeed", "c": "the second", "j": "[[1, 2], [3]]"}
    async with Scripted(answers).running() as server:
        house.configure(server.config_toml())
        ran = await house.call("consensus", *THREE, "--judge", "one/j", "Which?", "--json")
        without = await house.call("consensus", *THREE, "Which?")
    assert (ran.code, ran.document["agreed"], ran.document["answer"]) == (0, True, LONG)
    judge = ran.document["judge"]
    assert isinstance(judge, dict)
    assert (judge["model"], judge["outcome"]) == ("one/j", "answered")
    assert [row["asked_name"] for row in house.remembered()].count("one/j") == 1
    assert (without.code, "a judge can tell" in without.err) == (1, True)


async def test_a_judge_that_does_not_exist_is_a_wrong_call_before_anybody_is_asked(house: House) -> None:
    ran = await house.call("consensus", "-m", LOCAL, "-m", CLOUD, "--judge", "nobody/x", "hi")
    assert (ran.code, "the judge cannot be asked: no service or program is called nobody" in ran.err) == (2, True)
    assert house.prompted() == {}


async def test_a_private_consensus_leaves_no_text_behind(house: House) -> None:
    answers = {"a": LONG + " canary", "b": LONG, "c": "x", "j": "[[1, 2, 3]]"}
    async with Scripted(answers).running() as server:
        house.configure(server.config_toml())
        ran = await house.call("consensus", *THREE, "--judge", "one/j", "--private", "the canary sings")
    assert ran.code == 0
    assert [row["private"] for row in house.remembered()] == [1, 1, 1, 1]
    for path in house.ledger_file.parent.glob("ledger.sqlite3*"):
        assert b"canary" not in path.read_bytes()
