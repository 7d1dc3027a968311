"""A fleet of hundreds is watched as promptly as one of five."""

from __future__ import annotations

import time

from tests.fleet.watching import demo_config, watching
from tests.waiting import until
from tui.demo.fleet import DemoFleet
from tui.fleet.snapshot import ServiceState

SERVICES = 300
HANGING = 15
PERIOD = 1.0


async def test_of_three_hundred_services_all_that_answer_are_fresh_within_one_period(demo_key: None) -> None:
    async with DemoFleet(services=[], extra_services=SERVICES) as fleet:
        for server in fleet.extra[:: SERVICES // HANGING]:
            await server.scene("hang")
        healthy = {server.name for server in fleet.extra if server.playing.name == "normal"}
        assert len(healthy) == SERVICES - HANGING
        config = demo_config(fleet, refresh=PERIOD, timeout=0.6)
        async with watching(config) as monitor:

            def all_have_answered() -> bool:
                found = [one for one in monitor.snapshot.services if one.name in healthy]
                return len(found) == len(healthy) and all(one.state is ServiceState.UP for one in found)

            await until(all_have_answered, "every healthy one is up", timeout=PERIOD + 2.0)
            began = time.time()

            def all_are_fresh() -> bool:
                found = (one for one in monitor.snapshot.services if one.name in healthy)
                return all((one.seen.at or 0.0) > began for one in found)

            await until(all_are_fresh, "every healthy one was looked at anew", timeout=PERIOD + 0.6)
            hanging = [one for one in monitor.snapshot.services if one.name not in healthy]
            assert {(one.state, one.reason) for one in hanging} == {(ServiceState.DOWN, "timed out after 0.6 s")}
            names = [one.name for one in hanging]
            # On a machine that is busy with other things, one of the healthy may be slow for once.
            await until(
                lambda: [problem.about for problem in monitor.snapshot.problems] == names,
                "only those that hang are told",
            )
