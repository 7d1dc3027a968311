"""``models``, ``ps``, ``load`` and ``unload``, with their exit codes."""

from __future__ import annotations

import json
import signal

import pytest

from tests.cli.demo_process import PATIENCE, DemoProcess, wait_until


def test_models_lists_every_id_with_where_it_runs_and_its_state(demo: DemoProcess) -> None:
    document = json.loads(demo.run("models", "--json").stdout)
    assert document["schema"] == 1
    rows = {row["id"]: row for row in document["models"]}
    assert rows["llama-swap/qwen3"]["where"] == "local"
    assert rows["llama-swap/qwen3"]["about"] == "general purpose, quality"
    assert rows["llama-swap/openrouter/glm-4.7"]["where"] == "cloud"
    assert rows["litellm/gpt-5.2"]["where"] == "cloud"
    assert rows["ollama/gpt-oss:120b-cloud"]["where"] == "cloud"
    text = demo.run("models").stdout
    assert all(row in text for row in rows)


@pytest.mark.parametrize("command", [("ps",), ("models", "--loaded")])
def test_ps_lists_only_what_is_loaded(demo: DemoProcess, command: tuple[str, ...]) -> None:
    assert demo.run(*command).stdout == ""
    demo.steer("ollama/models/llama3.2:latest/load")
    lines = demo.run(*command).stdout.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("● ollama/llama3.2:latest  ready")
    assert "GiB" in lines[0]


def test_load_and_unload_wait_until_it_is_so(demo: DemoProcess) -> None:
    loaded = demo.run("load", "llama-swap/gemma")
    assert (loaded.returncode, loaded.stdout) == (0, "llama-swap/gemma is ready\n")
    assert demo.servers()["llama-swap"]["models"]["gemma"] == "ready"
    again = demo.run("load", "llama-swap/gemma")
    assert again.returncode == 0, "what is so already is no failure"
    unloaded = demo.run("unload", "llama-swap/gemma")
    assert (unloaded.returncode, unloaded.stdout) == (0, "llama-swap/gemma is unloaded\n")
    assert demo.servers()["llama-swap"]["models"]["gemma"] == "stopped"
    done = json.loads(demo.run("audit", "--json").stdout)["actions"][:3]
    assert [(one["action"], one["before"], one["after"]) for one in done] == [
        ("model.unload", "ready", "idle"),
        ("model.load", "ready", "ready"),
        ("model.load", "idle", "ready"),
    ]


def test_unload_all_of_a_service_leaves_the_others(demo: DemoProcess) -> None:
    demo.steer("ollama/models/llama3.2:latest/load")
    demo.steer("llama-swap/models/gemma/load")
    result = demo.run("unload", "--all", "ollama")
    assert (result.returncode, result.stdout) == (0, "ollama/llama3.2:latest is unloaded\n")
    done = json.loads(demo.run("audit", "--json").stdout)["actions"][0]
    assert (done["before"], done["after"]) == ("ollama/llama3.2:latest loaded", "nothing loaded")
    assert demo.servers()["llama-swap"]["models"]["gemma"] == "ready"


def test_a_load_that_fails_is_1_with_the_servers_reason_on_stderr(demo: DemoProcess) -> None:
    result = demo.run("load", "llama-swap/too-large")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("fleetdeck: llama-swap refused too-large (")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("load", "llama-swap/nonsense"), 1, "llama-swap lists no such model"),
        (("load", "litellm/local-chat"), 1, "loads and unloads nothing on demand"),
        (("load", "nonsense"), 2, "say service/name, with one of llama-swap, ollama"),
        (("unload",), 2, "name a model, or say --all"),
        (("unload", "--all", "nonsense"), 2, "there is no service nonsense"),
        (("nonsense",), 2, "No such command 'nonsense'."),
        (("usag", "--json"), 2, "No such command 'usag'. Did you mean 'usage'?"),
        (("status", "--nonsense"), 2, "No such option"),
        (("--readonly", "load", "llama-swap/gemma"), 2, "--readonly"),
        (("--readonly", "unload", "--all"), 2, "--readonly"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_exit_codes(demo: DemoProcess, arguments: tuple[str, ...], code: int, words: str) -> None:
    result = demo.run(*arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert all(state == "stopped" for state in demo.servers()["llama-swap"]["models"].values())


def test_a_service_that_is_down_is_1_and_says_why(demo: DemoProcess) -> None:
    demo.steer("ollama/scene/down")
    result = demo.run("load", "ollama/llama3.2:latest")
    assert result.returncode == 1
    assert "connection refused" in result.stderr


def test_an_interrupted_load_is_130_and_no_traceback(demo: DemoProcess) -> None:
    demo.steer("llama-swap/scene/hang")
    with demo.started("load", "llama-swap/gemma") as loading:
        requests = demo.servers()["llama-swap"]["requests"]
        wait_until(lambda: demo.servers()["llama-swap"]["requests"] > requests, "llama-swap is asked")
        loading.send_signal(signal.SIGINT)
        assert loading.wait(PATIENCE) == 130
        assert loading.stderr is not None
        assert "Traceback" not in loading.stderr.read()
