"""What a person reads when a machine cannot be reached, and how it comes back."""

from __future__ import annotations

import os
import signal

import pytest

from tests.collector.far import KOALA, FakeSsh, shows, watching
from tests.waiting import until
from tui.config.schema import MachineSettings
from tui.fleet import machine_channel, machine_watch
from tui.fleet.snapshot import MachineState

CHANGED_KEY = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Host key verification failed."""
REFUSALS = {
    "changed host key": (CHANGED_KEY, MachineState.UNKNOWN, "host key has changed"),
    "unknown host key": ("Host key verification failed.", MachineState.UNKNOWN, "run `ssh koala` once"),
    "no key": ("p@koala: Permission denied (publickey).", MachineState.UNKNOWN, "accepts no key of ours"),
    "refused": (
        "ssh: connect to host koala port 22: Connection refused",
        MachineState.UNKNOWN,
        "is there, but refuses ssh",
    ),
    "no name": (
        "ssh: Could not resolve hostname koala: Name or service not known",
        MachineState.UNKNOWN,
        "no such name: koala",
    ),
    "silent": ("ssh: connect to host koala port 22: Connection timed out", MachineState.DOWN, "koala does not answer"),
    "silent banner": ("Connection timed out during banner exchange", MachineState.DOWN, "koala does not answer"),
    "no route": ("ssh: connect to host koala port 22: No route to host", MachineState.DOWN, "no route to koala"),
    "something else": ("kex_exchange_identification: bad\x1b[31m luck", MachineState.UNKNOWN, "bad␛[31m luck"),
}
PERMANENT = ("changed host key", "unknown host key", "no key")


@pytest.mark.parametrize("name", REFUSALS)
async def test_every_refusal_is_told_in_words(ssh: FakeSsh, name: str) -> None:
    said, state, words = REFUSALS[name]
    ssh.behave(f"cat >&2 <<'END'\n{said}\nEND\nexit 255")
    async with watching() as watch:
        await watch.looked_once.wait()
        assert words in watch.snapshot.reason
        assert watch.snapshot.state is state


async def test_what_only_a_person_can_mend_is_not_tried_again_until_they_say_so(ssh: FakeSsh) -> None:
    ssh.behave(f"cat >&2 <<'END'\n{CHANGED_KEY}\nEND\nexit 255")
    async with watching() as watch:
        await watch.looked_once.wait()
        ssh.behave("")
        watch.look_now()
        await shows(watch, lambda machine: machine.state is MachineState.UP, "it is up")
    assert len(ssh.calls) == 2


async def test_the_rest_is_tried_again(ssh: FakeSsh) -> None:
    ssh.behave("echo 'ssh: connect to host koala port 22: Connection refused' >&2; exit 255")
    async with watching() as watch:
        await watch.looked_once.wait()
        ssh.behave("")
        await shows(watch, lambda machine: machine.state is MachineState.UP, "it is up")
        assert watch.snapshot.reason == ""


async def test_a_greeting_of_the_login_shell_is_no_answer(ssh: FakeSsh) -> None:
    ssh.behave("echo 'Welcome to koala!'; echo '{\"type\": 1}'; echo '****'")
    async with watching() as watch:
        await shows(watch, lambda machine: machine.memory is not None, "its memory is known")
        assert (watch.snapshot.channel, watch.snapshot.system) == ("ssh", "Linux")


async def test_a_greeting_alone_is_shown(ssh: FakeSsh) -> None:
    ssh.behave("echo 'This account is not available.'; exit 1")
    async with watching() as watch:
        await watch.looked_once.wait()
        assert watch.snapshot.reason == "ssh koala ended with status 1: This account is not available."


async def test_one_that_says_nothing_is_given_up(ssh: FakeSsh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_channel, "HELLO_WITHIN", 0.2)
    ssh.behave("echo 'checking your quota' ; exec sleep 60")
    async with watching() as watch:
        await watch.looked_once.wait()
        assert watch.snapshot.reason == "koala did not answer within 0.2 s: checking your quota"
        assert watch.snapshot.state is MachineState.DOWN


async def test_tailscales_check_waits_for_the_person(ssh: FakeSsh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_channel, "HELLO_WITHIN", 1.0)
    confirmed = ssh.folder / "confirmed"
    ssh.behave(
        "echo '# Tailscale SSH requires an additional check.' >&2\n"
        "echo '# To authenticate, visit: https://login.tailscale.com/a/1f00' >&2\n"
        f"until [ -e '{confirmed}' ]; do sleep 0.1; done"
    )
    async with watching() as watch:
        await shows(watch, lambda machine: "https://login.tailscale.com/a/1f00" in machine.reason, "the page is named")
        called = len(ssh.calls)
        confirmed.touch()
        await shows(watch, lambda machine: machine.state is MachineState.UP, "it is up")
        assert len(ssh.calls) == called


async def test_what_was_known_stays_when_the_connection_breaks_and_it_comes_back(ssh: FakeSsh) -> None:
    async with watching() as watch:
        await shows(watch, lambda machine: machine.memory is not None, "its memory is known")
        known = watch.snapshot.memory
        assert watch._channel is not None
        ssh.behave("echo 'ssh: connect to host koala port 22: Connection refused' >&2; exit 255")
        os.kill(watch._channel.pid, signal.SIGKILL)
        await shows(watch, lambda machine: machine.state is not MachineState.UP, "it is not up")
        assert watch.snapshot.memory is not None
        assert known is not None
        assert watch.snapshot.memory.total == known.total
        ssh.behave("")
        await shows(watch, lambda machine: machine.state is MachineState.UP, "it is up again")


async def test_a_link_that_goes_silent_is_noticed(ssh: FakeSsh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_channel, "SILENT_AFTER", 0.5)
    async with watching() as watch:
        await shows(watch, lambda machine: machine.memory is not None, "its memory is known")
        assert watch._channel is not None
        os.kill(watch._channel.pid, signal.SIGSTOP)
        await shows(watch, lambda machine: machine.reason == "koala went silent", "its silence is noticed")
        await shows(watch, lambda machine: machine.state is MachineState.UP, "it is up again")


async def test_without_ssh_here_it_says_so(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with watching() as watch:
        await watch.looked_once.wait()
        assert watch.snapshot.reason == "ssh cannot be started here: no such file or directory"


async def test_a_host_that_looks_like_an_option_is_none(ssh: FakeSsh) -> None:
    machine = MachineSettings(name="koala", ssh="-oProxyCommand=touch /tmp/owned")
    ssh.behave("echo 'ssh: Could not resolve hostname' >&2; exit 255")
    async with watching(machine) as watch:
        await watch.looked_once.wait()
    words = ssh.calls[0]
    assert " -- -oProxyCommand=" in words


async def test_ssh_is_asked_neither_to_prompt_nor_to_share_nor_to_be_quiet(ssh: FakeSsh) -> None:
    async with watching() as watch:
        await watch.looked_once.wait()
    words = ssh.calls[0].split()
    for option in ("BatchMode=yes", "ControlMaster=no", "ControlPath=none", "RemoteCommand=none", "ConnectTimeout=5"):
        assert option in words
    assert "-q" not in words


SMI = """\
#!/bin/sh
[ -n "$1" ] || exit 1
echo 'Welcome, to, koala'
while :; do
  echo '0, 580.105.08, NVIDIA GeForce RTX 4090, GPU-4090, 24564, 17708, 6405, 63, 40, 71, 312.50, 450.00, 38'
  echo '1, 580.105.08, NVIDIA RTX A2000, GPU-2000, 12288, [N/A], [N/A], [Not Supported], 0, 40, [N/A], 70.00, [N/A]'
  /bin/sleep 0.1
done
"""


async def test_without_python_there_nvidia_smi_has_to_do(ssh: FakeSsh) -> None:
    ssh.has_no_python(nvidia_smi=SMI)
    async with watching() as watch:
        await shows(watch, lambda machine: machine.gpus and len(machine.gpus) == 2, "both GPUs are there")
        machine = watch.snapshot
        assert machine.reason == "python3 was not found on koala: only its GPUs can be seen, through nvidia-smi"
        assert (machine.state, machine.channel, machine.gpu_driver) == (MachineState.UP, "nvidia-smi", "580.105.08")
        assert machine.gpus is not None
        first, second = machine.gpus
        assert (first.used, first.reserved, first.power_w) == (17708 << 20, 451 << 20, 312.5)
        assert (second.used, second.utilization_percent, second.power_w, second.processes) == (None, None, None, None)


async def test_with_neither_it_says_what_is_missing(ssh: FakeSsh) -> None:
    ssh.has_no_python()
    async with watching() as watch:
        await watch.looked_once.wait()
        assert watch.snapshot.reason == "neither python3 (3.8 or newer) nor nvidia-smi was found on koala"


async def test_a_python_too_old_is_none(ssh: FakeSsh) -> None:
    complaint = "SyntaxError: future feature annotations is not defined"
    ssh.has_no_python(python3=f"#!/bin/sh\necho '{complaint}' >&2\nexit 1\n", nvidia_smi=SMI)
    async with watching() as watch:
        await shows(watch, lambda machine: machine.gpus, "its GPUs are there")
        assert watch.snapshot.reason.startswith("python3 on koala is older than 3.8: ")


async def test_python_that_was_installed_meanwhile_is_found(ssh: FakeSsh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_watch, "WITHOUT_PYTHON", 0.5)
    ssh.has_no_python(nvidia_smi=SMI)
    async with watching() as watch:
        await shows(watch, lambda machine: machine.channel == "nvidia-smi", "nvidia-smi does")
        ssh.behave("")
        await shows(watch, lambda machine: machine.channel == "ssh", "the collector does")
        await until(lambda: watch.snapshot.reason == "", "nothing is missing any more")


async def test_the_far_side_ends_with_the_watch(ssh: FakeSsh) -> None:
    pid_file = ssh.folder / "pid"
    ssh.behave(f"echo $$ > '{pid_file}'")
    async with watching(KOALA) as watch:
        await shows(watch, lambda machine: machine.state is MachineState.UP, "it is up")
        pid = int(pid_file.read_text(encoding="utf-8"))
        os.kill(pid, 0)
    await until(lambda: not _runs(pid), "it has ended")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
