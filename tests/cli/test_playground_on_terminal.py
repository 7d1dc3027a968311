"""A whole story in the playground, on a terminal: written in the person's own editor, asked, pasted, stopped, left."""

from __future__ import annotations

from pathlib import Path

from tests.cli.demo_process import DemoProcess, wait_until
from tests.cli.terminal import on_terminal

EDITOR = """#!/bin/sh
printf 'this is your editor\\n'
sed 's/$/ with a log ahead?/' "$1" > "$1.new" && cat "$1.new" > "$1" && rm "$1.new"
"""
ESCAPE, CONTROL_E, CONTROL_U, F4 = "\x1b", "\x05", "\x15", "\x1bOS"
PASTED = 1_000_000


def test_a_prompt_from_the_own_editor_is_answered_a_megabyte_is_pasted_and_an_endless_answer_stopped(
    demo: DemoProcess, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    editor.write_text(EDITOR)
    editor.chmod(0o755)
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    environment = demo.environment(EDITOR=str(editor), VISUAL="", XDG_RUNTIME_DIR=str(drafts))
    with on_terminal(demo.command(), environment) as terminal:
        terminal.sees("● llama-swap")
        terminal.write(F4)
        terminal.sees("task default →")
        terminal.write("how to commit")
        terminal.sees("how to commit")
        terminal.write(CONTROL_E)
        terminal.sees("how to commit with a log ahead?")
        assert b"this is your editor" in terminal.raw
        terminal.write("\r")
        terminal.sees("✓ llama-swap/qwen3")
        terminal.sees("tok/s")
        terminal.write(f"\x1b[200~{'lorem ipsum ' * (PASTED // 12)}\x1b[201~")
        terminal.sees("[pasted text 1: 999,996 characters]")
        terminal.write(CONTROL_U)
        wait_until(lambda: terminal.read_on(0.02) and "[pasted text" not in terminal.shown, "the prompt is empty")
        terminal.write("write 100000 tokens\r")
        terminal.sees("esc stops")
        terminal.write(ESCAPE)
        terminal.sees("stopped · first token")
        terminal.write(ESCAPE)
        terminal.sees("i Write")
        terminal.write("q")
        assert terminal.ends() == 0
    assert not list(drafts.iterdir()), "no prompt is left behind"
