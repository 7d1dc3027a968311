"""What makes the collector fit to be sent to any machine."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.collector.running import RunningCollector
from tests.collector.systemd import FakeSystemd
from tests.fakenvml import FakeDriver
from tui.fleet import collector as module
from tui.fleet.machine_channel import collector_source, packed_pynvml

SOURCE = Path(module.__file__)


def _python(*minors: int) -> str | None:
    """A real Python 3 of one of these minor versions, where one can be found."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in minors:
        installed = [str(path) for path in versions.glob(f"3.{minor}.*/bin/python3")]
        if found := next(iter(installed), None) or shutil.which(f"python3.{minor}"):
            return found
    return None


def test_what_is_sent_is_the_file_of_the_repository() -> None:
    assert collector_source() == SOURCE.read_bytes()


def test_it_is_written_in_python_3_8() -> None:
    ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_it_imports_nothing_but_the_standard_library_and_what_it_can_do_without() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    foreign = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert foreign == {"psutil", "pynvml"}


@pytest.mark.parametrize("minors", [(8, 9), (14, 13, 12)], ids=["old", "new"])
async def test_other_pythons_run_it_without_anything_installed(
    driver: FakeDriver, systemd: FakeSystemd, minors: tuple[int, ...]
) -> None:
    python = _python(*minors)
    if python is None:
        pytest.skip(f"there is no Python 3.{' or 3.'.join(str(minor) for minor in minors)} here")
    environment = {**driver.environment, **systemd.environment}
    command = (python, "-I", "-S")
    async with RunningCollector(environment, python=command, units=[("x.service", "user")]) as collector:
        assert (await collector.next("hello"))["python"].startswith(tuple(f"3.{minor}." for minor in minors))
        await collector.next("need")
        packed = packed_pynvml()
        assert packed is not None
        collector.send_bytes(b'{"do": "pynvml", "size": %d}\n%b' % (len(packed), packed))
        assert (await collector.next("gpu"))["gpus"][0]["temperature"] == 71
        assert (await collector.next("host"))["total"] > 0
        assert "ActiveState=active" in (await collector.next("unit"))["out"]
        collector.send(do="log", request=1, unit="x.service", lines=1, after=None)
        systemd.write_journal("line")
        assert (await collector.next("log"))["entry"]["MESSAGE"] == "line"


async def test_it_counts_alike_with_and_without_psutil() -> None:
    samples = []
    for python in ((sys.executable, "-I"), (sys.executable, "-I", "-S")):
        async with RunningCollector(python=python) as collector:
            samples.append(await collector.next("host"))
    with_psutil, without = samples
    assert with_psutil["total"] == without["total"]
    assert abs(with_psutil["available"] - without["available"]) < with_psutil["total"] / 10
    shares = [sample["cpu_idle"] / sample["cpu"] for sample in samples]
    assert shares[0] == pytest.approx(shares[1], abs=0.02)


def test_importing_it_does_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", "import tui.fleet.collector"], capture_output=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
