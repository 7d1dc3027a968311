"""An edit changes what it is asked to change and not one byte more, whatever the rest of the file looks like."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.config.toml_documents import NAMES, documents
from tui.config.locate import locate
from tui.config.splice import NoSuchPlace, Setting, remove_setting, set_setting

DOCUMENTED = Path(__file__).with_name("documented.toml").read_text(encoding="utf-8")
_VALUES = st.one_of(
    st.text(max_size=20),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5), max_size=2),
)
_PLACES = st.one_of(
    st.tuples(st.sampled_from(["panel", "tasks", "mcp", "new"]), st.sampled_from(["kind", "a.b", "", "quoted name"])),
    st.tuples(st.just("services"), st.sampled_from(NAMES), st.sampled_from(["kind", "url", "fresh"])),
)


def value_at(text: str, where: Setting) -> Any:
    value: Any = tomllib.loads(text)
    for name in where:
        value = value[name]
    return value


def with_value(document: dict[str, Any], where: Setting, value: Any) -> dict[str, Any]:
    name, *rest = where
    return {**document, name: with_value(document.get(name, {}), tuple(rest), value) if rest else value}


@given(documents(), _PLACES, _VALUES)
@settings(max_examples=100, deadline=None)
def test_a_setting_is_set_and_every_other_byte_stays(text: str, where: Setting, value: Any) -> None:
    layout = locate(text)
    after = set_setting(text, where, value)
    assert tomllib.loads(after) == with_value(tomllib.loads(text), where, value)
    if where in layout.settings:
        span = layout.settings[where]
        assert after.startswith(text[: span.value])
        assert after.endswith(text[span.end :])
    else:
        same = next((at for at, pair in enumerate(zip(text, after, strict=False)) if pair[0] != pair[1]), len(text))
        assert after.endswith(text[same:]), "something was put in at one place, and nothing else happened"
        assert "\r\n" not in text or "\n" not in after.replace("\r\n", "")
    assert set_setting(after, where, value) == after


@given(documents(), st.data())
@settings(max_examples=100, deadline=None)
def test_a_setting_is_removed_and_every_other_line_stays(text: str, data: st.DataObject) -> None:
    layout = locate(text)
    places = [where for where in layout.settings if all(isinstance(name, str) for name in where)]
    places += [where for where in layout.tables if where]
    if not places:
        return
    where = tuple(str(name) for name in data.draw(st.sampled_from(places)))
    after = remove_setting(text, where)
    assert where not in locate(after).lines
    if where in layout.settings:
        span = layout.settings[where]
        outer = next((where[:length] for length in range(1, len(where)) if where[:length] in layout.settings), None)
        if outer is None:
            assert after == text[: text.rfind("\n", 0, span.start) + 1] + text[span.end :].partition("\n")[2]
        else:
            table = layout.settings[outer]
            assert after.startswith(text[: table.value])
            assert after.endswith(text[table.end :])
        return
    # A table goes with what is in it; the lines above its header and below its last setting stay, comments too.
    gone = [span for table, span in layout.tables.items() if table[: len(where)] == where]
    gone += [span for setting, span in layout.settings.items() if setting[: len(where)] == where]
    taken = [(text.rfind("\n", 0, span.start) + 1, span.end) for span in gone]
    assert after == "".join(
        line for start, line in lines_of(text) if not any(first <= start <= last for first, last in taken)
    )


def lines_of(text: str) -> list[tuple[int, str]]:
    """Each line with its end, and the offset where it begins."""
    found, start = [], 0
    for line in text.splitlines(keepends=True):
        found.append((start, line))
        start += len(line)
    return found


@given(documents(), _PLACES, _VALUES)
@settings(max_examples=100, deadline=None)
def test_what_was_added_to_a_table_is_removed_without_a_trace(text: str, where: Setting, value: Any) -> None:
    layout = locate(text)
    if where in layout.lines or where[:-1] not in layout.tables or not text.endswith("\n"):
        return
    if isinstance(value, dict):
        return
    assert remove_setting(set_setting(text, where, value), where) == text


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = before.split("\n"), after.split("\n")
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    return old, new


@pytest.mark.parametrize(
    ("where", "value", "old", "new"),
    [
        (("panel", "theme"), "light", ['theme   = "fleet-dark"'], ['theme   = "light"']),
        (
            ("panel", "refresh"),
            2.5,
            ["refresh = 1.0                         # seconds between samples of a machine"],
            ["refresh = 2.5                         # seconds between samples of a machine"],
        ),
        (("services", "ollama", "unit"), "ollama.service", [], ['unit = "ollama.service"']),
        (
            ("tasks", "quick", "private"),
            True,
            ['quick           = { models = ["llama-swap/gemma", "copilot/claude-haiku-4.5"], prefer = "warm" }'],
            [
                'quick           = { models = ["llama-swap/gemma", "copilot/claude-haiku-4.5"], '
                'prefer = "warm", private = true }'
            ],
        ),
        (("keys", "unit.start"), "s", [], ['"unit.start" = "s"']),
        (("keys", "unit.stop"), "X", ['"unit.stop" = "S"'], ['"unit.stop" = "X"']),
        (("tasks", "new"), ["llama-swap/qwen3"], [], ['new = ["llama-swap/qwen3"]']),
        (("ledger", "keep_text"), "all", [], []),
    ],
)
def test_an_edit_of_the_documented_example_reads_as_a_person_would_write_it(
    where: Setting, value: object, old: list[str], new: list[str]
) -> None:
    assert changed_lines(DOCUMENTED, set_setting(DOCUMENTED, where, value)) == (old, new)


def test_a_new_service_stands_below_the_last_one_and_above_the_next_sections_comment() -> None:
    text = '[services.a]\nkind = "http"   # about a\n\n# What follows is about keys.\n[keys]\n"x" = "y"\n'
    value = {"kind": "litellm", "url": "http://b", "key": {"env": "B_KEY"}}
    after = set_setting(text, ("services", "b"), value)
    assert after == text.replace(
        "\n\n# What", '\n\n[services.b]\nkind = "litellm"\nurl = "http://b"\nkey = { env = "B_KEY" }\n\n# What'
    )
    assert remove_setting(text, ("services", "a")) == text.split("\n", 2)[2]


def test_a_section_that_is_missing_is_added_at_the_end() -> None:
    assert set_setting("", ("panel", "theme"), "x") == '[panel]\ntheme = "x"\n'
    assert set_setting("[a]\nb = 1", ("panel", "theme"), "x") == '[a]\nb = 1\n\n[panel]\ntheme = "x"\n'


def test_a_setting_joins_its_neighbours_written_with_dots() -> None:
    text = '[services]\nx.kind = "http"\nx.url = "http://x"\n\n[panel]\n'
    assert set_setting(text, ("services", "x", "expect"), "ok") == text.replace(
        '"http://x"\n', '"http://x"\nx.expect = "ok"\n'
    )


def test_setting_a_table_keeps_the_comments_on_what_stays() -> None:
    text = '[services.x]\nkind = "http"   # kept\nurl = "http://x"\nexpect = "ok"\n'
    after = set_setting(text, ("services", "x"), {"kind": "http", "url": "http://y"})
    assert after == '[services.x]\nkind = "http"   # kept\nurl = "http://y"\n'


COMMENTED = """\
models = [  # in my order
    # never without asking me
    "a",   # cheap, mostly

    # the good one
    "b",
    'c'    # dear
    # more to come
]  # end
"""


def test_items_of_a_list_over_several_lines_take_their_comments_along() -> None:
    assert (
        set_setting(COMMENTED, ("models",), ["c", "d", "a"])
        == """\
models = [  # in my order
    # the good one
    'c',    # dear
    "d",
    # never without asking me
    "a"   # cheap, mostly
    # more to come
]  # end
"""
    )
    assert (
        set_setting(COMMENTED, ("models",), [])
        == """\
models = [  # in my order
    # never without asking me
    # the good one
    # more to come
]  # end
"""
    )


_GAPS = st.sampled_from(["", " ", "\n", "\n  ", " # note\n  ", '\n  # above, with [a] "comma"\n\n  '])


@given(st.lists(st.sampled_from("abcde"), max_size=5), st.lists(st.sampled_from("abcdefg"), max_size=5), st.data())
@settings(max_examples=200, deadline=None)
def test_a_list_in_any_layout_gets_any_other_items(before: list[str], after: list[str], data: st.DataObject) -> None:
    def gap() -> str:
        return data.draw(_GAPS)

    comma = data.draw(st.sampled_from(["", ","])) if before else ""
    written = ",".join(f'{gap()}"{item}"{gap()}' for item in before)
    text = f"x = [{gap()}{written}{comma}{gap()}]\ny = 1\n"
    text = text.replace("\n", data.draw(st.sampled_from(["\n", "\r\n"])))
    changed = set_setting(text, ("x",), after)
    assert tomllib.loads(changed) == {"x": after, "y": 1}
    assert ("\r\n" in text) == ("\r\n" in changed)
    if set(before) <= set(after) and len(after) >= len(before) == len(set(before)):
        assert changed.count("# note") == text.count("# note"), "whoever stays keeps what is written beside it"
        assert changed.count("# above") == text.count("# above")


def test_what_is_not_there_cannot_be_removed_nor_a_value_be_a_table() -> None:
    with pytest.raises(NoSuchPlace, match=r"panel\.theme is not in the file"):
        remove_setting("[panel]\n", ("panel", "theme"))
    with pytest.raises(NoSuchPlace, match=r"panel is no table"):
        set_setting("panel = 3\n", ("panel", "theme"), "x")
    with pytest.raises(NoSuchPlace, match=r"panel is a table; set what is in it"):
        set_setting("[panel]\n", ("panel",), 3)
