"""The fleet as a whole: its configuration, its program, its steering from outside, and its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.demo.waiting import chat
from tests.waiting import until
from tui.config.load import parse_config
from tui.demo.fleet import ALL_SERVICES, DemoFleet
from tui.demo.life import ask


async def test_the_configuration_describes_the_servers(fleet: DemoFleet, tmp_path: Path) -> None:
    text = fleet.config_toml()
    tables = tomllib.loads(text)
    assert tuple(tables["services"]) == ALL_SERVICES
    assert tables["services"]["llama-swap"]["url"] == fleet.llama_swap.url
    assert tables["services"]["k3s"]["url"] == f"{fleet.k3s.url}/ping"
    assert tables["services"]["litellm"]["key"] == {"env": "FLEETDECK_DEMO_KEY"}
    assert fleet.env["FLEETDECK_DEMO_KEY"] not in text
    assert Path(tables["panel"]["external_mode_file"]).parent == fleet.folder
    parse_config(text, tmp_path / "config.toml")


async def test_every_service_can_ask_for_a_key() -> None:
    async with DemoFleet(every_key=True, extra_services=2) as fleet:
        tables = tomllib.loads(fleet.config_toml())["services"]
        assert {name for name, table in tables.items() if "key" in table} == {"llama-swap", "litellm", "qdrant"}
        assert {"extra-000", "extra-001"} <= set(tables)
        async with httpx.AsyncClient(verify=False) as stranger:
            assert (await stranger.get(f"{fleet.llama_swap.url}/running")).status_code == 401


async def test_nothing_is_left_when_the_fleet_ends(client: httpx.AsyncClient) -> None:
    async with DemoFleet(services=["ollama"]) as fleet:
        folder = fleet.folder
        assert folder.is_dir()
        loading = asyncio.create_task(client.post(f"{fleet.ollama.url}/api/chat", json=chat("mixtral:8x7b")))
        await until(lambda: len(fleet.ollama.requests), "the request arrived")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await loading
    with pytest.raises(httpx.ConnectError):
        await client.get(fleet.ollama.url)
    assert not folder.exists()


async def test_somebody_uses_the_models(fleet: DemoFleet) -> None:
    for server, model in ((fleet.llama_swap, "qwen3"), (fleet.ollama, "llama3.2:latest"), (fleet.litellm, "gpt-5.2")):
        await ask(server, model, "hello", "sk-demo")
        assert server.requests[-1].method == "POST"
    assert len(fleet.llama_swap.activity.rows) == 1


async def test_life_goes_on_by_itself() -> None:
    async with DemoFleet(speed=200, life=True) as fleet:
        used = (fleet.llama_swap, fleet.ollama, fleet.litellm)
        await until(lambda: sum(len(server.requests) for server in used) > 2, "somebody used models")


@asynccontextmanager
async def program(*words: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    """`python -m tui.demo`, and its ready line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tui.demo", *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 10)
        yield process, json.loads(line)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()


async def test_the_program_says_where_it_is_and_ends_with_its_input(client: httpx.AsyncClient, tmp_path: Path) -> None:
    port_file = tmp_path / "ready.json"
    words = ("--speed", "50", "--no-life", "--extra-services", "3", "--port-file", str(port_file))
    async with program(*words) as (process, ready):
        config = Path(ready["config"])
        assert ready["ready"] is True
        assert ready == json.loads(port_file.read_text())
        assert config.stat().st_mode & 0o777 == 0o600
        services = tomllib.loads(config.read_text())["services"]
        assert len(services) == len(ALL_SERVICES) + 3
        assert (await client.get(services["llama-swap"]["url"] + "/health")).text == "OK"
        assert process.stdin is not None
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 5) == 0
        assert not config.parent.exists()
        assert not port_file.exists()


async def test_the_program_ends_on_a_signal(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    async with program("--config-file", str(config)) as (process, ready):
        assert ready["config"] == str(config)
        folder = Path(ready["env"]["XDG_STATE_HOME"]).parent
        assert folder.is_dir()
        os.kill(process.pid, signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 5) == 0
        assert not folder.exists()
        assert not config.exists()


async def test_scenes_and_models_are_steered_from_outside(client: httpx.AsyncClient) -> None:
    async with program("--speed", "50", "--no-life") as (_, ready):
        control = ready["control"]
        servers = (await client.get(control)).json()["servers"]
        assert set(servers) == set(ALL_SERVICES)
        assert servers["ollama"]["scene"] == "normal"
        url = servers["llama-swap"]["url"]
        loaded = (await client.post(f"{control}/llama-swap/models/qwen3/load")).json()
        assert loaded["server"]["models"]["qwen3"] == "ready"
        answer = await client.post(f"{control}/ollama/scene/slow?latency=0.05")
        assert answer.json()["server"]["options"]["latency"] == 0.05
        assert (await client.post(f"{control}/llama-swap/scene/restart", json={"down_for": 0.01})).status_code == 200
        assert (await client.get(f"{url}/running")).json() == {"running": []}
        assert (await client.post(f"{control}/llama-swap/models/gemma/fail")).status_code == 200
        assert (await client.get(f"{url}/upstream/gemma/")).status_code == 500
        asked = (await client.get(f"{control}/llama-swap/requests")).json()["requests"]
        assert {"method": "GET", "path": "/running", "closed_early": False} in asked
        for wrong in ("llama-swap/scene/nonsense", "ollama/scene/slow?speed=1", "k3s/models/x/load"):
            refused = await client.post(f"{control}/{wrong}")
            assert refused.status_code == 400
            assert refused.json()["error"]
        assert (await client.post(f"{control}/nobody/scene/slow")).status_code == 404


def test_the_demo_starts_without_the_panels_libraries() -> None:
    code = "import tui.demo.__main__, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"httpx", "textual", "tomlkit", "rich", "msgspec", "tui.fleet", "tui.app", "tui.cli"} & set(loaded)
