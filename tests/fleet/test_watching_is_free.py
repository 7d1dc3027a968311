"""Looking at a server must not load a model, cost money, evict a cache or fill somebody's log."""

from __future__ import annotations

import asyncio

from tests.fleet.watching import demo_config, row, watched_fleet, watching
from tests.waiting import until
from tui.demo.fleet import DemoFleet
from tui.fleet.snapshot import ServiceState

ROUNDS = 60

HARMLESS = {
    "llama-swap": {
        "/wol-health",
        "/v1/models",
        "/running",
        "/api/events",
        "/api/version",
        "/api/profiles",
        "/api/metrics/activity",
    },
    "ollama": {"/api/ps", "/api/tags", "/api/version"},
    "litellm": {"/health/liveliness", "/health/readiness", "/health/readiness/details", "/v1/models", "/model/info"},
    "qdrant": {"/readyz", "/", "/collections"},
    "k3s": {"/ping"},
    "extra-000": {"/v1/models"},
}
"""Everything else loads a model (/upstream, /props, chat), calls every deployment (LiteLLM's /health) or costs disk."""


async def test_an_hour_of_looks_asks_nothing_but_what_is_harmless(demo_key: None) -> None:
    """Each round asks every question that is usually asked once a minute; there are failures in between."""
    async with DemoFleet(speed=20, extra_services=1) as fleet:
        async with watching(demo_config(fleet, timeout=0.5)) as monitor:
            await monitor.first_look(2.0)
            for number in range(ROUNDS):
                asked = len(fleet.ollama.requests.to("/api/tags"))
                monitor.look_now()
                await until(lambda: len(fleet.ollama.requests.to("/api/tags")) > asked, "a round is over")  # noqa: B023
                if number == ROUNDS // 3:
                    await fleet.llama_swap.scene("restart", down_for=0.01)
                    await fleet.litellm.scene("restart", down_for=0.01)
                    await fleet.ollama.scene("restart", down_for=0.01)
                    await until(
                        lambda: all(one.state is ServiceState.UP for one in monitor.snapshot.services), "all are back"
                    )
        for name, server in fleet.servers.items():
            asked_for = {(record.method, record.path) for record in server.requests}
            assert asked_for <= {("GET", path) for path in HARMLESS[name]}, name
            assert not any(record.body for record in server.requests), name
        assert not fleet.litellm.health_checks
        assert not fleet.llama_swap.processes.running()
        assert not fleet.ollama.loaded


async def test_a_loaded_model_is_not_kept_from_its_rest(demo_key: None) -> None:
    async with watched_fleet("llama-swap", "ollama") as (fleet, monitor):
        fleet.llama_swap.processes.set_ttl("gemma", 0.4)
        await fleet.llama_swap.load("gemma")
        await fleet.ollama.load("llama3.2:latest", keep_alive=0.4)

        async def look_and_look() -> None:
            async for _ in monitor.subscribe():
                monitor.look_now()

        looking = asyncio.create_task(look_and_look())
        await until(
            lambda: not fleet.llama_swap.processes.running(), "llama-swap unloads what nobody uses", timeout=2.0
        )
        await until(lambda: not fleet.ollama.loaded, "Ollama unloads what nobody uses", timeout=2.0)
        looking.cancel()


async def test_an_idle_minute_of_llama_swap_costs_its_log_a_few_lines(demo_key: None) -> None:
    """While it streams, the question that comes often is the one that it does not log."""
    async with watched_fleet("llama-swap", refresh=0.05) as (fleet, monitor):
        await until(lambda: row(monitor, "llama-swap").version, "its first questions are answered")
        fleet.llama_swap.requests.clear()
        await until(lambda: len(fleet.llama_swap.requests) >= 10, "ten looks have gone by")
        assert {record.path for record in fleet.llama_swap.requests} == {"/wol-health"}
