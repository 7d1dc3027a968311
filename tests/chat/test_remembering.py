"""What the ledger knows of a reply, and when."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

import pytest

from tests.chat.asking import Asked, config_of
from tui.chat.dispatch import Dispatcher, NotPrivate
from tui.chat.prompt import Prompt
from tui.chat.remembering import Remembered
from tui.chat.reply import Text
from tui.demo.fleet import DemoFleet
from tui.ledger.records import NewRequest
from tui.ledger.store import Ledger

PROMPT = "say canary-4711"


def new_request(*models: str, private: bool = False) -> NewRequest:
    return NewRequest(
        at=time.time(), face="cli", asked_kind="model", asked_name=models[0], external=False, private=private,
        plan=models, prompt=PROMPT,
    )  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


def row(path: Path) -> sqlite3.Row:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        found: sqlite3.Row = connection.execute("SELECT * FROM requests").fetchone()
        return found


async def reply(fleet: DemoFleet, path: Path, *models: str, private: bool = False, leave: bool = False) -> None:
    with Ledger(path) as ledger:
        witness = Remembered(ledger, new_request(*models, private=private), "all")
        async with Dispatcher(config_of(fleet)) as dispatcher:
            candidates = [Asked(model) for model in models]
            events = dispatcher.ask(candidates, Prompt.of(PROMPT), private=private, witness=witness)
            async with contextlib.aclosing(events):
                async for event in events:
                    if leave and isinstance(event, Text):
                        break
        assert witness.problem == ""


async def test_an_answer_and_who_gave_it(fleet: DemoFleet, path: Path) -> None:
    await reply(fleet, path, "litellm/rate-limited", "ollama/llama3.2")
    kept = row(path)
    assert (kept["outcome"], kept["model"], kept["place"]) == ("finished", "ollama/llama3.2", "local")
    assert kept["served_by"] == "llama3.2"
    assert kept["output_tokens"] > 0
    assert kept["first_token_s"] > 0
    assert PROMPT in kept["prompt"]
    assert kept["answer"]
    with Ledger(path) as ledger:
        usage = ledger.usage(time.time())
    # The one that refused is not to be asked again for the seven seconds that it named.
    assert 5 < usage.refusals["litellm/rate-limited"].until - time.time() <= 7
    assert usage.requests_in_last_minute == {"litellm/rate-limited": 1, "ollama/llama3.2": 1}


async def test_a_request_counts_from_when_it_is_sent(fleet: DemoFleet, path: Path) -> None:
    with Ledger(path) as ledger, Ledger(path) as another:
        witness = Remembered(ledger, new_request("ollama/llama3.2"), "all")
        async with Dispatcher(config_of(fleet)) as dispatcher:
            events = dispatcher.ask([Asked("ollama/llama3.2")], Prompt.of(PROMPT), witness=witness)
            async with contextlib.aclosing(events):
                async for event in events:
                    if isinstance(event, Text):
                        assert another.usage(time.time()).requests_in_last_minute == {"ollama/llama3.2": 1}


async def test_what_breaks_and_what_is_left(fleet: DemoFleet, path: Path, tmp_path: Path) -> None:
    await reply(fleet, path, "ollama/llama3.2", leave=True)
    assert row(path)["outcome"] == "cancelled"
    await fleet.ollama.scene("drop", after=3)
    broken = tmp_path / "broken.sqlite3"
    await reply(fleet, broken, "ollama/llama3.2")
    kept = row(broken)
    assert (kept["outcome"], kept["model"]) == ("broken", "ollama/llama3.2")
    assert kept["answer"]


async def test_nothing_that_was_said_in_private_is_written_down(fleet: DemoFleet, path: Path) -> None:
    await reply(fleet, path, "llama-swap/gemma", private=True)
    assert row(path)["prompt"] is None
    for file in path.parent.glob("ledger.sqlite3*"):
        assert b"canary-4711" not in file.read_bytes()


async def test_what_was_never_sent_is_remembered_as_failed(fleet: DemoFleet, path: Path) -> None:
    with Ledger(path) as ledger:
        witness = Remembered(ledger, new_request("ollama/llama3.2", private=True), "all")
        async with Dispatcher(config_of(fleet)) as dispatcher:
            events = dispatcher.ask([Asked("litellm/x", "cloud")], Prompt.of(PROMPT), private=True, witness=witness)
            with pytest.raises(NotPrivate):
                await anext(events)
    kept = row(path)
    assert (kept["outcome"], kept["model"], kept["prompt"]) == ("failed", None, None)
    assert not any(len(server.requests) for server in fleet.servers.values())


async def test_an_answer_is_worth_more_than_its_record(fleet: DemoFleet, path: Path) -> None:
    with Ledger(path) as ledger:
        witness = Remembered(ledger, new_request("ollama/llama3.2"), "all")
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TABLE attempts")
            connection.commit()
        async with Dispatcher(config_of(fleet)) as dispatcher:
            events = dispatcher.ask([Asked("ollama/llama3.2")], Prompt.of(PROMPT), witness=witness)
            async with contextlib.aclosing(events):
                assert any([isinstance(event, Text) async for event in events])
    assert witness.problem
