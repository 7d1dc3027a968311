"""What the panel takes for granted about llama-swap, checked with a real one."""

from __future__ import annotations

import asyncio

import httpx

from tests.live.checks import Check, Stage
from tests.live.llama_swap_recording import STREAM_OPENS_WITH, listening
from tests.live.llama_swap_server import FAILURE
from tests.live.recording import Ask, asking, record, until


async def the_stream_opens_with_everything(stage: Stage) -> None:
    server = await stage.llama_swap()
    async with asking(server.url) as client, listening(client) as log:
        assert tuple(log.types[: len(STREAM_OPENS_WITH)]) == STREAM_OPENS_WITH, log.types
        assert log.states("bird") == ["stopped"]
        # With nothing in flight the list of requests is left out, not empty.
        assert log.values["inflight"][0] == {"operation": "snapshot"}


async def a_model_loads_and_unloads(stage: Stage) -> None:
    server = await stage.llama_swap()
    async with asking(server.url) as client, listening(client) as log:
        load = asyncio.create_task(client.get("/upstream/bird/"))
        await until(lambda: log.states("bird")[-1] == "starting", "bird starts")
        listed = (await client.get("/v1/models")).json()["data"]
        assert next(entry for entry in listed if entry["id"] == "bird")["status"] == {"value": "loaded"}
        assert (await client.get("/running")).json()["running"][0]["state"] == "starting"
        assert (await load).status_code == 200
        await until(lambda: log.states("bird")[-1] == "ready", "bird is ready")
        assert (await client.post("/api/models/unload/gpt-4o-mini")).text == "OK"
        await until(lambda: log.states("bird")[-1] == "stopped", "bird is unloaded by its alias")
        assert log.states("bird") == ["stopped", "starting", "ready", "stopping", "stopped"]


async def a_load_is_no_request_in_flight(stage: Stage) -> None:
    server = await stage.llama_swap()
    async with asking(server.url) as client, listening(client) as log:
        rows_before = (await client.get("/api/metrics/activity")).json()["total"]
        await client.get("/upstream/bird/")
        await until(lambda: log.states("bird")[-1] == "ready", "bird is ready")
        await client.post("/api/models/unload")
        await until(lambda: log.states("bird")[-1] == "stopped", "bird is unloaded")
        assert log.operations() == {"snapshot"}
        assert (await client.get("/api/metrics/activity")).json()["total"] == rows_before


async def a_failed_start_says_why_in_the_log(stage: Stage) -> None:
    server = await stage.llama_swap()
    async with asking(server.url) as client, listening(client) as log:
        answer = await record(client, Ask.get("/upstream/broken/"))
        assert answer.status == 500
        assert isinstance(answer.body, dict)
        assert answer.body["src"] == "llama-swap"
        await until(lambda: log.states("broken") == ["stopped", "starting", "stopped"], "the states of a failed start")
        await until(lambda: FAILURE in str(log.values["logData"]), "the reason in the upstream's log")


async def a_chat_leaves_a_row_and_was_in_flight(stage: Stage) -> None:
    server = await stage.llama_swap()
    async with asking(server.url) as client, listening(client) as log:
        chat = {"model": "bird", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
        answer = await client.post("/v1/chat/completions", json=chat)
        assert answer.text.rstrip().endswith("data: [DONE]")
        await until(lambda: bool(log.values.get("activity")), "an activity event")
        await until(lambda: {"upsert", "remove"} <= log.operations(), "the request in flight and gone")
        row = (await client.get("/api/metrics/activity")).json()["data"][0]
        assert (row["model"], row["resp_status_code"]) == ("bird", 200)
        assert row["tokens"]["tokens_per_second"] == 50
        await client.post("/api/models/unload")


async def the_command_line_is_shown_with_its_key(stage: Stage) -> None:
    server = await stage.llama_swap()
    async with asking(server.url) as client:
        await client.get("/upstream/bird/")
        (running,) = (await client.get("/running")).json()["running"]
        await client.post("/api/models/unload")
    assert "sk-not-to-be-shown" in running["cmd"]
    assert running["ttl"] == 300


async def a_killed_server_comes_back_fresh(stage: Stage) -> None:
    server = await stage.llama_swap()
    async with asking(server.url) as client:
        async with listening(client) as log:
            await client.put("/api/profiles/active", json={"name": "night"})
            await client.get("/upstream/bird/")
            await until(lambda: log.states("bird")[-1] == "ready", "bird is ready")
            await server.kill()
            await until(lambda: log.ended, "the stream ends")
            assert await _refuses(client)
        await server.start()
        async with listening(client) as log:
            assert log.states("bird") == ["stopped"]
            assert log.values["profileChanged"] == [{"active": None}]


async def _refuses(client: httpx.AsyncClient) -> bool:
    try:
        await client.get("/wol-health")
    except httpx.ConnectError:
        return True
    return False


CHECKS = (
    Check(
        "llama-swap: the event stream opens with the whole state",
        the_stream_opens_with_everything,
    ),
    Check("llama-swap: a model goes through starting, ready and stopping", a_model_loads_and_unloads),
    Check("llama-swap: a load is no request in flight and leaves no row", a_load_is_no_request_in_flight),
    Check("llama-swap: a failed start is a 500, and its reason stands in the log", a_failed_start_says_why_in_the_log),
    Check("llama-swap: a chat is in flight, then a row with its speed", a_chat_leaves_a_row_and_was_in_flight),
    Check("llama-swap: /running shows the command line, keys and all", the_command_line_is_shown_with_its_key),
    Check(
        "llama-swap: after kill -9 it comes back on its port, fresh",
        a_killed_server_comes_back_fresh,
    ),
)
