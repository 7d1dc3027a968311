"""The wheel that people install: all of it, and usable away from the checkout."""

from __future__ import annotations

import os
import re
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = folder.glob("fleetdeck-*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> frozenset[str]:
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``fleetdeck`` as the wheel installs it, in an environment that borrows this one's dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    (purelib,) = folder.glob("lib/python*/site-packages")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    # Behind the wheel's own folder on the path, so that only what the wheel lacks comes from here.
    borrowed = [path for path in site.getsitepackages() if Path(path).is_dir()]
    (purelib / "borrowed.pth").write_text("\n".join(borrowed))
    return folder / "bin" / "fleetdeck"


def run(program: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [str(program), *arguments],
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_file_of_the_package_is_in_the_wheel(names: frozenset[str]) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "tui", "themes"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    shipped = {path if path.startswith("tui/") else f"tui/shipped/{path}" for path in tracked}
    missing = {path for path in shipped if path not in names and (ROOT / path.removeprefix("tui/shipped/")).exists()}
    assert not missing
    assert "tui/shipped/config.toml" in names
    assert "tui/app/app.tcss" in names


def test_nothing_but_the_package_and_its_man_page_is_in_the_wheel(names: frozenset[str]) -> None:
    other = {name for name in names if not name.startswith("tui/") and ".dist-info/" not in name}
    assert [name.partition(".data/")[2] for name in other] == ["data/share/man/man1/fleetdeck.1"]
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".orig"))]
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_what_is_installed_runs_away_from_the_checkout(program: Path, tmp_path: Path) -> None:
    from tui import __version__

    version = run(program, tmp_path, "--version")
    assert version.stdout == f"fleetdeck, version {__version__}\n"
    where = subprocess.run(
        [str(program.with_name("python")), "-c", "import tui; print(tui.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(ROOT) not in where.stdout, "the wheel is tested, not the checkout"


def test_its_themes_and_first_configuration_are_found(program: Path, tmp_path: Path) -> None:
    themes = run(program, tmp_path, "themes")
    assert themes.returncode == 0
    assert [line.split()[0].strip("*") or line.split()[1] for line in themes.stdout.splitlines()] == [
        "fleet-dark",
        "fleet-light",
        "high-contrast",
        "terminal",
    ]
    script = "from tui.config.paths import default_config_text, shipped; print(shipped('config.toml'))"
    found = subprocess.run(
        [str(program.with_name("python")), "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()).read_text() == (ROOT / "config.toml").read_text()


def test_its_demo_is_a_whole_fleet(program: Path, tmp_path: Path) -> None:
    status = run(program, tmp_path, "--demo", "status")
    assert status.returncode == 0, status.stderr
    assert len(re.findall(r"^● \S+ +up ", status.stdout, flags=re.MULTILINE)) == 5


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locks_hold_versions_and_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|--index-url|--extra-index-url|--find-links)\b", text, flags=re.MULTILINE)
    requirements = re.split(r"\n(?=[A-Za-z])", text.strip())
    assert len(requirements) > 10
    for requirement in requirements:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z0-9,_-]+\])?==\S+", requirement), requirement[:80]
        assert "--hash=sha256:" in requirement, requirement[:80]


def test_the_lock_covers_every_dependency() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {_normal(re.split(r"[<>=!~ \[]", requirement)[0]) for requirement in project["dependencies"]}
    locked = {_normal(line.partition("==")[0]) for line in (ROOT / "requirements.lock").read_text().splitlines()}
    assert wanted <= locked


def _normal(name: str) -> str:
    """A distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
