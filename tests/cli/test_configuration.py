"""Finding the configuration, and saying what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui import __version__
from tui.app.actions import ACTIONS
from tui.cli.main import COMMANDS, run

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CONFIG", "STATE", "DATA"):
        monkeypatch.delenv(f"XDG_{name}_HOME", raising=False)
    monkeypatch.delenv("FLEETDECK_CONFIG", raising=False)
    return tmp_path


@pytest.mark.parametrize("command", [("status",), ("models",), ("load", "a/b"), ("keys",), ("config", "check"), ()])
def test_a_broken_configuration_is_2_with_its_file_and_line(
    tmp_path: Path, capsys: Output, command: tuple[str, ...]
) -> None:
    path = tmp_path / "broken.toml"
    path.write_text('[services.a]\nkind = "qdrant"\nurl = "http://x"\nkee = "sk-never-shown"\n')
    assert run(["--config", str(path), *command]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{path}:4: services.a.kee: ")
    assert "never-shown" not in err


def test_a_configuration_that_is_no_toml_is_2_with_its_line(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("[panel]\ntheme = \n")
    assert run(["--config", str(path), "status"]) == 2
    assert f"{path}:2" in capsys.readouterr().err


def test_a_file_that_was_named_and_is_missing_is_2(tmp_path: Path, capsys: Output) -> None:
    assert run(["--config", str(tmp_path / "none.toml"), "status"]) == 2
    assert "none.toml" in capsys.readouterr().err


def test_config_path_says_where_it_is_or_would_be(home: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = home / ".config/fleetdeck/config.toml"
    assert run(["config", "path"]) == 0
    assert capsys.readouterr() == (f"{usual}\n", "It does not exist yet.\n")
    other = home / "other.toml"
    other.write_text("")
    monkeypatch.setenv("FLEETDECK_CONFIG", str(other))
    assert run(["config", "path"]) == 0
    assert capsys.readouterr() == (f"{other}\n", "")


def test_the_current_folder_is_never_searched(home: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config.toml").write_text("this is broken")
    monkeypatch.chdir(home)
    assert run(["config", "path"]) == 0
    assert "It does not exist yet." in capsys.readouterr().err


def test_config_check_names_keys_that_clash(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[keys]\n"fleet.copy" = "q"\n')
    assert run(["--config", str(path), "config", "check"]) == 2
    assert "is already the key of panel.quit" in capsys.readouterr().err
    path.write_text("")
    assert run(["--config", str(path), "config", "check"]) == 0
    assert "no problems" in capsys.readouterr().out


def test_keys_lists_every_action_with_the_persons_own_key(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[keys]\n"panel.help" = "ctrl+h"\n')
    assert run(["--config", str(path), "keys"]) == 0
    out = capsys.readouterr().out
    assert all(action.id in out for action in ACTIONS)
    assert next(line for line in out.splitlines() if "panel.help" in line).startswith("ctrl+h")


def test_themes_marks_the_one_in_force(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[panel]\ntheme = "high-contrast"\n')
    assert run(["--config", str(path), "themes"]) == 0
    marked = [line for line in capsys.readouterr().out.splitlines() if line.startswith("*")]
    assert len(marked) == 1
    assert "high-contrast" in marked[0]


def test_version_and_help(capsys: Output) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"fleetdeck, version {__version__}\n"
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(capsys: Output, name: str) -> None:
    assert run([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: fleetdeck {name}")
