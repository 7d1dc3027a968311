"""The playground on the simulated servers: what is written is answered, and what goes wrong is said."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from textual.widgets import Input, TextArea

from tests.app.panel import Panel, open_panel
from tests.app.test_hostile import harmful
from tests.waiting import until
from tui.app.screens.dialogs import ConfirmScreen
from tui.app.screens.model_finder import ModelFinder
from tui.app.screens.playground import PlaygroundScreen
from tui.app.widgets.answer_pane import Phase
from tui.app.widgets.choices import Choice
from tui.app.widgets.key_line import KeyLine
from tui.app.widgets.prompt_editor import PromptEditor
from tui.demo.fleet import DemoFleet
from tui.demo.models import answer_to
from tui.ledger.file import ledger_path

CHAT = "/v1/chat/completions"
ENDLESS = "write 100000 tokens"
CLOSED_WITHIN = 0.2
"""Seconds; it takes about 0.01."""


@contextlib.asynccontextmanager
async def playground(fleet: DemoFleet, model: str = "", **options: object) -> AsyncIterator[Panel]:
    """An open playground; prompts are for ``model``, or else for the default task."""
    async with open_panel(fleet, **options) as panel:  # type: ignore[arg-type]
        await panel.press("3")
        await until(lambda: isinstance(panel.app.screen, PlaygroundScreen), "the playground is open")
        screen(panel).choice = Choice("model", model) if model else Choice("task", "default")
        await panel.pilot.pause()
        yield panel


def screen(panel: Panel) -> PlaygroundScreen:
    found = next(one for one in panel.app.screen_stack if isinstance(one, PlaygroundScreen))
    assert isinstance(found, PlaygroundScreen)
    return found


def editor(panel: Panel) -> PromptEditor:
    return screen(panel).query_one(PromptEditor)


def phase(panel: Panel) -> Phase:
    return screen(panel).pane.phase


def works(panel: Panel, title: str) -> bool:
    """Whether the last line says that the action so called does something now."""
    shown = screen(panel).query_one(KeyLine).shown
    return any(key.about == title and key.enabled for key in shown)


async def write(panel: Panel, text: str) -> None:
    """Writes a prompt and sends it."""
    editor(panel).show_prompt(text)
    editor(panel).focus()
    await panel.press("enter")


async def find(panel: Panel, typed: str) -> None:
    """Opens the finder and types into it."""
    await panel.press("ctrl+o")
    panel.app.screen.query_one("#find", Input).value = typed
    await panel.pilot.pause()


async def ask(panel: Panel, text: str, wanted: Phase = Phase.FINISHED) -> None:
    await write(panel, text)
    await until(lambda: phase(panel) is wanted and not screen(panel).busy, f"the reply is {wanted}")
    await until(lambda: not screen(panel).pane.view.parts.behind, "all of it is laid out")
    await panel.pilot.pause()


async def test_a_prompt_is_answered_by_whom_the_plan_names_and_its_figures_are_told(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, size=(120, 60)) as panel:
        await panel.sees("task default → ● llama-swap/qwen3  local")
        await panel.press(*"why?", "enter")
        await until(lambda: phase(panel) is Phase.FINISHED, "it is answered")
        await panel.sees("✓ llama-swap/qwen3  local  for default")
        answer = answer_to("why?", thinking=True)
        assert screen(panel).pane.view.parts.answer == "".join(answer.text)
        assert f"{answer.completion_tokens} tokens for" in panel.painted
        assert "tok/s" in panel.painted
        assert "under no mode" in panel.painted
        assert "▌ why?" in panel.painted
        assert "▸ thought" in panel.painted
        assert editor(panel).text == ""
    with sqlite3.connect(ledger_path()) as ledger:
        rows = ledger.execute("SELECT face, asked_kind, asked_name, model, outcome, prompt FROM requests").fetchall()
    ledger.close()
    assert rows == [("panel", "task", "default", "llama-swap/qwen3", "finished", "why?")]


async def test_in_the_prompt_letters_are_text_and_function_keys_work(fleet: DemoFleet) -> None:
    async with playground(fleet) as panel:
        await panel.press(*"qe1?!:p", "ctrl+j", *"m")
        assert editor(panel).text == "qe1?!:p\nm"
        await panel.press("f9", "f12")
        await panel.sees("private on")
        await panel.sees("external on")
        await panel.press("f2")
        assert panel.app.screen is panel.fleet_screen
        await panel.press("f4", "escape", "m")
        assert isinstance(panel.app.screen, ModelFinder)


@pytest.mark.parametrize("width", [80, 120])
async def test_the_last_line_names_first_what_matters_most_and_always_how_to_leave(
    fleet: DemoFleet, width: int
) -> None:
    async with playground(fleet, size=(width, 24)) as panel:
        await until(lambda: panel.footer.startswith("⏎ Send ^j New line"), "the prompt has the focus")
        assert "^r Race" in panel.footer
        assert panel.footer.rstrip().endswith("f1 Help ^p Commands"), "q is a letter there"
        await panel.press("escape")
        await until(lambda: panel.footer.startswith("i Write m Model esc Stop"), "the answer has it")
        assert panel.footer.rstrip().endswith("f1 Help ^p Commands q Quit")
        await panel.press("ctrl+r", "escape")
        await until(lambda: "b Better" in panel.footer, "a lane has it")
        assert panel.footer.rstrip().endswith("f1 Help ^p Commands q Quit")


async def test_a_second_prompt_waits_and_escape_ends_the_first_at_its_server_and_gives_it_back() -> None:
    async with DemoFleet(speed=1, services=("llama-swap",)) as talking, _environment(talking):
        await talking.llama_swap.load("draft")
        async with playground(talking, "llama-swap/draft") as panel:
            await write(panel, ENDLESS)
            await until(lambda: phase(panel) is Phase.ANSWERING, "it is being answered")
            await panel.sees("esc stops")
            await write(panel, "and this?")
            await panel.is_told("an answer is still coming")
            assert editor(panel).text == "and this?"
            assert len(talking.llama_swap.requests.to(CHAT)) == 1
            editor(panel).show_prompt("")
            assert await closed_after_escape(panel, talking) < CLOSED_WITHIN
            await panel.sees("stopped · first token")
            assert screen(panel).pane.view.parts.answer, "what had come stays"
            assert editor(panel).text == ENDLESS
            await panel.press("escape")
            assert not editor(panel).has_focus


async def closed_after_escape(panel: Panel, fleet: DemoFleet) -> float:
    """Seconds from escape until the server has seen the connection close: of several answers, since a machine may be
    busy for a moment. Ends with the first that was quick."""
    took = math.inf
    for _ in range(5):
        if phase(panel) is not Phase.ANSWERING:
            await write(panel, ENDLESS)
            await until(lambda: phase(panel) is Phase.ANSWERING, "it is being answered")
        pressed = time.perf_counter()
        panel.app.simulate_key("escape")
        await until(lambda: fleet.llama_swap.requests.to(CHAT)[-1].closed_early, "the server sees the end")
        took = min(took, time.perf_counter() - pressed)
        if took < CLOSED_WITHIN:
            break
        await until(lambda: not screen(panel).busy, "the panel knows too")
    return took


async def test_errors_are_said_and_leave_the_prompt_where_it_was_and_what_had_come(fleet: DemoFleet) -> None:
    async with playground(fleet, "ollama/llama3.2:latest") as panel:
        await fleet.ollama.scene("hang")
        await write(panel, "is anybody there?")
        await panel.press("escape")
        await until(lambda: not screen(panel).busy, "it is stopped, however far it had come")
        assert editor(panel).text == "is anybody there?"
        await fleet.ollama.scene("error", message="[/red] out of memory \x1b[2J")
        await ask(panel, "why?", Phase.FAILED)
        assert "out of memory" in panel.painted
        assert "× ollama/llama3.2:latest" in panel.painted
        assert not harmful(panel.painted)
        assert editor(panel).text == "why?"
        screen(panel).choice = Choice("model", "llama-swap/gemma")
        await fleet.llama_swap.scene("drop", after=10)
        await ask(panel, "why not?", Phase.FAILED)
        await panel.sees("The answer broke off")
        assert screen(panel).pane.view.parts.answer
        assert editor(panel).text == "why not?"


async def test_nothing_is_sent_where_nobody_may_take_it(fleet: DemoFleet) -> None:
    async with playground(fleet, "litellm/gpt-5.2") as panel:
        await panel.press("f9")
        await panel.sees("× no model on your own machines may take this private request")
        await ask(panel, "a canary", Phase.FAILED)
        await panel.sees("× nothing was sent")
        assert not fleet.litellm.requests.to(CHAT)
        assert editor(panel).text == "a canary"


async def test_a_private_prompt_leaves_no_word_behind(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet) as panel:
        await panel.press("f9")
        await ask(panel, "zugzwang")
        await panel.sees("under private")
    files = [file for file in fleet.folder.rglob("*") if file.is_file()]
    assert any(file.name.startswith("ledger") for file in files)
    assert not [file for file in files if b"zugzwang" in file.read_bytes()]


async def test_a_cold_model_is_called_cold_and_who_would_be_unloaded_for_it_is_asked_about(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, "llama-swap/coder") as panel:
        await panel.sees("llama-swap/coder is loaded first; llama-swap may unload qwen3 to make room")
        await write(panel, "why?")
        await panel.sees("Load llama-swap/coder for this prompt?")
        await panel.press("n")
        await until(lambda: not screen(panel).busy, "it is called off")
        assert editor(panel).text == "why?"
        assert not fleet.llama_swap.requests.to(CHAT)
        await write(panel, "why?")
        await until(lambda: isinstance(panel.app.screen, ConfirmScreen), "it is asked")
        await panel.press("y")
        await until(lambda: phase(panel) is Phase.FINISHED, "it is answered")
        assert fleet.llama_swap.processes.by_name["coder"].state == "ready"
        await panel.sees_no("is loaded first")


async def test_a_credential_goes_to_the_cloud_only_after_a_yes(fleet: DemoFleet) -> None:
    secret = "my key is AKIA" + "IOSFODNN7EXAMPLE"
    async with playground(fleet, "litellm/gpt-5.2") as panel:
        await write(panel, secret)
        await panel.sees("It holds a credential")
        await panel.press("n")
        await until(lambda: not screen(panel).busy, "it is called off")
        assert not fleet.litellm.requests.to(CHAT)
        assert editor(panel).text == secret
        await write(panel, secret)
        await until(lambda: isinstance(panel.app.screen, ConfirmScreen), "it is asked")
        await panel.press("y")
        await until(lambda: phase(panel) is Phase.FINISHED, "it is answered")
        assert len(fleet.litellm.requests.to(CHAT)) == 1


async def test_another_model_than_the_one_asked_first_is_named_in_words(fleet: DemoFleet) -> None:
    fleet.llama_swap.processes.by_name["reasoning"].fails = True
    async with playground(fleet, size=(120, 60)) as panel:
        screen(panel).choice = Choice("task", "reasoning")
        await ask(panel, "why?")
        await panel.sees("≠ llama-swap/reasoning was asked first, litellm/gpt-5.2 answered")
        assert "llama-swap/reasoning did not answer" in panel.painted
        assert "✓ litellm/gpt-5.2  cloud" in panel.painted
        screen(panel).choice = Choice("model", "litellm/flaky")
        await ask(panel, "why?")
        await panel.sees("≠ litellm/flaky was asked first, litellm/local-chat answered: litellm got no answer from it")
        screen(panel).choice = Choice("model", "litellm/local-chat")
        await ask(panel, "why?")
        truth = screen(panel).query_one("#truth")
        await until(lambda: not truth.display, "its deployment is called otherwise, and is the one asked for")
        assert panel.painted.count("≠ litellm/flaky was asked first") == 1, "the turn before still says so"


async def test_what_llama_swap_leads_a_name_to_is_named_in_words(fleet: DemoFleet) -> None:
    async with httpx.AsyncClient() as client:
        await client.put(f"{fleet.llama_swap.url}/api/profiles/active", json={"name": "coding"})
    async with playground(fleet, "llama-swap/llm-code", size=(120, 60)) as panel:
        await ask(panel, "why?")
        await panel.sees("≠ llama-swap/llm-code had coder answer")
        screen(panel).choice = Choice("model", "llama-swap/code")
        await ask(panel, "why?")
        await panel.sees("≠ llama-swap/code had coder answer")
        screen(panel).choice = Choice("model", "llama-swap/coder")
        await ask(panel, "why?")
        await until(lambda: not screen(panel).query_one("#truth").display, "it is the one that was asked for")


async def test_settings_reach_the_server(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet) as panel:
        await panel.press("ctrl+s")
        await panel.sees("how to answer")
        panel.app.screen.query_one("#system", TextArea).text = "Be brief."
        await panel.press("tab", "7", "ctrl+s")
        await panel.sees("the temperature is between 0 and 2")
        panel.app.screen.query_one("#temperature", Input).value = "0.5"
        await panel.press("tab", "2", "0", "tab", "right", "right", "enter", "ctrl+s")
        await panel.sees("system prompt · temperature 0.5 · ≤ 20 tokens · no thinking")
        await ask(panel, "why?")
        (request,) = fleet.llama_swap.requests.to(CHAT)
        body = request.json()
        assert isinstance(body, dict)
        assert body["messages"][0] == {"role": "system", "content": "Be brief."}
        assert (body["temperature"], body["max_tokens"]) == (0.5, 20)
        assert body["chat_template_kwargs"] == {"enable_thinking": False}
        await panel.sees("cut off at its longest")


async def test_answers_and_code_in_them_are_copied_and_thoughts_folded_until_a_key_unfolds_them(
    fleet: DemoFleet,
) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, size=(120, 60)) as panel:
        await ask(panel, "why?")
        await panel.press("escape", "y")
        await until(lambda: panel.app.clipboard.startswith(answer_to("why?").text[0]), "the answer is copied")
        assert panel.app.clipboard == "".join(answer_to("why?").text)
        assert not works(panel, "Stop"), "nothing is under way or chosen"
        await panel.press("c")
        await until(lambda: works(panel, "Stop"), "escape gives the chosen code up")
        await panel.press("y")
        code = "".join(answer_to("why?").text).split("```")[1].partition("\n")[2].rstrip("\n")
        await until(lambda: panel.app.clipboard == code, "the code is copied")
        await panel.press("escape")
        await until(lambda: not works(panel, "Stop"), "it is given up")
        thoughts = "".join(answer_to("why?", thinking=True).reasoning)[:40]
        assert thoughts not in panel.painted
        await panel.press("t")
        await panel.sees(f"┆ {thoughts}")
        await panel.press("t")
        await panel.sees_no(thoughts)


async def test_scrolling_up_holds_the_view_and_end_follows_again() -> None:
    async with DemoFleet(speed=5, services=("llama-swap",)) as talking, _environment(talking):
        await talking.llama_swap.load("draft")
        async with playground(talking, "llama-swap/draft", size=(80, 24)) as panel:
            view = screen(panel).pane.view
            await write(panel, ENDLESS)
            await until(lambda: view.scroll_offset.y > 20, "the view follows what comes")
            view.focus()
            await panel.press("pageup")
            await panel.sees("scrolled up; end follows again")
            top, rows = view.scroll_offset.y, view.parts.height
            await until(lambda: view.parts.height > rows + 5, "more has come")
            assert view.scroll_offset.y == top
            await panel.press("end")
            await until(lambda: view.following and view.scroll_offset.y > top, "it follows again")
            await panel.sees_no("scrolled up; end follows again")
            await panel.press("escape")


async def test_hostile_answers_are_painted_as_text(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    await fleet.llama_swap.scene("hostile")
    async with playground(fleet) as panel:
        await ask(panel, "why?")
        assert "[/red] ␛[2J" in panel.painted
        assert not harmful(panel.painted)


async def test_a_new_width_breaks_the_lines_anew(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet) as panel:
        await ask(panel, "why?")
        view = screen(panel).pane.view
        wide = view.parts.height
        await panel.pilot.resize_terminal(50, 30)
        await until(lambda: view.parts.height > wide, "there are more rows")
        assert all(len(line) <= 50 for line in panel.painted.splitlines())
        await panel.pilot.resize_terminal(120, 40)
        await until(lambda: view.parts.height == wide, "there are as many rows as before")


async def test_read_only_sends_nothing(fleet: DemoFleet) -> None:
    async with playground(fleet, readonly=True) as panel:
        await panel.sees("read-only: nothing is sent")
        await write(panel, "why?")
        await panel.pilot.pause()
        assert not screen(panel).busy
        assert not fleet.llama_swap.requests.to(CHAT)


async def test_while_a_model_loads_its_server_is_asked_what_it_does(fleet: DemoFleet) -> None:
    fleet.llama_swap.processes.speed = 0.5
    async with playground(fleet, "llama-swap/gemma") as panel:
        await write(panel, "why?")
        await panel.sees("gemma is being loaded ·")
        fleet.llama_swap.processes.speed = math.inf
        await panel.press("escape")
        await until(lambda: not screen(panel).busy, "it is stopped")


@contextlib.asynccontextmanager
async def _environment(fleet: DemoFleet) -> AsyncIterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in fleet.env.items():
            patch.setenv(name, value)
        yield
