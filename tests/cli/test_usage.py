"""``fleetdeck usage``: what was asked, added up, for people and for scripts."""

from __future__ import annotations

import json
import time

import pytest

from tests.ledger.asked import Asked, ask
from tui.cli.main import run
from tui.ledger import reports
from tui.ledger.file import ledger_path
from tui.ledger.records import Outcome
from tui.ledger.store import Ledger

pytestmark = pytest.mark.usefixtures("home_in_utc")
Output = pytest.CaptureFixture[str]
HOUR = 3600.0


@pytest.fixture
def used() -> float:
    """A ledger with some days in it; returns now."""
    now = time.time()
    with Ledger() as ledger:
        for hours, rate in ((1, 80.0), (2, 90.0), (200, 10.0)):
            ask(ledger, Asked(at=now - hours * HOUR, rate=rate, first_token=0.25, input_tokens=1200, output_tokens=40))
        cloud = Asked(at=now - HOUR, kind="tier", name="opus", model="copilot/gpt", where="cloud", cost=0.0125)
        ask(ledger, cloud)
        ask(ledger, Asked(at=now - HOUR, model=None, where=None, outcome=Outcome.FAILED))
    return now


def document(capsys: Output, *arguments: str) -> dict[str, object]:
    assert run(["usage", "--json", *arguments]) == 0
    read = json.loads(capsys.readouterr().out)
    assert isinstance(read, dict)
    return read


def test_a_script_reads_what_was_used(used: float, capsys: Output) -> None:
    said = document(capsys)
    assert (said["schema"], said["by"], said["percentiles"]) == (1, "model", "exact")
    assert str(said["since"]).endswith("Z")
    rows = {row["model"]: row for row in said["rows"]}  # type: ignore[attr-defined]
    assert rows["swap/qwen"] == {
        "model": "swap/qwen",
        "where": "local",
        "requests": 2,
        "answered": 2,
        "input_tokens": 2400,
        "output_tokens": 80,
        "cost_usd": None,
        "priced_requests": 0,
        "first_token_ms": {"p50": 250.0, "p95": 250.0, "requests": 2},
        "tokens_per_second": {"p50": 80.0, "p95": 90.0, "requests": 2},
    }
    assert (rows["copilot/gpt"]["cost_usd"], rows["copilot/gpt"]["tokens_per_second"]) == (0.0125, None)
    assert (rows[None]["where"], rows[None]["requests"], rows[None]["answered"]) == (None, 1, 0)
    assert said["total"]["requests"] == 4  # type: ignore[index]
    assert said["slower"] == []


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("task", [{"task": "quick", "tier": None}, {"task": None, "tier": "opus"}]),
        ("where", [{"where": "local"}, {"where": "cloud"}, {"where": None}]),
    ],
)
def test_rows_are_what_was_asked_for(used: float, capsys: Output, by: str, names: list[dict[str, object]]) -> None:
    rows = document(capsys, "--by", by)["rows"]
    assert [{name: row[name] for name in names[0]} for row in rows] == names  # type: ignore[attr-defined]


def test_since_narrows_and_widens(used: float, capsys: Output) -> None:
    assert document(capsys, "--since", "90m")["total"]["requests"] == 3  # type: ignore[index]
    assert document(capsys, "--since", "all")["total"]["requests"] == 5  # type: ignore[index]
    assert document(capsys, "--since", "all")["since"] is None
    (day, *_) = document(capsys, "--by", "day", "--since", "2d")["rows"]  # type: ignore[misc]
    assert day["day"] == time.strftime("%Y-%m-%d", time.localtime(used - HOUR))


def test_a_person_reads_a_table_with_units(used: float, capsys: Output) -> None:
    assert run(["usage"]) == 0
    out = capsys.readouterr().out
    summary, header, *rows = out.splitlines()
    assert summary.startswith("4 requests, 1 unanswered · 2400 tokens in, 80 out · $0.0125 (1 priced), since ")
    wanted = "MODEL WHERE REQUESTS ANSWERED TOKENS IN TOKENS OUT COST FIRST TOKEN P50 P95 TOKENS/S P50 P95"
    assert " ".join(header.split()) == wanted
    qwen = next(row for row in rows if row.startswith("swap/qwen"))
    assert qwen.split() == ["swap/qwen", "local", "2", "2", "2400", "80", "–", "250", "ms", "250", "ms", "80", "90"]
    assert len({len(row) for row in rows}) == 1
    assert any(row.startswith("(nobody answered)") for row in rows)


def test_a_slower_model_is_told_with_the_rule(capsys: Output) -> None:
    now = time.time()
    with Ledger() as ledger:
        for step in range(40):
            ask(ledger, Asked(at=now - 60 + step, rate=80.0 if step < 30 else 20.0))
    assert run(["usage"]) == 0
    said = capsys.readouterr()
    assert "▼ swap/qwen is slower: 20 tokens/s, before that 80\n" in said.out
    assert "the median of a model's last 10 answers is below 70% of the median" in said.err
    assert document(capsys)["slower"] == [{"model": "swap/qwen", "tokens_per_second": {"now": 20.0, "before": 80.0}}]


def test_what_is_not_exact_says_so(used: float, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "EXACT_UP_TO", 0)
    assert document(capsys)["percentiles"] == "within 2 %"
    assert run(["usage"]) == 0
    assert "P50 and P95 are within 2 %" in capsys.readouterr().err


def test_names_of_models_are_no_control_codes(capsys: Output) -> None:
    with Ledger() as ledger:
        ask(ledger, Asked(at=time.time(), model="swap/\x1b[31mred", name="\x1b]0;title\x07"))
    for by in ("model", "task"):
        assert run(["usage", "--by", by]) == 0
        assert "\x1b" not in capsys.readouterr().out


def test_without_a_ledger_there_is_nothing_and_none_is_made(capsys: Output) -> None:
    assert run(["usage"]) == 0
    assert capsys.readouterr().out.startswith("no requests, since ")
    assert document(capsys)["rows"] == []
    assert not ledger_path().exists()


def test_a_file_that_is_no_ledger_is_a_failure(capsys: Output) -> None:
    ledger_path().parent.mkdir(parents=True)
    ledger_path().write_text("a shopping list, not a database, and long enough to be looked at as one" * 40)
    assert run(["usage"]) == 1
    assert "is no ledger" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("--since", "soon"), ("--by", "colour")])
def test_a_wrong_call_is_told_apart(arguments: tuple[str, ...], capsys: Output) -> None:
    assert run(["usage", *arguments]) == 2
    assert "Invalid value" in capsys.readouterr().err
