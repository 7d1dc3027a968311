"""Machines, units and journals in words: what systemd, NVML and programs say, for a person to act on."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.fleet.machine_gpus import gpu_error_words, gpu_snapshots, unit_of
from tui.fleet.machine_journal import harmless, journal_entry, journal_trouble
from tui.fleet.machine_smi import gpu_of_row
from tui.fleet.machine_trouble import tailscale_check, trouble_of_ssh
from tui.fleet.machine_units import unit_snapshot
from tui.fleet.machine_wire import GpuError, GpuSample, JournalFields, MemoryInfo, UnitShown
from tui.fleet.snapshot import HostMemory, UnitSnapshot, UnitState

UNIT = "llama-swap.service"
NOW = 1_795_000_000.0


def shown(text: str, *, error: str = "", status: int | None = 0, scope: str = "user") -> UnitSnapshot:
    """A unit of which ``systemctl show`` says ``text``, its properties separated by spaces."""
    out = text.replace(" ", "\n")
    return unit_snapshot(UnitShown(UNIT, scope, 5000.0, status, out, error), NOW, "koala")


LOADED = "LoadState=loaded"
FAILED = f"{LOADED} ActiveState=failed SubState=failed"
STATES = {
    "running": (f"{LOADED} ActiveState=active SubState=running Result=success", UnitState.ACTIVE, ""),
    "stopped": (f"{LOADED} ActiveState=inactive SubState=dead Result=success", UnitState.INACTIVE, ""),
    "exit 3": (
        f"{FAILED} Result=exit-code ExecMainCode=1 ExecMainStatus=3",
        UnitState.FAILED,
        "ended with status 3",
    ),
    "binary missing": (
        f"{FAILED} Result=exit-code ExecMainCode=1 ExecMainStatus=203",
        UnitState.FAILED,
        "its program is missing or cannot be executed (status 203)",
    ),
    "segmentation fault": (
        f"{FAILED} Result=signal ExecMainCode=2 ExecMainStatus=11",
        UnitState.FAILED,
        "was killed by SIGSEGV",
    ),
    "core dump": (
        f"{FAILED} Result=core-dump ExecMainCode=3 ExecMainStatus=6",
        UnitState.FAILED,
        "was killed by SIGABRT",
    ),
    "crash loop": (
        f"{LOADED} ActiveState=activating SubState=auto-restart Result=exit-code ExecMainCode=1 ExecMainStatus=1 "
        "NRestarts=4",
        UnitState.ACTIVATING,
        "ended with status 1; systemd starts it again (4 so far)",
    ),
    "start limit": (
        f"{FAILED} Result=exit-code ExecMainCode=1 ExecMainStatus=1 NRestarts=3",
        UnitState.FAILED,
        "ended with status 1, 4 times in a row: systemd has given up",
    ),
    "start limit, newer systemd": (
        f"{FAILED} Result=start-limit-hit",
        UnitState.FAILED,
        "was started too often in a short time",
    ),
    "starting": (
        f"{LOADED} ActiveState=activating SubState=start-pre Result=success Job=166",
        UnitState.ACTIVATING,
        "is starting",
    ),
    "ignores TERM": (
        f"{LOADED} ActiveState=deactivating SubState=stop-sigterm Result=success Job=196",
        UnitState.DEACTIVATING,
        "is stopping; systemd kills it when that takes too long (90 s, where its file says nothing else)",
    ),
    "ignored TERM": (
        f"{FAILED} Result=timeout ExecMainCode=2 ExecMainStatus=9",
        UnitState.FAILED,
        "did not start or stop in time, and was ended by SIGKILL",
    ),
    "out of memory": (f"{FAILED} Result=oom-kill", UnitState.FAILED, "was killed because memory ran out"),
    "masked": (
        "LoadState=masked ActiveState=inactive SubState=dead Result=success",
        UnitState.INACTIVE,
        "is masked: `systemctl --user unmask llama-swap.service` frees it",
    ),
    "no such unit": (
        "LoadState=not-found ActiveState=inactive SubState=dead Result=success",
        UnitState.INACTIVE,
        "there is no unit llama-swap.service on koala",
    ),
    "broken file": (
        "LoadState=bad-setting ActiveState=inactive SubState=dead",
        UnitState.INACTIVE,
        "its unit file cannot be used (bad-setting)",
    ),
    "a word of a later systemd": (f"{LOADED} ActiveState=dreaming SubState=deeply", UnitState.UNKNOWN, ""),
}


@pytest.mark.parametrize("name", STATES)
def test_every_state_of_a_unit_is_shown_for_what_it_is(name: str) -> None:
    text, state, reason = STATES[name]
    unit = shown(text)
    assert (unit.state, unit.reason) == (state, reason)


def test_a_units_age_is_counted_on_its_own_machines_clock() -> None:
    assert shown(f"{LOADED} ActiveState=active StateChangeTimestampMonotonic=4990000000").since == NOW - 10
    assert shown(f"{LOADED} ActiveState=inactive StateChangeTimestampMonotonic=0").since is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("Failed to connect to bus: No medium found", "no systemd of yours runs on koala"),
        ("Failed to connect to bus: No such file or directory", "`loginctl enable-linger` there starts it"),
        (
            "Failed to connect to user scope bus via local transport: $DBUS_SESSION_BUS_ADDRESS and "
            "$XDG_RUNTIME_DIR not defined",
            "no systemd of yours runs on koala",
        ),
        ("Failed to connect to bus: Operation not permitted", "systemd on koala belongs to another user"),
        ("[Errno 2] No such file or directory: 'systemctl'", "there is no systemd on koala"),
        ("some \x1b[31mother\x1b[0m trouble", "some ␛[31mother␛[0m trouble"),
    ],
)
def test_a_unit_that_cannot_be_asked_about_is_unknown_never_stopped(error: str, words: str) -> None:
    unit = shown("", error=error, status=1)
    assert unit.state is UnitState.UNKNOWN
    assert words in unit.reason


@given(st.text(), st.text(), st.integers() | st.none())
def test_whatever_systemctl_says_is_harmless(out: str, error: str, status: int | None) -> None:
    unit = unit_snapshot(UnitShown(UNIT, "user", 1.0, status, out, error), NOW, "koala")
    assert_harmless(unit.reason + unit.sub + unit.invocation)


@given(st.text(), st.text(), st.integers() | st.none(), st.booleans())
def test_whatever_ssh_says_is_harmless(complaint: str, noise: str, status: int | None, greeted: bool) -> None:
    assert_harmless(trouble_of_ssh("koala", complaint, status, noise=noise, greeted=greeted).reason)
    assert_harmless(tailscale_check(f"Tailscale SSH requires an additional check{complaint}https://x{complaint}") or "")


@given(st.text())
def test_whatever_a_program_prints_is_one_harmless_line(text: str) -> None:
    assert_harmless(harmless(text))


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=8))
def test_a_message_of_any_shape_is_an_entry(message: object) -> None:
    entry = journal_entry(JournalFields(cursor="c", at="1795000000000000", MESSAGE=message, PRIORITY=message))
    assert_harmless(entry.text)
    assert entry.at == 1_795_000_000.0


def test_a_progress_bar_ends_as_it_was_last_drawn() -> None:
    assert harmless("loading 10%\rloading 50%\rloading 100%\n") == "loading 100%"
    assert harmless("\x1b[1;32mok\x1b[0m\tdone\x1b]0;title\x1b\\") == "ok    done"


def test_a_journal_in_memory_says_how_to_keep_one() -> None:
    words = journal_trouble(1, "No journal files were opened due to insufficient permissions.\n", "koala")
    assert "sudo mkdir -p /var/log/journal" in words
    assert journal_trouble(1, "FileNotFoundError: 'journalctl'", "koala") == "there is no journalctl on koala"


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/llama-swap.service\n", "llama-swap.service"),
        ("0::/system.slice/ollama.service\n", "ollama.service"),
        ("0::/system.slice/docker-4f3a.scope\n", "docker-4f3a.scope"),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", "session-3.scope"),
        ("12:cpu:/x\n1:name=systemd:/system.slice/ollama.service\n0::/other.service\n", "ollama.service"),
        ("0::/system.slice/ollama.service/inner\n", "ollama.service"),
        ("0::/\n", ""),
        ("", ""),
    ],
)
def test_a_process_belongs_to_the_unit_of_its_control_group(cgroup: str, unit: str) -> None:
    assert unit_of(cgroup) == unit


def test_a_gpu_without_any_number_shows_none() -> None:
    (gpu,) = gpu_snapshots([GpuSample(index=0, errors={"memory": 999})], None, HostMemory(100, 50), "koala")
    assert (gpu.total, gpu.used, gpu.free, gpu.power_w, gpu.temperature_c, gpu.processes) == (None,) * 6
    assert not gpu.unified


def test_version_1_counts_the_drivers_own_memory_as_used() -> None:
    (gpu,) = gpu_snapshots([GpuSample(index=0, memory=MemoryInfo(total=100, used=40))], None, None, "koala")
    assert (gpu.used, gpu.reserved, gpu.free) == (40, None, 60)


def test_idleness_is_no_reason_to_be_slow() -> None:
    gpus = gpu_snapshots([GpuSample(index=0, throttle=1), GpuSample(index=1, throttle=0x24)], None, None, "koala")
    assert [gpu.throttled for gpu in gpus] == [(), ("power limit", "too hot")]


def test_a_hung_driver_says_for_how_long() -> None:
    assert gpu_error_words(GpuError(seconds=12.4), "koala") == "the NVIDIA driver on koala does not answer (for 12 s)"


@given(st.text())
def test_any_line_of_nvidia_smi_is_a_gpu_or_none(line: str) -> None:
    row = gpu_of_row(line)
    assert row is None or row[1].index >= 0


def test_a_row_of_nvidia_smi_keeps_apart_what_is_not_known() -> None:
    row = gpu_of_row("0, 580.105.08, NVIDIA GB10, GPU-1, [N/A], [N/A], [N/A], 3, 0, 45, [Unknown Error], [N/A], [N/A]")
    assert row is not None
    driver, gpu = row
    assert (driver, gpu.name, gpu.temperature_c, gpu.utilization_percent) == ("580.105.08", "NVIDIA GB10", 45, 3)
    assert (gpu.total, gpu.used, gpu.power_w, gpu.fan_percent) == (None, None, None, None)


def assert_harmless(text: str) -> None:
    assert re.fullmatch(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*", text), ascii(text)
