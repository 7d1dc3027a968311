"""A real LiteLLM proxy without a database: a group that answers, one that fails over to it, one that only fails."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from tests.live.processes import ServerProcess, free_port

ANSWER = "hello from a mock model"


@dataclass(frozen=True, slots=True)
class LiteLLMServer:
    """The process and its master key. Groups: `mocky`, `local-chat` (its base is closed), `flaky` (falls back)."""

    process: ServerProcess
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


def litellm_server(program: Path, folder: Path) -> LiteLLMServer:
    """The proxy in `folder`, not yet started. It takes 10 to 30 s to start on two cores."""
    folder.mkdir(parents=True, exist_ok=True)
    key = "sk-" + secrets.token_urlsafe(32)
    closed = f"http://127.0.0.1:{free_port()}/v1"
    mocky = {"model": "openai/gpt-4o-mini", "api_key": "sk-unused", "mock_response": ANSWER}
    closed_base = {"model": "openai/qwen3", "api_base": closed, "api_key": "sk-unused"}
    settings = {
        "model_list": [
            {"model_name": "mocky", "litellm_params": mocky},
            {"model_name": "local-chat", "litellm_params": closed_base, "model_info": {"mode": "chat"}},
            {"model_name": "flaky", "litellm_params": closed_base},
        ],
        "litellm_settings": {"fallbacks": [{"flaky": ["mocky"]}], "num_retries": 0},
        "general_settings": {"master_key": key},
    }
    configuration = folder / "config.yaml"
    # JSON is YAML too, and needs no library to write. The file holds the key.
    configuration.touch(mode=0o600)
    configuration.write_text(json.dumps(settings), encoding="utf-8")
    port = free_port()
    process = ServerProcess(
        "litellm",
        [str(program), "--config", str(configuration), "--host", "127.0.0.1", "--port", str(port)],
        folder=folder,
        port=port,
        ready_path="/health/liveliness",
        ready_within=120.0,
        # Otherwise it fetches a price list from the internet at every start.
        environment={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_COLOR": "1"},
    )
    return LiteLLMServer(process, key)
