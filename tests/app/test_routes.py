"""Screen 2: where prompts would go, and why."""

from __future__ import annotations

from tests.app.panel import open_panel
from tests.app.routes import open_route, open_routes, prompted, shown
from tests.waiting import until
from tui.app.screens.route import RouteScreen
from tui.config.load import load_config
from tui.config.paths import modes_file
from tui.demo.fleet import DemoFleet
from tui.ledger.history import Wanted, actions
from tui.ledger.store import Ledger
from tui.routing.decide import decide
from tui.routing.mode_files import Flip, flip_external, flip_hold, flip_private
from tui.routing.modes import read_modes
from tui.routing.policy import Request

CLAUDE = '\n[clis.claude]\nkind = "claude"\n'
ECHO = """
[clis.echo]
kind = "command"
command = ["cat"]
models = ["x"]
[tasks.spoken]
models = ["echo/x", "llama-swap/qwen3"]
"""


async def decided(fleet: DemoFleet) -> dict[str, list[str]]:
    """What ``fleetdeck route`` would say of every row, in its own look at the fleet."""
    config = load_config(fleet.folder / "config.toml")
    modes = read_modes(config.panel.external_mode_path, modes_file())
    requests = {f"tier {name}": Request(tier=name) for name in config.tiers}
    requests |= {f"task {name}": Request(task=name) for name in config.tasks}
    return {
        key: [one.model for one in (await decide(request, "", config, modes)).plan.candidates]
        for key, request in requests.items()
    }


async def test_the_matrix_is_what_route_and_invoke_decide_whatever_the_situation(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    await fleet.ollama.load("llama3.2:latest")
    async with open_panel(fleet) as panel:
        await open_routes(panel)

        async def agree() -> None:
            expected = await decided(fleet)
            panel.app.monitor.look_now()
            await until(lambda: shown(panel) == expected, f"the matrix shows {expected}")

        await agree()
        assert shown(panel)["task quick"] == ["ollama/llama3.2:latest", "llama-swap/gemma"], "what is warm comes first"
        flip_external(fleet.folder / "external-mode.json", Flip.ON, "quota")
        await agree()
        assert shown(panel)["tier opus"] == ["litellm/gpt-5.2", "llama-swap/qwen3"]
        flip_private(modes_file(), Flip.ON)
        await agree()
        assert shown(panel)["task reasoning"] == ["llama-swap/reasoning"]
        await fleet.ollama.scene("down")
        await agree()
        flip_hold(modes_file(), "koala", Flip.ON, "a game")
        await agree()
        assert shown(panel)["task default"] == []


async def test_flipping_modes_with_keys_changes_where_prompts_go(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await open_routes(panel, "tier opus")
        assert "llama-swap/qwen3" in panel.line_with("tier opus  ")
        await panel.press("e")
        await panel.sees("1. ● litellm/gpt-5.2  cloud  the external equivalent of opus")
        await panel.press("p")
        await panel.sees("stays on your own machines: private mode is on since")
        await panel.sees("litellm/gpt-5.2: private mode is on since")
        await panel.press("e", "p")
        await panel.sees("1. ○ llama-swap/qwen3  local  fallback of opus; would be loaded first")
        await until(lambda: flips_kept() == {"mode.external": FLIPS, "mode.private": FLIPS}, "the flips are remembered")


FLIPS = [("off", "on"), ("on", "off")]


def flips_kept() -> dict[str, list[tuple[str | None, str | None]]]:
    """What the ledger has of modes that were switched here: before and after, in order."""
    found: dict[str, list[tuple[str | None, str | None]]] = {}
    with Ledger() as ledger:
        for done in reversed(actions(ledger, Wanted(words="mode."))):
            found.setdefault(done.action.name, []).append((done.action.before, done.action.after))
    return found


async def test_rows_with_nowhere_to_go_are_counted_and_say_why(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(200, 40)) as panel:
        await open_routes(panel, "task private")
        await fleet.llama_swap.scene("down")
        await fleet.ollama.scene("down")
        panel.app.monitor.look_now()
        await panel.sees("6 with nowhere to go")
        assert "× nothing may take it" in panel.line_with("task private  ")
        await panel.sees("llama-swap/qwen3: llama-swap is down: connection refused")


async def test_a_lent_gpu_takes_its_models_out_and_back(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await open_routes(panel, "task default")
        flip_hold(modes_file(), "koala", Flip.ON, "a game")
        await panel.sees("the hold on koala is on since")
        await panel.sees("(a game)")
        flip_hold(modes_file(), "koala", Flip.OFF)
        await panel.sees_no("the hold on koala")


async def test_enter_explains_step_by_step_and_follows_the_fleet(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        screen = await open_route(panel, "task reasoning")
        await panel.sees("Where a prompt for task reasoning goes now")
        assert "goes here" in panel.line_with("1.  llama-swap/reasoning")
        assert "2. asked · for reasoning" in panel.line_with("2.  litellm/gpt-5.2")
        assert panel.line_with("would be loaded first")
        await fleet.llama_swap.scene("down")
        panel.app.monitor.look_now()
        await panel.sees("rule: health · local")
        await panel.sees("1. first  litellm/gpt-5.2")
        await panel.press("escape")
        assert not isinstance(panel.app.screen, RouteScreen)
        assert not screen.is_running


async def test_tiers_stand_there_as_soon_as_there_is_a_program_for_claude(fleet: DemoFleet) -> None:
    async with open_panel(fleet, more=CLAUDE) as panel:
        await open_routes(panel, "tier haiku")
        assert list(shown(panel))[:3] == ["tier opus", "tier sonnet", "tier haiku"]


async def test_the_model_that_would_be_asked_can_be_copied(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await open_routes(panel, "task code-generation")
        await panel.press("y")
        await panel.is_told("copied llama-swap/coder")


async def test_the_drill_thinks_programs_away_too_and_touches_nothing(fleet: DemoFleet) -> None:
    async with open_panel(fleet, more=ECHO) as panel:
        await open_routes(panel, "task spoken")
        assert shown(panel)["task spoken"] == ["echo/x", "llama-swap/qwen3"]
        await panel.press("f")
        await panel.sees("Space marks one")
        await panel.press("end", "space", "enter")
        await panel.sees("DRILL: as if echo were down")
        await panel.sees("echo/x: echo cannot be run: the drill pretends so")
        assert shown(panel)["task spoken"] == ["llama-swap/qwen3"]
        assert prompted(fleet) == {}
        await panel.press("escape")
        await until(lambda: shown(panel)["task spoken"][0] == "echo/x", "the drill is over")
