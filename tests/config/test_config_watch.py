from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from tui.config.watch import watch_files

PERIOD = 0.005


async def next_change(changes: AsyncGenerator[Path, None]) -> Path:
    async with asyncio.timeout(5):
        return await anext(changes)


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def replace(path: Path) -> None:
    path.with_suffix(".new").write_text("two")
    path.with_suffix(".new").replace(path)


def replace_with_its_times_kept(path: Path) -> None:
    """What `cp -p` and some editors do: the new file has the size and the time of the old one."""
    before = path.stat()
    copy = path.with_suffix(".new")
    copy.write_bytes(b"x" * before.st_size)
    os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
    copy.replace(path)


def lead_elsewhere(path: Path) -> None:
    target = path.with_name("target")
    target.write_text("one")
    path.unlink()
    path.symlink_to(target)


CHANGES: list[Callable[[Path], object]] = [
    lambda path: path.write_text("longer than before"),
    touch,
    replace,
    replace_with_its_times_kept,
    lead_elsewhere,
    lambda path: path.unlink(),
    lambda path: path.chmod(0o640),
]


@pytest.mark.parametrize("change", CHANGES)
async def test_every_kind_of_change_is_noticed_once(tmp_path: Path, change: Callable[[Path], object]) -> None:
    path, other = tmp_path / "config.toml", tmp_path / "other"
    path.write_text("one")
    async with aclosing(watch_files((path, other), period=PERIOD)) as changes:
        change(path)
        assert await next_change(changes) == path
        other.touch()
        assert await next_change(changes) == other


async def test_a_file_that_appears_and_one_behind_a_link_are_noticed(tmp_path: Path) -> None:
    path, link, target = tmp_path / "config.toml", tmp_path / "link", tmp_path / "dotfile"
    link.symlink_to(target)
    async with aclosing(watch_files((path, link), period=PERIOD)) as changes:
        path.touch()
        assert await next_change(changes) == path
        target.touch()
        assert await next_change(changes) == link


async def test_a_change_before_the_first_look_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    changes = watch_files((path,), period=PERIOD)
    path.touch()
    assert await next_change(changes) == path
    await changes.aclose()


async def test_a_folder_changes_with_the_files_in_it(tmp_path: Path) -> None:
    theme = tmp_path / "dark.toml"
    steps: list[Callable[[], object]] = [
        lambda: theme.write_text("a = 1"),
        lambda: theme.write_text("a = 22"),
        lambda: theme.rename(tmp_path / "light.toml"),
        lambda: (tmp_path / "light.toml").unlink(),
    ]
    async with aclosing(watch_files((tmp_path,), period=PERIOD)) as changes:
        for step in steps:
            step()
            assert await next_change(changes) == tmp_path


async def test_a_file_that_is_written_in_place_is_told_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("theme = 'one'")

    async def written_slowly() -> None:
        with path.open("w") as file:
            for part in ("theme", " = ", "'two'"):
                file.write(part)
                file.flush()
                # The slowness of the program that writes, not a wait for anything.
                await asyncio.sleep(0.005)

    async with aclosing(watch_files((path,), period=PERIOD)) as changes, asyncio.TaskGroup() as group:
        group.create_task(written_slowly())
        assert await next_change(changes) == path
        assert path.read_text() == "theme = 'two'"


async def test_watching_stops_with_its_task(tmp_path: Path) -> None:
    async def watch() -> None:
        async for _ in watch_files((tmp_path / "none",), period=PERIOD):
            pytest.fail("nothing changed")

    task = asyncio.create_task(watch())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
