from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import ROOT

LETTER = "Dear tenant,\nthe heating will be read on Monday.\n"


@pytest.fixture
def example_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the pages' commands are typed: beside the documentation, with the files that they speak of."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "docs").symlink_to(ROOT / "docs")
    (folder / "letter.txt").write_text(LETTER)
    monkeypatch.chdir(folder)
    return folder
