"""What a subscriber gets: the newest state of everything, and nothing that he does not need."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import time

from tests.fleet.watching import (
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
from tests.waiting import PATIENCE, until
from tui.config.schema import MachineSettings
from tui.demo.fleet import DemoFleet
from tui.fleet.monitor import QUIET, Monitor
from tui.fleet.snapshot import FleetSnapshot, Freshness, ModelState, ServiceState

UP = ServiceState.UP


async def test_a_slow_subscriber_gets_the_newest_snapshot_and_never_a_queue(demo_key: None) -> None:
    async with watched_fleet("llama-swap", "qdrant") as (fleet, monitor):
        slow = monitor.subscribe()
        await anext(slow)
        published: list[FleetSnapshot] = []

        async def count() -> None:
            async for snapshot in monitor.subscribe():
                published.append(snapshot)

        counting = asyncio.create_task(count())
        await fleet.llama_swap.load("gemma")
        await fleet.llama_swap.load("qwen3")
        await until(lambda: len(published) > 5 and published[-1].find_model("llama-swap/qwen3"), "much has happened")
        newest = await anext(slow)
        assert newest.at >= published[-1].at
        found = newest.find_model("llama-swap/qwen3")
        assert found is not None
        assert found[1].state is ModelState.READY
        following = asyncio.ensure_future(anext(slow))
        await until(following.done, "the next snapshot comes with the next change")
        assert following.result().at > newest.at, "no snapshot of the time before was waiting"
        counting.cancel()


async def test_what_holds_this_program_up_is_no_silence_of_a_server() -> None:
    async with (
        says(http_answer(b"pong")) as server,
        watching(config_of(service("s", "http", server.url, timeout=5.0))) as monitor,
    ):
        looking = asyncio.create_task(monitor.first_look(0.3))
        await asyncio.sleep(0)
        look_is_over = time.monotonic() + 0.5
        while time.monotonic() < look_is_over:
            """Nothing else gets a turn, as when the machine has no processor for this program."""
        found = (await looking).service("s")
        assert found is not None
        assert found.state is UP


async def test_a_look_that_a_server_lets_hang_is_over_in_its_time() -> None:
    async with (
        says(b"", then_hangs=True) as server,
        watching(config_of(service("s", "http", server.url, timeout=5.0))) as monitor,
        asyncio.timeout(2.0),
    ):
        await monitor.first_look(0.2)
        assert row(monitor, "s").state is ServiceState.UNKNOWN


async def test_hundreds_of_changes_in_one_breath_are_one_snapshot() -> None:
    async with says(http_answer(b"pong")) as server:
        config = config_of(*(service(f"s{number}", "http", server.url, refresh=3600.0) for number in range(50)))
        async with watching(config) as monitor:
            ages: list[float] = []

            async def follow() -> None:
                async for snapshot in monitor.subscribe():
                    ages.append(snapshot.at)

            following = asyncio.create_task(follow())
            await all_up(monitor)
            following.cancel()
            assert len(ages) < 50
            assert all(later - earlier >= QUIET * 0.9 for earlier, later in itertools.pairwise(ages[1:]))


async def test_every_subscriber_gets_the_state_at_once_and_then_each_change(demo_key: None) -> None:
    async with watched_fleet("qdrant", refresh=3600.0) as (fleet, monitor):
        await until(lambda: row(monitor, "qdrant").version, "nothing is asked any more")
        subscribers = [monitor.subscribe() for _ in range(3)]
        for subscriber in subscribers:
            async with asyncio.timeout(PATIENCE):
                assert (await anext(subscriber)).services[0].state is UP
        await fleet.qdrant.scene("down")
        monitor.look_now()

        async def sees_it_down(number: int) -> None:
            async for snapshot in subscribers[number]:
                if snapshot.services[0].state is ServiceState.DOWN:
                    return

        async with asyncio.timeout(5.0):
            await asyncio.gather(*(sees_it_down(number) for number in range(3)))


async def test_subscribers_that_leave_leave_nothing_behind(demo_key: None) -> None:
    async with watched_fleet("qdrant") as (_, monitor):
        tasks = len(asyncio.all_tasks())
        for _ in range(20):
            subscriber = monitor.subscribe()
            await anext(subscriber)
            waiting = asyncio.ensure_future(anext(subscriber))
            await asyncio.wait([waiting], timeout=0.001)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await until(lambda: len(asyncio.all_tasks()) <= tasks, "no task is left")
        async with asyncio.timeout(2.0):
            assert (await anext(monitor.subscribe())).services[0].state is UP, "others still get theirs"


async def test_a_first_look_that_is_given_up_leaves_no_task_behind() -> None:
    async with (
        says(b"", then_hangs=True) as server,
        watching(config_of(service("it", "http", server.url, timeout=30.0))) as monitor,
    ):
        await until(lambda: server.requests, "it is being asked")
        tasks = asyncio.all_tasks()
        looking = asyncio.create_task(monitor.first_look(60.0))
        await asyncio.wait([looking], timeout=0.01)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await until(lambda: asyncio.all_tasks() <= tasks, "no task is left")


async def test_a_first_look_waits_no_longer_than_it_may() -> None:
    async with says(b"", then_hangs=True) as hanging, says(http_answer(b"pong")) as healthy:
        config = config_of(
            service("hanging", "http", hanging.url, timeout=30.0), service("healthy", "http", healthy.url)
        )
        async with watching(config) as monitor:
            async with asyncio.timeout(2.0):
                snapshot = await monitor.first_look(0.3)
        states = {one.name: (one.state, one.reason) for one in snapshot.services}
        assert states == {"hanging": (ServiceState.UNKNOWN, "not looked at yet"), "healthy": (UP, "")}
        assert not snapshot.problems, "what is not known is no problem yet"


async def test_only_the_services_asked_for_are_watched(demo_key: None) -> None:
    async with DemoFleet(speed=20, services=["llama-swap", "ollama", "qdrant"]) as fleet:
        async with watching(demo_config(fleet), services={"ollama", "no-such"}) as monitor:
            await all_up(monitor)
            assert [one.name for one in monitor.snapshot.services] == ["ollama"]
            monitor.take_up(demo_config(fleet, timeout=0.9))
            await until(lambda: len(fleet.ollama.requests.to("/api/version")) > 1, "the new settings are in force")
            assert [one.name for one in monitor.snapshot.services] == ["ollama"]
        assert not len(fleet.llama_swap.requests)
        assert not len(fleet.qdrant.requests)


async def test_a_new_configuration_disturbs_only_what_it_changes(demo_key: None) -> None:
    async with DemoFleet(speed=20, services=["llama-swap", "ollama", "qdrant"]) as fleet:
        config = demo_config(fleet, refresh=3600.0)
        async with watching(config) as monitor:
            await all_up(monitor)
            await until(lambda: row(monitor, "ollama").version and row(monitor, "llama-swap").version, "all is asked")
            for server in fleet.servers.values():
                server.requests.clear()
            before = row(monitor, "llama-swap")
            services = dict(config.services)
            del services["qdrant"]
            services["ollama"] = dataclasses.replace(services["ollama"], timeout=0.7)
            services = {"new": service("new", "openai", "http://127.0.0.1:9")} | services
            monitor.take_up(dataclasses.replace(config, services=services))
            await until(lambda: fleet.ollama.requests.to("/api/tags"), "what changed is asked anew")
            await until(lambda: monitor.snapshot.service("new"), "what is new is shown")
            await state_comes(monitor, "new", ServiceState.DOWN)
            await state_comes(monitor, "ollama", UP)
            assert [one.name for one in monitor.snapshot.services] == ["new", "llama-swap", "ollama"]
            assert row(monitor, "llama-swap") == before
            assert not len(fleet.llama_swap.requests), "its stream was kept"
            assert not len(fleet.qdrant.requests)
            await until(lambda: fleet.qdrant.open_connections == 0, "the connection of what is gone is closed")
            await fleet.llama_swap.load("gemma")

            def gemma_is_ready() -> bool:
                found = monitor.snapshot.find_model("llama-swap/gemma")
                return found is not None and found[1].state is ModelState.READY

            await until(gemma_is_ready, "what was kept is still listened to", timeout=1.0)


async def test_a_service_moves_when_its_machine_gets_another_name(demo_key: None) -> None:
    async with DemoFleet(speed=20, services=["qdrant"]) as fleet:
        config = demo_config(fleet)
        async with watching(config) as monitor:
            await all_up(monitor)
            assert row(monitor, "qdrant").machine == "koala"
            machines = {"heron": MachineSettings(name="heron", addresses=("127.0.0.1",))}
            monitor.take_up(dataclasses.replace(config, machines=machines))
            await until(lambda: row(monitor, "qdrant").machine == "heron", "the row is the new machine's")
            assert [machine.name for machine in monitor.snapshot.machines] == ["heron"]
            await all_up(monitor)


async def test_twenty_new_configurations_in_a_row_end_with_the_last(demo_key: None) -> None:
    async with watched_fleet("qdrant", "ollama") as (fleet, monitor):
        tasks = len(asyncio.all_tasks())
        for number in range(20):
            monitor.take_up(demo_config(fleet, timeout=0.5 + number / 100))
        await until(lambda: len(asyncio.all_tasks()) <= tasks, "the watches before it are gone")
        await all_up(monitor)
        await until(lambda: fleet.qdrant.open_connections <= 1, "and their connections")


async def test_what_was_not_looked_at_for_three_periods_is_stale() -> None:
    now = 1_000_000.0
    async with says(http_answer(b"pong")) as server:
        config = config_of(service("it", "http", server.url, refresh=10.0))
        async with watching(config, clock=lambda: now) as monitor:
            assert row(monitor, "it").seen.freshness(now) is Freshness.UNKNOWN
            seen = (await state_comes(monitor, "it", UP)).seen
    assert seen.at == now
    assert seen.freshness(now + 29.0) is Freshness.FRESH
    assert seen.freshness(now + 31.0) is Freshness.STALE
    assert seen.age(now - 100.0) == 0.0, "a clock that was set back makes nothing younger than now"


async def test_a_list_of_models_grows_stale_by_its_own_period(demo_key: None) -> None:
    now = 1_000_000.0
    async with (
        DemoFleet(speed=20, services=["ollama"]) as fleet,
        watching(demo_config(fleet), clock=lambda: now) as monitor,
    ):
        await until(lambda: row(monitor, "ollama").models, "its models are listed")
        models_seen = row(monitor, "ollama").models_seen
        await fleet.ollama.scene("down")
        now += 100.0
        down = await state_comes(monitor, "ollama", ServiceState.DOWN)
    assert down.seen.at == now
    assert down.models_seen == models_seen, "an old list does not become new because its service is down"
    assert down.models_seen.freshness(now) is Freshness.FRESH
    assert down.models_seen.freshness(now + 100.0) is Freshness.STALE


async def test_a_monitor_that_does_not_run_knows_nothing_and_says_so() -> None:
    monitor = Monitor(config_of(service("it", "http", "http://127.0.0.1:9")))
    seen = row(monitor, "it")
    assert (seen.state, seen.reason) == (ServiceState.UNKNOWN, "not looked at yet")
    assert not monitor.snapshot.problems
