"""How often, how much and how long, since the ledger began: sums that only grow, for counters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tui.ledger.file import LedgerFile


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCounts:
    """Requests that have ended, of one face to one model with one outcome. Money is US dollars.

    The tokens, dollars and seconds are of those for which they are known, and so many are those that they are of.
    """

    face: str
    model: str
    """Empty: nobody had begun to answer."""
    where: str
    outcome: str
    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    total_seconds: float
    timed: int
    first_token_seconds: float
    first_tokens_timed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCounts:
    """How often something was done, and whether it worked."""

    name: str
    worked: bool
    actions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCounts:
    """All sums."""

    requests: tuple[RequestCounts, ...] = ()
    actions: tuple[ActionCounts, ...] = ()


def counts(path: Path | None = None) -> LedgerCounts | None:
    """The sums of the ledger at ``path`` (None: the person's); None where there is none yet. Waits for the disk.

    Raises:
        LedgerError: there is one, and it cannot be read.
    """
    ledger = LedgerFile.existing(path)
    if ledger is None:
        return None
    with ledger, ledger.connected() as connection:
        requests = connection.execute(
            "SELECT face, coalesce(model, ''), coalesce(place, ''), outcome, count(*), total(input_tokens),"
            " total(output_tokens), total(cost_usd), total(total_s), count(total_s), total(first_token_s),"
            " count(first_token_s)"
            " FROM requests WHERE outcome != 'running' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
        ).fetchall()
        actions = connection.execute(
            "SELECT name, worked, count(*) FROM actions GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()
    return LedgerCounts(
        requests=tuple(
            RequestCounts(
                face=face,
                model=model,
                where=where,
                outcome=outcome,
                requests=count,
                input_tokens=int(tokens_in),
                output_tokens=int(tokens_out),
                cost_usd=usd,
                total_seconds=seconds,
                timed=timed,
                first_token_seconds=first_seconds,
                first_tokens_timed=first_timed,
            )
            for (
                face,
                model,
                where,
                outcome,
                count,
                tokens_in,
                tokens_out,
                usd,
                seconds,
                timed,
                first_seconds,
                first_timed,
            ) in requests
        ),
        actions=tuple(ActionCounts(name=name, worked=bool(worked), actions=count) for name, worked, count in actions),
    )
