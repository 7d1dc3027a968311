"""Rules that hold for every stream, however it is cut and whatever it holds."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui.chat.anthropic_stream import MessageEvent, MessageReader
from tui.chat.lines import LineSplitter
from tui.chat.ollama_stream import OllamaReader
from tui.chat.openai_stream import OpenAiReader
from tui.chat.prompt import Message, Prompt
from tui.chat.reply import Candidate, Piece, Reasoning, ReplyFailed, Text
from tui.routing.locality import Where
from tui.routing.plan import Candidate as PlannedCandidate

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    (
        *("id", "model", "choices", "delta", "content", "reasoning_content", "reasoning", "finish_reason", "message"),
        *("error", "usage", "prompt_tokens", "timings", "predicted_per_second", "cost", "done", "thinking", "type"),
        *("load_duration", "eval_count", "done_reason", "remote_model", "code"),
    )
)
ANSWERS = st.recursive(
    VALUES, lambda inner: st.dictionaries(NAMES, inner, max_size=5) | st.lists(inner, max_size=2), max_leaves=12
)


def said(pieces: list[Piece]) -> tuple[str, str]:
    thought = "".join(piece.text for piece in pieces if isinstance(piece, Reasoning))
    return thought, "".join(piece.text for piece in pieces if isinstance(piece, Text))


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_lines_are_the_same_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    splitter, lines, before = LineSplitter(), [], 0
    for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        lines += splitter.split(data[before:cut])
        before = cut
    assert b"\n".join([*lines, *(splitter.rest() or [b""])]) == data


@given(st.lists(st.tuples(st.booleans(), st.text(min_size=1, max_size=5)), max_size=12), st.integers(1, 40))
def test_an_answer_is_the_same_however_its_lines_are_read(parts: list[tuple[bool, str]], size: int) -> None:
    lines = [
        b"data: " + json.dumps({"choices": [{"delta": {"reasoning" if thinks else "content": text}}]}).encode()
        for thinks, text in parts
    ]
    lines += [b"", b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}', b"data: [DONE]"]
    reader, pieces = OpenAiReader("one", "m", shows_loading=False), list[Piece]()
    for start in range(0, len(lines), size):
        pieces += reader.read(lines[start : start + size])
    pieces += reader.end()
    wanted = "".join(text for thinks, text in parts if thinks), "".join(text for thinks, text in parts if not thinks)
    assert said(pieces) == wanted


def failure_of(reader: OpenAiReader | OllamaReader) -> ReplyFailed | None:
    """What is wrong with the answer that ends here."""
    if reader.failure is not None:
        return reader.failure
    try:
        reader.end()
    except ReplyFailed as failure:
        return failure
    return None


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ANSWERS, max_size=4), st.booleans())
def test_whatever_a_server_says_is_an_answer_or_a_failure_in_plain_words(values: list[object], loads: bool) -> None:
    for reader, prefix in ((OpenAiReader("one", "m", shows_loading=loads), b"data: "), (OllamaReader("one"), b"")):
        pieces = reader.read([prefix + json.dumps(value).encode() for value in values])
        assert all(isinstance(piece.text, str) for piece in pieces if isinstance(piece, Text | Reasoning))
        failure = failure_of(reader)
        assert failure is None or failure.reason.isprintable()


@given(st.binary(max_size=60))
def test_bytes_that_are_no_answer_are_told_as_none(data: bytes) -> None:
    for reader in (OpenAiReader("one", "m", shows_loading=True), OllamaReader("one")):
        reader.read([b"\xff" + data, b"data: \xff" + data])
        assert failure_of(reader) is not None


def test_an_event_of_a_type_that_is_not_known_is_ignored() -> None:
    reader = MessageReader("claude")
    for kind in ("content_block_start", "signature", None, 7):
        reader.read(MessageEvent(type=kind))
    assert reader.pieces.take() == []


@given(st.text(max_size=50))
def test_every_prompt_can_be_sent(text: str) -> None:
    half = text + "\ud83d"
    prompt = Prompt((Message("user", half),), system="")
    assert prompt.as_text().encode("utf-8").decode() == text + "?"


def test_a_plans_candidates_are_what_is_dispatched() -> None:
    planned = PlannedCandidate(model="ollama/x", where=Where.LOCAL, state="idle", why="asked for")
    candidate: Candidate = planned
    assert candidate.where == "local"
