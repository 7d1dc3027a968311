"""Colours for finished blocks of code: Pygments says what each word is, away from the screen's own thread."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tui.app.widgets.markdown_inline import Span

LARGEST = 20_000
"""Characters of a block. Some of Pygments' patterns take time that grows with the square of the text."""
LONGEST_LINE = 500
LONGEST_WORK = 0.3
"""Seconds for one block; what is not coloured by then stays plain."""

_LEXERS = {
    "bash": "bash sh shell zsh console",
    "c": "c h",
    "cpp": "cpp c++ hpp",
    "csharp": "csharp c# cs",
    "css": "css scss",
    "diff": "diff patch",
    "docker": "dockerfile docker",
    "go": "go golang",
    "html": "html xhtml vue svelte",
    "ini": "ini cfg conf systemd",
    "java": "java",
    "javascript": "javascript js jsx mjs",
    "json": "json jsonc json5",
    "kotlin": "kotlin kt",
    "lua": "lua",
    "make": "makefile make",
    "nginx": "nginx",
    "nix": "nix",
    "perl": "perl pl",
    "php": "php",
    "powershell": "powershell ps1",
    "python": "python py python3 pyi",
    "r": "r",
    "ruby": "ruby rb",
    "rust": "rust rs",
    "sql": "sql postgresql postgres mysql sqlite",
    "swift": "swift",
    "toml": "toml",
    "typescript": "typescript ts tsx",
    "xml": "xml svg",
    "yaml": "yaml yml",
    "zig": "zig",
}
_LEXER_OF = {name: lexer for lexer, names in _LEXERS.items() for name in names.split()}
_STYLES = (
    ("Keyword", "keyword"),
    ("Operator.Word", "keyword"),
    ("Name.Tag", "keyword"),
    ("Literal.String", "string"),
    ("Literal.Number", "number"),
    ("Comment", "comment"),
    ("Name.Function", "name"),
    ("Name.Class", "name"),
    ("Name.Decorator", "name"),
    ("Name.Builtin", "name"),
    ("Name.Attribute", "name"),
    ("Generic.Inserted", "added"),
    ("Generic.Deleted", "removed"),
    ("Generic.Heading", "name"),
    ("Generic.Subheading", "comment"),
)
"""Kinds of token, the first that fits, and ``code-STYLE`` of an answer's looks."""


def can_be_coloured(language: str, lines: Sequence[str]) -> bool:
    """Whether a block is of a language that is known here, and small enough."""
    return (
        language.lower() in _LEXER_OF
        and sum(map(len, lines)) <= LARGEST
        and max(map(len, lines), default=0) <= LONGEST_LINE
    )


def colours_of(language: str, lines: Sequence[str]) -> list[list[Span]]:
    """The coloured words of each line. Takes up to 0.3 s, so that it belongs into a thread."""
    # 40 ms for the first block, and 5 to 20 for each new language.
    from pygments.lexers import get_lexer_by_name

    found: list[list[Span]] = [[] for _ in lines]
    lexer = get_lexer_by_name(_LEXER_OF[language.lower()], stripnl=False, ensurenl=False)
    deadline = time.perf_counter() + LONGEST_WORK
    line = column = 0
    # Some patterns end with the end of a line.
    for _, kind, words in lexer.get_tokens_unprocessed("\n".join(lines) + "\n"):
        style = _style_of(str(kind))
        for number, part in enumerate(words.split("\n")):
            if number:
                line, column = line + 1, 0
            if part and style and line < len(found):
                found[line].append(Span(column, column + len(part), f"code-{style}"))
            column += len(part)
        if time.perf_counter() > deadline:
            break
    return found


def _style_of(kind: str) -> str:
    name = kind.removeprefix("Token.")
    return next((style for prefix, style in _STYLES if name.startswith(prefix)), "")
