from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

POLICY = {
    "external_models": {"glm": {"cli": "opencode", "args": ["--provider", "zai-coding-plan", "--model", "glm-4.7"]}},
    "claude_to_external_map": {"claude-opus": "glm"},
    "task_routing": {"bulk": ["glm"]},
}
LETTER = "Dear tenant,\nthe heating will be read on Monday.\n"


@pytest.fixture
def example_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the pages' commands are typed: beside the documentation, with the files that they speak of."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "docs").symlink_to(ROOT / "docs")
    (folder / "letter.txt").write_text(LETTER)
    (folder / "model-policy.json").write_text(json.dumps(POLICY))
    monkeypatch.chdir(folder)
    return folder
