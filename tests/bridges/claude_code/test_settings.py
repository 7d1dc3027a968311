"""What Claude Code's settings look like before, with and after fleetdeck, in every shape that people leave them in."""

from __future__ import annotations

import json
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tui.bridges.json_text import read_json_text
from tui.cli.main import run

Output = pytest.CaptureFixture[str]
HOOKS = {"PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "guard.sh"}]}]}
SESSION_START = {"SessionStart": [{"matcher": "startup", "hooks": [{"type": "command", "command": "hello.sh"}]}]}


@dataclass(frozen=True, slots=True)
class Shape:
    """A settings file before anything was done; None: there is none."""

    content: bytes | None
    linked: bool = False
    mode: int = 0o644


def text(value: str, **more: Any) -> Shape:
    return Shape(value.encode(), **more)


SHAPES = {
    "no file": Shape(None),
    "empty": Shape(b""),
    "blank lines": text("\n\n  \n"),
    "empty object": text("{}"),
    "empty object on two lines": text("{\n}\n"),
    "nothing but a comment": text("{\n  // later\n}\n"),
    "other settings": text('{\n  "model": "opus",\n  "env": {"A": "1"}\n}\n'),
    "other hooks": text(json.dumps({"hooks": HOOKS, "model": "opus"}, indent=2) + "\n"),
    "other hooks of the same event": text(json.dumps({"hooks": SESSION_START}, indent=4)),
    "empty hooks": text('{"hooks": {}}\n'),
    "an empty list of hooks": text('{\n  "hooks": {"SessionStart": []},\n  "model": "opus"\n}\n'),
    "a status line of their own": text('{"statusLine": {"type": "command", "command": "mine.sh"}, "x": 1}'),
    "one line": text('{"model":"opus","permissions":{"allow":["Bash(ls:*)"]}}'),
    "odd spacing": text('{ "model"  :\t"opus" ,\n\n\n   "hooks" :{ "Stop":[ ] }\n , "z":[1 ,2]   }\n\n'),
    "tabs": text('{\n\t"model": "opus",\n\t"hooks": {\n\t\t"Stop": []\n\t}\n}\n'),
    "four blanks": text('{\n    "a": {\n        "b": [\n            1\n        ]\n    }\n}\n'),
    "carriage returns": text('{\r\n  "model": "opus",\r\n  "hooks": {\r\n    "Stop": []\r\n  }\r\n}\r\n'),
    "a byte-order mark": Shape(b"\xef\xbb\xbf" + b'{\n  "model": "opus"\n}\n'),
    "no final newline": text('{\n  "model": "opus"\n}'),
    "comments": text(
        '// mine\n{\n  "model": "opus", // the big one\n'
        '  /* hooks */ "hooks": {\n    // none yet\n  } // end\n}\n// bye\n'
    ),
    "trailing commas": text('{\n  "model": "opus",\n  "hooks": {"Stop": [],},\n}\n'),
    "a comment behind the last": text('{\n  "model": "opus" // the big one: {"}\n}\n'),
    "nested": text(
        json.dumps({"a": [[{"hooks": {"SessionStart": ["x"]}}]], "statusLines": {"statusLine": 1}}, indent=1)
    ),
    "names twice": text('{"hooks": {"Stop": []}, "hooks": {"Stop": []}, "model": "opus"}'),
    "strange letters": text('{\n  "n\\u00e4me": "\\"}//",\n  "日本": "/* no */"\n}\n'),
    "a link": text('{\n  "model": "opus"\n}\n', linked=True),
    "for one's own eyes": text('{\n  "model": "opus"\n}\n', mode=0o600),
}


def written(home: Path, shape: Shape) -> Path:
    """The settings' path, with the shape there."""
    path = home / ".claude" / "settings.json"
    if shape.content is not None:
        real = home / "dotfiles.json" if shape.linked else path
        real.write_bytes(shape.content)
        real.chmod(shape.mode)
        if shape.linked:
            path.symlink_to(real)
    return path


def install(*options: str) -> int:
    return run(["claude", "install", "--yes", "--no-mcp", *options])


def uninstall() -> int:
    return run(["claude", "uninstall", "--yes"])


def hook_command(settings: Path) -> str:
    return str(json.loads(settings.read_bytes())["hooks"]["SessionStart"][0]["hooks"][0]["command"])


def value_of(content: bytes | None) -> Any:
    bare = (content or b"").decode("utf-8-sig")
    return read_json_text(bare).root.value if bare.strip() else {}


def without_ours(value: Any) -> Any:
    """The settings without what runs fleetdeck, and without what is empty."""
    hooks = {
        event: [group for group in groups if "fleetdeck" not in json.dumps(group)]
        for event, groups in value.get("hooks", {}).items()
    }
    kept = {name: part for name, part in value.items() if "fleetdeck" not in json.dumps(part) or name == "hooks"}
    kept["hooks"] = {event: groups for event, groups in hooks.items() if groups}
    return kept


@pytest.mark.parametrize("name", SHAPES)
def test_settings_survive_install_uninstall_and_a_second_install(home: Path, name: str) -> None:
    shape = SHAPES[name]
    path = written(home, shape)
    assert install() == 0
    installed = path.read_bytes()
    after = value_of(installed)
    groups = after["hooks"]["SessionStart"]
    ours = [hook for group in groups for hook in group["hooks"] if "claude hook" in hook["command"]]
    assert [(hook["type"], hook["command"].endswith("claude hook --json"), hook["timeout"]) for hook in ours] == [
        ("command", True, 5)
    ]
    assert after["statusLine"]["command"].endswith("claude statusline") != ("mine.sh" in after["statusLine"]["command"])
    assert without_ours(after) == without_ours(value_of(shape.content)), "everything else is as it was"

    assert install() == 0
    assert path.read_bytes() == installed, "a second install changes nothing"

    assert uninstall() == 0
    assert (path.read_bytes() if path.exists() else None) == shape.content, "to the byte as it was"
    assert uninstall() == 0
    assert path.exists() == (shape.content is not None)
    assert install() == 0
    assert path.read_bytes() == installed
    if shape.content is not None:
        assert path.is_symlink() == shape.linked
        assert stat.S_IMODE(path.stat().st_mode) == shape.mode


@pytest.mark.parametrize("name", SHAPES)
def test_what_was_changed_meanwhile_stays_when_our_part_goes(home: Path, name: str) -> None:
    shape = SHAPES[name]
    path = written(home, shape)
    install()
    # As an editor would: a setting more, at the start.
    later = path.read_bytes().decode().replace("{", '{"later": true,', 1)
    path.write_bytes(later.encode())
    assert uninstall() == 0
    now = value_of(path.read_bytes())
    assert now.pop("later") is True
    assert "fleetdeck" not in json.dumps(now)
    assert without_ours(now) == without_ours(value_of(shape.content))
    if shape.content and b"//" in shape.content:
        lines = [line for line in shape.content.decode().splitlines() if "//" in line]
        assert all(line.partition("//")[2] in path.read_text() for line in lines), "comments stay"


@pytest.mark.parametrize("name", [name for name in SHAPES if (SHAPES[name].content or b"").strip(b"{}\r\n ")])
def test_our_part_alone_is_cut_out_where_no_version_is_kept(home: Path, name: str) -> None:
    shape = SHAPES[name]
    path = written(home, shape)
    install()
    for kept in path.resolve().parent.glob("*~"):
        kept.unlink()
    assert uninstall() == 0
    now = path.read_bytes()
    assert without_ours(value_of(now)) == without_ours(value_of(shape.content))
    # What was empty before may be gone; whatever is not, is there to the byte.
    if name not in ("empty hooks", "an empty list of hooks", "comments", "nothing but a comment"):
        assert now == shape.content


BROKEN = {
    "not closed": ('{\n  "model": "opus",\n', ":3:"),
    "a comma missing": ('{\n  "a": 1\n  "b": 2\n}\n', ":3:"),
    "single quotes": ("{\n  'a': 1\n}\n", ":2:"),
    "two documents": ("{}\n{}\n", ":2:"),
    "a bare word": ('{"a": yes}', ":1:"),
    "a list": ("[1, 2]\n", "no object"),
    "a number": ("5\n", "no object"),
    "hooks that are none": ('{"hooks": ["x"]}', "hooks"),
    "an event that is none": ('{"hooks": {"SessionStart": "x"}}', "SessionStart"),
    "too deep": ("[" * 100_000, "deeply"),
    "an unfinished comment": ('{"a": 1} /* x', ":1:"),
    "a line end in a text": ('{"a": "x\ny"}', ":1:"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_makes_no_sense_is_left_alone_and_named(home: Path, name: str, capsys: Output) -> None:
    content, words = BROKEN[name]
    path = written(home, text(content))
    assert install() == 2
    error = capsys.readouterr().err
    assert str(path) in error
    assert words in error
    assert path.read_text() == content
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


def test_bytes_that_are_no_text_are_left_alone(home: Path, capsys: Output) -> None:
    path = written(home, Shape(b'{"a": "\xff"}'))
    assert install() == 2
    assert "UTF-8" in capsys.readouterr().err
    assert path.read_bytes() == b'{"a": "\xff"}'


def test_a_read_only_file_is_left_alone(home: Path, capsys: Output) -> None:
    path = written(home, text("{}", mode=0o444))
    assert install() == 1
    assert "read-only" in capsys.readouterr().err
    assert path.read_bytes() == b"{}"
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


def test_the_change_is_shown_and_the_version_before_is_named(home: Path, capsys: Output) -> None:
    path = written(home, text('{\n  "model": "opus"\n}\n'))
    assert run(["claude", "install", "--no-mcp", "--dry-run"]) == 0
    shown = capsys.readouterr()
    assert '-  "model": "opus"\n+  "model": "opus",\n+  "hooks": {' in shown.out
    assert path.read_text() == '{\n  "model": "opus"\n}\n'
    assert install() == 0
    assert "settings.json.~1~" in capsys.readouterr().err
    assert path.with_name("settings.json.~1~").read_text() == '{\n  "model": "opus"\n}\n'


def test_without_a_person_to_ask_and_without_yes_nothing_happens(home: Path, capsys: Output) -> None:
    path = written(home, text("{}"))
    assert run(["claude", "install", "--no-mcp"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert run(["--readonly", "claude", "install", "--no-mcp", "--yes"]) == 2
    assert path.read_text() == "{}"


def test_a_comment_is_kept_and_said_to_switch_everything_off(home: Path, capsys: Output) -> None:
    written(home, SHAPES["comments"])
    assert install() == 0
    assert "settings.json:1 holds a comment" in capsys.readouterr().err


def test_a_program_that_moved_is_followed(home: Path, capsys: Output) -> None:
    path = written(home, text("{}"))
    install()
    installed = path.read_text()
    program = hook_command(path).partition(" ")[0]
    moved = installed.replace(program, "/old/place/fleetdeck")
    assert moved != installed
    path.write_text(moved.replace('"timeout": 5', '"timeout": 9'))
    assert install() == 0
    assert path.read_text() == installed.replace('"timeout": 5', '"timeout": 9'), "what the person set there stays"


def test_without_an_installed_program_a_folder_of_that_name_is_not_run_instead(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(home / "bin" / "python"))
    path = written(home, text("{}"))
    assert install() == 0
    assert hook_command(path) == f"{home}/bin/python -P -m tui claude hook --json"
    assert uninstall() == 0
    assert path.read_text() == "{}"


def test_the_configuration_that_was_named_is_named_again(home: Path) -> None:
    config = home / "my config.toml"
    config.write_text("")
    path = written(home, Shape(None))
    assert run(["--config", str(config), "claude", "install", "--no-mcp", "--yes"]) == 0
    assert f"--config '{config}' claude hook --json" in hook_command(path)
    assert uninstall() == 0
    assert not path.exists()


def test_settings_elsewhere_are_found_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home / "elsewhere"))
    assert install() == 0
    assert (home / "elsewhere" / "settings.json").exists()
    assert list((home / ".claude").iterdir()) == []
