"""What a machine's snapshot says while its collector runs here, and what can be asked of it."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import aclosing

import pytest

from tests.collector.far import HERE, shows, watching
from tests.collector.systemd import RUNNING, FakeSystemd
from tests.fakenvml import GPU, FakeDriver
from tests.waiting import until
from tui.config.schema import MachineSettings
from tui.fleet.machine_channel import WatchedUnit, collector_source
from tui.fleet.machine_journal import JournalUnavailable
from tui.fleet.machine_watch import MachineWatch, UnitActionFailed
from tui.fleet.snapshot import Freshness, MachineState, UnitState

UNIT = WatchedUnit("llama-swap.service")
pytestmark = pytest.mark.usefixtures("here")


async def test_the_first_look_is_over_once_everything_is_known() -> None:
    async with watching(HERE, [UNIT]) as watch:
        async with asyncio.timeout(5):
            await watch.looked_once.wait()
        machine = watch.snapshot
        assert (machine.state, machine.reason, machine.channel) == (MachineState.UP, "", "local")
        assert machine.memory is not None
        assert 0 < machine.memory.used < machine.memory.total
        assert machine.gpus is not None
        assert machine.gpus[0].total == 25_757_220_864
        unit = machine.unit(UNIT.name)
        assert unit is not None
        assert (unit.state, unit.sub, unit.main_pid, unit.reason) == (UnitState.ACTIVE, "running", 4242, "")
        assert machine.seen.freshness(machine.seen.at or 0) is Freshness.FRESH


async def test_cpu_and_latency_follow() -> None:
    async with watching(HERE) as watch:
        await shows(watch, lambda machine: machine.cpu_percent is not None, "the processor's load is known")
        assert 0 <= (watch.snapshot.cpu_percent or 0) <= 100
        await shows(watch, lambda machine: machine.latency is not None, "the way there and back is measured")


async def test_a_gpu_is_shown_in_peoples_units(driver: FakeDriver) -> None:
    own = os.getpid()
    driver.set(f"{GPU}compute {own} 17179869184\ngraphics {own} 4096\ncompute 999999999 -\n")
    async with watching(HERE) as watch:
        await shows(watch, lambda machine: machine.gpus, "the GPU is there")
        assert watch.snapshot.gpus is not None
        (gpu,) = watch.snapshot.gpus
    assert (gpu.name, gpu.uuid, watch.snapshot.gpu_driver) == ("NVIDIA GeForce RTX 4090", "GPU-4090", "580.105.08")
    assert (gpu.used, gpu.reserved, gpu.free) == (18_568_183_808, 472_907_776, 6_716_129_280)
    assert (gpu.utilization_percent, gpu.temperature_c, gpu.power_w, gpu.power_limit_w) == (63, 71, 312.0, 450.0)
    assert gpu.throttled == ("power limit",)
    assert gpu.processes is not None
    mine, gone = gpu.processes
    assert (mine.pid, mine.bytes, mine.draws, mine.parent) == (own, 17_179_869_184, True, os.getppid())
    assert (gone.name, gone.bytes, gone.draws) == ("", None, False)


async def test_unified_memory_is_the_machines(driver: FakeDriver) -> None:
    driver.set(f"{GPU}error nvmlDeviceGetMemoryInfo_v2 3\nerror nvmlDeviceGetMemoryInfo 3\n")
    async with watching(HERE) as watch:
        await shows(watch, lambda machine: machine.gpus and machine.gpus[0].total, "it has memory")
        assert watch.snapshot.gpus is not None
        assert watch.snapshot.memory is not None
        (gpu,) = watch.snapshot.gpus
        assert (gpu.unified, gpu.total, gpu.reserved) == (True, watch.snapshot.memory.total, None)
        driver.set(f"{GPU}total 0\nreserved 0\nused 0\n")
        await shows(watch, lambda machine: machine.gpus and machine.gpus[0].unified, "a total of 0 means the same")


async def test_a_lost_gpu_keeps_its_name_and_says_what_to_do(driver: FakeDriver) -> None:
    driver.set(GPU + GPU)
    async with watching(HERE) as watch:
        await shows(watch, lambda machine: machine.gpus and len(machine.gpus) == 2, "both are there")
        driver.set(f"{GPU}error * 15\n{GPU}")
        await shows(watch, lambda machine: machine.gpus and machine.gpus[0].reason, "one is lost")
        assert watch.snapshot.gpus is not None
        lost, other = watch.snapshot.gpus
        assert (lost.name, lost.total, lost.reason) == (
            "NVIDIA GeForce RTX 4090",
            None,
            "is lost: reset it, or reboot flamingo",
        )
        assert (other.reason, other.used) == ("", 18_568_183_808)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (9, "the NVIDIA kernel module is not loaded on flamingo"),
        (18, "the NVIDIA driver was upgraded: reboot flamingo"),
        (999, "the NVIDIA driver on flamingo fails: NVMLError_Unknown"),
    ],
)
async def test_a_driver_that_does_not_begin_says_why(driver: FakeDriver, code: int, words: str) -> None:
    driver.set(GPU, driver=f"error nvmlInitWithFlags {code}\n")
    async with watching(HERE) as watch:
        await watch.looked_once.wait()
        assert watch.snapshot.gpu_reason.startswith(words)
        assert watch.snapshot.gpus is None
        assert watch.snapshot.state is MachineState.UP


async def test_a_machine_without_a_gpu_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    async with watching(HERE) as watch:
        await watch.looked_once.wait()
        if watch.snapshot.gpus:
            pytest.skip("this machine has a GPU of its own")
        assert (watch.snapshot.gpus, watch.snapshot.gpu_reason) == ((), "no NVIDIA driver on flamingo")


async def test_keys_on_a_command_line_are_not_shown(driver: FakeDriver) -> None:
    keeper = await asyncio.create_subprocess_exec(
        "sh", "-c", "read -r _", "--api-key", "sk-live-1234567890", "--port", "5801", stdin=asyncio.subprocess.PIPE
    )
    try:
        driver.set(f"{GPU}compute {keeper.pid} 1\n")
        async with watching(HERE) as watch:
            await shows(watch, lambda machine: machine.gpus and machine.gpus[0].processes, "it is listed")
            assert watch.snapshot.gpus is not None
            processes = watch.snapshot.gpus[0].processes
        assert processes is not None
        assert "sk-live-1234567890" not in str(processes)
        assert processes[0].command[-2:] == ("--port", "5801")
    finally:
        keeper.kill()
        await keeper.communicate()


async def test_an_action_returns_once_systemd_has_it(systemd: FakeSystemd) -> None:
    async with watching(HERE, [UNIT]) as watch:
        await watch.looked_once.wait()
        await watch.request("restart", UNIT.name)
    assert f"--user --no-ask-password restart --no-block -- {UNIT.name}" in systemd.calls


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("Failed to start x: Unit x is masked.", "llama-swap.service is masked on flamingo"),
        ("Failed to start x: Unit x not found.", "there is no unit llama-swap.service on flamingo"),
        (
            "Failed to start x: Interactive authentication required.",
            "flamingo lets only root start llama-swap.service: make it a user unit, or add a polkit rule",
        ),
        ("Failed to connect to bus: Permission denied", "systemd on flamingo belongs to another user"),
        ("odd", "llama-swap.service could not start on flamingo: odd"),
    ],
)
async def test_a_refused_action_says_why(systemd: FakeSystemd, complaint: str, words: str) -> None:
    systemd.answer("start", f"echo '{complaint}' >&2; exit 1")
    async with watching(HERE, [UNIT]) as watch:
        await watch.looked_once.wait()
        with pytest.raises(UnitActionFailed) as failure:
            await watch.request("start", UNIT.name)
    assert str(failure.value) == words


async def test_an_action_without_a_connection_fails_at_once() -> None:
    watch = MachineWatch(MachineSettings(name="koala", ssh="koala"), [UNIT], changed=lambda: None)
    with pytest.raises(UnitActionFailed, match=r"cannot stop llama-swap\.service: not looked at yet"):
        await watch.request("stop", UNIT.name)
    with pytest.raises(UnitActionFailed, match="no service on koala is configured with that unit"):
        await watch.request("stop", "sshd.service")


async def test_an_action_that_the_connection_does_not_outlive_fails(systemd: FakeSystemd) -> None:
    systemd.answer("stop", "exec sleep 60")
    async with watching(HERE, [UNIT]) as watch:
        await watch.looked_once.wait()
        stopping = asyncio.create_task(watch.request("stop", UNIT.name))
        await until(lambda: any(" stop " in call for call in systemd.calls), "systemd is asked")
        assert watch._channel is not None
        os.kill(watch._channel.pid, signal.SIGKILL)
        with pytest.raises(UnitActionFailed, match=r"was lost while llama-swap\.service was told to stop"):
            await stopping


async def test_a_unit_that_crashes_is_shown_for_what_it_is(systemd: FakeSystemd) -> None:
    async with systemd.bell() as bell, watching(HERE, [UNIT]) as watch:
        await until(lambda: bell.listeners, "it listens")
        crashed = {"ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code", "NRestarts": "3"}
        systemd.show(**RUNNING | crashed | {"ExecMainCode": "1", "ExecMainStatus": "1", "MainPID": "0"})
        bell.ring("/org/freedesktop/systemd1/unit/llama_2dswap_2eservice", "PropertiesChanged")
        await shows(watch, lambda machine: machine.units[0].restarts == 3, "it is seen", within=1.0)
        unit = watch.snapshot.units[0]
        assert unit.reason == "ended with status 1; systemd starts it again (3 so far)"
        assert (unit.state, unit.main_pid) == (UnitState.ACTIVATING, None)


async def test_a_journal_goes_on_without_gap_or_duplicate_after_a_break(systemd: FakeSystemd) -> None:
    systemd.write_journal("one", "two", "three")
    read: list[str] = []
    async with watching(HERE, [UNIT]) as watch:

        async def follow() -> None:
            async with aclosing(watch.follow(UNIT.name, lines=2)) as entries:
                async for entry in entries:
                    read.append(entry.text)

        reading = asyncio.create_task(follow())
        await until(lambda: len(read) == 2, "the last two have come")
        assert watch._channel is not None
        os.kill(watch._channel.pid, signal.SIGKILL)
        await shows(watch, lambda machine: machine.state is not MachineState.UP, "the connection is gone")
        systemd.write_journal("four", "five")
        await until(lambda: len(read) == 4, "what was written meanwhile has come")
        systemd.write_journal("six")
        await until(lambda: len(read) == 5, "the next has come")
        reading.cancel()
    assert read == ["two", "three", "four", "five", "six"]


async def test_a_slow_reader_of_a_journal_misses_nothing(systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.fleet.machine_journal.MOST_WAITING", 50)
    systemd.write_journal(*(str(number) for number in range(400)))
    read: list[str] = []
    async with watching(HERE, [UNIT]) as watch, aclosing(watch.follow(UNIT.name, lines=400)) as entries:
        async for entry in entries:
            if not read:
                await shows(watch, lambda machine: machine.cpu_percent is not None, "much has happened meanwhile")
            read.append(entry.text)
            if len(read) == 400:
                break
    assert read == [str(number) for number in range(400)]


async def test_a_journal_that_cannot_be_read_says_what_to_do(systemd: FakeSystemd) -> None:
    systemd.answer("journal", "echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1")
    async with watching(HERE, [UNIT]) as watch, aclosing(watch.follow(UNIT.name)) as entries:
        with pytest.raises(JournalUnavailable, match="sudo mkdir -p /var/log/journal"):
            await anext(entries)


async def test_a_journal_of_a_foreign_unit_is_refused() -> None:
    async with watching(HERE, [UNIT]) as watch, aclosing(watch.follow("sshd.service")) as entries:
        with pytest.raises(JournalUnavailable, match="no service on flamingo is configured with the unit"):
            await anext(entries)


async def test_what_programs_print_cannot_harm_a_terminal(systemd: FakeSystemd) -> None:
    systemd.write_journal("\x1b[31mred\x1b[0m", list(b"10%\r50%\r100% \xff\x1b]0;title\x07"), None, ["a", "b"])
    async with watching(HERE, [UNIT]) as watch, aclosing(watch.follow(UNIT.name)) as entries:
        texts = [(await anext(entries)).text for _ in range(4)]
    assert texts == ["red", "100% �", "", "a b"]


async def test_a_hanging_driver_is_named_on_its_gpus_row(driver: FakeDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = collector_source().replace(b"HUNG = 5.0", b"HUNG = 0.3")
    monkeypatch.setattr("tui.fleet.machine_channel.collector_source", lambda: impatient)
    async with watching(HERE, [UNIT]) as watch:
        await shows(watch, lambda machine: machine.gpus, "the GPU is there")
        driver.set(GPU, driver="delay nvmlDeviceGetPowerUsage 30\n")
        await shows(watch, lambda machine: "does not answer" in machine.gpu_reason, "it is noticed")
        machine = watch.snapshot
        assert machine.gpus is not None
        assert machine.gpus[0].reason == machine.gpu_reason
        assert machine.gpus[0].used == 18_568_183_808
        await watch.request("restart", UNIT.name)
        driver.set(GPU)
        await shows(watch, lambda machine: not machine.gpu_reason, "it answers again")
