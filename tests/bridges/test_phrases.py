from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.bridges.phrases import EXAMPLES, ModeName, Said, said_of
from tui.cli.main import run

Output = pytest.CaptureFixture[str]
ALL = [
    (mode, said, phrase) for mode, table in EXAMPLES.items() for said, phrases in table.items() for phrase in phrases
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CONFIG", "STATE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("FLEETDECK_CONFIG", raising=False)
    return tmp_path


@pytest.mark.parametrize(("mode", "said", "phrase"), ALL)
def test_the_usual_phrases_mean_one_thing_about_one_mode(mode: ModeName, said: Said, phrase: str) -> None:
    assert said_of(phrase, mode) is said
    other: ModeName = "private" if mode == "external" else "external"
    assert said_of(phrase, other) is None


@given(
    st.sampled_from(ALL),
    st.sampled_from(["", "Please ", "hey Claude, ", "Could you ", "let's "]),
    st.sampled_from(["", "!", " please", " now.", ", thanks"]),
    st.booleans(),
)
def test_politeness_and_capitals_change_nothing(
    known: tuple[ModeName, Said, str], before: str, behind: str, loud: bool
) -> None:
    mode, said, phrase = known
    words = f"{before}{phrase}{behind}"
    assert said_of(words.upper() if loud else words, mode) is said


@given(
    st.sampled_from(ALL),
    st.sampled_from(
        ["don't {}", "do not {}", "never {}", "should I {}", "why did you {}", "{} if it rains", "{} and delete it all"]
    ),
)
def test_a_phrase_with_more_around_it_is_not_guessed_at(known: tuple[ModeName, Said, str], frame: str) -> None:
    mode, _, phrase = known
    assert said_of(frame.format(phrase), mode) is None


@pytest.mark.parametrize("phrase", ["", " ", "…", "external " * 100, "write an external api", "use claude.ai's api"])
def test_what_is_no_phrase_is_none(phrase: str) -> None:
    assert said_of(phrase, "external") is None
    assert said_of(phrase, "private") is None


def test_a_phrase_flips_the_mode_and_says_so(home: Path, capsys: Output) -> None:
    assert run(["external", "--say", "Switch to external models, please", "--reason", "quota"]) == 0
    assert json.loads((home / ".claude" / "state" / "external-mode.json").read_bytes())["reason"] == "quota"
    assert capsys.readouterr().out.startswith("external mode is on since ")
    assert run(["external", "--say", "is external mode on?", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["enabled"] is True
    assert run(["external", "--say", "back to claude"]) == 0
    assert capsys.readouterr().out == "external mode is off\n"
    assert run(["private", "--say", "use only local models"]) == 0
    assert capsys.readouterr().out.startswith("private mode is on since ")


def test_for_one_request_nothing_is_flipped_and_the_option_is_told(home: Path, capsys: Output) -> None:
    assert run(["external", "--say", "use external models for this"]) == 0
    assert "--external" in capsys.readouterr().out
    assert run(["private", "--say", "keep this private", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["said"], document["enabled"], document["option"]) == ("once", False, "--private")
    assert not (home / ".claude").exists()
    assert not (home / "state").exists()


@pytest.mark.parametrize("phrase", ["make me a sandwich", "don't switch to external models", "\x1b[2J", ""])
def test_an_unknown_phrase_does_nothing_and_says_so(home: Path, capsys: Output, phrase: str) -> None:
    assert run(["external", "--say", phrase]) == 2
    error = capsys.readouterr().err
    assert "nothing was changed" in error
    assert "switch to external models" in error, "it tells what is understood"
    assert "\x1b" not in error
    assert not (home / ".claude").exists()


def test_a_phrase_about_the_other_mode_is_sent_there(home: Path, capsys: Output) -> None:
    assert run(["external", "--say", "go private"]) == 2
    assert "fleetdeck private --say" in capsys.readouterr().err
    assert not (home / "state").exists()


def test_a_phrase_stands_instead_of_an_action(home: Path, capsys: Output) -> None:
    assert run(["external", "on", "--say", "external mode off"]) == 2
    assert run(["--readonly", "external", "--say", "external mode on"]) == 2
    assert run(["external", "--say", "external mode status", "--reason", "x"]) == 2
    assert not (home / ".claude").exists()
