"""``invoke`` and ``delegate``: what goes out, what comes back, and what is remembered of it."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.cli.house import House
from tui.demo.models import answer_to
from tui.routing.mode_files import Flip, flip_external, flip_private

GEMMA = ("-m", "llama-swap/gemma")
SECRET = "use ghp_" + "a1B2" * 9


async def test_the_answer_is_all_that_stdout_gets(house: House) -> None:
    ran = await house.call("invoke", *GEMMA, "say hello")
    assert ran.code == 0
    assert ran.out == "".join(answer_to("say hello").text)
    asking, *_, answered = ran.err.splitlines()
    assert asking == "fleetdeck: asking llama-swap/gemma (local; asked for by name; would be loaded first)"
    assert answered.startswith("fleetdeck: llama-swap/gemma answered: ")
    assert house.said_to("llama-swap") == [{"role": "user", "content": "say hello"}]


async def test_quiet_leaves_only_errors_on_stderr(house: House) -> None:
    assert (await house.call("ask", *GEMMA, "-q", "hi")).err == ""
    await house.fleet.llama_swap.scene("down")
    ran = await house.call("ask", *GEMMA, "-q", "hi")
    assert (ran.code, ran.err) == (3, ran.err)
    assert "llama-swap is down" in ran.err


async def test_the_document_is_the_documented_one(house: House) -> None:
    ran = await house.call("invoke", "-k", "reasoning", "--json", "think")
    document = ran.document
    assert (document["schema"], document["asked"]) == (1, {"task": "reasoning"})
    assert (document["model"], document["served_by"]) == ("llama-swap/reasoning", "reasoning")
    expected = answer_to("think", thinking=True)
    assert document["response"] == "".join(expected.text)
    assert document["reasoning"] == "".join(expected.reasoning)
    assert document["fell_back"] == []
    assert document["usage"] == {"input": expected.prompt_tokens, "output": expected.completion_tokens}
    assert document["cost_usd"] is None
    timings = document["timings"]
    assert isinstance(timings, dict)
    assert set(timings) == {"load_ms", "first_token_ms", "total_ms", "tokens_per_second"}
    modes = document["modes"]
    assert isinstance(modes, dict)
    assert modes["external"]["enabled"] is False


async def test_events_come_one_a_line_and_end_with_the_outcome(house: House) -> None:
    await house.fleet.llama_swap.scene("unauthorized")
    ran = await house.call("invoke", "-k", "quick", "--events", "hi")
    events = ran.events
    names = [event["event"] for event in events]
    assert names[:3] == ["started", "fell_back", "started"]
    assert names.count("finished") == 1
    assert "failed" not in names
    assert (events[0]["model"], events[1]["from"]) == ("llama-swap/gemma", "llama-swap/gemma")
    assert events[1]["to"] == "ollama/llama3.2:latest"
    text = "".join(str(event["text"]) for event in events if event["event"] == "text")
    assert text == "".join(answer_to("hi").text)
    last = events[-1]
    assert last["event"] == "finished"
    assert {"schema", "asked", "model", "served_by", "fell_back", "usage", "cost_usd", "timings"} <= set(last)
    assert "response" not in last
    assert "llama-swap/gemma did not answer: llama-swap wants a key (401)" in ran.err


async def test_who_really_served_and_at_what_cost_is_told(house: House) -> None:
    ran = await house.call("invoke", "-m", "litellm/gpt-5.2", "--json", "hi")
    assert ran.document["served_by"] == "openai/gpt-5.2"
    assert isinstance(ran.document["cost_usd"], float)
    assert "(served by openai/gpt-5.2)" in ran.err
    assert "$0.0" in ran.err


async def test_a_proxy_that_falls_back_by_itself_is_told(house: House) -> None:
    ran = await house.call("invoke", "-m", "litellm/flaky", "--json", "hi")
    assert ran.document["fell_back"] == [
        {
            "from": "litellm/flaky",
            "to": "litellm/local-chat",
            "reason": "litellm got no answer from it and fell back by itself",
        }
    ]


async def test_delegate_names_the_model_while_external_mode_is_on(house: House) -> None:
    answer = "".join(answer_to("hi").text)
    flip_external(house.external_file, Flip.ON, "quota")
    ran = await house.call("delegate", "--tier", "haiku", "-p", "hi")
    assert (ran.code, ran.out) == (0, f"🔌 [External: llama-swap/gemma]\n{answer}")
    assert "external mode is on since" in ran.err
    assert "(quota)" in ran.err
    assert (await house.call("delegate", "--tier", "haiku", "--no-banner", "hi")).out == answer
    assert (await house.call("invoke", "--tier", "haiku", "hi")).out == answer
    assert (await house.call("delegate", "--tier", "haiku", "hi", "--json")).document["response"] == answer
    flip_external(house.external_file, Flip.OFF, None)
    assert "🔌" in (await house.call("delegate", "--tier", "haiku", "--external", "hi")).out
    house.programs.add("claude", out='{"type":"result","subtype":"success","is_error":false,"result":"from claude"}\n')
    ran = await house.call("delegate", "--tier", "haiku", "hi")
    assert "🔌" not in ran.out
    assert house.programs.told("claude").stdin == "hi"


async def test_the_banner_names_the_one_that_answers_not_the_one_that_was_asked_first(house: House) -> None:
    flip_external(house.external_file, Flip.ON, None)
    await house.fleet.litellm.scene("unauthorized")
    ran = await house.call("delegate", "-t", "opus", "hi")
    assert ran.out.startswith("🔌 [External: llama-swap/qwen3]\n")
    assert "litellm/gpt-5.2 did not answer" in ran.err


async def test_a_private_mode_that_was_just_switched_on_holds(house: House) -> None:
    flip_private(house.modes_file, Flip.ON, "tax")
    ran = await house.call("invoke", "-m", "litellm/gpt-5.2", "hi", "--json")
    assert ran.code == 3
    assert ran.document["kind"] == "nothing_may"
    assert "private mode is on" in str(ran.document["error"])
    assert house.prompted() == {}
    ran = await house.call("invoke", "-t", "opus", "hi", "--json")
    assert (ran.document["model"], "private mode is on" in str(ran.document["private"])) == ("llama-swap/qwen3", True)


async def test_system_words_and_files_go_along(house: House) -> None:
    notes = house.home / "notes.md"
    notes.write_text("# Notes\n\nwhales sing\n")
    ran = await house.call("invoke", *GEMMA, "--system", "You are a bird.", "--file", str(notes), "What sings?")
    assert ran.code == 0
    system, user = house.said_to("llama-swap")
    assert system == {"role": "system", "content": "You are a bird."}
    assert user["content"] == "What sings?\n\n--- notes.md ---\n# Notes\n\nwhales sing\n--- end of notes.md ---"
    other = house.home / "notes.pdf"
    other.write_bytes(b"%PDF-1.7\n\0\0")
    refusals = {
        other: "neither a text file (UTF-8) nor an image",
        house.home / "missing": "cannot be read: no such file",
    }
    for file, words in refusals.items():
        ran = await house.call("invoke", *GEMMA, "-f", str(file), "What sings?")
        assert ran.code == 2
        assert words in ran.err


async def test_an_image_goes_to_models_that_take_it_and_to_no_others(house: House) -> None:
    picture = house.home / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    asked = ("What is it?", "-f", str(picture))
    ran = await house.call("invoke", "-m", "llama-swap/qwen3", *asked)
    assert ran.code == 3
    assert "llama-swap/qwen3: it takes no images, llama-swap says" in ran.err
    ran = await house.call("invoke", "-m", "claude/opus", *asked)
    assert "programs are sent text alone" in ran.err
    assert house.prompted() == {}
    assert (await house.call("invoke", *GEMMA, *asked)).code == 0
    (user,) = house.said_to("llama-swap")
    encoded = "data:image/png;base64,iVBORw0KGgoAAA=="
    image = {"type": "image_url", "image_url": {"url": encoded}}
    assert user["content"] == [{"type": "text", "text": "What is it?"}, image]
    ran = await house.call("invoke", "-m", "llama-swap/reasoning", *asked)
    assert ran.code == 0
    assert "whether it takes images is not known" in ran.err


@pytest.mark.parametrize("place", ["prompt", "system", "file"])
async def test_a_credential_anywhere_in_what_is_said_stops_at_the_door(house: House, place: str) -> None:
    notes = house.home / "notes.txt"
    notes.write_text(SECRET)
    arguments = {"prompt": (SECRET,), "system": ("hi", "--system", SECRET), "file": ("hi", "-f", str(notes))}[place]
    ran = await house.call("invoke", "-m", "litellm/gpt-5.2", *arguments)
    assert ran.code == 4
    assert "GitHub token" in ran.err
    assert "ghp_" not in ran.err + ran.out
    assert house.prompted() == {}
    assert (await house.call("invoke", "-m", "litellm/gpt-5.2", "--allow-secrets", *arguments)).code == 0
    assert (await house.call("invoke", *GEMMA, *arguments)).code == 0


async def test_plans_without_a_candidate_have_their_exit_codes(house: House) -> None:
    ran = await house.call("invoke", "-k", "nonsense", "hi")
    assert ran.code == 2
    assert "the tasks are reasoning, code-generation" in ran.err
    ran = await house.call("invoke", "-k", "nonsense", "--events", "hi")
    (event,) = ran.events
    assert {"event": "failed", "kind": "wrong_request"}.items() <= event.items()
    assert (await house.call("delegate", "-t", "gpt", "hi")).code == 2
    assert (await house.call("invoke", "-t", "opus", "-k", "quick", "hi")).code == 2
    ran = await house.call("invoke", "-m", "nobody/x", "hi")
    assert (ran.code, "no service or program is called nobody" in ran.err) == (2, True)


async def test_a_tier_without_an_external_twin_says_so(house: House) -> None:
    text = (
        house.config.read_text()
        .replace('external = "litellm/gpt-5.2",', "")
        .replace('"llama-swap/qwen3", "lit', '"lit')
    )
    house.config.write_text(text.replace('fallback = ["litellm/gpt-5.2"] }', "fallback = [] }"))
    ran = await house.call("delegate", "-t", "opus", "--external", "hi")
    assert ran.code == 3
    assert "tiers.opus has no external equivalent in the configuration" in ran.err
    assert ran.out == ""


async def test_everything_is_remembered_but_what_is_private(house: House) -> None:
    flip_external(house.external_file, Flip.ON, None)
    await house.fleet.litellm.scene("unauthorized")
    await house.call("delegate", "-t", "opus", "hello ledger")
    await house.call("invoke", *GEMMA, "--private", "the canary sings")
    public, private = house.remembered()
    assert (public["face"], public["asked_kind"], public["asked_name"]) == ("cli", "tier", "opus")
    assert (public["external"], public["private"]) == (1, 0)
    assert json.loads(public["plan"]) == ["litellm/gpt-5.2", "llama-swap/qwen3"]
    assert (public["model"], public["place"], public["outcome"]) == ("llama-swap/qwen3", "local", "finished")
    assert public["prompt_sha256"] == hashlib.sha256(b"hello ledger").hexdigest()
    assert public["prompt_length"] == len("hello ledger")
    assert (public["prompt"], public["answer"]) == ("hello ledger", "".join(answer_to("hello ledger").text))
    assert public["output_tokens"] > 0
    assert public["first_token_s"] > 0
    assert (private["private"], private["prompt"], private["answer"]) == (1, None, None)
    assert [row["outcome"] for row in house.remembered("attempts")] == ["failed", "finished", "finished"]
    assert not any(b"canary" in file.read_bytes() for file in house.ledger_file.parent.iterdir())


@pytest.mark.parametrize(("keep", "kept"), [("all", [True, True]), ("local", [True, False]), ("none", [False, False])])
async def test_text_is_kept_as_the_configuration_allows(house: House, keep: str, kept: list[bool]) -> None:
    house.configure(f'\n[ledger]\nkeep_text = "{keep}"\n')
    await house.call("invoke", *GEMMA, "hi")
    await house.call("invoke", "-m", "litellm/gpt-5.2", "hi")
    assert [row["prompt"] is not None for row in house.remembered()] == kept


async def test_limits_count_what_was_asked_before(house: House) -> None:
    house.config.write_text(house.config.read_text().replace("requests_per_minute = 20", "requests_per_minute = 1"))
    assert (await house.call("invoke", "-m", "litellm/gpt-5.2", "hi")).code == 0
    ran = await house.call("invoke", "-m", "litellm/gpt-5.2", "hi")
    assert ran.code == 3
    assert "its limit is 1 requests a minute" in ran.err
    assert house.prompted() == {"litellm": 1}


async def test_a_broken_ledger_costs_the_record_not_the_answer(house: House) -> None:
    house.ledger_file.parent.mkdir(parents=True)
    house.ledger_file.write_bytes(b"no ledger " * 200)
    ran = await house.call("invoke", *GEMMA, "hi")
    assert (ran.code, ran.out) == (0, "".join(answer_to("hi").text))
    assert "this is not remembered" in ran.err
