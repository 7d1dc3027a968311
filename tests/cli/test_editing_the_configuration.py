"""``fleetdeck config edit``, with editors of all kinds."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import on_terminal
from tui.cli.main import run
from tui.config.kept_file import versions
from tui.config.paths import default_config_text, state_home

Output = pytest.CaptureFixture[str]
SERVICE = '[services.a]\nkind = "qdrant"\nurl = "http://x"\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "FLEETDECK_CONFIG", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def config(home: Path) -> Path:
    path = home / ".config" / "fleetdeck" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(f"# mine\n{SERVICE}")
    return path


def editor(home: Path, *texts: str) -> str:
    """A program that writes the next of ``texts`` into the file each time it is opened, as ``$EDITOR`` has it."""
    for number, text in enumerate(texts):
        (home / f"text-{number}").write_text(text)
    script = home / "an editor.py"
    script.write_text(
        "import pathlib, sys\n"
        f"home = pathlib.Path({str(home)!r})\n"
        "assert sys.argv[1] == '--wait', sys.argv\n"
        "number = len(list(home.glob('opened-*')))\n"
        "file = pathlib.Path(sys.argv[2])\n"
        "(home / f'opened-{number}').write_bytes(file.read_bytes())\n"
        "text = home / f'text-{number}'\n"
        "file.write_bytes(text.read_bytes()) if text.exists() else None\n"
    )
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} --wait"


def test_what_is_right_is_saved_and_the_version_before_is_kept(
    home: Path, config: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = config.read_text()
    monkeypatch.setenv("EDITOR", "false")
    monkeypatch.setenv("VISUAL", editor(home, f"# changed\n{SERVICE}"))
    assert run(["config", "edit"]) == 0
    assert config.read_text() == f"# changed\n{SERVICE}"
    assert (home / "opened-0").read_text() == before
    assert [version.read_text() for version in versions(config)] == [before]
    assert capsys.readouterr().out == f"{config}: saved, no problems\n"
    assert not list(state_home().glob("edit-*")), "no draft is left behind"


def test_what_is_not_changed_is_not_written(
    home: Path, config: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", editor(home))
    assert run(["config", "edit"]) == 0
    assert capsys.readouterr().out == f"{config}: nothing was changed\n"
    assert versions(config) == ()


def test_what_is_wrong_is_not_saved_and_not_lost(
    home: Path, config: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = config.read_text()
    monkeypatch.setenv("EDITOR", editor(home, f"{SERVICE}kee = 1\n"))
    assert run(["config", "edit"]) == 2
    problem, draft = capsys.readouterr().err.splitlines()
    assert problem.startswith(f"{config}:4: services.a.kee: ")
    assert Path(draft.partition(": ")[0]).read_text() == f"{SERVICE}kee = 1\n"
    assert config.read_text() == before


def test_two_keys_of_one_name_are_wrong_too(home: Path, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", editor(home, '[keys]\n"unit.stopp" = "S"\n'))
    assert run(["config", "edit"]) == 2


def test_on_a_terminal_it_is_opened_again(home: Path, config: Path) -> None:
    command = [sys.executable, "-m", "tui", "config", "edit"]
    environment = {**os.environ, "EDITOR": editor(home, f"{SERVICE}kee = 1\n", f"{SERVICE}# right\n")}
    with on_terminal(command, environment, columns=200) as terminal:
        terminal.sees("services.a.kee")
        terminal.sees("Open it again? [Y/n]")
        terminal.write("\n")
        terminal.sees("saved, no problems")
        assert terminal.ends() == 0
    assert (home / "opened-1").read_text() == f"{SERVICE}kee = 1\n", "it goes on with what was written"
    assert config.read_text() == f"{SERVICE}# right\n"


def test_the_first_one_is_begun_with_the_shipped_one_after_asking(home: Path) -> None:
    command = [sys.executable, "-m", "tui", "config", "edit"]
    path = home / ".config/fleetdeck/config.toml"
    with on_terminal(command, {**os.environ, "EDITOR": editor(home)}, columns=200) as terminal:
        terminal.sees(f"Begin one in {path}? [Y/n]")
        assert not path.exists()
        terminal.write("y\n")
        assert terminal.ends() == 0
    assert path.read_text() == default_config_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_terminal_no_first_one_is_begun(home: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", editor(home))
    assert run(["config", "edit"]) == 2
    assert "there is no configuration yet" in capsys.readouterr().err
    assert not list(home.glob("opened-*"))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("false", "ended with 1"),
        ("no-such-editor -w", "no-such-editor could not be"),
        ("'", "names no program"),
    ],
)
def test_an_editor_that_fails_changes_nothing(
    config: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch, command: str, words: str
) -> None:
    before = config.read_text()
    monkeypatch.setenv("EDITOR", command)
    assert run(["config", "edit"]) == 1
    assert words in capsys.readouterr().err
    assert config.read_text() == before


def test_a_change_made_elsewhere_meanwhile_is_not_overwritten(
    home: Path, config: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = home / "slow.py"
    script.write_text(
        f"import pathlib, sys\npathlib.Path({str(config)!r}).write_text('# theirs')\n"
        "pathlib.Path(sys.argv[1]).write_text('# ours')\n"
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    assert run(["config", "edit"]) == 1
    assert config.read_text() == "# theirs"
    draft = Path(capsys.readouterr().err.strip().rpartition(" ")[2])
    assert draft.read_text() == "# ours"


def test_readonly_edits_nothing(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "false")
    assert run(["--readonly", "config", "edit"]) == 2
