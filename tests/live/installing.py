"""Real servers in a cache folder outside the repository: installed once, used by every later run.

Nothing here touches the product's own environment: Python programs get a virtual environment each, Go programs are
built into the cache folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

LITELLM_REQUIREMENT = "litellm[proxy]"
GGUF_REQUIREMENT = "gguf"
# Ollama runs models by itself up to v0.17; later it needs a program that CMake builds. From v0.11 on it is built with
# C++ headers from a folder called `vendor`, which Go leaves out of every module it downloads: nlohmann-json3-dev and
# libstb-dev bring two of them. v0.6.5 is the newest version that needs none.
OLLAMA_MODULE = "github.com/ollama/ollama@v0.17.4"
OLLAMA_MODULE_WITHOUT_HEADERS = "github.com/ollama/ollama@v0.6.5"
OLLAMA_SYSTEM_HEADERS = (Path("/usr/include/nlohmann/json.hpp"), Path("/usr/include/stb/stb_image.h"))
OWN_HEADERS = Path(__file__).with_name("headers")

PIP_TIMEOUT = 15 * 60.0
NPM_TIMEOUT = 15 * 60.0
# llama.cpp is compiled along: about 5 minutes on two cores.
GO_TIMEOUT = 30 * 60.0


class NotInstallable(Exception):
    """A server cannot be had on this machine. The message is one sentence: which one, and why."""


def cache_folder() -> Path:
    """The folder that keeps what was installed: `$XDG_CACHE_HOME/fleetdeck-live`, by default under `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "fleetdeck-live"


def install_litellm() -> Path:
    """The `litellm` program of a virtual environment of its own (640 MB, a minute to install the first time).

    Raises NotInstallable.
    """
    return _python_environment("litellm", LITELLM_REQUIREMENT) / "bin" / "litellm"


def install_gguf_writer() -> Path:
    """The Python interpreter of an environment that has llama.cpp's `gguf` package. Raises NotInstallable."""
    return _python_environment("gguf", GGUF_REQUIREMENT) / "bin" / "python"


def install_ollama() -> Path:
    """The `ollama` program, with its inference for processors compiled in. Raises NotInstallable."""
    given = _given_program("ollama", "FLEETDECK_LIVE_OLLAMA")
    if given is not None:
        return given
    for tool in ("go", "gcc", "g++"):
        if shutil.which(tool) is None:
            raise NotInstallable(f"Ollama is built from source and {tool} is not installed.")
    module = OLLAMA_MODULE if all(path.is_file() for path in OLLAMA_SYSTEM_HEADERS) else OLLAMA_MODULE_WITHOUT_HEADERS
    return _go_program(module, "ollama", {"CGO_ENABLED": "1", "CGO_CPPFLAGS": f"-I{OWN_HEADERS}"})


def install_npm_program(name: str, requirement: str) -> Path:
    """A program of an npm package in a folder of its own. Raises NotInstallable."""
    folder = cache_folder() / name
    finished, program = folder / "installed.txt", folder / "node_modules" / ".bin" / name
    with _installing_alone(name):
        if finished.is_file() and finished.read_text(encoding="utf-8") == requirement:
            return program
        if shutil.which("npm") is None:
            raise NotInstallable(f"{name} comes from npm, which is not installed.")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _note(f"installing {requirement} into {folder}")
        _run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), requirement], name, NPM_TIMEOUT)
        if not program.exists():
            raise NotInstallable(f"{requirement} brings no program called {name}.")
        finished.write_text(requirement, encoding="utf-8")
        return program


def find_llama_swap() -> Path:
    """The `llama-swap` program of this machine. Raises NotInstallable.

    It is looked for and not installed: llama-swap's releases are binaries and containers, in no package index.
    """
    given = _given_program("llama-swap", "FLEETDECK_LIVE_LLAMA_SWAP") or shutil.which("llama-swap")
    if given is None:
        raise NotInstallable(
            "llama-swap is not on the PATH and FLEETDECK_LIVE_LLAMA_SWAP does not name it: install a release of it."
        )
    return Path(given)


def _given_program(name: str, variable: str) -> Path | None:
    value = os.environ.get(variable)
    if not value:
        return None
    path = Path(value).expanduser()
    if not os.access(path, os.X_OK):
        raise NotInstallable(f"{variable} names {path}, which is no program that can be run as {name}.")
    return path.resolve()


def _python_environment(name: str, requirement: str) -> Path:
    folder = cache_folder() / name
    finished = folder / "installed.txt"
    with _installing_alone(name):
        if finished.is_file() and finished.read_text(encoding="utf-8") == requirement:
            return folder
        if folder.exists():
            shutil.rmtree(folder)
        _note(f"installing {requirement} into {folder}")
        venv.create(folder, with_pip=True)
        _run([str(folder / "bin" / "python"), "-m", "pip", "install", requirement], name, PIP_TIMEOUT)
        finished.write_text(requirement, encoding="utf-8")
        return folder


def _go_program(module: str, name: str, environment: Mapping[str, str]) -> Path:
    version = module.rpartition("@")[2]
    folder = cache_folder() / f"{name}-{version}"
    program = folder / name
    with _installing_alone(name):
        if program.is_file():
            return program
        folder.mkdir(parents=True, exist_ok=True)
        _note(f"building {module} into {folder}")
        building = folder / "building"
        _run(["go", "install", module], name, GO_TIMEOUT, {**environment, "GOBIN": str(building)})
        # Only a whole program gets the name that later runs look for.
        (building / name).rename(program)
        return program


@contextlib.contextmanager
def _installing_alone(name: str) -> Iterator[None]:
    # Two runs at once share the cache: the second waits for the first, and finds its work done.
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str], name: str, timeout: float, environment: Mapping[str, str] | None = None) -> None:
    logs = cache_folder() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{name}.install.log"
    with log.open("wb") as output:
        try:
            finished = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=cache_folder(),
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NotInstallable(
                f"Installing {name} took longer than {timeout / 60:.0f} minutes (log: {log})."
            ) from error
    if finished.returncode != 0:
        raise NotInstallable(f"Installing {name} failed: {_last_words(log)} (log: {log})")


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["it said nothing"])[-1][:300]


def _note(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
