"""What the program says: every text in its code, with "…" where something is filled in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.docs.pages import ROOT


@cache
def texts_of_the_program() -> frozenset[str]:
    """All texts of ``tui/`` but those of the simulated fleet; docstrings are no messages."""
    files = (path for path in (ROOT / "tui").rglob("*.py") if "demo" not in path.parts)
    return frozenset(text for path in files for text in _texts_in(path))


def says(message: str) -> bool:
    """Whether some text of the program can read as ``message``, where "…" stands for anything."""
    pattern = re.compile(".*".join(re.escape(part.strip()) for part in message.split("…")), re.DOTALL)
    return any(pattern.search(text) for text in texts_of_the_program())


def _texts_in(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        match node:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.JoinedStr(values=values):
                yield "".join(str(one.value) if isinstance(one, ast.Constant) else "…" for one in values)
            case ast.Constant(value=str(text)):
                yield re.sub(r"\{\w+\}", "…", text)
                continue
        pending.extend(ast.iter_child_nodes(node))
