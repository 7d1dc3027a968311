"""Mode files are written by hooks, scripts and editors too: every state of them is read, and none stops a reader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.routing.modes import Mode, Modes, read_modes


@pytest.fixture
def external(tmp_path: Path) -> Path:
    return tmp_path / "external-mode.json"


@pytest.fixture
def others(tmp_path: Path) -> Path:
    return tmp_path / "modes.json"


def test_without_files_every_mode_is_off_and_nothing_is_wrong(external: Path, others: Path) -> None:
    assert read_modes(external, others) == Modes()
    assert read_modes(external.parent / "no" / "such" / "folder" / "file", others) == Modes()


def test_both_files_are_read(external: Path, others: Path) -> None:
    external.write_text('{"enabled": true, "activated_at": "2026-11-20T14:02:11Z", "reason": "quota", "by": "a hook"}')
    hold = {"koala": {"enabled": True, "activated_at": None, "reason": "a game"}, "iguana": {"enabled": False}}
    others.write_text(json.dumps({"private": {"enabled": True}, "hold": hold, "of a later version": 1}))
    modes = read_modes(external, others)
    assert modes.external == Mode(True, "2026-11-20T14:02:11Z", "quota")
    assert modes.external.since is not None
    assert modes.external.since.isoformat().startswith("2026-11-20")
    assert modes.private == Mode(True)
    assert modes.hold == {"koala": Mode(True, None, "a game")}
    assert not modes.problems


BROKEN = {
    "empty": b"",
    "half": b'{"enabled": tr',
    "no JSON": b"enabled = true",
    "no UTF-8": b'{"enabled": true, "reason": "\xff"}',
    "UTF-16": '{"enabled": true}'.encode("utf-16"),
    "a list": b"[true]",
    "a word": b"true",
    "nothing": b"null",
    "a word for yes": b'{"enabled": "yes"}',
    "a number for yes": b'{"enabled": 1}',
    "without the one field": b'{"activated_at": null}',
    "a number for a reason": b'{"enabled": true, "reason": 7}',
    "deep": b'{"enabled": true, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "zeros": bytes(4096),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_named_and_does_not_hide_the_other(case: str, external: Path, others: Path) -> None:
    external.write_bytes(BROKEN[case])
    others.write_text('{"private": {"enabled": true}}')
    modes = read_modes(external, others)
    assert modes.private.enabled
    assert not modes.external.enabled
    assert (modes.external_unknown, modes.private_unknown) == (True, False)
    assert len(modes.problems) == 1
    assert modes.problems[0].startswith(f"{external} is not what a mode file holds: ")
    assert modes.problems[0].isprintable()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b'{"private": {"enabled"', b"[]", b'{"private": true}', b'{"private": {"enabled": "yes"}}'),
        *(b'{"hold": []}', b'{"private": {"enabled": true}, "hold": {"koala": true}}'),
    ],
)
def test_where_it_cannot_be_read_whether_private_mode_is_on_that_is_told(
    content: bytes, external: Path, others: Path
) -> None:
    external.write_text('{"enabled": true}')
    others.write_bytes(content)
    modes = read_modes(external, others)
    assert modes.external.enabled
    assert (modes.external_unknown, modes.private_unknown) == (False, True)
    assert len(modes.problems) == 1
    assert str(others) in modes.problems[0]


def test_a_folder_in_the_place_of_a_file(external: Path, others: Path) -> None:
    external.mkdir()
    assert read_modes(external, others).problems == (f"{external} cannot be read: is a directory",)


@pytest.mark.parametrize(
    "activated_at", ["", "yesterday", "2026-13-45", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "\x1b[2J"]
)
def test_a_time_that_is_none_is_no_time(activated_at: str, external: Path, others: Path) -> None:
    external.write_text(json.dumps({"enabled": True, "activated_at": activated_at}))
    modes = read_modes(external, others)
    assert modes.external.enabled
    assert modes.external.since is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FILES = st.binary(max_size=40) | st.builds(
    lambda value: json.dumps(value).encode(),
    JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(("enabled", "reason", "private", "hold"), JSON)),
)


@given(content=FILES, other_content=FILES)
def test_whatever_the_files_hold_they_are_read(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, other_content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "external").write_bytes(content)
    (folder / "others").write_bytes(other_content)
    modes = read_modes(folder / "external", folder / "others")
    assert isinstance(modes.external.enabled, bool)
    assert len(modes.problems) <= 2
