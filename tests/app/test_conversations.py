"""Conversations in the playground: what goes along with a prompt, what stays at home, and what is kept."""

from __future__ import annotations

import sqlite3

from tests.app.panel import Panel, open_panel
from tests.app.test_playground import CHAT, ENDLESS, _environment, ask, editor, find, phase, playground, screen, write
from tests.waiting import until
from tui.app.answer_settings import AnswerSettings
from tui.app.screens.playground import PlaygroundScreen
from tui.app.widgets.answer_pane import Phase
from tui.app.widgets.choices import Choice
from tui.chat.conversation import OpenConversation
from tui.demo.fleet import DemoFleet
from tui.demo.models import answer_to
from tui.ledger.conversations import conversations_now
from tui.ledger.file import ledger_path

QWEN = "llama-swap/qwen3"
CLOUD = "litellm/gpt-5.2"


def sent(fleet: DemoFleet, server: str = "llama_swap") -> list[tuple[str, str]]:
    """The messages of the newest prompt that a server got: role and text."""
    body = getattr(fleet, server).requests.to(CHAT)[-1].json()
    return [(message["role"], message["content"]) for message in body["messages"]]


def conversation(panel: Panel) -> OpenConversation:
    return screen(panel).talk.conversation


def answer(prompt: str) -> str:
    return "".join(answer_to(prompt).text)


async def test_earlier_turns_go_along_and_stand_above_with_who_answered(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, QWEN, size=(120, 200)) as panel:
        await ask(panel, "What is a log?")
        await panel.sees("1 turn goes along")
        await ask(panel, "And a checkpoint?")
        assert sent(fleet) == [
            ("user", "What is a log?"),
            ("assistant", answer("What is a log?")),
            ("user", "And a checkpoint?"),
        ]
        await panel.sees("2 turns go along")
        assert "▌ What is a log?" in panel.painted
        assert f"✓ {QWEN} · " in panel.painted
        await panel.press("escape", "n")
        await panel.sees_no("go along")
        await ask(panel, "Anew?")
        assert sent(fleet) == [("user", "Anew?")]
    listing = conversations_now()
    assert [(one.name, one.turns) for one in listing.conversations] == [("Anew?", 1), ("What is a log?", 2)]


async def test_ollama_gets_the_turns_in_its_own_form(fleet: DemoFleet) -> None:
    async with playground(fleet, "ollama/llama3.2:latest") as panel:
        await ask(panel, "one?")
        await ask(panel, "two?")
        body = fleet.ollama.requests.to("/api/chat")[-1].json()
        assert isinstance(body, dict)
        assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]


async def test_an_anthropic_server_gets_the_turns_in_its_own_form(fleet: DemoFleet) -> None:
    # llama-swap speaks that protocol as well.
    more = f'\n[services.claude-api]\nkind = "anthropic"\nurl = "{fleet.llama_swap.url}"\n'
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, "claude-api/qwen3", more=more) as panel:
        screen(panel).settings = AnswerSettings(system="Be brief.")
        await ask(panel, "one?")
        await ask(panel, "two?")
        await panel.sees("2 turns go along")
    body = fleet.llama_swap.requests.to("/v1/messages")[-1].json()
    assert isinstance(body, dict)
    assert body["system"] == "Be brief."
    assert [(one["role"], one["content"]) for one in body["messages"]] == [
        ("user", "one?"),
        ("assistant", answer("one?")),
        ("user", "two?"),
    ]


async def test_a_prompt_that_got_no_whole_answer_is_no_part_of_it(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, QWEN) as panel:
        await ask(panel, "one?")
        await fleet.llama_swap.scene("drop", after=10)
        await ask(panel, "broken?", Phase.FAILED)
        await fleet.llama_swap.scene("normal")
        await panel.sees("1 turn goes along")
        await ask(panel, "two?")
        assert [text for role, text in sent(fleet) if role == "user"] == ["one?", "two?"]
        await fleet.llama_swap.scene("drop", after=10)
        await ask(panel, "broken again?", Phase.FAILED)
        await until(lambda: tries() == 2, "both count to it, so that they are deleted with it")


def tries() -> int:
    """How many prompts without an answer the ledger counts to conversations."""
    with sqlite3.connect(ledger_path()) as reading:
        (count,) = reading.execute("SELECT count(*) FROM tries").fetchone()
    reading.close()
    return int(count)


async def test_the_size_of_the_whole_conversation_decides_who_can_take_it(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, QWEN) as panel:
        await ask(panel, "a " * 30_000)
        await ask(panel, "b " * 30_000, Phase.FAILED)
        await panel.sees("× nothing was sent")
        assert "it takes 40960 tokens, and the prompt may come to" in panel.painted.replace("\n", "")
        await panel.press("escape", "escape", "left_square_bracket", "w")
        await panel.sees("no turns go along · 1 left out")
        await ask(panel, "b")
        assert sent(fleet) == [("user", "b")]


async def test_what_follows_a_private_turn_is_private_until_that_is_left_out(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, QWEN) as panel:
        await panel.press("f9")
        await ask(panel, "a zugzwang")
        await panel.press("f9")
        await panel.sees("■ private since a turn was: stays on your own machines")
        await panel.sees("private on")
        await find(panel, CLOUD)
        await panel.sees("× no model on your own machines may take this private request")
        await panel.press("escape")
        screen(panel).choice = Choice("model", CLOUD)
        await ask(panel, "what did I say?", Phase.FAILED)
        await panel.sees("× nothing was sent")
        assert not fleet.litellm.requests.to(CHAT)
        await panel.press("escape", "escape", "w")
        await panel.sees("no turns go along · 1 left out")
        await panel.sees("▸ left out of what is sent")
        await panel.sees("private off")
        editor(panel).show_prompt("")
        await panel.press("b")
        assert editor(panel).text == "a zugzwang"
        await panel.is_told("some of what follows is kept nowhere")
        await panel.sees("■ private since a turn was")
        await panel.press("escape", "escape")
        await panel.sees_no("■ private")
        await ask(panel, "what did I say?")
        assert sent(fleet, "litellm") == [("user", "what did I say?")]
    files = [file for file in fleet.folder.rglob("*") if file.is_file()]
    assert not [file for file in files if b"zugzwang" in file.read_bytes()]


async def test_a_private_turn_keeps_the_next_ones_text_out_of_the_ledger(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, QWEN) as panel:
        await ask(panel, "public")
        await panel.press("f9")
        await ask(panel, "hidden one")
        await panel.press("f9")
        await ask(panel, "hidden two")
        assert len(sent(fleet)) == 5
    (listed,) = conversations_now().conversations
    assert listed.turns == 3
    files = [file for file in fleet.folder.rglob("*") if file.is_file() and file.name != "config.toml"]
    assert not [file for file in files if b"hidden" in file.read_bytes()]
    async with playground(fleet) as panel:
        await panel.press("escape", "h")
        await panel.sees("public")
        await panel.press("enter")
        await until(lambda: len(conversation(panel).turns) == 3, "it is open")
        not_kept = "(the text of this turn was not kept)"
        await until(lambda: panel.painted.count(not_kept) == 2, "both that were private are there, the last one too")
        await panel.sees("1 turn goes along · 2 without text")


async def test_with_keep_text_local_what_stayed_at_home_stays_there_and_is_kept(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, QWEN, more='\n[ledger]\nkeep_text = "local"\n') as panel:
        await ask(panel, "one?")
        await panel.sees("■ at home so far, and kept for that reason: stays there")
        await ask(panel, "two?")
        await panel.sees("under no mode · stays at home")
        screen(panel).choice = Choice("model", CLOUD)
        await ask(panel, "three?", Phase.FAILED)
        assert not fleet.litellm.requests.to(CHAT)
        await panel.sees("× no model on your own machines may take")
        assert "keep_text" in panel.painted
        await panel.press("escape", "escape", "w")
        await ask(panel, "three?")
        assert sent(fleet, "litellm") == [("user", "three?")]
    (listed,) = conversations_now().conversations
    assert (listed.name, listed.turns) == ("one?", 3)
    with sqlite3.connect(ledger_path()) as reading:
        kept = [row[0] for row in reading.execute("SELECT prompt FROM requests ORDER BY id")]
    reading.close()
    assert kept == ["one?", "two?", None]


async def test_a_turn_written_anew_makes_a_branch_and_the_other_one_stays(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, QWEN, size=(120, 60)) as panel:
        for prompt in ("one?", "two?", "three?"):
            await ask(panel, prompt)
        await panel.press("escape", "left_square_bracket", "left_square_bracket", "b")
        assert editor(panel).text == "two?"
        await panel.sees("turn 2 anew, as a branch · 1 turn goes along")
        await panel.press("escape", "escape")
        await panel.sees("3 turns go along")
        await panel.press("left_square_bracket", "left_square_bracket", "b", "!", "enter")
        await until(lambda: phase(panel) is Phase.FINISHED and not screen(panel).busy, "it is answered")
        assert [text for role, text in sent(fleet) if role == "user"] == ["one?", "two?!"]
        await panel.sees("2 turns go along")
        assert "three?" not in panel.painted
    listing = conversations_now().conversations
    assert [(one.name, one.turns, one.branch_of is not None) for one in listing] == [
        ("one?", 2, True),
        ("one?", 3, False),
    ]


async def test_yesterdays_conversation_goes_on_with_whom_it_was(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, QWEN) as panel:
        screen(panel).settings = AnswerSettings(system="Be brief.")
        await ask(panel, "What is a log?")
    async with open_panel(fleet) as panel:
        await panel.press("3")
        await until(lambda: isinstance(panel.app.screen, PlaygroundScreen), "the playground is open")
        screen(panel).choice = Choice("task", "default")
        await panel.press("escape", "h")
        await panel.sees("What is a log?")
        await panel.press("enter")
        await panel.sees("1 turn goes along")
        assert screen(panel).choice == Choice("model", QWEN)
        await panel.sees("▌ What is a log?")
        await ask(panel, "And then?")
        assert sent(fleet)[0] == ("system", "Be brief.")
        assert sent(fleet)[2] == ("assistant", answer("What is a log?"))
    (listed,) = conversations_now().conversations
    assert listed.turns == 2


async def test_a_credential_of_an_earlier_turn_is_asked_about_as_well(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, QWEN) as panel:
        await ask(panel, "my key is AKIA" + "IOSFODNN7EXAMPLE")
        screen(panel).choice = Choice("model", CLOUD)
        await write(panel, "hello")
        await panel.sees("It holds a credential")
        await panel.press("n")
        await until(lambda: not screen(panel).busy, "it is called off")
        assert not fleet.litellm.requests.to(CHAT)


async def test_a_stopped_answer_leaves_the_conversation_as_it_was() -> None:
    async with DemoFleet(speed=1, services=("llama-swap",)) as talking, _environment(talking):
        await talking.llama_swap.load("draft")
        async with playground(talking, "llama-swap/draft") as panel:
            await write(panel, ENDLESS)
            await until(lambda: phase(panel) is Phase.ANSWERING, "it is being answered")
            await panel.press("escape")
            await until(lambda: not screen(panel).busy, "it is stopped")
            assert conversation(panel).turns == ()
            assert len(conversation(panel).tries) == 1
    assert conversations_now().found == 0
