"""Terminals that draw or copy less than they could."""

from __future__ import annotations

import pytest

from tests.cli.doctor.patient import Patient

TERMINALS = {
    "dumb": ({"TERM": "dumb"}, "colours", "TERM is dumb", "TERM=xterm-256color"),
    "no TERM": ({"TERM": ""}, "colours", "TERM is not set", "TERM=xterm-256color"),
    "256 colours": ({"COLORTERM": ""}, "colours", "drawn in 256 colours", "COLORTERM=truecolor"),
    "16 colours": ({"COLORTERM": "", "TERM": "xterm"}, "colours", "drawn in 16 colours", "COLORTERM=truecolor"),
    "no colour": ({"NO_COLOR": "1"}, "colours", "NO_COLOR is set", "unset NO_COLOR"),
    "tmux": ({"TMUX": "/tmp/tmux,1,0"}, "colours", "within tmux", "default-terminal tmux-256color"),
    "locale": ({"LANG": "de_DE.ISO-8859-1"}, "characters", "de_DE.ISO-8859-1", "LANG=C.UTF-8"),
    "Wayland": ({"WAYLAND_DISPLAY": "wayland-0"}, "clipboard", "wl-copy", "apt install wl-clipboard"),
    "X11": ({"DISPLAY": ":0"}, "clipboard", "xclip", "apt install xclip"),
}


@pytest.mark.parametrize("name", TERMINALS)
async def test_a_terminal_that_could_do_more(patient: Patient, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    variables, about, cause, fix = TERMINALS[name]
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    told = await patient.diagnosis_of("")
    told.names("terminal", about, cause=cause, fix=fix, severity="warning")
