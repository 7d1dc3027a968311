"""A report of a fault says where it was, and holds none of the words that it came with."""

from __future__ import annotations

import asyncio
import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui.cli.log import LogFile, RedactingFormatter, write_log
from tui.config.paths import state_home
from tui.fleet.crash_report import KEPT, crash_words, fault_places, fault_words, write_crash_report

KEY = "sk-live-0123456789abcdef"
CANARY = "zugzwang"


def fault(depth: int = 0) -> BaseException:
    """An error with a prompt and a key in its words, its cause, its notes and the variables on its way."""
    prompt = f"{CANARY} {KEY}"
    try:
        if depth:
            raise fault(depth - 1)
        int(prompt)
    except Exception as error:
        error.add_note(prompt)
        wrapped = RuntimeError(prompt, error)
        wrapped.__cause__ = error
        return wrapped
    raise AssertionError


def test_a_report_says_where_and_with_what_and_none_of_the_words() -> None:
    path = write_crash_report(fault(), "the panel")
    assert path is not None
    assert path.parent == state_home() / "crashes"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert "ValueError\nwhich was the cause of\nRuntimeError" in text
    assert "test_crash.py:" in text
    for fact in ("fleetdeck ", "python: ", "textual: ", "terminal: "):
        assert fact in text
    assert CANARY not in text
    assert KEY not in text
    assert str(Path.cwd()) not in text, "where it is installed may name the person"


def test_the_last_ten_are_kept() -> None:
    reports = [write_crash_report(fault(), "the panel") for _ in range(KEPT + 3)]
    assert sorted((state_home() / "crashes").glob("*")) == sorted(path for path in reports[3:] if path is not None)


def test_without_a_place_for_a_report_the_sentence_says_so() -> None:
    state_home().parent.mkdir(parents=True)
    state_home().write_text("in the way")
    report = write_crash_report(fault(), "status")
    assert report is None
    assert "no report of it could be written" in crash_words(fault(), "status", report)


def test_recursion_and_circles_and_groups_are_told_in_short() -> None:
    def without_end(count: int) -> None:
        without_end(count + 1)

    with pytest.raises(RecursionError) as endless:
        without_end(0)
    assert " more …" in fault_places(endless.value)
    assert fault_places(endless.value).count("\n") < 60
    circle, other = RuntimeError(CANARY), ValueError(CANARY)
    circle.__cause__, other.__cause__ = other, circle
    assert fault_places(circle).count("RuntimeError") == 1
    group = ExceptionGroup(CANARY, [OSError(28, CANARY), ModuleNotFoundError(CANARY, name="mcp")])
    assert "OSError (ENOSPC)" in fault_places(group)
    assert "ModuleNotFoundError (mcp)" in fault_places(group)
    assert CANARY not in fault_places(group)


def test_the_words_for_the_person_name_the_last_place_of_ours() -> None:
    with pytest.raises(ValueError) as broken:
        write_crash_report(ValueError(), "x", now="no time")  # type: ignore[arg-type]
    assert fault_words(broken.value).startswith("ValueError at tui/fleet/crash_report.py:")


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    loggers = [logging.getLogger(name) for name in ("tui", "asyncio")]
    before = [(list(logger.handlers), logger.level, logger.propagate) for logger in loggers]
    write_log()
    yield logging.getLogger("tui.test")
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        for handler in set(logger.handlers) - set(handlers):
            handler.close()
        logger.handlers, logger.level, logger.propagate = handlers, level, propagate


def test_the_log_holds_no_words_of_an_error_and_no_key(log: logging.Logger) -> None:
    assert not (state_home() / "fleetdeck.log").exists(), "it is made by the first record"
    error = fault()
    log.error("it broke with Bearer %s", KEY, exc_info=error)
    text = (state_home() / "fleetdeck.log").read_text()
    assert "it broke with Bearer •••" in text
    assert "which was the cause of" in text
    assert CANARY not in text
    assert stat.S_IMODE((state_home() / "fleetdeck.log").stat().st_mode) == 0o600


async def test_nor_those_of_a_task_that_nobody_awaited(log: logging.Logger) -> None:
    async def breaks() -> None:
        raise RuntimeError(CANARY)

    task = asyncio.create_task(breaks())
    await asyncio.wait([task])
    del task
    text = (state_home() / "fleetdeck.log").read_text()
    assert "Task exception was never retrieved" in text
    assert "RuntimeError" in text
    assert CANARY not in text


def test_the_log_is_rotated(log: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.cli.log.LARGEST", 500)
    for number in range(40):
        log.warning("line %d of many", number)
    files = sorted(path.name for path in state_home().glob("fleetdeck.log*"))
    assert files == ["fleetdeck.log", "fleetdeck.log.1", "fleetdeck.log.2"]
    assert "line 39 of many" in (state_home() / "fleetdeck.log").read_text()


def test_begun_again_elsewhere_it_is_written_there_alone(
    log: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.warning("first")
    first = state_home() / "fleetdeck.log"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "demo"))
    write_log()
    log.warning("second")
    assert "second" not in first.read_text()
    assert "second" in (state_home() / "fleetdeck.log").read_text()
    handlers = logging.getLogger("tui").handlers
    assert [type(handler) for handler in handlers if isinstance(handler, LogFile)] == [LogFile]


def test_a_formatter_tells_other_records_as_they_are() -> None:
    record = logging.makeLogRecord({"msg": "two\nlines of %s", "args": ("ours",), "name": "tui.x"})
    assert RedactingFormatter().format(record) == "two\nlines of ours"
