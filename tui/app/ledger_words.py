"""What the Ledger screen says about its rows."""

from __future__ import annotations

from textual.content import Content

from tui.app.ledger_feeds import Answer, Section
from tui.app.widgets.ledger_rows import SLOWER
from tui.fleet.printable import printable
from tui.ledger.reports import UsageRow
from tui.ledger.wording import total_words

PERIOD_WORDS = {"24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days", "all": "all the time"}
MOST_SLOWER = 5
"""Lines about models that became slower."""
EMPTY = (
    "Nothing has been asked yet.\n\n"
    "Every request will stand here, whoever sends it: which model saw it,\n"
    "how fast it answered and what it cost; and everything that is done\n"
    "to a machine, a service or a mode.\n\n"
    "Ask something in the playground (3), or with `fleetdeck invoke`."
)


def title_words(answer: Answer) -> str:
    """What is shown, of which time."""
    question, section = answer.question, answer.question.section
    what = f"usage by {question.by}" if section is Section.USAGE else section.title
    is_filtered = question.words and section in (Section.REQUESTS, Section.ACTIONS)
    words = f" · filter: {printable(question.words, 60)}" if is_filtered else ""
    inexact = "" if answer.usage is None or answer.usage.exact else " · tok/s and first token within 2 %"
    return f"{what} · {PERIOD_WORDS[question.period]}{words}{inexact}"


def nothing_words(answer: Answer) -> str:
    """What stands in place of rows."""
    if answer.problem:
        return answer.problem
    if answer.question.words:
        return "nothing holds these words in this time; t looks further back, esc shows all"
    what = "done" if answer.question.section is Section.ACTIONS else "asked"
    return f"nothing was {what} in this time; t looks back further"


def words_of_row(row: UsageRow) -> str:
    """Words that find the requests that a row adds up, and few others."""
    return " ".join(word for word in (row.name, row.detail) if word)


def rows_words(answer: Answer) -> str:
    """How many rows there are, and what they come to."""
    section, rows = answer.question.section, len(answer.requests) + len(answer.actions)
    if answer.problem or section is Section.PLOTS:
        return answer.problem
    if answer.usage is not None:
        return total_words(answer.usage)
    if section is Section.REQUESTS and not answer.question.words:
        total = f"{answer.count:,} request{'' if answer.count == 1 else 's'}"
        return total if rows == answer.count else f"the newest {rows:,} of {total}"
    what = section.value if rows != 1 else section.value.removesuffix("s")
    return f"the newest {rows:,} {what}" if rows == answer.question.most else f"{rows:,} {what}"


def slower_words(answer: Answer) -> Content:
    """The models that became slower, a line each."""
    lines = [
        f"{SLOWER} {printable(one.model, 60)} is slower: {one.now:.0f} tokens/s, before that {one.before:.0f}"
        for one in answer.slower[:MOST_SLOWER]
    ]
    more = len(answer.slower) - len(lines)
    return Content("\n".join([*lines, *([f"and {more} more models"] if more > 0 else [])]))
