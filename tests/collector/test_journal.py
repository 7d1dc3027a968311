"""How a collector passes a unit's journal on."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.collector.running import RunningCollector
from tests.collector.systemd import FakeSystemd
from tests.waiting import until

UNIT = "llama-swap.service"


def watching(systemd: FakeSystemd, **constants: Any) -> RunningCollector:
    return RunningCollector(systemd.environment, units=[(UNIT, "user")], **constants)


async def test_the_last_lines_come_first_and_then_each_new_one(systemd: FakeSystemd) -> None:
    systemd.write_journal("one", "two", "three")
    async with watching(systemd) as collector:
        collector.send(do="log", request=9, unit=UNIT, lines=2, after=None)
        entries = [await collector.next("log") for _ in range(2)]
        assert [entry["entry"]["MESSAGE"] for entry in entries] == ["two", "three"]
        assert {entry["request"] for entry in entries} == {9}
        systemd.write_journal("four")
        assert (await collector.next("log"))["entry"]["MESSAGE"] == "four"
    call = next(call for call in systemd.calls if call.startswith("journalctl"))
    assert "--user" in call
    assert f"-u {UNIT}" in call


async def test_it_goes_on_behind_a_cursor(systemd: FakeSystemd) -> None:
    systemd.write_journal("one", "two", "three")
    async with watching(systemd) as collector:
        collector.send(do="log", request=1, unit=UNIT, lines=200, after="c2")
        assert (await collector.next("log"))["entry"]["MESSAGE"] == "three"
    # Without --no-tail, -f would show the last ten alone.
    assert "--no-tail" in next(call for call in systemd.calls if call.startswith("journalctl"))


async def test_a_journal_that_is_not_for_us_says_so(systemd: FakeSystemd) -> None:
    systemd.answer("journal", "echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1")
    async with watching(systemd) as collector:
        collector.send(do="log", request=1, unit=UNIT, lines=5, after=None)
        end = await collector.next("log_end")
    assert (end["request"], end["status"]) == (1, 1)
    assert end["text"].startswith("No journal files were opened")


async def test_one_that_nobody_reads_any_more_is_ended(systemd: FakeSystemd) -> None:
    systemd.write_journal("one")
    async with watching(systemd) as collector:
        collector.send(do="log", request=1, unit=UNIT, lines=5, after=None)
        await collector.next("log")
        collector.send(do="unlog", request=1)
        assert (await collector.next("log_end"))["status"] < 0


async def test_no_line_is_lost_on_a_slow_reader_and_samples_give_way(systemd: FakeSystemd) -> None:
    lines, pause = 3000, 1.0
    systemd.write_journal(*(f"{number} {'x' * 400}" for number in range(lines)))
    collector = RunningCollector(systemd.environment, units=[(UNIT, "user")], interval=0.01)
    async with collector:
        await collector.next("host")
        collector.reading(False)
        collector.send(do="log", request=1, unit=UNIT, lines=lines, after=None)
        resumes = asyncio.get_running_loop().time() + pause
        await until(lambda: asyncio.get_running_loop().time() > resumes, "the reader is busy with something else")
        collector.reading(True)
        written = [await collector.next("log") for _ in range(lines)]
        await collector.next("host")
    assert [entry["entry"]["MESSAGE"].split()[0] for entry in written] == [str(number) for number in range(lines)]
    assert len([said for said in collector.said if said["type"] == "host"]) < pause / 0.01 / 2


async def test_the_first_lines_of_a_unit_that_never_wrote_any_are_not_passed_over(systemd: FakeSystemd) -> None:
    """journalctl 252, asked for the last entries where there are none, begins behind the first that come."""
    async with watching(systemd) as collector:
        collector.send(do="log", request=1, unit=UNIT, lines=200, after=None)
        await until(lambda: len([call for call in systemd.calls if "journalctl" in call]) == 2, "it follows")
        systemd.write_journal("first")
        assert (await collector.next("log"))["entry"]["MESSAGE"] == "first"
    assert "--no-tail" in systemd.calls[-1]
