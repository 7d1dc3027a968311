"""Answers as rows of a screen: the same however they come, harmless whatever they hold, and never slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.app.test_hostile import harmful
from tests.processor import without_collecting
from tui.app.widgets.answer_parts import AnswerParts, Kind
from tui.app.widgets.answer_rows import AnswerRows
from tui.app.widgets.code_colours import LARGEST, LONGEST_LINE, LONGEST_WORK, colours_of
from tui.app.widgets.line_rows import Row
from tui.app.widgets.markdown_inline import inline

LINES = """# A heading
- an item
  - **deeper** `x`
12. twelve
```py
```
~~~
> quoted

| a | b |
|---|---|
---
- [x] done
""".splitlines(keepends=True)
WORDS = ["words and *more* words ", "snake_case_name ", " **", "_", "`", "[a](b) ", "\\*", "[bold]", "\t", "\r"]
ODD = ["長い", "\x1b[2J", "\u202e", "é\u0301", "👩\u200d👧", "x" * 90]
MARKDOWN = st.lists(st.sampled_from([*LINES, *WORDS, *ODD]), max_size=30).map("".join)
LONG = 1_000_000
LONGEST_FRAME = 0.1
"""Seconds; a frame is asked to take 12 ms, and takes 35 at most on one core of a laptop."""


def laid_out(*pieces: str, width: int = 80) -> AnswerRows:
    rows = AnswerRows(width)
    for piece in pieces:
        rows.feed(piece)
        while not rows.work(1.0):
            pass
    rows.end()
    return rows


def plain(rows: AnswerRows) -> list[tuple[str, object, int]]:
    return [(row.text, row.spans, row.line) for row in rows.rows]


@given(MARKDOWN, st.data())
def test_what_comes_in_pieces_ends_up_as_what_comes_at_once(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert plain(laid_out(*pieces)) == plain(laid_out(text))


@given(MARKDOWN, st.integers(10, 120))
def test_every_row_fits_and_nothing_in_it_reaches_the_terminal_as_a_code(text: str, width: int) -> None:
    for row in laid_out(text, width=width).rows:
        assert cell_len(row.text) <= width
        assert not harmful(row.text)
        assert_styled_in_order(row)


@given(st.text(st.sampled_from("ab*_`~[]()\\ \n#>-|1."), max_size=200))
def test_marks_in_any_order_lose_no_letter(text: str) -> None:
    letters = [letter for letter in text if letter in "ab"]
    shown = "".join(row.text for row in laid_out(text.replace("`", "")).rows)
    # An address that is its own label is shown once.
    assert [letter for letter in shown if letter in "ab"] == letters or "](" in text


def assert_styled_in_order(row: Row) -> None:
    at = 0
    for span in row.spans:
        assert at <= span.start <= span.end <= len(row.text)
        at = span.end


@pytest.mark.parametrize(
    ("marked", "text", "styles"),
    [
        ("a **b** c", "a b c", ["bold"]),
        ("*a* and _b_", "a and b", ["em", "em"]),
        ("***both***", "both", ["bold+em"]),
        ("**b `c`**", "b c", ["bold", "bold+code"]),
        ("`**not bold**`", "**not bold**", ["code"]),
        ("``a`b``", "a`b", ["code"]),
        ("snake_case_name and 2*3*4", "snake_case_name and 2*3*4", []),
        ("~~gone~~", "gone", ["strike"]),
        ("[here](http://x.y/z_(1))", "here (http://x.y/z_(1))", ["link", "url"]),
        ("[http://x](http://x)", "http://x", ["link"]),
        (r"\*as it is\*", "*as it is*", []),
        ("[bold]x[/bold]", "[bold]x[/bold]", []),
        ("an open ** or ` is text", "an open ** or ` is text", []),
    ],
)
def test_emphasis_code_and_links(marked: str, text: str, styles: list[str]) -> None:
    words, spans = inline(marked)
    assert (words, [span.style for span in spans]) == (text, styles)


def test_blocks_of_code_keep_every_space_and_are_copied_without_their_border() -> None:
    rows = laid_out("1. so:\n   ```python\n   def f():\n       return 1\n\n   ```\nand `so` on\n```\nopen")
    texts = [row.text for row in rows.rows]
    assert texts[1].startswith("╭─ python ─")
    assert texts[2:4] == ["│ def f():", "│     return 1"]
    assert [block.text for block in rows.code_blocks] == ["def f():\n    return 1\n", "open"]
    assert texts[-1].startswith("╰─"), "a fence that nobody closed is closed by the end"


def test_lists_hang_and_headings_tasks_rules_and_quotes_are_told_apart() -> None:
    rows = laid_out("## Title ##\n- one two three four\n  - [x] done\n> said\n---\n", width=14)
    assert [row.text for row in rows.rows] == [
        "Title", "• one two", "  three four", "  ☑ done", "▎ said", "─" * 14,
    ]  # fmt: skip


HOSTILE = {
    "one line": "a" * LONG,
    "wide letters": "長" * (LONG // 4),
    "asterisks": "*" * LONG,
    "half emphasis": "**a _b " * (LONG // 7),
    "brackets": "[a](b" * (LONG // 5),
    "backticks": "`" * (LONG // 2),
    "escape codes": "\x1b[31m\x1b[2J" * (LONG // 16),
    "two hundred levels": "".join("  " * level + "- x\n" for level in range(200)),
    "two thousand rows": "| a | **b** |\n" * 2000,
    "quotes": ">" * LONG + "\n",
    "marks on a letter": "e" + "\u0301" * (LONG // 4),
    "lines": "- x\n" * 30_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_no_frame_for_itself(name: str) -> None:
    rows = AnswerRows(80)
    rows.feed(HOSTILE[name])
    longest, done = 0.0, False
    with without_collecting():
        while not done:
            # The processor's time: what else runs on the machine is not ours.
            began = time.process_time()
            done = rows.work(0.012)
            longest = max(longest, time.process_time() - began)
    rows.end()
    assert longest < LONGEST_FRAME
    assert rows.rows


def test_the_cost_of_a_token_does_not_grow_with_the_length_of_the_answer() -> None:
    rows = AnswerRows(80)

    def cost_of(tokens: int) -> float:
        began = time.process_time()
        for number in range(tokens):
            rows.feed(" word\n" if number % 12 == 11 else " word")
            rows.work(1.0)
        return time.process_time() - began

    cost_of(500)
    early = cost_of(2_000)
    cost_of(10_000)
    assert cost_of(2_000) < 2 * early + 0.05


def texts(markdown: str, width: int = 80) -> list[str]:
    return [row.text for row in laid_out(markdown, width=width).rows]


TABLE = """\
before
| model | tok/s | where it runs |
|:------|------:|:-------------:|
| **qwen3** | 83 | koala |
| gemma | 140 | a `b\\|c` |
after
"""


def test_the_columns_of_a_table_stand_under_each_other_once_it_has_ended() -> None:
    assert texts(TABLE) == [
        "before",
        "model │ tok/s │ where it runs",
        "──────┼───────┼──────────────",
        "qwen3 │    83 │     koala",
        "gemma │   140 │     a b|c",
        "after",
    ]


def test_a_table_that_is_too_wide_breaks_within_its_cells_and_one_of_many_columns_stays_as_it_came() -> None:
    long = "words that go on and on until they do not fit"
    assert texts(f"| a | b |\n|---|---|\n| 1 | {long} |", width=30) == [
        "a   │ b",
        "────┼" + "─" * 25,
        "1   │ words that go on and on",
        "    │ until they do not fit",
    ]
    many = "|" + " number |" * 12
    rule = "|" + "---|" * 12
    assert texts(f"{many}\n{rule}", width=40)[0].startswith("| number |")


def test_lines_with_bars_that_are_no_table_stay_as_they_came() -> None:
    assert texts("| a | b |\n| c | d |\nend") == ["| a | b |", "| c | d |", "end"]


@given(
    st.lists(
        st.lists(st.sampled_from(["", "a", "長い", "**b**", "`x|y`", "\x1b[2J", "z" * 50]), max_size=5), max_size=30
    )
)
def test_tables_fit_whatever_their_cells_hold(cells: list[list[str]]) -> None:
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    rows = laid_out("| h | h |\n|---|:-:|\n" + "\n".join(lines), width=33).rows
    for row in rows:
        assert cell_len(row.text) <= 33
        assert not harmful(row.text)
        assert_styled_in_order(row)


def test_a_table_of_two_thousand_rows_holds_nobody_up() -> None:
    rows = AnswerRows(100)
    rows.feed("| a | b | c |\n|---|---|---|\n" + "| some words | 12 | **more** words |\n" * 2_000)
    with without_collecting():
        while True:
            began = time.process_time()
            done = rows.work(0.012)
            assert time.process_time() - began < LONGEST_FRAME
            if done:
                break
    rows.end()
    assert len(rows.rows) == 2_002
    assert len({row.text for row in rows.rows[2:]}) == 1


def test_many_turns_hold_nobody_up_however_short_each_of_them_is() -> None:
    parts = AnswerParts(100)
    for number in range(400):
        parts.add_prompt(f"question {number}?")
        parts.add(Kind.ANSWER, "- some words and **more** words\n" * 40)
    with without_collecting():
        for width in (100, 60):
            if width != parts.width:
                parts.resize(width)
            while parts.behind:
                began = time.process_time()
                parts.work(0.012)
                assert time.process_time() - began < LONGEST_FRAME
            assert parts.height == 400 * (1 + 40) + 799


def coloured(markdown: str, width: int = 80) -> list[Row]:
    rows = laid_out(markdown, width=width)
    for block in rows.uncoloured:
        rows.colour(block, colours_of(block.language, rows.code_lines(block)))
    return rows.rows


def test_words_of_code_have_colours_by_what_they_are() -> None:
    rows = coloured('```py\ndef f():  # why\n\treturn "長い" + 1\n```\n')
    found = {row.text[span.start : span.end]: span.style for row in rows for span in row.spans}
    assert found["def"] == "code-block+code-keyword"
    assert found["f"] == "code-block+code-name"
    assert found["# why"] == "code-block+code-comment"
    assert found["1"] == "code-block+code-number"
    assert {style for text, style in found.items() if "長い" in text} == {"code-block+code-string"}
    for row in rows:
        assert_styled_in_order(row)


@given(
    st.text(st.sampled_from("ab\"'#/*(){}\n\t<>长\x1b=1 "), max_size=200), st.sampled_from(["py", "js", "html", "sh"])
)
def test_colours_change_no_letter_and_no_row(code: str, language: str) -> None:
    text = f"~~~{language}\n{code}\n~~~\n"
    before = laid_out(text, width=24).rows
    after = coloured(text, width=24)
    assert [(row.text, row.line) for row in after] == [(row.text, row.line) for row in before]
    for row in after:
        assert_styled_in_order(row)
        assert sum(span.end - span.start for span in row.spans) == len(row.text)


def test_large_blocks_and_unknown_languages_stay_plain() -> None:
    for text in (
        "```py\n" + "x = 1\n" * 5_000 + "```",
        "```py\n" + "x" * 501 + "\n```",
        "```nonsense\nx\n```",
        "```\nx\n```",
    ):
        assert laid_out(text).uncoloured == []


@pytest.mark.parametrize("opened", ["/*", "<", "<<EOF\n", "<?php "])
@pytest.mark.parametrize("language", ["html", "perl", "ruby"])
def test_hostile_code_is_left_before_it_takes_long(language: str, opened: str) -> None:
    text = opened * (LARGEST // len(opened))
    lines = (
        [text[at : at + LONGEST_LINE] for at in range(0, len(text), LONGEST_LINE)]
        if "\n" not in text
        else text.split("\n")
    )
    began = time.thread_time()
    colours_of(language, lines)
    assert time.thread_time() - began < LONGEST_WORK + LONGEST_FRAME
