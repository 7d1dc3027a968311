from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui.config.paths import state_home
from tui.routing import mode_files
from tui.routing.mode_files import Flip, FlipRefused, flip_external, flip_hold, flip_private
from tui.routing.modes import Mode, read_modes

CROWD = Path(__file__).with_name("mode_crowd.py")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "claude" / "state" / "external-mode.json"


@pytest.fixture
def memory_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in memory where there is one: ten thousand waits for a disk would take a minute."""
    import shutil
    import tempfile

    root = "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(tmp_path)
    folder = Path(tempfile.mkdtemp(dir=root))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    yield folder
    shutil.rmtree(folder)


def _external(file: Path) -> Mode:
    modes = read_modes(file, file.with_name("no-such-file"))
    assert modes.problems == ()
    return modes.external


def test_switching_on_writes_exactly_the_three_fields_for_its_owner_alone(file: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    flipped = flip_external(file, Flip.ON, "quota")
    document = json.loads(file.read_bytes())
    assert list(document) == ["enabled", "activated_at", "reason"]
    assert document["enabled"] is True
    assert document["reason"] == "quota"
    assert document["activated_at"].endswith("Z")
    assert before <= datetime.fromisoformat(document["activated_at"]) <= datetime.now(UTC)
    assert file.stat().st_mode & 0o777 == 0o600
    assert flipped.changed
    assert flipped.mode == _external(file)


def test_switching_off_clears_the_time_and_the_reason(file: Path) -> None:
    flip_external(file, Flip.ON, "quota")
    assert flip_external(file, Flip.OFF).changed
    assert json.loads(file.read_bytes()) == {"enabled": False, "activated_at": None, "reason": None}


def test_switching_on_what_is_on_keeps_since_when_and_why(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text('{"enabled": true, "activated_at": "2026-11-20T09:00:00Z", "reason": "quota"}')
    inode = file.stat().st_ino
    assert not flip_external(file, Flip.ON).changed
    assert file.stat().st_ino == inode, "nothing changed, so nobody has to be woken"
    flip_external(file, Flip.ON, "travelling")
    assert _external(file) == Mode(True, "2026-11-20T09:00:00Z", "travelling")


def test_keys_of_other_programs_are_kept(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text('{"owner": {"hook": [1, 12345678901234567890123]}, "enabled": false, "note": "é"}')
    flip_external(file, Flip.ON)
    document = json.loads(file.read_bytes())
    assert document["owner"] == {"hook": [1, 12345678901234567890123]}
    assert document["note"] == "é"
    modes_file = tmp_path / "modes.json"
    modes_file.write_text(
        '{"private": {"enabled": false, "by": "me"}, "other": 1, "hold": {"koala": {"enabled": true}}}'
    )
    flip_private(modes_file, Flip.ON)
    flip_hold(modes_file, "iguana", Flip.ON, "a game")
    document = json.loads(modes_file.read_bytes())
    assert document["other"] == 1
    assert document["private"]["by"] == "me"
    modes = read_modes(file, modes_file)
    assert modes.private.enabled
    assert {name: hold.reason for name, hold in modes.hold.items()} == {"koala": None, "iguana": "a game"}
    flip_hold(modes_file, "koala", Flip.OFF)
    assert list(read_modes(file, modes_file).hold) == ["iguana"]


def test_a_reason_that_is_no_text_does_not_break_the_file(file: Path) -> None:
    assert flip_external(file, Flip.ON, "caf\udce9 \x00").mode == _external(file)


def test_a_link_is_followed_and_the_rights_of_the_file_stay(file: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "mode.json"
    file.parent.mkdir(parents=True)
    file.symlink_to(real)
    flip_external(file, Flip.ON)
    assert file.is_symlink()
    real.chmod(0o644)
    flip_external(file, Flip.OFF)
    assert file.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o644
    assert not _external(file).enabled


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"enabled": tr',
        b"[]",
        b'{"enabled": "yes"}',
        b'{"activated_at": null}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_file_that_makes_no_sense_is_left_alone_and_says_what_to_do(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    with pytest.raises(FlipRefused, match=r"not what a mode file holds.*--force") as refused:
        flip_external(file, Flip.TOGGLE)
    assert refused.value.mendable
    assert str(file) in str(refused.value)
    assert file.read_bytes() == content
    flip_external(file, Flip.ON, "mended", force=True)
    assert _external(file).reason == "mended"
    assert file.with_name("external-mode.json.broken").read_bytes() == content


def test_a_file_that_another_program_is_just_writing_is_waited_for(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text('{"enabled": tr')
    looked = threading.Event()

    def finish_writing() -> None:
        looked.wait(5)
        file.write_text('{"enabled": true, "theirs": 1}')

    other = threading.Thread(target=finish_writing)
    other.start()

    def wait_for_it(_: float) -> None:
        looked.set()
        other.join()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", wait_for_it)
        flip_external(file, Flip.OFF)
    assert json.loads(file.read_bytes())["theirs"] == 1
    assert not _external(file).enabled


def test_a_change_by_a_program_that_takes_no_lock_is_not_lost(file: Path) -> None:
    flip_external(file, Flip.OFF)
    real_fsync = os.fsync
    with pytest.MonkeyPatch.context() as patch:

        def meanwhile(descriptor: int) -> None:
            real_fsync(descriptor)
            patch.setattr(os, "fsync", real_fsync)
            file.write_text('{"enabled": true, "activated_at": "2026-11-20T09:00:00Z", "theirs": 1}')

        patch.setattr(os, "fsync", meanwhile)
        assert not flip_external(file, Flip.TOGGLE).mode.enabled
    assert json.loads(file.read_bytes()) == {"enabled": False, "activated_at": None, "theirs": 1, "reason": None}


def test_what_cannot_be_written_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FlipRefused, match=r"file.*cannot be (read|written): not a directory"):
        flip_external(tmp_path / "file" / "external-mode.json", Flip.ON)
    with pytest.raises(FlipRefused, match="no regular file"):
        flip_external(tmp_path, Flip.ON)
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(FlipRefused, match="circle"):
        flip_external(circle, Flip.ON)


def test_nothing_is_left_beside_the_file(file: Path) -> None:
    for _ in range(3):
        flip_external(file, Flip.TOGGLE)
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_a_flip_gives_up_when_somebody_sits_on_the_lock(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flip_external(file, Flip.OFF)
    monkeypatch.setattr(mode_files, "LOCK_TIMEOUT", 0.05)
    lock = os.open(state_home() / "modes.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(FlipRefused, match="try again"):
        flip_external(file, Flip.ON)
    os.close(lock)
    monkeypatch.setattr(mode_files, "LOCK_TIMEOUT", 5.0)
    assert flip_external(file, Flip.ON).changed, "the wait that was given up holds nothing"


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_kill_in_the_middle_of_a_write_leaves_a_valid_file(file: Path, moment: str) -> None:
    flip_external(file, Flip.ON, "before")
    target = {"fsync": "os.fsync", "replace": "pathlib.Path.replace"}[moment]
    program = (
        "import os, pathlib, signal, sys\n"
        "from tui.routing.mode_files import Flip, flip_external\n"
        f"{target} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "flip_external(pathlib.Path(sys.argv[1]), Flip.TOGGLE)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(file)], timeout=30)
    assert killed.returncode == -signal.SIGKILL
    assert _external(file).reason == "before"
    assert flip_external(file, Flip.TOGGLE).changed, "the dead program's lock is gone with it"


def test_of_fifty_processes_that_flip_no_flip_is_lost_and_every_read_is_whole(memory_folder: Path) -> None:
    file = memory_folder / "external-mode.json"
    crowd = [sys.executable, str(CROWD), str(file), "50", "200", "10"]
    outcome = subprocess.run(crowd, capture_output=True, timeout=120, check=False)
    assert outcome.returncode == 0, outcome.stderr.decode()
    assert int(outcome.stdout) > 100, "the readers read while it was written"
    assert not _external(file).enabled, "10 000 flips from off end at off"
    odd = subprocess.run([*crowd[:3], "7", "3", "2"], capture_output=True, timeout=60, check=False)
    assert odd.returncode == 0, odd.stderr.decode()
    assert _external(file).enabled, "21 flips from off end at on"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.sampled_from(Flip), st.none() | st.text(max_size=20)), max_size=6))
def test_a_mode_is_what_the_last_flips_made_it(flips: list[tuple[Flip, str | None]], memory_folder: Path) -> None:
    file = memory_folder / "external-mode.json"
    file.unlink(missing_ok=True)
    enabled = False
    for flip, reason in flips:
        enabled = {Flip.ON: True, Flip.OFF: False, Flip.TOGGLE: not enabled}[flip]
        mode = flip_external(file, flip, reason).mode
        assert mode == _external(file)
        assert mode.enabled is enabled
        assert (mode.since is not None) is enabled
        assert reason is None or mode.reason == reason
