from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tui.config import paths
from tui.config.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", paths.CONFIG_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def written(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_configuration_is_found_in_the_documented_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert paths.find_config() is None
    usual = written(home / ".config/fleetdeck/config.toml")
    assert paths.find_config() == usual
    moved = written(home / "xdg/fleetdeck/config.toml")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    assert paths.find_config() == moved
    named = written(home / "named.toml")
    monkeypatch.setenv(paths.CONFIG_VARIABLE, "~/named.toml")
    assert paths.find_config() == named
    explicit = written(home / "explicit.toml")
    assert paths.find_config(explicit) == explicit


def test_the_current_folder_is_never_searched(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(home / "here/config.toml")
    written(home / "here/fleetdeck/config.toml")
    monkeypatch.chdir(home / "here")
    # A relative folder in the variable would be a search of the current one; the XDG rules say to ignore it.
    monkeypatch.setenv("XDG_CONFIG_HOME", ".")
    assert paths.find_config() is None
    assert paths.find_config(Path("config.toml")) == home / "here/config.toml"


def test_a_missing_file_is_an_error_that_says_who_named_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(home / ".config/fleetdeck/config.toml")
    monkeypatch.setenv(paths.CONFIG_VARIABLE, str(home / "gone.toml"))
    with pytest.raises(ConfigError) as raised:
        paths.find_config()
    assert str(raised.value) == f"{home}/gone.toml: does not exist, and $FLEETDECK_CONFIG names it"
    with pytest.raises(ConfigError) as raised:
        paths.find_config(home / "typo.toml")
    assert str(raised.value) == f"{home}/typo.toml: does not exist, and --config names it"


def test_an_empty_variable_is_none_at_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.CONFIG_VARIABLE, "")
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    assert paths.find_config() is None


def test_a_link_to_nothing_is_told_rather_than_taken_for_no_configuration(home: Path) -> None:
    (home / ".config/fleetdeck").mkdir(parents=True)
    (home / ".config/fleetdeck/config.toml").symlink_to(home / "dotfiles/config.toml")
    with pytest.raises(ConfigError, match="is a link to a file that does not exist"):
        paths.find_config()


def test_state_and_data_have_their_own_folders(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert paths.state_home() == home / ".local/state/fleetdeck"
    assert paths.data_home() == home / ".local/share/fleetdeck"
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    monkeypatch.setenv("XDG_DATA_HOME", "/var/data")
    assert paths.state_home() == Path("/var/state/fleetdeck")
    assert paths.data_home() == Path("/var/data/fleetdeck")


def test_new_folders_are_for_their_owner_alone(home: Path) -> None:
    old = os.umask(0)
    try:
        folder = paths.private_folder(paths.state_home())
    finally:
        os.umask(old)
    for created in (folder, folder.parent, folder.parent.parent):
        assert stat.S_IMODE(created.stat().st_mode) == 0o700
    assert paths.private_folder(folder) == folder


def test_what_ships_is_found_in_a_checkout() -> None:
    assert paths.shipped("config.toml") == Path(__file__).resolve().parents[2] / "config.toml"
    assert paths.default_config_text().startswith("# fleetdeck")
    with pytest.raises(FileNotFoundError, match=r"nothing\.toml is missing from this installation"):
        paths.shipped("nothing.toml")
