"""Reads the ledger for its screen: in threads, and only while somebody looks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from itertools import takewhile
from pathlib import Path
from typing import Literal

from textual.message import Message
from textual.message_pump import MessagePump

from tui.app.messages import ActionEnded
from tui.config.atomic import file_beside
from tui.config.paths import data_home, path_words, private_folder, reason_of
from tui.config.watch import watch_files
from tui.fleet.wording import utc_words
from tui.ledger.exports import (
    SCHEMA,
    Json,
    action_record,
    csv_lines,
    json_lines,
    request_record,
    usage_document,
    usage_records,
)
from tui.ledger.file import LedgerError, LedgerFile, ledger_path
from tui.ledger.history import (
    AskedRequest,
    DoneAction,
    OpenedRequest,
    Wanted,
    actions,
    all_of,
    count_requests,
    opened,
    requests,
)
from tui.ledger.periods import ALL, since_of
from tui.ledger.reports import By, UsageReport, no_usage, usage
from tui.ledger.trends import Slowdown, Trend, slowdowns, trend

CHANGES_SEEN = 1.0
"""Seconds between looks at whether the ledger has changed: two stats."""

Form = Literal["csv", "json"]


class Section(Enum):
    """The parts of the screen; the values are what is remembered of them."""

    USAGE = "usage"
    PLOTS = "plots"
    REQUESTS = "requests"
    ACTIONS = "actions"

    @property
    def title(self) -> str:
        return self.value


PERIODS = ("24h", "7d", "30d", ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What of the ledger is to be shown."""

    section: Section = Section.USAGE
    period: str = "7d"
    by: By = By.MODEL
    words: str = ""
    most: int = 500
    """Rows of requests or actions."""

    def since(self, now: float) -> float:
        """Unix seconds."""
        return since_of(self.period, now)

    def wanted(self, now: float) -> Wanted:
        return Wanted(since=self.since(now), words=self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the ledger says; of all but the section that was asked for only how much there is."""

    question: Question
    usage: UsageReport | None = None
    slower: tuple[Slowdown, ...] = ()
    trend: Trend = field(default_factory=Trend)
    requests: tuple[AskedRequest, ...] = ()
    actions: tuple[DoneAction, ...] = ()
    count: int = 0
    """Requests of the period, whatever words they hold."""
    is_empty: bool = False
    """True where there has never been a request."""
    problem: str = ""
    """Why the ledger cannot be read; empty: it can."""


class LedgerRead(Message):
    """What the ledger says now."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class RequestOpened(Message):
    """All that is kept of a request; None: it is gone, or the ledger cannot be read."""

    def __init__(self, request: OpenedRequest | None) -> None:
        super().__init__()
        self.request = request


class _Reading:
    """One look in a thread, which ends early when nobody wants to know any more."""

    def __init__(self) -> None:
        self._ledger: LedgerFile | None = None
        self._unwanted = False

    def answer(self, question: Question, now: float) -> Answer:
        try:
            with LedgerFile.existing() or nullcontext() as ledger:
                self._ledger = ledger
                if ledger is None or self._unwanted:
                    return Answer(question=question, usage=no_usage(question.since(now), question.by), is_empty=True)
                return _answer(ledger, question, now)
        except LedgerError as error:
            return Answer(question=question, problem=str(error))

    def stop(self) -> None:
        self._unwanted = True
        if self._ledger is not None:
            self._ledger.interrupt()


def _answer(ledger: LedgerFile, question: Question, now: float) -> Answer:
    since, wanted = question.since(now), question.wanted(now)
    section = question.section
    return Answer(
        question=question,
        usage=usage(ledger, since, question.by) if section is Section.USAGE else None,
        slower=slowdowns(ledger) if section is Section.USAGE else (),
        trend=trend(ledger, since) if section is Section.PLOTS else Trend(),
        requests=requests(ledger, wanted, most=question.most) if section is Section.REQUESTS else (),
        actions=actions(ledger, wanted, most=question.most) if section is Section.ACTIONS else (),
        count=count_requests(ledger, since) if section is Section.REQUESTS else 0,
        is_empty=not requests(ledger, Wanted(), most=1),
    )


async def follow_ledger(target: MessagePump, question: Question, clock: Callable[[], float]) -> None:
    """Posts the answer now and after each change of the ledger, whoever wrote it, one look after the other: a search
    takes longer than a busy ledger stands still. A question that is asked no more is not answered."""
    path = ledger_path()
    changes = watch_files((path, path.with_name(f"{path.name}-wal")), period=CHANGES_SEEN)
    await _read_ledger(target, question, clock())
    async for _ in changes:
        await _read_ledger(target, question, clock())


async def _read_ledger(target: MessagePump, question: Question, now: float) -> None:
    reading = _Reading()
    try:
        answer = await asyncio.to_thread(reading.answer, question, now)
    except asyncio.CancelledError:
        reading.stop()
        raise
    target.post_message(LedgerRead(answer))


async def open_request(target: MessagePump, number: int) -> None:
    """Posts all that is kept of a request."""

    def read() -> OpenedRequest | None:
        try:
            with LedgerFile.existing() or nullcontext() as ledger:
                return None if ledger is None else opened(ledger, number)
        except LedgerError:
            return None

    target.post_message(RequestOpened(await asyncio.to_thread(read)))


async def save_ledger(target: MessagePump, question: Question, form: Form, now: float) -> None:
    """Writes all rows of a section into a file of the person's own, and posts where it is."""
    name = f"{question.section.value}-by-{question.by}" if question.section is Section.USAGE else question.section.value
    at = datetime.fromtimestamp(now).astimezone().strftime("%Y-%m-%d-%H%M%S")
    path = data_home() / "exports" / f"{name}-{at}.{form}"
    unwanted = threading.Event()
    try:
        await asyncio.to_thread(_save, path, question, form, now, unwanted)
    except asyncio.CancelledError:
        unwanted.set()
        raise
    except LedgerError as error:
        target.post_message(ActionEnded(str(error), failed=True))
    except OSError as error:
        target.post_message(ActionEnded(f"{path_words(path)} cannot be written: {reason_of(error)}", failed=True))
    else:
        target.post_message(ActionEnded(f"saved in {path_words(path)}"))


def _save(path: Path, question: Question, form: Form, now: float, unwanted: threading.Event) -> None:
    """Leaves no half a file where it becomes ``unwanted`` meanwhile: a million rows take a minute."""
    private_folder(path.parent)
    with LedgerFile.existing() or nullcontext() as ledger, file_beside(path, b"") as temporary:
        with temporary.open("w", encoding="utf-8", errors="replace", newline="") as file:
            file.writelines(takewhile(lambda _: not unwanted.is_set(), _lines(ledger, question, form, now)))
        if not unwanted.is_set():
            temporary.replace(path)


def _lines(ledger: LedgerFile | None, question: Question, form: Form, now: float) -> Iterator[str]:
    if question.section is Section.USAGE:
        since = question.since(now)
        report = no_usage(since, question.by) if ledger is None else usage(ledger, since, question.by)
        if form == "csv":
            return csv_lines(usage_records(report))
        return json_lines(usage_document(report, () if ledger is None else slowdowns(ledger), now), {})
    records = _records(ledger, question, now)
    if form == "csv":
        return csv_lines(records)
    head = {"schema": SCHEMA, "at": utc_words(now), "since": utc_words(question.since(now)), "filter": question.words}
    return json_lines(head, {question.section.value: records})


def _records(ledger: LedgerFile | None, question: Question, now: float) -> Iterator[Json]:
    wanted = question.wanted(now)
    if ledger is None:
        return iter(())
    if question.section is Section.ACTIONS:
        return map(action_record, all_of(lambda after: actions(ledger, wanted, after=after)))
    return map(request_record, all_of(lambda after: requests(ledger, wanted, after=after)))
