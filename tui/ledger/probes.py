"""What models were found to be able to do for agents."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from tui.ledger.file import LedgerFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What came of the last probe of one model."""

    model: str
    at: float
    """Unix seconds."""
    calls_tools: bool
    tools_words: str
    """What it did, or what went wrong: one sentence."""
    writes_code: bool
    code_words: str

    @property
    def words(self) -> str:
        """``calls tools, writes no agent code``."""
        tools = "calls tools" if self.calls_tools else "calls no tools"
        return f"{tools}, {'writes agent code' if self.writes_code else 'writes no agent code'}"


class Probes(LedgerFile):
    """The last probe of each model, in the ledger's file."""

    def keep(self, probed: Probed) -> None:
        """Remembers a probe, and forgets the model's last one.

        Raises:
            LedgerError: the file cannot be written, or is no ledger.
        """
        with self.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO probes (model, at, calls_tools, tools_words, writes_code, code_words)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    probed.model,
                    probed.at,
                    probed.calls_tools,
                    probed.tools_words,
                    probed.writes_code,
                    probed.code_words,
                ),
            )

    def all(self) -> dict[str, Probed]:
        """Model id → its last probe.

        Raises:
            LedgerError: the file cannot be read.
        """
        with self.connected() as connection:
            rows = connection.execute(
                "SELECT model, at, calls_tools, tools_words, writes_code, code_words FROM probes ORDER BY model"
            ).fetchall()
        return {
            model: Probed(
                model=model,
                at=at,
                calls_tools=bool(calls_tools),
                tools_words=tools_words,
                writes_code=bool(writes_code),
                code_words=code_words,
            )
            for model, at, calls_tools, tools_words, writes_code, code_words in rows
        }


def probes_known(path: Path | None = None) -> dict[str, Probed]:
    """The last probe of each model, of a ledger that is not created for the question.

    Raises:
        LedgerError: there is one, and it cannot be read.
    """
    with Probes.existing(path) or nullcontext() as probes:
        return {} if probes is None else probes.all()
