"""A GPU driver that does what a test wants: NVIDIA's own pynvml loads it in place of the real one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

SOURCE = Path(__file__).with_name("fakenvml.c")
LIBRARY = "libnvidia-ml.so.1"

GPU = """\
gpu
name NVIDIA GeForce RTX 4090
uuid GPU-4090
total 25757220864
reserved 472907776
used 18568183808
busy 63
memory_busy 40
temperature 71
power 312000
power_limit 450000
throttle 0x4
fan 38
"""
"""What its file says of one GPU; more lines may follow, and later ones win."""


class NoCompiler(Exception):
    """There is no C compiler here to make the driver with."""


def build(folder: Path, *, old: bool = False) -> Path:
    """Compiles the driver into ``folder``. ``old``: one of the R470 kind, that lacks newer functions.

    Raises:
        NoCompiler: it cannot be made here.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoCompiler("there is no C compiler (on Debian and Ubuntu: apt install gcc)")
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / LIBRARY
    flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-Wl,-soname,{LIBRARY}"]
    define = ["-DOLD_DRIVER"] if old else []
    subprocess.run([compiler, *flags, *define, "-o", str(library), str(SOURCE), "-lpthread"], check=True)
    return library


class FakeDriver:
    """One machine's driver: ``set`` changes its GPUs while programs hold it open."""

    def __init__(self, library: Path, folder: Path) -> None:
        self._library = library
        self._file = folder / "gpus"
        self.set(GPU)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program needs in order to find it."""
        return {"LD_LIBRARY_PATH": str(self._library.parent), "FAKENVML": str(self._file)}

    def set(self, text: str, *, driver: str = "driver 580.105.08\n") -> None:
        new = self._file.with_suffix(".new")
        new.write_text(driver + text, encoding="utf-8")
        new.replace(self._file)
