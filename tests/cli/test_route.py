from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.house import House
from tests.ledger.earlier import request_of
from tui.ledger.records import Outcome
from tui.ledger.store import Ledger
from tui.routing.mode_files import Flip, flip_external, flip_private


def _asked(house: House, service: str) -> int:
    return len(house.fleet.servers[service].requests)


async def test_the_plan_is_the_documented_document(house: House) -> None:
    routed = await house.call("route", "-t", "opus", "--json")
    assert routed.code == 0
    document = routed.document
    assert document["schema"] == 1
    assert document["asked"] == {"tier": "opus"}
    assert document["candidates"] == [
        {"model": "claude/opus", "where": "cloud", "state": "up", "why": "the tier opus itself"},
        {
            "model": "llama-swap/qwen3",
            "where": "local",
            "state": "idle",
            "why": "fallback of opus; would be loaded first",
        },
        {"model": "litellm/gpt-5.2", "where": "cloud", "state": "up", "why": "fallback of opus"},
    ]
    modes = document["modes"]
    assert isinstance(modes, dict)
    assert modes["external"]["enabled"] is False
    assert modes["hold"] == {}
    assert routed.err == ""


async def test_modes_are_read_at_every_call(house: House) -> None:
    flip_external(house.external_file, Flip.ON, "quota")
    routed = await house.call("route", "-t", "opus", "--json")
    assert routed.models() == ["litellm/gpt-5.2", "llama-swap/qwen3"]
    assert "(quota)" in str(routed.document["skipped"])
    flip_private(house.modes_file, Flip.ON)
    routed = await house.call("route", "-t", "opus", "--json")
    assert routed.models() == ["llama-swap/qwen3"]
    assert routed.document["error"] is None


async def test_external_and_private_for_one_request_touch_no_file(house: House) -> None:
    assert (await house.call("route", "-t", "opus", "--external", "--json")).models()[0] == "litellm/gpt-5.2"
    assert (await house.call("route", "-t", "opus", "--private", "--json")).models() == ["llama-swap/qwen3"]
    assert not (house.external_file).exists()
    assert not (house.fleet.folder / "state").exists()


async def test_a_broken_private_file_keeps_prompts_at_home_and_says_so(house: House) -> None:
    file = house.modes_file
    file.parent.mkdir(parents=True)
    file.write_text("{")
    routed = await house.call("route", "-t", "opus", "--json")
    assert routed.models() == ["llama-swap/qwen3"]
    assert "modes.json is not what a mode file holds" in routed.err
    assert "counts as on" in str(routed.document["private"])


async def test_what_a_proxy_stands_in_front_of_decides_where_it_is(house: House) -> None:
    home = await house.call("route", "-m", "litellm/local-chat", "--private", "--json")
    assert home.models() == ["litellm/local-chat"]
    cloud = await house.call("route", "-m", "litellm/gpt-5.2", "--private", "--json")
    assert cloud.code == 3
    assert cloud.models() == []
    assert "no model on your own machines" in cloud.err
    assert cloud.document["error"]


async def test_only_the_services_that_the_request_names_are_looked_at(house: House) -> None:
    await house.call("route", "-k", "quick", "--json")
    assert _asked(house, "llama-swap")
    assert _asked(house, "ollama")
    assert _asked(house, "litellm") == _asked(house, "qdrant") == _asked(house, "k3s") == 0


async def test_nothing_is_sent_that_a_model_would_answer(house: House) -> None:
    await house.call("route", "-t", "opus", "--json", "the canary sings")
    for name in house.fleet.servers:
        for request in house.fleet.servers[name].requests:
            assert request.method == "GET"
            assert "canary" not in str(request)


async def test_wrong_calls_exit_with_two_and_empty_plans_with_three_and_guards_with_four(house: House) -> None:
    unknown = await house.call("route", "-k", "nonsense")
    assert unknown.code == 2
    assert "the tasks are reasoning, code-generation" in unknown.err
    assert (await house.call("route", "-t", "opus", "-k", "quick")).code == 2
    assert (await house.call("route", "-t", "gpt")).code == 2
    assert (await house.call("route", "-p", "x", "y")).code == 2
    assert (await house.call("route", "-m", "litellm/gpt-5.2", "--private")).code == 3
    secret = "use ghp_" + "a1B2" * 9
    guarded = await house.call("route", "-m", "litellm/gpt-5.2", secret)
    assert guarded.code == 4
    assert "GitHub token" in guarded.err
    assert secret not in guarded.err + guarded.out
    assert (await house.call("route", "-m", "litellm/gpt-5.2", "--allow-secrets", secret)).code == 0
    assert (await house.call("route", "-m", "llama-swap/qwen3", secret)).code == 0


async def test_claude_behind_another_address_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://proxy.example")
    routed = await house.call("route", "-m", "claude/opus")
    assert routed.code == 4
    assert "proxy.example" in routed.err


async def test_a_program_that_is_not_installed_is_skipped(house: House) -> None:
    (house.programs.folder / "claude").unlink()
    routed = await house.call("route", "-t", "opus", "--json")
    assert routed.models()[0] == "llama-swap/qwen3"
    assert "claude is not installed" in str(routed.document["skipped"])


async def test_limits_are_those_of_all_processes(house: House) -> None:
    with Ledger() as ledger:
        attempt = ledger.attempt(
            ledger.begin(request_of("litellm/gpt-5.2", time.time())), "litellm/gpt-5.2", "cloud", time.time()
        )
        ledger.end_attempt(attempt, Outcome.REFUSED, "429: slow down", at=time.time(), retry_after=30)
    routed = await house.call("route", "-k", "reasoning", "--json")
    assert routed.models() == ["llama-swap/reasoning"]
    assert "429: slow down" in str(routed.document["skipped"])


async def test_a_broken_ledger_is_said_and_does_not_stop_the_routing(house: House) -> None:
    path = house.ledger_file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no ledger " * 200)
    routed = await house.call("route", "-k", "reasoning", "--json")
    assert routed.code == 0
    assert "limits are not kept" in routed.err


@pytest.mark.parametrize(
    "prompt",
    ["", "\x00\x1b[2J", "--weird", "x" * 5_000_000],
    ids=["empty", "control codes", "looks like an option", "5 MB"],
)
async def test_any_prompt_gets_an_answer(house: House, prompt: str) -> None:
    routed = await house.call("route", "-t", "opus", "--json", "--", prompt)
    assert routed.code == 0
    assert routed.models()[0] == "claude/opus"


async def test_people_get_lines_with_the_first_candidate_marked(house: House) -> None:
    routed = await house.call("route", "-t", "opus")
    first, *_ = routed.out.splitlines()
    assert first.split() == ["→", "claude/opus", "cloud", "up", "the", "tier", "opus", "itself"]


@pytest.fixture
def hole() -> Iterator[int]:
    """The port of a machine that drops every packet: its queue of connections is full, so that it answers no SYN."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = [socket.socket() for _ in range(4)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
    probe = socket.socket()
    probe.settimeout(0.2)
    with pytest.raises(TimeoutError):
        probe.connect(listener.getsockname())
    yield listener.getsockname()[1]
    for one in (*waiting, probe, listener):
        one.close()


def test_a_machine_that_drops_every_packet_does_not_hold_up_an_agent(hole: int, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[machines.koala]\naddresses = ["127.0.0.1"]\n'
        f'[services.swap]\nkind = "llama-swap"\nurl = "http://127.0.0.1:{hole}"\n'
        f'[services.lite]\nkind = "litellm"\nurl = "http://127.0.0.1:{hole}"\n'
        '[tasks]\ndefault = ["swap/qwen3", "lite/chat"]\n'
    )
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "tui", "--config", str(config), "route", "--json", "What is 2+2?"]
    times = []
    for _ in range(5):
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, env=environment, timeout=30, check=True)
        times.append(time.perf_counter() - started)
        assert [one["state"] for one in json.loads(done.stdout)["candidates"]] == ["unknown", "unknown"]
    # A machine that held it up would do so each time, and for the two seconds that a service has. 0.4 s is what a quiet
    # machine takes; the tests may share theirs with others.
    assert min(times) < 0.8, times
