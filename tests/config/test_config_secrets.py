"""Whatever is wrong with a file, what stands right of an equals sign is not repeated in the error."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.config.errors import ConfigError
from tui.config.load import parse_config

DOCUMENTED = Path(__file__).with_name("documented.toml").read_text(encoding="utf-8")
CANARY = "CaNaRy4242"
_STRINGS = [match.span() for match in re.finditer(r'(?<=[ \[=])"[^"\n]*"', DOCUMENTED)]


def everything_said(text: str) -> str | None:
    try:
        parse_config(text, Path("config.toml"))
    except ConfigError as error:
        return "\n".join([str(error), repr(error), *map(repr, error.problems), *traceback.format_exception(error)])
    return None


@given(
    st.sampled_from(_STRINGS),
    st.sampled_from(
        ['"{}"', '"http://u:{}@h"', '["{}"]', '{{ value = "{}" }}', '"{}/x"', "'''{}'''", '"{}', "{}", '"\\q{}"']
    ),
    st.sampled_from(["", "sk-", "sk_", "a/"]),
)
@settings(max_examples=120, deadline=None)
def test_a_value_is_never_in_an_error(place: tuple[int, int], form: str, prefix: str) -> None:
    start, end = place
    text = DOCUMENTED[:start] + form.format(prefix + CANARY) + DOCUMENTED[end:]
    said = everything_said(text)
    assert said is None or CANARY not in said


@pytest.mark.parametrize(
    "line",
    [
        'key = "{}',
        "key = {}",
        'key = "{}" x',
        'key = {{ "{}" }}',
        'key = {{ {} = "x" }}',
        "key = '{}\n'",
        'key = {{ env = "{}',
        "key {}",
    ],
)
def test_a_key_is_not_in_a_syntax_error_either(line: str) -> None:
    said = everything_said(f'[services.x]\nkind = "http"\nurl = "http://x"\n{line.format(CANARY)}\n')
    assert said is not None
    assert CANARY not in said


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[a]\nb = "x\nc = 3', 2, "a line end or control character stands where none may be"),
        ("a = nope", 1, "a value is text in quotes, a number, true, false, a [list] or a { table }"),
        ("[a]\n[a]", 2, "this table stands twice in the file; join the two"),
        ("[a]\nb = 1\nb = 2", 3, "this setting or table stands twice in the file; leave one out"),
        ("[a", 1, "a table is written [name]"),
        ("a/b = 1", 1, "a setting is written name = value"),
        ("x = [1\n2]", 2, "a list lacks its ] or a comma between two items"),
    ],
)
def test_a_syntax_error_names_the_line_and_what_is_expected_there(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_config(text, Path("config.toml"))
    (problem,) = raised.value.problems
    assert problem.line == line
    assert problem.text.startswith(f"not valid TOML: {words}")
