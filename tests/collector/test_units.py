"""How a collector tells of units, and acts on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.collector.running import RunningCollector
from tests.collector.systemd import RUNNING, FakeSystemd
from tests.waiting import until

UNIT = "llama-swap.service"
PATH = "/org/freedesktop/systemd1/unit/llama_2dswap_2eservice"
NEVER = 3600.0


def watching(systemd: FakeSystemd, **constants: Any) -> RunningCollector:
    return RunningCollector(systemd.environment, units=[(UNIT, "user")], **constants)


async def test_a_unit_is_told_of_once_and_then_when_it_changes(systemd: FakeSystemd) -> None:
    async with watching(systemd, POLL=0.05) as collector:
        first = await collector.next("unit")
        assert (first["unit"], first["scope"], first["status"]) == (UNIT, "user", 0)
        assert "ActiveState=active\n" in first["out"]
        await until(lambda: len(systemd.calls) >= 4, "it is looked at again and again")
        systemd.show(**RUNNING | {"ActiveState": "failed"})
        assert "ActiveState=failed" in (await collector.next("unit"))["out"]
    assert len([said for said in collector.said if said["type"] == "unit"]) == 2


async def test_systemds_signal_is_heeded_long_before_the_next_look(systemd: FakeSystemd) -> None:
    async with systemd.bell() as bell, watching(systemd, POLL=NEVER) as collector:
        await collector.next("unit")
        await until(lambda: bell.listeners, "it listens")
        systemd.show(**RUNNING | {"SubState": "reload"})
        bell.ring(PATH, "PropertiesChanged")
        await collector.next("unit", lambda unit: "SubState=reload" in unit["out"], within=1.0)
        systemd.show(**RUNNING)
        bell.ring("/org/freedesktop/systemd1", "JobRemoved")
        await collector.next("unit", lambda unit: "SubState=running" in unit["out"], within=1.0)


async def test_looking_does_not_cause_the_next_look(systemd: FakeSystemd) -> None:
    """A look at a stopped unit makes systemd load it and forget it again, which it announces by its path."""
    async with systemd.bell() as bell, watching(systemd, POLL=NEVER) as collector:
        await collector.next("unit")
        await until(lambda: bell.listeners, "it listens")
        looks = len(systemd.calls)
        body = b"\x12\0\0\0llama-swap.service\0\0" + len(PATH).to_bytes(4, "little") + PATH.encode() + b"\0"
        bell.ring("/org/freedesktop/systemd1", "UnitNew", body)
        bell.ring("/org/freedesktop/systemd1", "UnitRemoved", body)
        bell.ring("/org/freedesktop/systemd1/unit/other_2eservice", "PropertiesChanged")
        collector.send(do="ping", request=1)
        await collector.next("pong")
        await collector.next("host")
        await collector.next("host")
        assert len(systemd.calls) == looks


async def test_it_goes_on_looking_when_systemd_hangs_up(systemd: FakeSystemd) -> None:
    async with systemd.bell() as bell, watching(systemd, POLL=0.1) as collector:
        await until(lambda: bell.listeners, "it listens")
        bell.hang_up()
        systemd.show(**RUNNING | {"SubState": "reload"})
        await collector.next("unit", lambda unit: "SubState=reload" in unit["out"])
        await until(lambda: bell.listeners, "it listens again")


async def test_actions_do_not_wait_for_the_unit(systemd: FakeSystemd) -> None:
    async with watching(systemd) as collector:
        for number, verb in enumerate(("start", "stop", "restart")):
            collector.send(do="unit", request=number, unit=UNIT, verb=verb)
            done = await collector.next("done")
            assert (done["request"], done["status"]) == (number, 0)
    acted = [call for call in systemd.calls if " show " not in call]
    assert acted == [f"--user --no-ask-password {verb} --no-block -- {UNIT}" for verb in ("start", "stop", "restart")]


async def test_a_failed_unit_is_forgiven_before_it_is_started(systemd: FakeSystemd) -> None:
    systemd.show(**RUNNING | {"ActiveState": "failed"})
    async with watching(systemd) as collector:
        collector.send(do="unit", request=1, unit=UNIT, verb="start")
        await collector.next("done")
    acted = [call.split()[2] for call in systemd.calls if " show " not in call]
    assert acted == ["reset-failed", "start"]


async def test_a_refusal_is_passed_on(systemd: FakeSystemd) -> None:
    systemd.answer("start", f"echo 'Failed to start {UNIT}: Unit {UNIT} is masked.' >&2; exit 1")
    async with watching(systemd) as collector:
        collector.send(do="unit", request=1, unit=UNIT, verb="start")
        done = await collector.next("done")
    assert done["status"] == 1
    assert done["error"].endswith("is masked.")


async def test_the_state_follows_an_action_without_waiting_for_the_next_look(systemd: FakeSystemd) -> None:
    stopped = systemd.folder / "stopped"
    stopped.write_text("LoadState=loaded\nActiveState=inactive\n", encoding="utf-8")
    systemd.answer("stop", f"cp '{stopped}' '{systemd.folder}/shown'")
    async with watching(systemd, POLL=NEVER) as collector:
        await collector.next("unit")
        collector.send(do="unit", request=1, unit=UNIT, verb="stop")
        await collector.next("unit", lambda unit: "ActiveState=inactive" in unit["out"])


async def test_a_system_unit_is_asked_for_in_its_own_scope(systemd: FakeSystemd) -> None:
    async with RunningCollector(systemd.environment, units=[(UNIT, "system")]) as collector:
        assert (await collector.next("unit"))["scope"] == "system"
    assert systemd.calls[0].startswith("--system --no-ask-password show")


async def test_a_missing_bus_and_a_missing_systemd_are_told_apart(systemd: FakeSystemd, tmp_path: Path) -> None:
    systemd.show()
    systemd.answer("show", "echo 'Failed to connect to bus: No medium found' >&2; exit 1")
    async with watching(systemd) as collector:
        unit = await collector.next("unit")
        assert (unit["status"], unit["out"], unit["error"]) == (1, "", "Failed to connect to bus: No medium found")
    async with RunningCollector({"PATH": str(tmp_path)}, units=[(UNIT, "user")]) as collector:
        unit = await collector.next("unit")
        assert (unit["status"], unit["out"]) == (None, "")
        assert "systemctl" in unit["error"]
