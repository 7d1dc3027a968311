"""Machines over a real ssh: how fast, how cheap, and what happens when any part of it is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import statistics
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import psutil  # type: ignore[import-untyped,unused-ignore]

from tests.fakenvml import GPU, FakeDriver, NoCompiler, build
from tests.live.checks import Check, Skipped, Stage
from tests.live.machines.sshd import Sshd
from tests.waiting import until
from tui.config.schema import MachineSettings
from tui.fleet.machine_channel import WatchedUnit
from tui.fleet.machine_watch import MachineWatch
from tui.fleet.snapshot import MachineSnapshot, MachineState

KOALA = MachineSettings(name="koala", ssh="koala")
FIRST_SAMPLE_WITHIN = 0.6
LATENCY_BELOW = 0.005
CPU_SHARE_BELOW = 0.005
MEMORY_BELOW = 40 << 20
WORDS_WITHIN = 10.0
GONE_WITHIN = 21.0
"""Seconds: 20 of silence, and one for the collector to look at its clock."""
MEASURED_FOR = 20.0
PINGS = 5


@asynccontextmanager
async def far_machine(stage: Stage, *extra: str) -> AsyncIterator[tuple[Sshd, FakeDriver]]:
    """koala, which has one GPU."""
    folder = stage.folder / f"koala-{len(list(stage.folder.glob('koala-*')))}"
    folder.mkdir()
    try:
        library = await asyncio.to_thread(build, folder / "nvml")
    except NoCompiler as error:
        raise Skipped(str(error)) from error
    driver = FakeDriver(library, folder)
    async with Sshd(folder / "sshd", *extra, far=driver.environment) as sshd:
        yield sshd, driver


@asynccontextmanager
async def watching(environment: Mapping[str, str], units: Sequence[WatchedUnit] = ()) -> AsyncIterator[MachineWatch]:
    before = dict(os.environ)
    os.environ.update(environment)
    watch = MachineWatch(KOALA, units, changed=lambda: None)
    task = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        os.environ.clear()
        os.environ.update(before)


async def shows(
    watch: MachineWatch, predicate: Callable[[MachineSnapshot], object], what: str, within: float = WORDS_WITHIN
) -> None:
    try:
        await until(lambda: predicate(watch.snapshot), what, timeout=within)
    except AssertionError as error:
        raise AssertionError(f"{error}; instead: {watch.snapshot.reason or watch.snapshot}") from None


def is_up(machine: MachineSnapshot) -> bool:
    return machine.state is MachineState.UP and machine.gpus is not None


async def the_first_sample_comes_in_0_6_s(stage: Stage) -> None:
    took: list[float] = []
    async with far_machine(stage) as (sshd, _):
        for _ in range(5):
            began = asyncio.get_running_loop().time()
            async with watching(sshd.environment) as watch:
                await shows(watch, lambda machine: machine.gpus, "a GPU is seen")
                took.append(asyncio.get_running_loop().time() - began)
    assert min(took) < FIRST_SAMPLE_WITHIN, f"it took {min(took):.3f} s"


async def a_sample_is_hardly_delayed_and_costs_the_far_side_little(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    async with (
        far_machine(stage) as (sshd, _),
        watching(sshd.environment, [WatchedUnit("llama-swap.service")]) as watch,
    ):
        await shows(watch, is_up, "it is up")
        await shows(watch, lambda machine: machine.latency is not None, "its latency is known")
        (collector,) = sshd.collectors()
        used_before = sum(collector.cpu_times()[:4])
        latencies: list[float] = []
        began = loop.time()
        while len(latencies) < PINGS or loop.time() < began + MEASURED_FOR:
            known = watch.snapshot.latency
            assert known is not None
            latencies.append(known)
            await shows(watch, lambda machine, known=known: machine.latency != known, "the next answer")  # type: ignore[misc]
        share = (sum(collector.cpu_times()[:4]) - used_before) / (loop.time() - began)
        memory = collector.memory_info().rss
    # There and back, of which a sample takes one way.
    assert statistics.median(latencies) < LATENCY_BELOW, f"{statistics.median(latencies) * 1000:.1f} ms"
    assert share < CPU_SHARE_BELOW, f"{share:.2%} of a processor"
    assert memory < MEMORY_BELOW, f"{memory >> 20} MiB"


async def killing_ssh_ends_the_far_side_and_it_comes_back(stage: Stage) -> None:
    async with far_machine(stage) as (sshd, _), watching(sshd.environment) as watch:
        await shows(watch, is_up, "it is up")
        old = sshd.collectors()
        assert watch._channel is not None
        os.kill(watch._channel.pid, signal.SIGKILL)
        await _breaks_and_comes_back(watch, old)


async def killing_the_far_collector_is_noticed_and_it_comes_back(stage: Stage) -> None:
    async with far_machine(stage) as (sshd, _), watching(sshd.environment) as watch:
        await shows(watch, is_up, "it is up")
        old = sshd.collectors()
        old[0].kill()
        await _breaks_and_comes_back(watch, old)


async def killing_sshds_session_ends_the_far_side_and_it_comes_back(stage: Stage) -> None:
    async with far_machine(stage) as (sshd, _), watching(sshd.environment) as watch:
        await shows(watch, is_up, "it is up")
        old = sshd.collectors()
        for session in sshd.sessions():
            session.kill()
        await _breaks_and_comes_back(watch, old)


async def _breaks_and_comes_back(watch: MachineWatch, old: Sequence[psutil.Process]) -> None:
    await shows(watch, lambda machine: machine.reason, "the break is told in words")
    assert watch.snapshot.gpus, "what was known stays"
    await shows(watch, lambda machine: is_up(machine) and not machine.reason, "it is up again")
    await until(lambda: not any(_runs(process) for process in old), "the far side is gone", timeout=GONE_WITHIN)


async def a_silent_link_is_noticed_and_its_far_side_ends_itself(stage: Stage) -> None:
    async with far_machine(stage) as (sshd, _), watching(sshd.environment) as watch:
        await shows(watch, is_up, "it is up")
        old = sshd.collectors()
        sessions = sshd.sessions()
        for session in sessions:
            session.suspend()
        await shows(watch, lambda machine: "went silent" in machine.reason, "the silence is noticed")
        assert watch.snapshot.state is MachineState.DOWN
        await shows(watch, lambda machine: is_up(machine) and not machine.reason, "it is up by another connection")
        await until(lambda: not any(_runs(process) for process in old), "the far side is gone", timeout=GONE_WITHIN)


async def a_changed_host_key_is_named_and_not_tried_again(stage: Stage) -> None:
    async with far_machine(stage) as (sshd, _):
        sshd.make_key("former")
        sshd.know_host("former")
        async with watching(sshd.environment) as watch:
            await shows(watch, lambda machine: "host key has changed" in machine.reason, "the warning is passed on")


async def an_unknown_host_key_says_what_to_do(stage: Stage) -> None:
    async with far_machine(stage) as (sshd, _):
        sshd.forget_host()
        async with watching(sshd.environment) as watch:
            await shows(watch, lambda machine: "run `ssh koala` once" in machine.reason, "what to do is said")


async def a_key_that_is_not_accepted_is_told_and_found_once_it_is(stage: Stage) -> None:
    async with far_machine(stage) as (sshd, _):
        allowed = sshd.folder / "authorized_keys"
        keys = allowed.read_bytes()
        allowed.write_bytes(b"")
        async with watching(sshd.environment) as watch:
            await shows(watch, lambda machine: "accepts no key of ours" in machine.reason, "it is told")
            allowed.write_bytes(keys)
            watch.look_now()
            await shows(watch, is_up, "it is up")


async def login_shells_that_talk_are_listened_through(stage: Stage) -> None:
    banner = stage.folder / "banner"
    banner.write_text("authorized use only\n", encoding="utf-8")
    greeting = 'ForceCommand echo "Welcome to koala"; echo "{}"; eval "$SSH_ORIGINAL_COMMAND"'
    async with far_machine(stage, f"Banner {banner}", greeting) as (sshd, _), watching(sshd.environment) as watch:
        await shows(watch, is_up, "it is up")


async def a_missing_python_is_named(stage: Stage) -> None:
    nothing = 'ForceCommand PATH=/nonexistent; eval "$SSH_ORIGINAL_COMMAND"'
    async with far_machine(stage, nothing) as (sshd, _), watching(sshd.environment) as watch:
        words = "neither python3 (3.8 or newer) nor nvidia-smi was found on koala"
        await shows(watch, lambda machine: machine.reason == words, "both are named")


async def nvidia_smi_does_where_python_is_missing(stage: Stage) -> None:
    programs = stage.folder / "far-programs"
    programs.mkdir()
    smi = programs / "nvidia-smi"
    row = "0, 580.105.08, NVIDIA GeForce RTX 4090, GPU-4090, 24564, 17708, 6405, 63, 40, 71, 312.50, 450.00, 38"
    smi.write_text(f"#!/bin/sh\nwhile :; do echo '{row}'; /bin/sleep 1; done\n", encoding="utf-8")
    smi.chmod(0o755)
    only = f'ForceCommand PATH={programs}; eval "$SSH_ORIGINAL_COMMAND"'
    async with far_machine(stage, only) as (sshd, _), watching(sshd.environment) as watch:
        await shows(watch, lambda machine: machine.channel == "nvidia-smi" and machine.gpus, "its GPU is seen")
        assert watch.snapshot.reason.startswith("python3 was not found on koala")


async def a_host_that_never_answers_is_given_up(stage: Stage) -> None:
    async with far_machine(stage) as (sshd, _):
        environment, port = sshd.environment, sshd.port
    with socket.socket() as silent:
        # The connection that was there before may linger for a minute.
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        silent.bind(("127.0.0.1", port))
        silent.listen()
        async with watching(environment) as watch:
            await shows(watch, lambda machine: machine.reason == "koala does not answer", "it is given up")
            assert watch.snapshot.state is MachineState.DOWN


async def a_closed_port_says_that_the_host_is_there(stage: Stage) -> None:
    async with far_machine(stage) as (sshd, _):
        environment = sshd.environment
    async with watching(environment) as watch:
        await shows(watch, lambda machine: "is there, but refuses ssh" in machine.reason, "it is told")


async def a_driver_that_hangs_30_s_stops_nothing_else(stage: Stage) -> None:
    async with far_machine(stage) as (sshd, driver), watching(sshd.environment) as watch:
        await shows(watch, is_up, "it is up")
        driver.set(GPU, driver="delay nvmlDeviceGetPowerUsage 30\n")
        await shows(watch, lambda machine: "does not answer" in machine.gpu_reason, "the hang is told")
        for _ in range(5):
            known = watch.snapshot.seen
            await shows(watch, lambda machine, known=known: machine.seen != known, "host data flow")  # type: ignore[misc]
        assert watch.snapshot.gpus is not None
        assert watch.snapshot.gpus[0].reason == watch.snapshot.gpu_reason
        await shows(watch, lambda machine: not machine.gpu_reason, "the driver answers again", within=35.0)


async def nothing_is_left_when_the_watch_ends(stage: Stage) -> None:
    async with far_machine(stage) as (sshd, _):
        async with watching(sshd.environment) as watch:
            await shows(watch, is_up, "it is up")
            old = sshd.collectors()
        await until(lambda: not any(_runs(process) for process in old), "the far side is gone")


def _runs(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


CHECKS = (
    Check("a machine's first sample over ssh comes within 0.6 s", the_first_sample_comes_in_0_6_s),
    Check(
        "a sample is delayed by < 5 ms; far side < 0.5 % CPU, < 40 MB",
        a_sample_is_hardly_delayed_and_costs_the_far_side_little,
    ),
    Check("kill -9 of ssh", killing_ssh_ends_the_far_side_and_it_comes_back),
    Check("kill -9 of the far collector", killing_the_far_collector_is_noticed_and_it_comes_back),
    Check("kill -9 of sshd's session", killing_sshds_session_ends_the_far_side_and_it_comes_back),
    Check("a link that goes silent", a_silent_link_is_noticed_and_its_far_side_ends_itself),
    Check("a changed host key", a_changed_host_key_is_named_and_not_tried_again),
    Check("an unknown host key", an_unknown_host_key_says_what_to_do),
    Check("a key that is not accepted", a_key_that_is_not_accepted_is_told_and_found_once_it_is),
    Check("login shells that talk", login_shells_that_talk_are_listened_through),
    Check("python3 and nvidia-smi missing there", a_missing_python_is_named),
    Check("python3 missing there, nvidia-smi not", nvidia_smi_does_where_python_is_missing),
    Check("a host that never answers", a_host_that_never_answers_is_given_up),
    Check("a closed port", a_closed_port_says_that_the_host_is_there),
    Check("a GPU driver that hangs for 30 s", a_driver_that_hangs_30_s_stops_nothing_else),
    Check("nothing is left running over there", nothing_is_left_when_the_watch_ends),
)
