"""Agents' files in every shape that people leave them in: one line changes, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.bridges.claude_agents import AGENT_MODELS, AgentModel, agents_here, with_model
from tui.cli.main import run

Output = pytest.CaptureFixture[str]
FILE = Path("agent.md")

SHAPES: dict[str, tuple[str, str]] = {
    # What is there → what it is after `haiku`, each with everything around it.
    "plain": ("---\nname: a\nmodel: opus\n---\nbody\n", "---\nname: a\nmodel: haiku\n---\nbody\n"),
    "first": ("---\nmodel: opus\nname: a\n---\n", "---\nmodel: haiku\nname: a\n---\n"),
    "none": ("---\nname: a\n---\nbody\n", "---\nname: a\nmodel: haiku\n---\nbody\n"),
    "none, carriage returns": ("---\r\nname: a\r\n---\r\nb\r\n", "---\r\nname: a\r\nmodel: haiku\r\n---\r\nb\r\n"),
    "carriage returns": ("---\r\nmodel: opus\r\n---\r\n", "---\r\nmodel: haiku\r\n---\r\n"),
    "a byte-order mark": ("\ufeff---\nmodel: opus\n---\n", "\ufeff---\nmodel: haiku\n---\n"),
    "odd spacing": ("---\nmodel  :\t opus  \nname: a\n---\n", "---\nmodel  :\t haiku  \nname: a\n---\n"),
    "no blank": ("---\nmodel:opus\n---\n", "---\nmodel: haiku\n---\n"),
    "empty": ("---\nmodel:\nname: a\n---\n", "---\nmodel: haiku\nname: a\n---\n"),
    "double quotes": ('---\nmodel: "opus"\n---\n', '---\nmodel: "haiku"\n---\n'),
    "single quotes": ("---\nmodel: 'opus'\n---\n", "---\nmodel: 'haiku'\n---\n"),
    "a comment": ("---\nmodel: opus # the big one\n---\n", "---\nmodel: haiku # the big one\n---\n"),
    "quotes and a comment": ('---\nmodel: "opus" # x\n---\n', '---\nmodel: "haiku" # x\n---\n'),
    "nothing but a comment": ("---\nmodel: # later\n---\n", "---\nmodel: haiku # later\n---\n"),
    "a full id": ("---\nmodel: claude-opus-5-5[1m]\n---\n", "---\nmodel: haiku\n---\n"),
    "nested ones": (
        "---\nmcpServers:\n  x:\n    model: opus\n  model: y\ndescription: |\n  model: opus\nmodel: sonnet\n---\n",
        "---\nmcpServers:\n  x:\n    model: opus\n  model: y\ndescription: |\n  model: opus\nmodel: haiku\n---\n",
    ),
    "nested alone": (
        "---\nname: a\nmcpServers:\n  model: opus\n---\n",
        "---\nname: a\nmcpServers:\n  model: opus\nmodel: haiku\n---\n",
    ),
    "in the body": (
        "---\nname: a\nmodel: opus\n---\nmodel: opus\n---\nmodel: opus\n",
        "---\nname: a\nmodel: haiku\n---\nmodel: opus\n---\nmodel: opus\n",
    ),
    "names like it": (
        "---\nmodels: opus\nsub-model: opus\nmodel_x: opus\nmodel: opus\n---\n",
        "---\nmodels: opus\nsub-model: opus\nmodel_x: opus\nmodel: haiku\n---\n",
    ),
    "strange descriptions": (
        '---\nname: a\ndescription: Use: when "x": model: opus\nmodel: opus\n---\n',
        '---\nname: a\ndescription: Use: when "x": model: opus\nmodel: haiku\n---\n',
    ),
    "no final newline": ("---\nmodel: opus\n---", "---\nmodel: haiku\n---"),
    "fences with blanks": ("---  \nmodel: opus\n--- \nbody", "---  \nmodel: haiku\n--- \nbody"),
    "comments between": (
        "---\n# model: opus\nmodel: opus\n\n# x\n---\n",
        "---\n# model: opus\nmodel: haiku\n\n# x\n---\n",
    ),
    "tabs": ("---\nmodel:\topus\n---\n", "---\nmodel:\thaiku\n---\n"),
    "it is that already": ("---\nmodel:   'haiku'  # so\n---\n", "---\nmodel:   'haiku'  # so\n---\n"),
}

REFUSED = {
    "no frontmatter": "model: opus\n",
    "no end": "---\nmodel: opus\n",
    "a blank line first": "\n---\nmodel: opus\n---\n",
    "empty file": "",
    "twice": "---\nmodel: opus\nmodel: haiku\n---\n",
    "on more lines": "---\nmodel:\n  opus\n---\n",
    "a block": "---\nmodel: |\n  opus\n---\n",
    "a list": "---\nmodel: [opus]\n---\n",
    "an anchor": "---\nmodel: &m opus\n---\n",
    "in braces": "---\n{name: a, model: opus}\n---\n",
}


@pytest.fixture(autouse=True)
def below_the_project(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where these tests stand; the person's own folder for agents is there, and empty."""
    (home / ".claude" / "agents").mkdir()
    (home / "project" / "src").mkdir()
    monkeypatch.chdir(home / "project" / "src")


def agent(folder: Path, name: str, **fields: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.md"
    lines = {"name": name, "description": f"does {name}", **fields}
    path.write_text("".join(["---\n", *(f"{field}: {value}\n" for field, value in lines.items()), "---\nbody\n"]))
    return path


@pytest.mark.parametrize("name", SHAPES)
def test_one_line_changes_and_nothing_else(home: Path, name: str) -> None:
    before, after = (text.encode() for text in SHAPES[name])
    path = home / ".claude" / "agents" / "agent.md"
    real = home / "elsewhere.md"
    real.write_bytes(before)
    real.chmod(0o640)
    path.symlink_to(real)
    assert run(["claude", "agents", "agent", "haiku"]) == 0
    assert path.read_bytes() == after
    assert path.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert run(["claude", "agents", "agent", "haiku"]) == 0
    assert path.read_bytes() == after, "twice is as good as once"
    assert sorted(file.name for file in path.parent.iterdir()) == ["agent.md"], "nothing is left beside it"


@pytest.mark.parametrize("name", REFUSED)
def test_what_one_line_cannot_change_is_left_alone(home: Path, name: str, capsys: Output) -> None:
    path = home / ".claude" / "agents" / "agent.md"
    path.write_text(REFUSED[name])
    assert run(["claude", "agents", "agent", "haiku"]) == 1
    assert str(path) in capsys.readouterr().err
    assert path.read_text() == REFUSED[name]


def test_read_only_files_are_left_alone(home: Path, capsys: Output) -> None:
    path = agent(home / ".claude" / "agents", "a", model="opus")
    path.chmod(0o444)
    assert run(["claude", "agents", "a", "haiku"]) == 1
    assert "read-only" in capsys.readouterr().err
    assert "model: opus" in path.read_text()


field_names = st.from_regex(r"[a-z][a-z_-]{0,5}", fullmatch=True).filter(lambda name: name != "model")
words = st.text(alphabet="abc :#'\"-{}[]|", max_size=12).map(str.strip)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(field_names, words), max_size=4),
    st.none() | st.sampled_from(["opus", '"sonnet"', "'x y'  # why", "inherit#no"]),
    st.text(alphabet="m:odel \n-", max_size=20),
    st.sampled_from(AGENT_MODELS),
    st.sampled_from(["\n", "\r\n"]),
)
def test_every_other_byte_stays(
    fields: list[tuple[str, str]], model: str | None, body: str, wanted: AgentModel, end: str
) -> None:
    lines = [f"{name}: {value}" for name, value in fields]
    has_model = [] if model is None else [f"model: {model}"]
    tail = end.join(["---", body])
    text = end.join(["---", *lines, *has_model, tail])
    changed = with_model(text, wanted, FILE)
    before, after = text.split(end), changed.split(end)
    if model is None:
        added = [*before[: 1 + len(lines)], f"model: {wanted}", *before[1 + len(lines) :]]
        # In braces there is no line to be added to; that is refused, and the property says nothing of it.
        assert after == added
    else:
        place = 1 + len(lines)
        assert after[:place] == before[:place]
        assert after[place + 1 :] == before[place + 1 :]
        assert wanted in after[place]
    assert with_model(changed, wanted, FILE) == changed


def test_agents_of_the_project_stand_before_those_of_the_person(home: Path, capsys: Output) -> None:
    own, project = home / ".claude" / "agents", Path.cwd().parent
    agent(own, "reviewer", model="opus", tools="Read, Bash(git:*)")
    agent(own / "deep", "writer")
    agent(project / ".claude" / "agents", "reviewer", model="haiku")
    agent(project / "src" / ".claude" / "agents", "near", model='"sonnet"')
    (own / "notes.md").write_text("# no agent\n")
    (own / "README.md").write_text("# About these agents\n")
    assert run(["claude", "agents", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["schema"] == 1
    rows = {(row["name"], row["scope"]): row for row in listed["agents"]}
    assert {key: (row["model"], row["hidden"]) for key, row in rows.items()} == {
        ("near", "project"): ("sonnet", False),
        ("reviewer", "project"): ("haiku", False),
        ("reviewer", "user"): ("opus", True),
        ("writer", "user"): (None, False),
        (None, "user"): (None, False),
    }
    assert rows["reviewer", "user"]["tools"] == ["Read", "Bash(git:*)"]
    assert rows[None, "user"]["problem"]
    assert run(["claude", "agents"]) == 0
    assert "hidden by a project's agent" in capsys.readouterr().out
    assert run(["claude", "agents", "reviewer", "inherit", "--scope", "user"]) == 0
    assert "model: inherit" in (own / "reviewer.md").read_text()
    assert "model: haiku" in (project / ".claude" / "agents" / "reviewer.md").read_text()


def test_wrong_calls_are_told_apart_and_change_nothing(home: Path, capsys: Output) -> None:
    path = agent(home / ".claude" / "agents", "a", model="opus")
    assert run(["claude", "agents", "b", "haiku"]) == 2
    assert "there are a" in capsys.readouterr().err
    assert run(["claude", "agents", "a", "gpt-5"]) == 2
    assert "haiku, sonnet, opus, inherit" in capsys.readouterr().err
    assert run(["--readonly", "claude", "agents", "a", "haiku"]) == 2
    assert "model: opus" in path.read_text()


def test_no_folder_no_agents(tmp_path: Path) -> None:
    assert agents_here({}, tmp_path / "nobody", tmp_path) == ()
