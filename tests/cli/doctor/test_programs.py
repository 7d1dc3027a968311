"""Programs that are missing, somebody else's, or not logged in; and Claude Code's settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.doctor.patient import Patient

CLAUDE = '[clis.claude]\nkind = "claude"\n'
GEMINI = '[clis.gemini]\nkind = "gemini"\n'
COPILOT = '[clis.copilot]\nkind = "copilot"\n'
OPENCODE = '[clis.zai]\nkind = "opencode"\nprovider = "zai-coding-plan"\n'
AICHAT = '[clis.aichat]\nkind = "command"\ncommand = ["aichat", "-m", "{model}"]\nmodels = ["openai:gpt-4o"]\n'
ENTRY_POINT = """\
#!/usr/bin/python3
import re
import sys
from aichat.cli import main
if __name__ == "__main__":
    sys.argv[0] = re.sub(r"(-script\\.pyw|\\.exe)?$", "", sys.argv[0])
    sys.exit(main())
"""


def place(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
    return file


@pytest.mark.parametrize(
    ("toml", "name", "fix"),
    [
        (CLAUDE, "claude", "npm install -g @anthropic-ai/claude-code"),
        (GEMINI, "gemini", "npm install -g @google/gemini-cli"),
        (COPILOT, "copilot", "npm install -g @github/copilot"),
        (OPENCODE, "zai", "npm install -g opencode-ai"),
        (AICHAT, "aichat", "cargo install aichat"),
    ],
    ids=["claude", "gemini", "copilot", "opencode", "aichat"],
)
async def test_a_program_that_is_missing(patient: Patient, toml: str, name: str, fix: str) -> None:
    told = await patient.diagnosis_of(toml)
    told.names("programs", name, cause="is not installed, or not on the PATH", fix=fix)


async def test_claude_without_a_login(patient: Patient) -> None:
    patient.programs.add("claude", out='{"loggedIn": false, "authMethod": "none"}\n', exit_code=1)
    told = await patient.diagnosis_of(CLAUDE)
    told.names("programs", "claude", cause="not logged in", fix="/login")
    assert patient.programs.told("claude").arguments == ["auth", "status"]


async def test_opencode_without_a_login_at_its_provider(patient: Patient) -> None:
    patient.programs.add("opencode", out="opencode/big-pickle\nopencode/grok-free\n")
    told = await patient.diagnosis_of(OPENCODE + '[clis.own]\nkind = "opencode"\nprovider = "opencode"\n')
    told.names("programs", "zai", cause="not logged in", fix="opencode auth login`, and choose zai-coding-plan")
    assert [found.severity for found in told.findings if found.about == "own"] == ["fine"]
    assert patient.programs.runs("opencode") == 1


async def test_gemini_without_a_login(patient: Patient) -> None:
    patient.programs.add("gemini")
    told = await patient.diagnosis_of(GEMINI)
    told.names("programs", "gemini", cause="not logged in", fix="GEMINI_API_KEY")
    assert patient.programs.runs("gemini") == 0


async def test_gemini_with_a_login_that_is_served_no_more(patient: Patient) -> None:
    patient.programs.add("gemini")
    settings = {"security": {"auth": {"selectedType": "oauth-personal"}}}
    place(patient.home / ".gemini" / "settings.json", json.dumps(settings))
    told = await patient.diagnosis_of(GEMINI)
    told.names("programs", "gemini", cause="personal Google login", fix="GEMINI_API_KEY", severity="warning")


async def test_copilot_without_a_login(patient: Patient) -> None:
    patient.programs.add("copilot")
    told = await patient.diagnosis_of(COPILOT)
    told.names("programs", "copilot", cause="not logged in", fix="GH_TOKEN")
    assert patient.programs.runs("copilot") == 0


async def test_another_npm_package_of_the_same_name(patient: Patient) -> None:
    real = place(patient.home / "lib/node_modules/gemini/bin/gemini.js", "#!/usr/bin/env node\n")
    (patient.programs.folder / "gemini").symlink_to(real)
    told = await patient.diagnosis_of(GEMINI)
    told.names("programs", "gemini", cause="the npm package gemini", fix="npm install -g @google/gemini-cli")


async def test_the_name_of_a_package_reaches_no_terminal_as_a_control_code(patient: Patient) -> None:
    real = place(patient.home / "lib/node_modules/\x1b[31mgemini/gemini.js", "#!/usr/bin/env node\n")
    (patient.programs.folder / "gemini").symlink_to(real)
    patient.write(GEMINI)
    _, out = await patient.call("--config", str(patient.config), "doctor")
    assert "the npm package ␛[31mgemini" in out
    assert "\x1b" not in out


async def test_the_right_npm_package_is_none_of_another(patient: Patient) -> None:
    real = place(patient.home / "lib/node_modules/@google/gemini-cli/dist/index.js", "#!/usr/bin/env node\n")
    (patient.programs.folder / "gemini").symlink_to(real)
    told = await patient.diagnosis_of(GEMINI)
    told.names("programs", "gemini", cause="not logged in", fix="GEMINI_API_KEY")


async def test_another_python_package_of_the_same_name(patient: Patient) -> None:
    place(patient.programs.folder / "aichat", ENTRY_POINT)
    told = await patient.diagnosis_of(AICHAT)
    told.names("programs", "aichat", cause="the Python package aichat", fix="cargo install aichat")


async def test_the_subscription_behind_another_address(patient: Patient) -> None:
    settings = {"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:4000"}}
    place(patient.home / ".claude" / "settings.json", json.dumps(settings))
    told = await patient.diagnosis_of(CLAUDE)
    told.names("claude", "subscription", cause="ANTHROPIC_BASE_URL in ~/.claude/settings.json", fix="remove it")


async def test_the_same_by_a_variable(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CODE_USE_BEDROCK", "1")
    told = await patient.diagnosis_of(CLAUDE)
    told.names("claude", "subscription", cause="CLAUDE_CODE_USE_BEDROCK in the environment", fix="remove it")


async def test_settings_that_claude_ignores(patient: Patient) -> None:
    place(patient.home / ".claude" / "settings.json", '{"model": "opus",}')
    told = await patient.diagnosis_of("")
    told.names("claude", "settings", cause="ignores the whole file", fix="remove it")


async def test_servers_where_claude_does_not_look(patient: Patient) -> None:
    place(patient.home / ".claude" / "settings.json", '{"mcpServers": {"fleetdeck": {"command": "fleetdeck"}}}')
    told = await patient.diagnosis_of("")
    told.names("claude", "registration", cause="does not load from there", fix="claude mcp add -s user")


async def test_an_agent_that_claude_skips(patient: Patient) -> None:
    place(patient.home / ".claude" / "agents" / "reviewer.md", "---\ndescription: reviews\n---\nReview.\n")
    told = await patient.diagnosis_of("")
    told.names("claude", "agent", cause="skips it silently", fix="mend its frontmatter", severity="warning")


async def test_the_package_that_stands_in_for_nvidias(
    patient: Patient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = "Metadata-Version: 2.1\nName: pynvml\nVersion: 13.0.1\n"
    place(tmp_path / "packages" / "pynvml-13.0.1.dist-info" / "METADATA", metadata)
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    told = await patient.diagnosis_of("")
    told.names("programs", "pynvml", cause="pynvml 13.0.1", fix="pip uninstall pynvml", severity="warning")


async def test_a_program_that_does_not_say_who_is_logged_in(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.cli.doctor.programs.ANSWERED_WITHIN", 0.3)
    patient.programs.add("claude", lingers=60)
    told = await patient.diagnosis_of(CLAUDE)
    told.names("programs", "claude", cause="did not answer", fix="`claude auth status`", severity="warning")
