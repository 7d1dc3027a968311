"""LiteLLM's configuration as we write it, and a pipeline, on a real LiteLLM."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sqlite3
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import httpx

from tests.live.checks import Check, Stage
from tests.live.openai_upstream import WORDS
from tests.live.recording import asking
from tui.demo.fleet import DemoFleet

KEY_VARIABLE = "FLEETDECK_LIVE_PIPELINE_KEY"
OWN = """\
# A person's own file.
model_list:
  - model_name: cloud  # answers by itself
    litellm_params:
      model: openai/gpt-4o-mini
      api_key: sk-unused
      mock_response: from the cloud

litellm_settings:
  num_retries: 0
  default_fallbacks: [cloud]

# who may ask
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
"""

LIMITED = """
[models."llama-swap/gemma"]
limit = { requests_per_minute = 2, usd_per_day = 5.0 }
price = { output = 1.0 }
"""


async def _fleetdeck(folder: Path, config: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    process = await create_subprocess_exec(
        *(sys.executable, "-m", "tui", "--config", str(config), *arguments),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "XDG_DATA_HOME": str(folder), "XDG_STATE_HOME": str(folder), **environment},
    )
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


async def litellm_loads_what_is_written(stage: Stage) -> None:
    folder = stage.folder / "written"
    folder.mkdir()
    file = folder / "litellm.yaml"
    file.write_text(OWN)
    key = "sk-" + secrets.token_urlsafe(32)
    async with DemoFleet(speed=50.0, services=("llama-swap", "ollama", "litellm")) as fleet:
        config = folder / "config.toml"
        config.write_text(fleet.config_toml() + LIMITED)
        code, out, errors = await _fleetdeck(folder, config, "litellm-config", "--write", str(file), **fleet.env)
        assert code == 0, errors[-500:]
        assert "+  - model_name: llama-swap/qwen3" in out
        proxy = await stage.litellm_with("litellm with what is written", file, LITELLM_MASTER_KEY=key)
        async with asking(proxy.url, {"Authorization": f"Bearer {key}"}) as client:
            await _groups_are_there(client)
            await _local_groups_stay_at_home(client, fleet)
            await _limits_are_kept(client)


async def _groups_are_there(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/models", params={"include_metadata": "true", "fallback_type": "general"})).json()
    fallbacks = {entry["id"]: entry["metadata"]["fallbacks"] for entry in listed["data"]}
    assert {"llama-swap/qwen3", "ollama/llama3.2:latest", "opus", "sonnet", "haiku", "cloud"} <= fallbacks.keys()
    assert fallbacks["haiku"] == ["ollama/llama3.2:latest"], fallbacks
    info = (await client.get("/model/info")).json()["data"]
    marks = {entry["model_name"]: entry["model_info"].get("managed_by") for entry in info}
    assert marks["opus"] == "fleetdeck"
    assert marks["cloud"] is None
    for group in ("llama-swap/qwen3", "ollama/llama3.2:latest", "opus"):
        body = {"model": group, "messages": [{"role": "user", "content": "Which birds sing?"}]}
        answer = await client.post("/v1/chat/completions", json=body)
        assert answer.status_code == 200, (group, answer.text[:300])
        assert answer.headers["x-litellm-attempted-fallbacks"] == "0"


async def _local_groups_stay_at_home(client: httpx.AsyncClient, fleet: DemoFleet) -> None:
    """A local group that fails goes to its local fallback, or nowhere; a person's own default stays for their own."""
    await fleet.llama_swap.scene("down")
    body = {"messages": [{"role": "user", "content": "Which birds sing?"}]}
    alone = await client.post("/v1/chat/completions", json={**body, "model": "llama-swap/coder"})
    assert alone.status_code >= 400, alone.text[:200]
    assert "from the cloud" not in alone.text
    helped = await client.post("/v1/chat/completions", json={**body, "model": "haiku"})
    assert helped.status_code == 200, helped.text[:300]
    assert helped.headers["x-litellm-model-group"] == "ollama/llama3.2:latest"
    await fleet.llama_swap.scene("normal")


async def _limits_are_kept(client: httpx.AsyncClient) -> None:
    body = {"model": "llama-swap/gemma", "messages": [{"role": "user", "content": "hi"}]}
    groups = []
    for _ in range(3):
        answer = await client.post("/v1/chat/completions", json=body)
        groups.append((answer.status_code, answer.headers.get("x-litellm-model-group")))
    assert groups[:2] == [(200, "llama-swap/gemma")] * 2, groups
    assert groups[2] != (200, "llama-swap/gemma"), groups


PIPELINE = """
[inputs]
document = "a text"
[steps.cut]
model = "litellm/local-chat"
private = true
releases = true
prompt = "Cut this: {{ document }}"
[steps.first]
model = "litellm/mocky"
prompt = "Judge this: {{ cut }}"
[steps.second]
model = "litellm/flaky"
prompt = "Judge this too: {{ cut }}"
[steps.merged]
model = "litellm/local-chat"
prompt = "Merge: {{ first }} and {{ second }}"
"""


async def a_pipeline_of_four_steps(stage: Stage) -> None:
    server = await stage.litellm()
    folder = stage.folder / "pipeline"
    folder.mkdir()
    config, file = folder / "config.toml", folder / "four.toml"
    config.write_text(
        "[machines.here]\nlocal = true\n[services.litellm]\nkind = 'litellm'\n"
        f"url = '{server.process.url}'\nkey = {{ env = '{KEY_VARIABLE}' }}\n"
    )
    file.write_text(PIPELINE)
    given = ("pipeline", str(file), "-i", "some text", "--json")
    code, out, errors = await _fleetdeck(folder, config, *given, **{KEY_VARIABLE: server.key})
    assert code == 0, errors[-500:]
    document = json.loads(out)
    steps = {step["step"]: step for step in document["steps"]}
    assert document["finished"], errors
    assert document["output"]["merged"] == "".join(WORDS)
    assert steps["cut"]["private"], steps["cut"]
    assert steps["second"]["fell_back"], steps["second"]
    with contextlib.closing(sqlite3.connect(folder / "fleetdeck" / "ledger.sqlite3")) as ledger:
        rows = ledger.execute("SELECT face, asked_name, outcome FROM requests ORDER BY id").fetchall()
    assert len(rows) == 4, rows
    assert {(face, outcome) for face, _, outcome in rows} == {("pipeline", "finished")}, rows


CHECKS = (
    Check("litellm: it loads what we write, and no local group leaves the house by it", litellm_loads_what_is_written),
    Check("a pipeline of four steps on a real litellm", a_pipeline_of_four_steps),
)
