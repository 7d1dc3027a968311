"""A real LiteLLM proxy without a database, before a model server of this folder, a mock model and a closed port."""

from __future__ import annotations

import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.live.processes import ServerProcess, free_port

ANSWER = "hello from a mock model"


UPSTREAM = Path(__file__).with_name("openai_upstream.py")


@dataclass(frozen=True, slots=True)
class LiteLLMServer:
    """The proxy, its master key, and the model server that must run before it.

    Groups: `local-chat` answers from the model server, `flaky` falls back to it, `mocky` has a price and answers by
    itself, `dead` only fails.
    """

    process: ServerProcess
    upstream: ServerProcess
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


def litellm_server(program: Path, folder: Path) -> LiteLLMServer:
    """The proxy in `folder`, not yet started. It takes 5 to 30 s to start on two cores."""
    folder.mkdir(parents=True, exist_ok=True)
    key = "sk-" + secrets.token_urlsafe(32)
    upstream = _model_server(folder / "upstream")
    settings = {
        "model_list": [
            _deployment("local-chat", "openai/qwen3", mode="chat", api_base=f"{upstream.url}/v1"),
            _deployment("flaky", "openai/qwen3", api_base=f"http://127.0.0.1:{free_port()}/v1"),
            _deployment("mocky", "openai/gpt-4o-mini", mock_response=ANSWER),
            _deployment("dead", "openai/qwen3", api_base=f"http://127.0.0.1:{free_port()}/v1"),
        ],
        "litellm_settings": {"fallbacks": [{"flaky": ["local-chat"]}], "num_retries": 0},
        "general_settings": {"master_key": key},
    }
    configuration = folder / "config.yaml"
    # JSON is YAML too, and needs no library to write. The file holds the key.
    configuration.touch(mode=0o600)
    configuration.write_text(json.dumps(settings), encoding="utf-8")
    process = litellm_process("litellm", program, configuration)
    return LiteLLMServer(process, upstream, key)


def litellm_process(name: str, program: Path, configuration: Path, **environment: str) -> ServerProcess:
    """A proxy with this configuration file, not yet started."""
    port = free_port()
    return ServerProcess(
        name,
        [str(program), "--config", str(configuration), "--host", "127.0.0.1", "--port", str(port)],
        folder=configuration.parent,
        port=port,
        ready_path="/health/liveliness",
        ready_within=120.0,
        # Otherwise it fetches a price list from the internet at every start.
        environment={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_COLOR": "1", **environment},
    )


def _deployment(group: str, model: str, mode: str | None = None, **parameters: str) -> dict[str, object]:
    entry: dict[str, object] = {
        "model_name": group,
        "litellm_params": {"model": model, "api_key": "sk-unused", **parameters},
    }
    return {**entry, "model_info": {"mode": mode}} if mode else entry


def _model_server(folder: Path) -> ServerProcess:
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    return ServerProcess(
        "the model server behind litellm",
        [sys.executable, str(UPSTREAM), "--port", str(port)],
        folder=folder,
        port=port,
        ready_path="/health",
        ready_within=10.0,
    )
