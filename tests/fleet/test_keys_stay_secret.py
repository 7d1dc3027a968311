"""A key reaches the server that it is for, and nothing and nobody else."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from pathlib import Path

import pytest

from tests.fleet.watching import (
    RawServer,
    all_up,
    config_of,
    demo_config,
    http_answer,
    row,
    says,
    service,
    state_comes,
    watched_fleet,
    watching,
)
from tests.waiting import until
from tui.config.schema import Config, KeySource, ServiceKind
from tui.demo.fleet import DemoFleet
from tui.demo.fleet_config import MASTER_KEY
from tui.fleet.asking import Asker
from tui.fleet.failures import LookFailed
from tui.fleet.redact import HIDDEN
from tui.fleet.snapshot import ServiceState

SHAPELESS = "correct.horse.battery.staple"
"""A key that looks like none: a person's own LiteLLM or reverse proxy takes any word."""


@pytest.fixture
def shapeless_key(monkeypatch: pytest.MonkeyPatch) -> KeySource:
    monkeypatch.setenv("KEY_OF_A_TEST", SHAPELESS)
    return KeySource(env="KEY_OF_A_TEST")


async def test_a_key_from_a_variable_a_file_and_a_command(tmp_path: Path, demo_key: None) -> None:
    file = tmp_path / "key"
    file.write_text(f"{MASTER_KEY}\nnot this line\n", encoding="utf-8")
    sources = [
        KeySource(env="FLEETDECK_DEMO_KEY"),
        KeySource(file=str(file)),
        KeySource(command=("cat", str(file))),
    ]
    async with DemoFleet(speed=20, services=["litellm"]) as fleet:
        litellm = demo_config(fleet).services["litellm"]
        services = [dataclasses.replace(litellm, name=f"s{n}", key=source) for n, source in enumerate(sources)]
        async with watching(config_of(*services)) as monitor:
            await all_up(monitor)
            await until(lambda: all(one.models for one in monitor.snapshot.services), "all list their models")


async def test_a_key_that_is_changed_is_fetched_anew_once_it_was_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-the-old-key", encoding="utf-8")
    async with DemoFleet(speed=20, services=["litellm"]) as fleet:
        litellm = dataclasses.replace(demo_config(fleet).services["litellm"], key=KeySource(file=str(file)))
        async with watching(config_of(litellm)) as monitor:
            refused = await state_comes(monitor, "litellm", ServiceState.BUSY)
            assert refused.reason.startswith("key refused")
            file.write_text(MASTER_KEY, encoding="utf-8")
            monitor.look_now()
            await until(lambda: row(monitor, "litellm").models, "its models are listed")
            await state_comes(monitor, "litellm", ServiceState.UP)


async def test_the_commands_that_llama_swap_shows_are_shown_without_their_keys(demo_key: None) -> None:
    async with watched_fleet("llama-swap") as (fleet, monitor):
        await fleet.llama_swap.load("qwen3")
        monitor.look_now()

        def running() -> str:
            return "".join(a.text for a in row(monitor, "llama-swap").answers if a.request == "GET /running")

        await until(lambda: "qwen3.gguf" in running(), "the command is shown")
        assert f"--api-key {HIDDEN}" in running()
        assert "sk-secret" not in repr(monitor.snapshot)


@pytest.mark.parametrize(
    ("kind", "header"),
    [("openai", "authorization"), ("litellm", "authorization"), ("anthropic", "x-api-key"), ("qdrant", "api-key")],
)
async def test_a_server_that_says_a_key_back_does_not_get_it_shown(
    kind: ServiceKind, header: str, shapeless_key: KeySource, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = f'{{"error":{{"message":"You sent {SHAPELESS}, which is not it"}}}}'.encode()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await server.read_request(reader)
        refused = SHAPELESS.encode() in head
        alive = b"I'm alive! All shards are ready"
        writer.write(http_answer(said, "401 Unauthorized") if refused else http_answer(alive))
        await writer.drain()

    async with (
        RawServer(behave) as server,
        watching(config_of(service("it", kind, server.url, key=shapeless_key))) as monitor,
    ):
        words = f"key refused (401): You sent {HIDDEN}, which is not it"
        await until(lambda: any(SHAPELESS.encode() in head for head in server.requests), "the key was sent")
        sent = next(head for head in server.requests if SHAPELESS.encode() in head).decode().lower()
        assert f"\r\n{header}: " in sent
        await until(lambda: any(words[-20:] in answer.text for answer in row(monitor, "it").answers), "it is kept")
        assert SHAPELESS not in repr(monitor.snapshot)
        if kind in ("openai", "anthropic"):
            assert row(monitor, "it").reason == words
    assert SHAPELESS not in caplog.text


async def test_a_failure_holds_no_key(shapeless_key: KeySource) -> None:
    said = f"no {SHAPELESS} here".encode()
    async with says(http_answer(said, "500 Oops", "text/plain")) as server:
        asker = Asker(service("it", "openai", server.url, key=shapeless_key))
        with pytest.raises(LookFailed) as caught:
            await asker.get("/v1/models")
        assert str(caught.value) == f"answered 500: no {HIDDEN} here"
        assert SHAPELESS not in repr(asker.__dict__)
        await asker.close()


async def test_a_key_is_not_sent_where_a_redirect_leads(shapeless_key: KeySource) -> None:
    async with says(http_answer(b'{"data":[]}')) as target:
        location = f"location: {target.url}/v1/models\r\n".encode()
        async with (
            says(http_answer(status="307 Temporary Redirect", headers=location)) as server,
            watching(config_of(service("it", "openai", server.url, key=shapeless_key))) as monitor,
        ):
            seen = await state_comes(monitor, "it", ServiceState.DOWN)
            assert seen.reason.startswith("redirects elsewhere (307)")
            assert server.requests
            assert not target.requests


async def test_a_liveness_question_that_needs_no_key_carries_none(demo_key: None) -> None:
    async with DemoFleet(speed=20, services=["litellm", "llama-swap"], every_key=True) as fleet:
        async with watching(demo_config(fleet)) as monitor:
            await all_up(monitor)
            await until(lambda: row(monitor, "llama-swap").models, "its models are listed")
        for server, path in ((fleet.llama_swap, "/wol-health"), (fleet.litellm, "/health/liveliness")):
            assert server.requests.to(path)
            assert not any("authorization" in record.headers for record in server.requests.to(path))


def test_a_configuration_holds_where_a_key_is_and_never_the_key(demo_key: None) -> None:
    config = Config(services={"it": service("it", "openai", "http://x", key=KeySource(env="FLEETDECK_DEMO_KEY"))})
    assert MASTER_KEY not in repr(config)
