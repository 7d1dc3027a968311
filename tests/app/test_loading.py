"""Loading and unloading from the panel: asked first, then believed only when it is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.panel import Panel, open_panel
from tests.waiting import until
from tui.app.screens.dialogs import ConfirmScreen
from tui.demo.fleet import DemoFleet
from tui.demo.server import DemoServer


def state_of(panel: Panel, model: str) -> str:
    found = panel.app.state.snapshot.find_model(model) if panel.app.state.snapshot else None
    return str(found[1].state) if found else "missing"


def changing_requests(server: DemoServer) -> list[str]:
    """What the panel asked for that changes something."""
    return [f"{r.method} {r.path}" for r in server.requests if r.method != "GET" or "/upstream/" in r.path]


async def test_load_is_shown_starting_and_then_ready_as_it_is_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with DemoFleet(speed=4, services=("llama-swap",)) as slow, open_panel(slow) as panel:
        await panel.go_to(panel.models, "llama-swap/gemma")
        await panel.press("L")
        await panel.sees("◔ starting")
        assert "◔ starting" in panel.line_with("llama-swap/gemma")
        await panel.sees("● ready")
        assert "● ready" in panel.line_with("llama-swap/gemma")
        await panel.sees("llama-swap/gemma is ready")
        assert panel.models.cursor_key == "llama-swap/gemma"


async def test_a_load_that_displaces_another_model_is_asked_about(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with open_panel(fleet) as panel:
        await panel.sees("● ready")
        await panel.go_to(panel.models, "llama-swap/coder")
        await panel.press("L")
        await panel.sees("Load llama-swap/coder?")
        assert "llama-swap may unload qwen3 to make room." in panel.painted
        await panel.press("y")
        await until(lambda: state_of(panel, "llama-swap/coder") == "ready", "coder is ready")
        assert state_of(panel, "llama-swap/qwen3") == "idle"


@pytest.mark.parametrize("no", ["n", "escape", "q", "enter"])
async def test_no_and_escape_and_enter_in_haste_change_nothing(fleet: DemoFleet, no: str) -> None:
    await fleet.llama_swap.load("qwen3")
    async with open_panel(fleet) as panel:
        await panel.sees("● ready")
        await panel.go_to(panel.models, "llama-swap/qwen3")
        before = changing_requests(fleet.llama_swap)
        await panel.press("u")
        await panel.sees("Unload llama-swap/qwen3?")
        await panel.press(no)
        assert panel.app.screen is panel.fleet_screen
        assert changing_requests(fleet.llama_swap) == before
        assert "● ready" in panel.line_with("llama-swap/qwen3 ")


async def test_unload_is_asked_about_and_done_with_y(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with open_panel(fleet) as panel:
        await panel.sees("● ready")
        await panel.go_to(panel.models, "llama-swap/qwen3")
        await panel.press("u")
        await panel.sees("The next request for it has to load it again.")
        await panel.press("y")
        await panel.is_told("llama-swap/qwen3 is unloaded")
        assert "○ idle" in panel.line_with("llama-swap/qwen3 ")


async def test_unloading_a_service_names_every_model_and_every_request_it_disturbs(fleet: DemoFleet) -> None:
    await fleet.ollama.load("llama3.2:latest")
    await fleet.ollama.load("qwen3:8b")
    async with open_panel(fleet) as panel:
        await panel.sees("● ready")
        await panel.go_to(panel.services, "service ollama")
        await panel.press("u")
        await panel.sees("Unload all models of ollama?")
        question = panel.painted
        assert "2 loaded: " in question
        assert "llama3.2:latest" in question
        assert "qwen3:8b" in question
        await panel.press("y")
        await panel.is_told("ollama is unloaded")
        assert not fleet.ollama.loaded


async def test_requests_in_flight_are_named_before_an_unload(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.app.requests import a_long_answer

    async with DemoFleet(speed=1, services=("llama-swap",)) as talking:
        talking.llama_swap.speed = 1
        async with open_panel(talking) as panel, a_long_answer(talking.llama_swap.url, "draft"):
            await until(
                lambda: (service := panel.app.state.snapshot.service("llama-swap")) and service.in_flight,  # type: ignore[union-attr]
                "the request is seen",
            )
            await panel.go_to(panel.models, "llama-swap/draft")
            await panel.press("u")
            await panel.sees("1 request is being answered by llama-swap now")
            await panel.press("n")


async def test_a_load_that_fails_is_told_in_llama_swaps_own_words(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await panel.go_to(panel.models, "llama-swap/too-large")
        await panel.press("L")
        await panel.is_told("llama-swap refused too-large")
        await panel.sees("failed to start")
        assert "failed to start" in panel.line_with("llama-swap/too-large")
        assert "● ready" not in panel.line_with("llama-swap/too-large")


async def test_a_service_that_loads_nothing_says_so_instead_of_an_error(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await panel.go_to(panel.models, "litellm/local-chat")
        before = changing_requests(fleet.litellm)
        await panel.press("L")
        await panel.is_told("loads and unloads nothing on demand")
        assert changing_requests(fleet.litellm) == before


async def test_readonly_takes_load_and_unload_from_keys_footer_and_palette(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with open_panel(fleet, readonly=True, size=(120, 60)) as panel:
        await panel.sees("● ready")
        assert "read-only" in panel.painted.splitlines()[0]
        await panel.go_to(panel.models, "llama-swap/qwen3")
        before = changing_requests(fleet.llama_swap)
        assert "Load" not in panel.footer
        assert "Unload" not in panel.footer
        assert "Details" in panel.footer
        await panel.press("u", "L")
        assert not isinstance(panel.app.screen, ConfirmScreen)
        await panel.press("question_mark")
        assert "Unload" not in panel.painted
        await panel.press("escape", "ctrl+p")
        await panel.sees("fleet: Details")
        assert "Unload" not in panel.painted
        assert "Load" not in panel.painted
        await panel.press("escape")
        assert changing_requests(fleet.llama_swap) == before


async def test_readonly_is_on_the_first_paint(fleet: DemoFleet) -> None:
    for server in fleet.servers.values():
        await server.scene("hang")
    async with open_panel(fleet, readonly=True, wait_for_models=False) as panel:
        assert "read-only" in panel.painted.splitlines()[0]
        assert "Load" not in panel.footer


def fake_tool(folder: Path, name: str, taken: Path) -> None:
    """A program of that name that writes what it is given into a file."""
    folder.mkdir(exist_ok=True)
    tool = folder / name
    tool.write_text(f'#!/bin/sh\ncat > "{taken}"\n')
    tool.chmod(0o755)


async def test_copy_reaches_the_terminal_and_the_local_clipboard_and_says_so(
    fleet: DemoFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "taken"
    fake_tool(tmp_path / "bin", "xclip", taken)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("DISPLAY", ":0")
    async with open_panel(fleet) as panel:
        await panel.go_to(panel.models, "llama-swap/qwen3")
        await panel.press("y")
        await panel.is_told("copied llama-swap/qwen3 (xclip and the terminal)")
        assert taken.read_text() == "llama-swap/qwen3"
        assert panel.app.clipboard == "llama-swap/qwen3", "the terminal was asked by OSC 52"
        await panel.go_to(panel.services, "service qdrant")
        await panel.press("y")
        await panel.is_told(f"copied {fleet.qdrant.url}")
        assert taken.read_text() == fleet.qdrant.url


async def test_copy_without_any_tool_still_asks_the_terminal(fleet: DemoFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("DISPLAY", ":0")
    async with open_panel(fleet) as panel:
        await panel.go_to(panel.models, "llama-swap/qwen3")
        await panel.press("y")
        await panel.is_told("copied llama-swap/qwen3 (the terminal, where it takes OSC 52)")
