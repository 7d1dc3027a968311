"""From a driver that names a process to the model's row: a real collector, a real process, a server's real answers."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.fakenvml import GPU, FakeDriver, NoCompiler, build
from tests.fleet.watching import config_of, row, service, serving, watching
from tests.waiting import until
from tui.config.schema import MachineSettings, PanelSettings
from tui.demo.http_server import Request, Response, json_response
from tui.fleet.gpu_snapshot import GpuHolder, HolderKind


async def test_a_models_row_says_what_its_process_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        driver = FakeDriver(build(tmp_path / "nvml"), tmp_path)
    except NoCompiler as error:
        pytest.skip(str(error))
    for name, value in driver.environment.items():
        monkeypatch.setenv(name, value)
    waits = [sys.executable, "-c", "import sys; sys.stdin.read()", "--port", "5801"]
    server = await asyncio.create_subprocess_exec(*waits, stdin=asyncio.subprocess.PIPE)
    driver.set(f"{GPU}compute {server.pid} 17000000000\n")

    async def answer(request: Request) -> Response:
        running = [{"model": "qwen3", "state": "ready", "proxy": "http://localhost:5801", "ttl": 0}]
        return json_response({"status": "ok", "data": [{"id": "qwen3"}], "running": running})

    try:
        async with serving(answer) as url:
            config = config_of(
                service("swap", "llama-swap", url, machine="here"),
                machines={"here": MachineSettings(name="here", local=True)},
                panel=PanelSettings(refresh=0.2),
            )
            async with watching(config) as monitor:
                await until(
                    lambda: [one.vram for one in row(monitor, "swap").models] == [17_000_000_000], "it is known"
                )
                (seen,) = monitor.snapshot.machines
                (gpu,) = seen.gpus or ()
                assert gpu.holders == (
                    GpuHolder("swap/qwen3", server.pid, 17_000_000_000, HolderKind.MODEL),
                    GpuHolder("unattributed", None, 1_568_183_808, HolderKind.UNATTRIBUTED),
                )
    finally:
        server.kill()
        await server.communicate()
