"""Prompts that are kept as files: what a person writes into them, and what they are called."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.config.saved_prompts import (
    PromptFileError,
    SavedPrompt,
    delete_prompt,
    name_problem,
    prompts_folder,
    read_saved_prompts,
    save_prompt,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_a_prompt_is_a_file_for_its_owner_alone_and_comes_back_as_it_was() -> None:
    assert read_saved_prompts() == []
    review = SavedPrompt("review", "What can break?\n\n<!-- no first line -->", "for diffs")
    path = save_prompt(review)
    assert path.read_text() == "<!-- for diffs -->\nWhat can break?\n\n<!-- no first line -->\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    save_prompt(SavedPrompt("a brief one", "Be brief."))
    assert read_saved_prompts() == [SavedPrompt("a brief one", "Be brief."), review]
    delete_prompt("review")
    delete_prompt("review")
    assert [prompt.name for prompt in read_saved_prompts()] == ["a brief one"]


def test_what_a_person_has_written_by_hand_is_read_and_what_is_no_text_is_left_out() -> None:
    prompts_folder().mkdir(parents=True)
    (prompts_folder() / "hand.md").write_bytes(b"\xef\xbb\xbf<!--by hand-->\r\nHello\r\nyou")
    (prompts_folder() / "comment.md").write_text("<!-- only this -->")
    (prompts_folder() / "odd.md").write_bytes(b"\xff\xfe\0")
    (prompts_folder() / "notes.txt").write_text("no prompt")
    (prompts_folder() / "folder.md").mkdir()
    found = read_saved_prompts()
    assert found == [SavedPrompt("comment", "", "only this"), SavedPrompt("hand", "Hello\r\nyou", "by hand")]


@pytest.mark.parametrize("name", ["", "../out", "a/b", ".hidden", "x" * 81, "a\nb", "\x1b[2J"])
def test_names_that_are_no_names_of_files_here_are_refused(name: str) -> None:
    assert name_problem(name)
    with pytest.raises(PromptFileError):
        save_prompt(SavedPrompt(name, "x"))
    assert not prompts_folder().exists()


@given(st.text(max_size=80))
def test_whatever_is_a_name_stays_within_the_folder(name: str) -> None:
    if not name_problem(name):
        file = prompts_folder() / f"{name}.md"
        assert file.resolve().parent == prompts_folder().resolve()


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence() -> None:
    prompts_folder().parent.mkdir(parents=True)
    prompts_folder().write_text("no folder")
    with pytest.raises(PromptFileError, match=r"review\.md cannot be written: not a directory"):
        save_prompt(SavedPrompt("review", "x"))
