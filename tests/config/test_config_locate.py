from __future__ import annotations

import tomllib
from typing import Any

import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.config.toml_documents import documents
from tui.config.errors import Where
from tui.config.locate import locate

_SCALARS = st.one_of(st.booleans(), st.integers(-(2**40), 2**40), st.text(max_size=12), st.dates())
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=6), inner, max_size=3),
    max_leaves=12,
)


def everything_in(value: Any, where: Where = ()) -> list[tuple[Where, Any]]:
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return [(where, value)] + [found for name, child in children for found in everything_in(child, (*where, name))]


def check_layout(text: str) -> None:
    layout = locate(text)
    found = dict(everything_in(tomllib.loads(text)))
    del found[()]
    assert set(layout.lines) == set(found), "every table, setting and item has a line, and nothing else does"
    for where, span in layout.settings.items():
        assert tomllib.loads(f"value = {text[span.value : span.end]}")["value"] == found[where]
        assert layout.lines[where] == text.count("\n", 0, span.start) + 1
    for where, value in found.items():
        assert where in layout.settings or isinstance(where[-1], int) or isinstance(value, dict | list)


@given(documents())
@settings(max_examples=100, deadline=None)
def test_every_setting_of_a_hand_written_document_is_found_where_it_stands(text: str) -> None:
    check_layout(text)


@given(st.dictionaries(st.text(min_size=1, max_size=6), _TREES, max_size=5))
@settings(max_examples=100, deadline=None)
def test_every_setting_of_a_generated_document_is_found_where_it_stands(tree: dict[str, Any]) -> None:
    text = tomlkit.dumps(tree)
    if tomllib.loads(text) == tree:
        check_layout(text)


def test_lists_of_tables_are_counted() -> None:
    layout = locate("[[a]]\nx = 1\n[[a.b]]\ny = 1\n[[a]]\n[[a.b]]\n[a.b.c]\nz = 1\n")
    assert layout.lines[("a", 1, "b", 0, "c", "z")] == 8
    assert layout.lines[("a", 0, "b", 0, "y")] == 4


def test_the_line_of_something_missing_is_that_of_the_table_it_belongs_to() -> None:
    layout = locate('\n[services."a/b"]\nkind = "http"\n')
    assert layout.line_of(("services", "a/b", "url")) == 2
    assert layout.line_of(("panel", "theme")) is None


def test_a_table_stands_at_its_header_even_when_a_part_of_it_came_before() -> None:
    layout = locate("[a.b]\n[a]\nx = 1\n")
    assert layout.lines[("a",)] == 2
