"""TOML as people write it: tables in any order, comments anywhere, lists over several lines, both kinds of line end."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = ("koala", "a-b", "x/y.z", 'quo"te', "größe")
_BLANK = st.sampled_from(["", "", "# a comment", "# [not.a.table]", '# key = "value"', "\t", "  # indented"])
_VALUES = st.sampled_from(
    [
        '"text"',
        "'[literal]'",
        '"# no comment"',
        '"a \\" quote"',
        "3",
        "1_000.5",
        "true",
        "2026-11-20T14:02:11Z",
        "2026-11-20 14:02:11",
        "[]",
        '["a", "b"]',
        '[ # first\n  "]",\n\n  [1, 2], # "\n  { c = "}" },\n]',
        '"""\n[header]\nname = 1 # no comment\n"""""',
        "'''\n[[header]]\n''' ",
        "{}",
        '{ env = "NAME" }',
        "{a={b=1},c=[ {d=2} ]}",
    ]
)
_SETTING_NAMES = ("kind", "url", '"quoted name"', "'literal.name'", "dotted.one", "dotted . two", "plain")


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A valid document with two levels of tables."""
    lines: list[str] = []
    headers = ["panel", "tasks", *(f'services."{name}"'.replace('quo"te', 'quo\\"te') for name in NAMES)]
    chosen = draw(st.lists(st.sampled_from(headers), unique=True, max_size=5))
    for header in ["", *chosen]:
        lines += draw(st.lists(_BLANK, max_size=3))
        if header:
            lines.append(draw(st.sampled_from(["[{}]", "[ {} ] # about", "  [{}]"])).format(header))
        for name in draw(st.lists(st.sampled_from(_SETTING_NAMES), unique=True, max_size=4)):
            lines += draw(st.lists(_BLANK, max_size=1))
            form = draw(st.sampled_from(["{} = {}", "{}={}", "  {}   = {}   # about it", "{} = {} "]))
            lines.append(form.format(name, draw(_VALUES)))
    text = "\n".join([*lines, *draw(st.lists(_BLANK, max_size=2))]) + draw(st.sampled_from(["", "\n"]))
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
