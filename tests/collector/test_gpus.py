"""What a collector says of GPUs, through NVIDIA's own pynvml and a driver that fails as drivers do."""

from __future__ import annotations

import os
import sys
import zlib
from importlib.util import find_spec
from pathlib import Path

from tests.collector.running import RunningCollector
from tests.collector.systemd import FakeSystemd
from tests.fakenvml import GPU, FakeDriver

NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND, LOST, UNKNOWN = 3, 4, 13, 15, 999


async def test_a_sample_says_all_that_the_driver_knows(driver: FakeDriver) -> None:
    async with RunningCollector(driver.environment) as collector:
        sample = await collector.next("gpu")
    assert sample["driver"] == "580.105.08"
    (gpu,) = sample["gpus"]
    assert (gpu["name"], gpu["uuid"]) == ("NVIDIA GeForce RTX 4090", "GPU-4090")
    assert (gpu["memory"]["total"], gpu["memory"]["used"], gpu["memory"]["reserved"]) == (
        25_757_220_864,
        18_568_183_808,
        472_907_776,
    )
    assert gpu["utilization"] == {"gpu": 63, "memory": 40}
    assert (gpu["temperature"], gpu["power"], gpu["power_limit"]) == (71, 312_000, 450_000)
    assert (gpu["throttle"], gpu["fan"], gpu["errors"]) == (4, 38, {})


async def test_a_process_that_computes_and_draws_is_one(driver: FakeDriver) -> None:
    own = os.getpid()
    driver.set(f"{GPU}compute {own} 1000\ngraphics {own} 3000\ncompute 999999999 50\ngraphics {os.getppid()} -\n")
    async with RunningCollector(driver.environment) as collector:
        (gpu,) = (await collector.next("gpu"))["gpus"]
    mine, gone, parent = gpu["processes"]
    assert (mine["pid"], mine["bytes"], mine["kinds"]) == (own, 3000, ["compute", "graphics"])
    assert mine["command"] == Path("/proc/self/cmdline").read_text(encoding="utf-8").rstrip("\0").split("\0")
    assert mine["parent"] == os.getppid()
    assert mine["cgroup"] == Path("/proc/self/cgroup").read_text(encoding="utf-8")
    assert (gone["name"], gone["command"], gone["bytes"]) == ("", [], 50)
    assert parent["bytes"] is None


async def test_memory_that_moves_shows_its_processes_at_once(driver: FakeDriver) -> None:
    async with RunningCollector(driver.environment, PROCESSES_EVERY=1000) as collector:
        await collector.next("gpu", lambda sample: sample["gpus"][0]["processes"] == [])
        driver.set(f"{GPU}used 20000000000\ncompute {os.getpid()} 1431816192\n")
        await collector.next("gpu", lambda sample: len(sample["gpus"][0]["processes"]) == 1)


async def test_an_old_driver_is_asked_in_its_own_words(old_driver: FakeDriver) -> None:
    old_driver.set(f"{GPU}compute {os.getpid()} 1000\n", driver="driver 470.256.02\n")
    async with RunningCollector(old_driver.environment) as collector:
        (gpu,) = (await collector.next("gpu"))["gpus"]
    assert gpu["memory"] == {"total": 25_757_220_864, "free": 6_716_129_280, "used": 19_041_091_584}
    assert (gpu["temperature"], gpu["throttle"]) == (71, 4)
    assert [process["bytes"] for process in gpu["processes"]] == [1000]


async def test_what_a_gpu_does_not_know_is_null_and_nothing_else_is(driver: FakeDriver) -> None:
    driver.set(
        f"{GPU}error nvmlDeviceGetPowerUsage {NOT_SUPPORTED}\nerror nvmlDeviceGetFanSpeed {NOT_SUPPORTED}\n"
        f"error nvmlDeviceGetUtilizationRates {NO_PERMISSION}\n"
        f"error nvmlDeviceGetComputeRunningProcesses_v3 {NO_PERMISSION}\n"
        f"error nvmlDeviceGetComputeRunningProcesses_v2 {NO_PERMISSION}\n"
        f"error nvmlDeviceGetGraphicsRunningProcesses_v3 {NO_PERMISSION}\n"
        f"error nvmlDeviceGetGraphicsRunningProcesses_v2 {NO_PERMISSION}\n"
    )
    async with RunningCollector(driver.environment) as collector:
        (gpu,) = (await collector.next("gpu"))["gpus"]
    assert (gpu["power"], gpu["fan"], gpu["utilization"], gpu["processes"]) == (None, None, None, None)
    assert gpu["errors"] == {"power": NOT_SUPPORTED, "fan": NOT_SUPPORTED, "utilization": NO_PERMISSION}
    assert (gpu["temperature"], gpu["power_limit"]) == (71, 450_000)


async def test_wsl_tells_its_memory_the_old_way_alone(driver: FakeDriver) -> None:
    driver.set(f"{GPU}error nvmlDeviceGetMemoryInfo_v2 {UNKNOWN}\n")
    async with RunningCollector(driver.environment) as collector:
        (gpu,) = (await collector.next("gpu"))["gpus"]
    assert gpu["memory"]["total"] == 25_757_220_864
    assert "reserved" not in gpu["memory"]


async def test_memory_shared_with_the_machine_is_not_supported(driver: FakeDriver) -> None:
    driver.set(
        f"{GPU}error nvmlDeviceGetMemoryInfo_v2 {NOT_SUPPORTED}\nerror nvmlDeviceGetMemoryInfo {NOT_SUPPORTED}\n"
    )
    async with RunningCollector(driver.environment) as collector:
        (gpu,) = (await collector.next("gpu"))["gpus"]
    assert (gpu["memory"], gpu["errors"]) == (None, {"memory": NOT_SUPPORTED})


async def test_the_others_go_on_when_a_gpu_is_lost_and_it_comes_back(driver: FakeDriver) -> None:
    driver.set(GPU + GPU)
    async with RunningCollector(driver.environment, interval=0.05) as collector:
        await collector.next("gpu", lambda sample: len(sample["gpus"]) == 2)
        driver.set(f"{GPU}error * {LOST}\n{GPU}")
        sample = await collector.next("gpu", lambda sample: "code" in sample["gpus"][0])
        assert sample["gpus"][0] == {"index": 0, "code": LOST}
        assert sample["gpus"][1]["memory"]["used"] == 18_568_183_808
        driver.set(GPU + GPU)
        await collector.next("gpu", lambda sample: not any("code" in gpu for gpu in sample["gpus"]))


async def test_a_driver_that_cannot_begin_says_why(driver: FakeDriver) -> None:
    for code in (9, 18):
        driver.set(GPU, driver=f"error nvmlInitWithFlags {code}\n")
        async with RunningCollector(driver.environment) as collector:
            assert (await collector.next("gpuerr"))["code"] == code


async def test_a_driver_that_goes_away_is_noticed(driver: FakeDriver) -> None:
    async with RunningCollector(driver.environment) as collector:
        await collector.next("gpu")
        driver.set(GPU, driver="error * 9\n")
        assert (await collector.next("gpuerr"))["code"] == 9


async def test_no_driver_is_no_failure(tmp_path: Path) -> None:
    async with RunningCollector({"LD_LIBRARY_PATH": str(tmp_path)}, LIBRARIES=("libno-such-driver.so.1",)) as collector:
        assert (await collector.next("gpuerr"))["code"] == 12
        await collector.next("host")


async def test_pynvml_is_asked_for_where_it_is_missing(driver: FakeDriver) -> None:
    spec = find_spec("pynvml")
    assert spec is not None
    assert spec.origin is not None
    packed = zlib.compress(Path(spec.origin).read_bytes())
    async with RunningCollector(driver.environment, python=(sys.executable, "-I", "-S")) as collector:
        assert (await collector.next("need"))["what"] == "pynvml"
        await collector.next("host")
        collector.send_bytes(b'{"do": "pynvml", "size": %d}\n%b' % (len(packed), packed))
        assert (await collector.next("gpu"))["gpus"][0]["temperature"] == 71
        collector.send(do="ping", request=1)
        assert (await collector.next("pong"))["request"] == 1


async def test_a_driver_that_hangs_stops_nothing_else(driver: FakeDriver, systemd: FakeSystemd) -> None:
    environment = {**driver.environment, **systemd.environment}
    async with RunningCollector(environment, units=[("x.service", "user")], HUNG=0.3, POLL=0.1) as collector:
        await collector.next("gpu")
        driver.set(GPU, driver="delay nvmlDeviceGetPowerUsage 30\n")
        assert (await collector.next("gpuerr"))["seconds"] > 0.3
        for _ in range(3):
            await collector.next("host")
        collector.send(do="log", request=5, unit="x.service", lines=1, after=None)
        systemd.write_journal("still here")
        assert (await collector.next("log"))["entry"]["MESSAGE"] == "still here"
        collector.send(do="unit", request=6, unit="x.service", verb="restart")
        assert (await collector.next("done"))["status"] == 0
        assert (await collector.next("gpuerr"))["seconds"] > 0.3
        driver.set(GPU)
        await collector.next("gpu")
