"""The ledger: what was asked, who answered, what was done."""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Literal

from tui.fleet.redact import redact
from tui.ledger.file import LedgerError, LedgerFile
from tui.ledger.records import Action, Ending, KeepText, ModelFigures, NewRequest, Outcome
from tui.ledger.usage import Refusal, Usage

log = logging.getLogger(__name__)

REFUSED_FOR = 60.0
"""Seconds for which a refusal holds that gave no time of its own."""
MINUTE = 60.0
SHORTEST_LOAD = 0.5
"""Seconds: Ollama 0.33 tells a load of some 50 ms for a model that was loaded already."""
LOADS_COMPARED = 5


def usage_now(now: float, path: Path | None = None) -> Usage:
    """What was used so far, of a ledger that is not created for the question.

    Raises:
        LedgerError: there is one, and it cannot be read.
    """
    with Ledger.existing(path) or nullcontext() as ledger:
        return Usage() if ledger is None else ledger.usage(now)


def figures_now(path: Path | None = None) -> dict[str, ModelFigures]:
    """How quick each model was, by its id, of a ledger that is not created for the question.

    Raises:
        LedgerError: there is one, and it cannot be read.
    """
    with Ledger.existing(path) or nullcontext() as ledger:
        return {} if ledger is None else ledger.figures()


def note_action(action: Action) -> None:
    """Remembers what was done, whoever did it. A ledger that cannot be written stands in nobody's way."""
    try:
        with Ledger() as ledger:
            ledger.act(action)
    except LedgerError as error:
        log.warning("%s is not in the ledger: %s", action.name, error)


class Ledger(LedgerFile):
    """Requests, attempts and actions, as they happen; and what limits need to know of them."""

    def begin(self, request: NewRequest) -> int:
        """Remembers a request that is about to be sent, and returns its number."""
        # Bytes that are no UTF-8 come as lone surrogates; the hash is of the bytes that they stand for.
        data = request.prompt.encode("utf-8", "surrogateescape" if _is_escaped(request.prompt) else "replace")
        return self.insert(
            "requests",
            at=request.at,
            face=request.face,
            asked_kind=request.asked_kind,
            asked_name=request.asked_name,
            external=request.external,
            private=request.private,
            plan=json.dumps(request.plan),
            prompt_sha256=hashlib.sha256(data).hexdigest(),
            prompt_length=len(request.prompt),
            outcome=Outcome.RUNNING.value,
        )

    def attempt(self, request: int, model: str, where: Literal["local", "cloud"], at: float) -> int:
        """Remembers that a model is asked now, which counts towards its limits, and returns the attempt's number."""
        return self.insert("attempts", request=request, at=at, model=model, place=where, outcome=Outcome.RUNNING.value)

    def end_attempt(
        self, attempt: int, outcome: Outcome, reason: str = "", *, at: float, retry_after: float | None = None
    ) -> None:
        """Remembers how the asking of a model ended. A refusal holds for ``retry_after`` seconds, 60 where None.

        ``reason`` is kept only for a request that is not private.
        """
        until = at + (REFUSED_FOR if retry_after is None else max(0.0, retry_after))
        with self.connected() as connection:
            connection.execute(
                "UPDATE attempts SET outcome = ?, refused_until = ?,"
                " reason = CASE WHEN (SELECT private FROM requests WHERE id = attempts.request) THEN '' ELSE ? END"
                " WHERE id = ?",
                (outcome.value, until if outcome is Outcome.REFUSED else None, redact(reason)[:500], attempt),
            )

    def end(self, request: int, ending: Ending, *, prompt: str, keep_text: KeepText, system: str = "") -> None:
        """Remembers how a request ended, and of what was said as much as may be kept: nothing of a private one, and
        with ``local`` only what no model elsewhere was asked. ``system`` is what the model was told before the prompt.
        """
        with self.transaction() as connection:
            execute = connection.execute
            private, elsewhere = execute(
                "SELECT private, EXISTS(SELECT 1 FROM attempts WHERE request = requests.id AND place != 'local')"
                " FROM requests WHERE id = ?",
                (request,),
            ).fetchone()
            keeps = not private and (keep_text == "all" or (keep_text == "local" and not elsewhere))
            execute(
                "UPDATE requests SET outcome = ?, ended_at = ?, model = ?, place = ?, served_by = ?, input_tokens = ?,"
                " output_tokens = ?, cost_usd = ?, load_s = ?, first_token_s = ?, total_s = ?, tokens_per_second = ?,"
                " error = ?, prompt = ?, system = ?, answer = ? WHERE id = ?",
                (
                    ending.outcome.value,
                    ending.at,
                    ending.model,
                    ending.where,
                    ending.served_by,
                    ending.input_tokens,
                    ending.output_tokens,
                    ending.cost_usd,
                    ending.load_s,
                    ending.first_token_s,
                    ending.total_s,
                    ending.tokens_per_second,
                    redact(ending.error)[:500] if ending.error is not None and keeps else None,
                    _storable(prompt) if keeps else None,
                    _storable(system) if keeps and system else None,
                    _storable(ending.answer) if keeps else None,
                    request,
                ),
            )
            execute(
                "UPDATE attempts SET cost_usd = ? WHERE id ="
                " (SELECT max(id) FROM attempts WHERE request = ? AND model = ?)",
                (ending.cost_usd, request, ending.model),
            )

    def act(self, action: Action) -> None:
        """Remembers something that was done."""
        self.insert(
            "actions",
            at=action.at,
            face=action.face,
            name=action.name,
            target=action.target,
            machine=action.machine,
            worked=action.worked,
            detail=redact(action.detail)[:500],
            before=action.before,
            after=action.after,
        )

    def usage(self, now: float) -> Usage:
        """What limits depend on, as of ``now``: of all processes, also of requests that are still being answered."""
        midnight = datetime.fromtimestamp(now).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        with self.connected() as connection:
            execute = connection.execute
            requests = execute(
                "SELECT model, count(*) FROM attempts WHERE at > ? AND at <= ? GROUP BY model", (now - MINUTE, now)
            ).fetchall()
            spent = execute(
                "SELECT model, sum(cost_usd) FROM attempts WHERE at >= ? AND cost_usd IS NOT NULL GROUP BY model",
                (midnight.timestamp(),),
            ).fetchall()
            # max() picks the row that the other column is of (SQLite, "bare columns in an aggregate query").
            refused = execute(
                "SELECT model, max(refused_until), reason FROM attempts WHERE refused_until > ? GROUP BY model", (now,)
            ).fetchall()
        return Usage(
            dict(requests),
            dict(spent),
            {model: Refusal(until, reason or "it refused the last request") for model, until, reason in refused},
        )

    def speeds(self, model: str, most: int = 200) -> list[tuple[float, float]]:
        """When each of a model's last answers ended, and its tokens per second; the newest first."""
        with self.connected() as connection:
            return connection.execute(
                "SELECT ended_at, tokens_per_second FROM requests WHERE model = ? AND tokens_per_second IS NOT NULL"
                " ORDER BY id DESC LIMIT ?",
                (model, most),
            ).fetchall()

    def figures(self) -> dict[str, ModelFigures]:
        """How quick each model was the last times, by its id."""
        with self.connected() as connection:
            # With a million requests the index alone is read, a row of it for each model.
            speeds = connection.execute(
                "WITH RECURSIVE known (model) AS ("
                " SELECT min(model) FROM requests WHERE tokens_per_second IS NOT NULL"
                " UNION ALL SELECT (SELECT min(model) FROM requests"
                " WHERE tokens_per_second IS NOT NULL AND model > known.model) FROM known WHERE model IS NOT NULL)"
                " SELECT model, (SELECT tokens_per_second FROM requests WHERE tokens_per_second IS NOT NULL"
                " AND model = known.model ORDER BY id DESC LIMIT 1) FROM known WHERE model IS NOT NULL"
            ).fetchall()
            loads = connection.execute(
                "SELECT model, load_s FROM (SELECT model, load_s, row_number() OVER"  # noqa: S608  (our number)
                " (PARTITION BY model ORDER BY id DESC) AS place FROM requests"
                f" WHERE model IS NOT NULL AND load_s >= {SHORTEST_LOAD}) WHERE place <= ?",
                (LOADS_COMPARED,),
            ).fetchall()
        took: dict[str, list[float]] = {}
        for model, seconds in loads:
            took.setdefault(model, []).append(seconds)
        rates = dict(speeds)
        return {
            model: ModelFigures(rates.get(model), median(took[model]) if model in took else None)
            for model in rates.keys() | took.keys()
        }


def _is_escaped(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
