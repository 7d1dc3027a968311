"""llama-swap: where the processes of its models are, and what they were started with."""

from __future__ import annotations

import pytest

from tui.fleet.snapshot import ModelState

from .conftest import Watch
from .llama_swap_server import listed, listening, serve, status


@pytest.mark.parametrize(
    ("proxy", "port"),
    [
        ("http://localhost:5800", 5800),
        ("http://127.0.0.1:5800/v1", 5800),
        ("http://[::1]:5800", 5800),
        ("http://192.0.2.7:5800", None),
        ("http://container:8080", None),
        ("http://localhost", None),
        ("http://localhost:99999", None),
        ("http://[::1", None),
        ("", None),
        (5800, None),
        (None, None),
    ],
)
async def test_the_port_of_a_model_on_the_same_machine(watch: Watch, proxy: object, port: int | None) -> None:
    it = await watch("llama-swap")
    serve(it, listed("a"), running=[{"model": "a", "state": "ready", "ttl": 60, "proxy": proxy}])
    await it.look()
    assert it.model("a").port == port


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            "llama-server --port 5800 -m '/my models/a.gguf'",
            ("llama-server", "--port", "5800", "-m", "/my models/a.gguf"),
        ),
        ("llama-server \\\n  # the large one\n  --port 5800 \\\n  -m a", ("llama-server", "--port", "5800", "-m", "a")),
        ("server --api-key sk-very-secret-1", ("server", "--api-key", "•••")),
        ("server \x1b[2J", ("server", "␛[2J")),
        ("server 'without an end", ()),
        (7, ()),
    ],
)
async def test_the_command_of_a_model_without_its_keys(watch: Watch, command: object, words: tuple[str, ...]) -> None:
    it = await watch("llama-swap")
    serve(it, listed("a"), running=[{"model": "a", "state": "ready", "ttl": 60, "cmd": command}])
    await it.look()
    assert it.model("a").command == words


async def test_ports_are_asked_for_anew_after_a_stream_has_ended(watch: Watch) -> None:
    """A llama-swap that reads its configuration again ends the stream, and gives its models other ports."""
    it = await watch("llama-swap")
    stream = serve(
        it, listed("a"), running=[{"model": "a", "state": "ready", "ttl": 60, "proxy": "http://localhost:1"}]
    )
    await it.look()
    async with listening(it):
        stream.send("modelStatus", [status("a", "ready")])
        stream.send("modelStatus", [status("a", "stopped")])
        await it.until(lambda: it.model("a").state is ModelState.IDLE)
        stream.end()
    stream = serve(
        it, listed("a"), running=[{"model": "a", "state": "ready", "ttl": 60, "proxy": "http://localhost:2"}]
    )
    async with listening(it):
        stream.send("modelStatus", [status("a", "ready")])
        await it.until(lambda: it.model("a").state is ModelState.READY)
        assert it.model("a").port is None
        await it.look("running models")
        assert it.model("a").port == 2
