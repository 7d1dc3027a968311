from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tui.config import kept_file
from tui.config.edit import Edit, edit_config, undo, write_first_config
from tui.config.errors import ConfigChanged, ConfigError
from tui.config.kept_file import versions
from tui.config.load import load_config
from tui.config.paths import default_config_text, state_home
from tui.config.splice import set_setting

TEXT = '# mine\n[panel]\ntheme   = "one"   # the theme\n'


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    return path


def themed(path: Path, theme: str) -> Edit:
    return edit_config(path, partial(set_setting, where=("panel", "theme"), value=theme))


def test_an_edit_is_shown_before_it_is_made(path: Path) -> None:
    edit = themed(path, "two")
    assert edit.diff() == (
        f"--- {path}\n+++ {path}\n@@ -1,3 +1,3 @@\n # mine\n [panel]\n"
        '-theme   = "one"   # the theme\n+theme   = "two"   # the theme\n'
    )
    assert path.read_text() == TEXT
    edit.save()
    assert path.read_text() == TEXT.replace("one", "two")


def test_the_last_ten_versions_are_kept_beside_the_file(path: Path) -> None:
    for number in range(13):
        themed(path, f"theme-{number}").save()
    assert [version.name for version in versions(path)] == [f"config.toml.~{number}~" for number in range(1, 11)]
    assert [load_config(version).panel.theme for version in versions(path)] == [f"theme-{n}" for n in range(11, 1, -1)]
    assert sorted(found.name for found in path.parent.iterdir()) == sorted(
        ["config.toml", *(version.name for version in versions(path))]
    )


def test_a_gap_among_the_versions_costs_none_of_the_others(path: Path) -> None:
    for number in range(12):
        themed(path, f"theme-{number}").save()
    versions(path)[4].unlink()
    oldest = versions(path)[-1].read_bytes()
    themed(path, "new").save()
    assert len(versions(path)) == 10
    assert versions(path)[-1].read_bytes() == oldest


def test_an_undo_can_be_undone(path: Path) -> None:
    themed(path, "two").save()
    themed(path, "three").save()
    undo(path).save()
    assert load_config(path).panel.theme == "two"
    undo(path).save()
    assert load_config(path).panel.theme == "three"
    undo(path, steps=len(versions(path))).save()
    assert path.read_text() == TEXT


def test_an_undo_without_a_version_says_so(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml: has no earlier version$"):
        undo(path)
    themed(path, "two").save()
    with pytest.raises(ConfigError, match="has no earlier version than the 1 kept"):
        undo(path, steps=2)


def test_a_file_that_was_broken_by_hand_can_be_taken_back(path: Path) -> None:
    themed(path, "two").save()
    path.write_bytes(b"[panel\xff")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        themed(path, "three")
    undo(path).save()
    assert path.read_text() == TEXT
    assert versions(path)[0].read_bytes() == b"[panel\xff"


def test_an_edit_refuses_when_the_file_changed_meanwhile(path: Path) -> None:
    edit = themed(path, "two")
    path.write_text(TEXT + "# by hand\n")
    with pytest.raises(ConfigChanged, match="was changed by something else meanwhile; nothing was written"):
        edit.save()
    assert path.read_text() == TEXT + "# by hand\n"
    assert not versions(path)
    path.unlink()
    with pytest.raises(ConfigChanged):
        edit.save()


def test_an_edit_that_would_break_the_configuration_is_refused(path: Path) -> None:
    edit = edit_config(path, lambda text: text + "scren = 3\n")
    with pytest.raises(ConfigError) as raised:
        edit.save()
    assert str(raised.value) == f'{path}:4: panel.scren: unknown setting; did you mean "screen"?'
    assert path.read_text() == TEXT
    with pytest.raises(ConfigError, match="not valid TOML"):
        edit_config(path, lambda text: text + "x = ").save()


def test_an_edit_that_changes_nothing_writes_nothing(path: Path) -> None:
    before = path.stat()
    edit = themed(path, "one")
    assert edit.diff() == ""
    edit.save()
    assert path.stat().st_ino == before.st_ino
    assert not versions(path)


def test_line_ends_byte_order_mark_and_mode_are_kept(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    path.chmod(0o640)
    edit_config(path, partial(set_setting, where=("ledger", "keep_text"), value="none")).save()
    assert path.read_bytes() == b"\xef\xbb\xbf" + (
        TEXT.replace("\n", "\r\n").encode() + b'\r\n[ledger]\r\nkeep_text = "none"\r\n'
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE(versions(path)[0].stat().st_mode) == 0o640


def test_a_link_stays_a_link_and_its_file_is_edited(path: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    link = tmp_path / "home" / "config.toml"
    link.symlink_to("../config.toml")
    themed(link, "two").save()
    assert link.is_symlink()
    assert load_config(path).panel.theme == "two"
    assert versions(link) == versions(path)
    undo(link).save()
    assert path.read_text() == TEXT


def test_a_first_setting_makes_the_file_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "fleetdeck" / "config.toml"
    themed(path, "two").save()
    assert path.read_text() == '[panel]\ntheme = "two"\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [found.name for found in path.parent.iterdir()] == ["config.toml"]


def test_the_first_configuration_overwrites_nothing(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigChanged, match="is there already"):
        write_first_config(path, default_config_text())
    assert path.read_text() == TEXT
    dangling = tmp_path / "link.toml"
    dangling.symlink_to(tmp_path / "elsewhere" / "config.toml")
    with pytest.raises(ConfigChanged, match="is there already"):
        write_first_config(dangling, default_config_text())
    assert not (tmp_path / "elsewhere").exists()
    write_first_config(tmp_path / "first.toml", default_config_text())
    assert (tmp_path / "first.toml").read_text() == default_config_text()


def test_the_first_configuration_needs_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_first_config(tmp_path / "first.toml", TEXT)
    assert (tmp_path / "first.toml").read_text() == TEXT
    assert stat.S_IMODE((tmp_path / "first.toml").stat().st_mode) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["first.toml"]


def test_a_folder_that_cannot_be_written_is_a_plain_error(path: Path, tmp_path: Path) -> None:
    below_a_file = path / "fleetdeck" / "config.toml"
    with pytest.raises(ConfigError, match="cannot be written: not a directory"):
        write_first_config(below_a_file, TEXT)


def test_a_writer_that_hangs_is_waited_for_and_then_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_file, "LOCK_TIMEOUT", 0.03)
    themed(path, "two").save()
    (lock,) = state_home().iterdir()
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="is being written by another fleetdeck; try again"):
            themed(path, "three").save()
    themed(path, "three").save()
    assert load_config(path).panel.theme == "three"


_ADD_TASKS = """
import sys
from pathlib import Path
from tui.config.edit import edit_config
from tui.config.errors import ConfigChanged
from tui.config.splice import set_setting
path, who = Path(sys.argv[1]), sys.argv[2]
for number in range(6):
    while True:
        try:
            edit_config(path, lambda text: set_setting(text, ("keys", f"{who}.{number}"), "x")).save()
            break
        except ConfigChanged:
            continue
"""


def test_no_edit_of_several_writers_is_lost(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", _ADD_TASKS, str(path), who], stderr=subprocess.PIPE)
        for who in ("one", "two", "three")
    ]
    for writer in writers:
        _, error = writer.communicate(timeout=60)
        assert writer.returncode == 0, error.decode()
    assert set(load_config(path).keys) == {f"{who}.{n}" for who in ("one", "two", "three") for n in range(6)}
    assert path.read_text().startswith(TEXT)


def test_an_edit_shows_no_content_of_the_file_in_a_traceback(path: Path) -> None:
    assert "mine" not in repr(themed(path, "two"))


def test_a_read_only_file_is_not_written_past_its_mode(path: Path) -> None:
    path.chmod(0o444)
    with pytest.raises(ConfigError, match="read-only"):
        themed(path, "two").save()
    assert path.read_text() == TEXT
    assert versions(path) == ()
