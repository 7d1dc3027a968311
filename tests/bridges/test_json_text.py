from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.bridges.json_text import NoJson, append_item, read_json_text, remove, set_member

few = settings(max_examples=50, deadline=None)
names = st.text(max_size=5)
plain = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)
values: st.SearchStrategy[Any] = st.recursive(
    plain | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
gaps = st.sampled_from(["", " ", "\n", "\n  ", "\t", "\r\n    ", " /* c } */ ", " // x, {\n  "])


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, Any]:
    """A document with odd gaps and comments, and what it means."""
    value = draw(st.dictionaries(names, values, min_size=1, max_size=4))

    def gap() -> str:
        return draw(gaps)

    def written(part: Any) -> str:
        if isinstance(part, dict):
            members = (f"{gap()}{json.dumps(name)}{gap()}:{gap()}{written(one)}{gap()}" for name, one in part.items())
            return "{" + (",".join(members) or gap()) + "}"
        if isinstance(part, list):
            return "[" + (",".join(f"{gap()}{written(one)}{gap()}" for one in part) or gap()) + "]"
        return json.dumps(part)

    return draw(gaps) + written(value) + draw(gaps), value


@few
@given(documents())
def test_a_text_means_what_json_says(document: tuple[str, Any]) -> None:
    text, value = document
    assert read_json_text(text).root.value == value


@few
@given(documents(), names, values)
def test_a_new_member_comes_and_goes_without_a_trace(document: tuple[str, Any], name: str, value: Any) -> None:
    text, before = document
    if name in before:
        return
    changed = set_member(text, (name,), value)
    assert read_json_text(changed).root.value == {**before, name: value}
    assert read_json_text(remove(changed, (name,))).root.value == before
    if "//" not in text:
        assert remove(changed, (name,)) == text


@few
@given(documents(), values, st.data())
def test_a_member_is_changed_in_its_place(document: tuple[str, Any], value: Any, data: st.DataObject) -> None:
    text, before = document
    name = data.draw(st.sampled_from(list(before)))
    node = read_json_text(text).find((name,))
    changed = set_member(text, (name,), value)
    assert changed.startswith(text[: node.start])
    assert changed.endswith(text[node.end :])


@few
@given(documents(), st.data())
def test_what_is_removed_takes_nothing_along(document: tuple[str, Any], data: st.DataObject) -> None:
    text, before = document
    name = data.draw(st.sampled_from(list(before)))
    after = dict(before)
    del after[name]
    assert read_json_text(remove(text, (name,))).root.value == after


@few
@given(st.lists(values, max_size=3), values, st.sampled_from([None, 2, "\t"]))
def test_an_item_is_added_at_the_end(items: list[Any], value: Any, indent: int | str | None) -> None:
    text = json.dumps({"a": items}, indent=indent, ensure_ascii=False)
    changed = append_item(text, ("a",), value)
    assert json.loads(changed) == {"a": [*items, value]}
    if items:
        assert remove(changed, ("a", len(items))) == text
        if indent is not None:
            assert changed == json.dumps({"a": [*items, value]}, indent=indent, ensure_ascii=False)


@few
@given(st.text(alphabet='{}[]",:/*\n\\ 1a', max_size=12))
def test_what_strict_json_takes_is_taken_and_nothing_crashes(text: str) -> None:
    try:
        found = read_json_text(text)
    except NoJson:
        with pytest.raises(ValueError):
            json.loads(text)
        return
    if found.beyond_json is None:
        assert json.loads(text) == found.root.value
    else:
        with pytest.raises(ValueError):
            json.loads(text)
