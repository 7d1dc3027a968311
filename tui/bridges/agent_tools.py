"""What agents may look at: the files of one folder and their history. They change nothing.

Plain functions: whatever agent library calls them, an error is a sentence that a model can act on.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

MOST_LINES = 200
"""Of one answer: what is longer fills a small model's context."""
LONGEST_LINE = 300
LARGEST_FILE = 1_000_000
"""Bytes of a file that is searched or read; what is larger is data."""
GIT_TIMEOUT = 30.0
LEFT_OUT = frozenset({".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache"})
HARMLESS_GIT = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat", "--no-pager")
"""A repository's own settings may name programs to be run; none of them is."""


class Folder:
    """One folder and everything below it; nothing outside, whatever links say."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def list_files(self, folder: str = ".") -> str:
        """The files and folders in a folder, one a line; folders end with a slash."""
        at = self._inside(folder)
        if not at.is_dir():
            raise ValueError(f"{folder} is no folder")
        found = sorted(at.iterdir(), key=lambda path: (path.is_file(), path.name))
        return _lines(f"{one.name}/" if one.is_dir() else one.name for one in found if one.name not in LEFT_OUT)

    def find_files(self, pattern: str) -> str:
        """The files whose path matches a glob pattern such as **/*.py, one a line."""
        if ".." in pattern or pattern.startswith("/"):
            raise ValueError("a pattern begins in the folder: say **/*.py, for example")
        return _lines(str(path) for path in self._files() if path.match(pattern.removeprefix("**/")))

    def read_file(self, path: str, first_line: int = 1, last_line: int = MOST_LINES) -> str:
        """The lines of a text file from first_line to last_line, each with its number."""
        text = _text(self._inside(path))
        if text is None:
            raise ValueError(f"{path} is no text file of at most 1 MB")
        lines = text.splitlines()[max(0, first_line - 1) : last_line]
        return _lines(f"{number}: {line}" for number, line in enumerate(lines, max(1, first_line)))

    def search_code(self, pattern: str, files: str = "*") -> str:
        """The lines that match a regular expression, as path:number: line. files is a glob such as *.py."""
        try:
            expression = re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        return _lines(self._matches(expression, files))

    def git_log(self, path: str = ".", count: int = 20) -> str:
        """The last commits that touch a path: number, date, author, subject."""
        options = ("--format=%h %ad %an: %s", "--date=short", f"--max-count={max(1, min(count, MOST_LINES))}")
        return self._git("log", *options, "--", self._relative(path)) or "no commit touches it"

    def git_show(self, commit: str) -> str:
        """What one commit changed."""
        options = ("--no-ext-diff", "--no-textconv", "--end-of-options", _revision(commit), "--", ".")
        return self._git("show", *options) or "it changed nothing in this folder"

    def git_diff(self, since: str = "HEAD") -> str:
        """What is different now from a commit."""
        options = ("--no-ext-diff", "--no-textconv", "--end-of-options", _revision(since), "--", ".")
        return self._git("diff", *options) or "nothing is different"

    def git_status(self) -> str:
        """Which files are changed and not committed."""
        return self._git("status", "--short", "--branch", "--", ".") or "nothing is changed"

    def _inside(self, path: str) -> Path:
        found = (self.root / path).resolve()
        if found != self.root and self.root not in found.parents:
            raise ValueError(f"{path} is outside of the folder")
        if not found.exists():
            raise ValueError(f"there is no {path}")
        return found

    def _relative(self, path: str) -> str:
        return str(self._inside(path).relative_to(self.root))

    def _files(self) -> Iterator[Path]:
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
            for name in sorted(names):
                yield (Path(folder) / name).relative_to(self.root)

    def _matches(self, expression: re.Pattern[str], files: str) -> Iterator[str]:
        for path in self._files():
            if not path.match(files) or (self.root / path).is_symlink():
                continue
            for number, line in enumerate((_text(self.root / path) or "").splitlines(), 1):
                if expression.search(line[:10_000]):
                    yield f"{path}:{number}: {line.strip()}"

    def _git(self, *arguments: str) -> str:
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        try:
            ended = subprocess.run(  # noqa: S603
                ["git", *HARMLESS_GIT, "-C", str(self.root), *arguments],  # noqa: S607
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env={**environment, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_OPTIONAL_LOCKS": "0"},
                timeout=GIT_TIMEOUT,
                check=False,
            )
        except OSError:
            raise ValueError("git is not installed") from None
        except subprocess.TimeoutExpired:
            raise ValueError(f"git took longer than {GIT_TIMEOUT:.0f} s") from None
        if ended.returncode != 0:
            words = ended.stderr.decode(errors="replace").strip().splitlines()
            raise ValueError(f"git: {words[0] if words else 'it failed'}")
        return _lines(ended.stdout.decode(errors="replace").splitlines())


def _revision(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_./@^~{}-]+", name) or name.startswith("-"):
        raise ValueError(f"{name!r} names no commit; say HEAD, HEAD~1, a branch or a commit's number")
    # A number may be that of a file, which git would show wherever it lies.
    return f"{name}^{{commit}}"


def _text(path: Path) -> str | None:
    """A file's text; None where it is too large or no text."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_FILE:
            return None
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return None if "\0" in text else text


def _lines(lines: Iterator[str] | list[str]) -> str:
    shown = list(itertools.islice(iter(lines), MOST_LINES + 1))
    text = "\n".join(line[:LONGEST_LINE] for line in shown[:MOST_LINES])
    return f"{text}\n… and more; ask for less" if len(shown) > MOST_LINES else text
