"""What the panel follows on disk: configuration, modes and themes, whoever changes them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.app.panel import Clock, Panel, open_panel, write_config
from tests.waiting import until
from tui.app.app import FleetApp
from tui.config.load import load_config
from tui.config.paths import config_home, state_home
from tui.demo.fleet import DemoFleet

THEMES = ("fleet-dark", "fleet-light", "high-contrast", "terminal")


async def test_an_edit_of_the_configuration_is_taken_up(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        watched = panel.app.monitor._watches["ollama"]
        write_config(fleet, more='\n[services.second]\nkind = "qdrant"\nurl = "' + fleet.qdrant.url + '"\n')
        await panel.sees("● second")
        assert panel.app.monitor._watches["ollama"] is watched, "what did not change is watched without a break"
        write_config(fleet, more='\n[keys]\n"panel.help" = "H"\n')
        await panel.sees("H Help")
        await panel.sees_no("second")


async def test_what_an_edit_names_anew_is_followed_from_then_on(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(160, 40), wait_for_models=False) as panel:
        await panel.sees("[ CLAUDE ]")
        other = fleet.folder / "other-mode.json"
        ghost = '\n[clis.ghost]\nkind = "command"\ncommand = ["no-such-program-anywhere"]\nmodels = ["x"]\n'
        write_config(fleet, more=ghost, replace=("external-mode.json", other.name))
        await until(lambda: "ghost" in panel.app.state.findings.programs, "the guards look at the new program")
        flip(other, True, "quota")
        await panel.sees("[ EXTERNAL")


async def test_a_broken_edit_keeps_the_last_good_configuration_and_says_what_is_wrong(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(160, 40)) as panel:
        path = write_config(fleet, more="\n[panl]\n")
        await panel.sees('did you mean "panel"')
        line = path.read_text().splitlines().index("[panl]") + 1
        assert f"config.toml:{line}: panl:" in panel.problems_line
        assert "● llama-swap" in panel.painted
        path.unlink()
        await panel.sees("does not exist")
        assert "● llama-swap" in panel.painted, "a file that is gone for a moment takes nothing away"
        write_config(fleet)
        await until(lambda: "✓ no problems" in panel.problems_line, "the mended file ends the problem")


async def test_a_secret_in_a_broken_configuration_is_not_painted(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(160, 40)) as panel:
        write_config(fleet, replace=('key  = { env = "FLEETDECK_DEMO_KEY" }', 'key = "sk-pasted-by-mistake-1"'))
        await panel.sees(" ! ")
        await panel.press("exclamation_mark")
        assert "services.litellm.key" in panel.painted
        assert "pasted" not in panel.painted


def flip(path: Path, enabled: bool, reason: str | None = None) -> None:
    """Flips a mode as another program would: in a process of its own, by renaming."""
    document = {"enabled": enabled, "activated_at": "2026-11-20T11:58:00Z", "reason": reason}
    program = (
        "import json, os, sys\n"
        "part = sys.argv[1] + '.part'\n"
        "open(part, 'w').write(sys.argv[2])\n"
        "os.rename(part, sys.argv[1])\n"
    )
    subprocess.run([sys.executable, "-I", "-c", program, str(path), json.dumps(document)], check=True)


async def test_a_flip_of_the_external_mode_by_another_process_shows_within_a_quarter_second(fleet: DemoFleet) -> None:
    async with open_panel(fleet, wait_for_models=False) as panel:
        await panel.sees("[ CLAUDE ]")
        await until(lambda: panel.app.state.snapshot is not None, "the panel has come to rest")
        path = fleet.folder / "external-mode.json"
        took = []
        for enabled, chip in ((True, "[ EXTERNAL"), (False, "[ CLAUDE ]"), (True, "[ EXTERNAL")):
            flip(path, enabled, "quota")
            changed = path.stat().st_mtime
            await panel.sees(chip)
            took.append(time.time() - changed)
        # The best of three is what the panel needs; the rest is what else this machine was doing.
        assert min(took) < 0.25
        assert max(took) < 1.0
        assert "since 11:58: quota" in panel.painted.splitlines()[0]


async def test_private_and_hold_are_on_the_strip(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(160, 40), wait_for_models=False) as panel:
        await panel.sees("private off")
        path = state_home() / "modes.json"
        path.parent.mkdir(parents=True)
        path.write_text(
            json.dumps(
                {
                    "private": {"enabled": True, "activated_at": "2026-11-20T11:30:00Z"},
                    "hold": {"koala": {"enabled": True, "reason": "a game"}},
                }
            )
        )
        await panel.sees("PRIVATE on since 11:30")
        assert "HOLD koala" in panel.painted.splitlines()[0]


async def test_a_broken_mode_file_is_a_problem_until_it_is_mended(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(200, 40)) as panel:
        path = fleet.folder / "external-mode.json"
        path.write_text('{"enabled": "yes"}')
        await panel.sees("external-mode.json is not what a mode file holds")
        assert "[ CLAUDE ]" in panel.painted
        path.write_text('{"enabled": false}')
        await until(lambda: "✓ no problems" in panel.problems_line, "the mended file ends the problem")


async def test_a_hostile_reason_is_painted_as_text(fleet: DemoFleet) -> None:
    async with open_panel(fleet, wait_for_models=False) as panel:
        await panel.sees("[ CLAUDE ]")
        flip(fleet.folder / "external-mode.json", True, "[/red]\x1b[2J")
        await panel.sees("[/red]␛[2J")


@pytest.mark.parametrize("theme", THEMES)
async def test_every_theme_that_ships_can_be_painted(fleet: DemoFleet, theme: str) -> None:
    async with open_panel(fleet, wait_for_models=False) as panel:
        panel.app.theme = theme
        await panel.pilot.pause()
        await panel.sees("● llama-swap")
        await panel.press("f1", "escape", "ctrl+p")
        await panel.sees("panel: Help")


@pytest.mark.parametrize("theme", THEMES)
async def test_the_panel_can_open_in_every_theme_that_ships(fleet: DemoFleet, theme: str) -> None:
    app = themed_panel(fleet, theme)
    async with app.run_test(size=(80, 24)) as pilot:
        await Panel(app, pilot).sees("╭─ fleet")
        assert app.theme == theme


OWN = 'dark = true\n[colors]\nprimary = "{primary}"\nbackground = "#101010"\n'


def own_theme(text: str, name: str = "mine") -> Path:
    folder = config_home() / "themes"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    part = path.with_suffix(".part")
    part.write_text(text)
    return part.replace(path)


def themed_panel(fleet: DemoFleet, theme: str) -> FleetApp:
    path = write_config(fleet, replace=("[panel]\n", f'[panel]\ntheme = "{theme}"\n'))
    return FleetApp(load_config(path), clock=Clock())


async def test_an_own_theme_is_used_and_an_edit_of_it_is_seen_at_once(fleet: DemoFleet) -> None:
    own_theme(OWN.format(primary="#ff0000"))
    app = themed_panel(fleet, "mine")
    async with app.run_test(size=(120, 40)) as pilot:
        panel = Panel(app, pilot)
        await panel.sees("╭")
        assert app.theme == "mine"
        assert app.current_theme.primary == "#ff0000"
        own_theme(OWN.format(primary="#00ff00"))
        await until(lambda: app.current_theme.primary == "#00ff00", "the edited colour is in force")
        await panel.pilot.pause()
        red, green, blue = color_of_brand(panel)
        assert (red, blue) == (0, 0)
        assert green > 250


def color_of_brand(panel: Panel) -> tuple[int, int, int]:
    return color_of(panel, "fleetdeck")


def color_of(panel: Panel, words: str) -> tuple[int, int, int]:
    """The colour that the first of these words are painted in."""
    strips = panel.app.screen._compositor.render_strips()
    segment = next((segment for strip in strips for segment in strip if words in segment.text), None)
    assert segment is not None, panel.painted
    assert segment.style is not None
    assert segment.style.color is not None
    return segment.style.color.get_truecolor()


async def test_a_states_edited_colour_is_painted_at_once_and_on_a_screen_that_was_hidden(fleet: DemoFleet) -> None:
    states = '[states]\nup = "{up}"\nidle = "{idle}"\n'
    own_theme(OWN.format(primary="#ff0000") + states.format(up="#010203", idle="#040506"))
    app = themed_panel(fleet, "mine")
    async with app.run_test(size=(120, 40)) as pilot:
        panel = Panel(app, pilot)
        await panel.sees("● llama-swap")
        assert color_of(panel, "● llama-swap") == (1, 2, 3)
        own_theme(OWN.format(primary="#ff0000") + states.format(up="#030201", idle="#040506"))
        await until(lambda: color_of(panel, "● llama-swap") == (3, 2, 1), "the table has the edited colour")
        await panel.press("3", "escape")
        await until(lambda: color_of(panel, "external off") == (4, 5, 6), "the row above the prompt is painted")
        own_theme(OWN.format(primary="#ff0000") + states.format(up="#020103", idle="#060504"))
        await until(lambda: color_of(panel, "external off") == (6, 5, 4), "that row has the edited colour")
        await panel.press("1")
        await until(lambda: color_of(panel, "● llama-swap") == (2, 1, 3), "so has the screen that was hidden")


async def test_a_bad_theme_is_one_message_and_the_others_stay(fleet: DemoFleet) -> None:
    own_theme('[colors]\nprimary = "no colour"\n', "bad")
    own_theme("= no toml", "worse")
    async with open_panel(fleet, size=(200, 40)) as panel:
        await panel.sees("theme not used: bad.toml: colors.primary = 'no colour' is no colour")
        assert "worse.toml: it is not TOML" in panel.problems_line
        assert panel.app.theme == "fleet-dark"
        own_theme(OWN.format(primary="#ff0000"), "bad")
        own_theme(OWN.format(primary="#ff0000"), "worse")
        await until(lambda: "✓ no problems" in panel.problems_line, "mended themes end the message")


async def test_a_broken_edit_of_the_theme_in_force_keeps_its_last_colours(fleet: DemoFleet) -> None:
    own_theme(OWN.format(primary="#ff0000"))
    app = themed_panel(fleet, "mine")
    async with app.run_test(size=(120, 40)) as pilot:
        panel = Panel(app, pilot)
        own_theme("[colors]\n")
        await panel.sees("theme not used: mine.toml")
        assert app.current_theme.primary == "#ff0000"


async def test_an_unknown_theme_names_those_there_are(fleet: DemoFleet) -> None:
    app = themed_panel(fleet, "fleet-drak")
    async with app.run_test(size=(200, 40)) as pilot:
        panel = Panel(app, pilot)
        await panel.sees("there is no theme 'fleet-drak'; there are fleet-dark, fleet-light, high-contrast, terminal")
        write_config(fleet)
        await panel.sees_no("there is no theme")
