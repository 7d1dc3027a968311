"""A fleet of hundreds is watched as promptly as one of five. How promptly is measured by ``make bench``."""

from __future__ import annotations

import time

from tests.fleet.watching import demo_config, watching
from tests.waiting import until
from tui.demo.fleet import DemoFleet
from tui.fleet.snapshot import ServiceState

SERVICES = 300
HANGING = 15
LONGER_THAN_ALL_THIS = 60.0
"""Seconds before a look at one that hangs is given up."""


async def test_of_three_hundred_services_those_that_hang_hold_up_nobody(demo_key: None) -> None:
    async with DemoFleet(services=[], extra_services=SERVICES) as fleet:
        for server in fleet.extra[:: SERVICES // HANGING]:
            await server.scene("hang")
        healthy = {server.name for server in fleet.extra if server.playing.name == "normal"}
        assert len(healthy) == SERVICES - HANGING
        config = demo_config(fleet, refresh=1.0, timeout=LONGER_THAN_ALL_THIS)
        async with watching(config) as monitor:

            def all_were_seen_after(moment: float) -> bool:
                found = [one for one in monitor.snapshot.services if one.name in healthy]
                return len(found) == len(healthy) and all(
                    one.state is ServiceState.UP and (one.seen.at or 0.0) > moment for one in found
                )

            await until(lambda: all_were_seen_after(0.0), "every healthy one is up")
            began = time.time()
            await until(lambda: all_were_seen_after(began), "every healthy one was looked at anew")
            hanging = [one for one in monitor.snapshot.services if one.name not in healthy]
            assert {one.state for one in hanging} == {ServiceState.UNKNOWN}, "they are still waited for, by nobody else"
