"""What is kept of a fault of our own: where it happened, in what surroundings, and none of the words it came with."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from tui import __version__
from tui.config.atomic import replace_file
from tui.config.errors import ConfigError
from tui.config.paths import crashes_folder, path_words, private_folder
from tui.fleet.printable import printable, printable_lines
from tui.fleet.redact import redact

KEPT = 10
"""Reports; older ones are removed as new ones are written."""
LONGEST_CHAIN = 8
FRAMES_KEPT = 25
"""At each end of a traceback: recursion without end makes a thousand."""
TOLD = ("TERM", "COLORTERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "LANG", "LC_ALL", "LC_CTYPE", "NO_COLOR")
"""Variables that say how this terminal draws."""
PRESENT = ("TMUX", "STY", "SSH_CONNECTION")
"""Variables of which only that they are set is told: their values hold addresses and paths."""
PACKAGES = ("textual", "httpx", "click", "msgspec", "tomlkit", "psutil")
_PACKAGE = Path(__file__).resolve().parent.parent


def fault_words(error: BaseException) -> str:
    """``RuntimeError at tui/cli/status.py:39``: its kind, and the last place of ours that it came through."""
    frames = list(_frames(error.__traceback__))
    ours = [(file, line) for file, line, _ in frames if file.startswith("tui/")]
    where = ours[-1:] or [(file, line) for file, line, _ in frames[-1:]]
    return _kind(error) + "".join(f" at {file}:{line}" for file, line in where)


def fault_places(error: BaseException) -> str:
    """The kind of an error and of those that led to it, each with the lines of program that it went through.

    Its own words may quote a prompt, and a line of a program that a model wrote is the model's: neither is given.
    """
    return redact(printable_lines("\n".join(_told(error, set()))))


def write_crash_report(error: BaseException, what: str, now: datetime | None = None) -> Path | None:
    """Writes down a fault that ended ``what``, such as "the panel", for whoever is asked to mend it.

    Returns the file, in ``crashes`` of the state folder (0600, the last ten are kept); None where none can be written.
    """
    at = now or datetime.now(UTC)
    try:
        folder = private_folder(crashes_folder())
        path = folder / f"{at:%Y%m%d-%H%M%S-%f}-{os.getpid()}.txt"
        replace_file(path, _report(error, what, at).encode("utf-8", "replace"))
        for old in sorted(folder.glob("*.txt"))[:-KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, ConfigError):
        return None
    return path


def crash_words(error: BaseException, what: str, report: Path | None) -> str:
    """One sentence for the person whose program has just ended."""
    told = f"fleetdeck: {what} ended by a fault of its own, {fault_words(error)}"
    if report is None:
        return f"{told}; no report of it could be written, as the state folder cannot be written to"
    return f"{told}; a report without keys, prompts and answers is in {printable(path_words(report))}"


def _report(error: BaseException, what: str, at: datetime) -> str:
    surroundings = "\n".join(f"{name}: {value}" for name, value in _surroundings(os.environ))
    return (
        f"fleetdeck {__version__}: {what} ended by a fault of its own\n"
        f"at: {at:%Y-%m-%dT%H:%M:%SZ}\n{redact(printable_lines(surroundings))}\n\n{fault_places(error)}\n"
    )


def _surroundings(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    # It reads a folder for each package, which nobody else should wait for.
    from importlib.metadata import PackageNotFoundError, version

    yield "python", f"{platform.python_version()} ({platform.python_implementation()})"
    yield "system", f"{platform.system()} {platform.release()} {platform.machine()}"
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, "not installed as a package"
    size = shutil.get_terminal_size()
    yield "terminal", f"{size.columns} by {size.lines}; UTF-8 mode {sys.flags.utf8_mode}"
    for name in TOLD:
        if name in environment:
            yield name, environment[name][:60]
    for name in PRESENT:
        if name in environment:
            yield name, "set"


def _told(error: BaseException, seen: set[int]) -> Iterator[str]:
    if id(error) in seen or len(seen) >= LONGEST_CHAIN:
        return
    seen.add(id(error))
    if error.__cause__ is not None:
        yield from _told(error.__cause__, seen)
        yield "which was the cause of"
    elif error.__context__ is not None and not error.__suppress_context__:
        yield from _told(error.__context__, seen)
        yield "while that was handled, there came"
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _told(one, seen)
        yield "which were gathered in"
    frames = list(_frames(error.__traceback__))
    left_out = len(frames) - 2 * FRAMES_KEPT
    for place, (file, line, function) in enumerate(frames):
        if left_out > 0 and FRAMES_KEPT <= place < len(frames) - FRAMES_KEPT:
            if place == FRAMES_KEPT:
                yield f"  … {left_out} more …"
            continue
        yield f"  {file}:{line} in {function}"
    yield _kind(error)


def _kind(error: BaseException) -> str:
    """Of an error's facts only those that the system or our own imports gave it."""
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    if isinstance(error, OSError) and error.errno is not None:
        return f"{name} ({errno.errorcode.get(error.errno, error.errno)})"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"{name} ({printable(error.name, 80)})"
    return name


def _frames(found: TracebackType | None) -> Iterator[tuple[str, int, str]]:
    """File, line and function, from the outermost call on."""
    for frame, line in traceback.walk_tb(found):
        yield _short(frame.f_code.co_filename), line or 0, frame.f_code.co_name


def _short(file: str) -> str:
    """A file as it is called in the project or library that it belongs to: where those are may name the person."""
    path = Path(file)
    if path.is_relative_to(_PACKAGE):
        return str(Path("tui") / path.relative_to(_PACKAGE))
    for folder in sorted((Path(one) for one in sys.path if one), key=lambda one: -len(one.parts)):
        if path.is_relative_to(folder):
            return str(path.relative_to(folder))
    return path.name
