"""What is used up of Claude's subscription, as Claude Code tells its status line, kept for the panel to show.

Only Claude Code knows: no server is asked, and no login of it is read. What it tells (2.1.328: ``rate_limits``) is
repeated until its next answer, so that a figure is as old as its first telling.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tui.bridges.json_text import json_in, member
from tui.config.atomic import replace_file
from tui.config.paths import private_folder, state_home
from tui.fleet.wording import age_words, duration_words

WINDOWS: Mapping[str, str] = {"five_hour": "5 h", "seven_day": "week", "spend_limit": "spent"}
"""What Claude Code calls the windows → what people call them. Others are kept and shown by their own names."""

_LARGEST = 1_000_000
_SOONER = 1.0
"""Seconds by which two tellings of one reset may differ."""


@dataclass(frozen=True, slots=True)
class Window:
    """How much of one allowance is used."""

    name: str
    used_percent: float
    resets_at: float | None
    """Unix seconds; None: it was not told."""
    told_at: float
    """Unix seconds at which this figure was told first."""

    @property
    def shown(self) -> str:
        """What people call it."""
        return WINDOWS.get(self.name, self.name.replace("_", " "))

    def is_over(self, now: float) -> bool:
        """True once the window has begun anew, so that the figure says nothing of the present."""
        return self.resets_at is not None and self.resets_at <= now


@dataclass(frozen=True, slots=True)
class Quota:
    """All allowances of the subscription, the shortest first."""

    windows: tuple[Window, ...] = ()

    def words(self, now: float) -> str:
        """``5 h 34% used, resets in 2 h · week 12% used``; empty where nothing is known."""
        parts = []
        for window in self.windows:
            if window.is_over(now):
                parts.append(f"{window.shown} reset since")
                continue
            left = f", resets in {duration_words(window.resets_at - now)}" if window.resets_at is not None else ""
            parts.append(f"{window.shown} {window.used_percent:.0f}% used{left}")
        return " · ".join(parts)

    def briefs(self, now: float) -> tuple[str, ...]:
        """``claude 5 h 34% · week 12% (3 min ago)``, and shorter, for less room; nothing where nothing is known of the
        present."""
        known = [window for window in self.windows if not window.is_over(now)]
        if not known:
            return ()
        parts = [f"{window.shown} {window.used_percent:.0f}%" for window in known]
        age = age_words(now - max(window.told_at for window in known))
        return f"claude {' · '.join(parts)} ({age})", f"claude {parts[0]} ({age})"

    def told_at(self) -> float | None:
        """When the newest figure was told, in Unix seconds."""
        return max((window.told_at for window in self.windows), default=None)


def quota_file() -> Path:
    """Where the status line leaves what it was told. May not exist yet."""
    return state_home() / "claude-quota.json"


def read_quota(file: Path) -> Quota:
    """What was told last; nothing where the file is missing or makes no sense, which the next telling mends."""
    windows = member(json_in(file, _LARGEST), "windows")
    found = []
    for name, window in windows.items() if isinstance(windows, dict) else ():
        used, told = _number(member(window, "used_percentage")), _number(member(window, "told_at"))
        if used is not None and told is not None:
            found.append(Window(name, used, _number(member(window, "resets_at")), told))
    return _sorted(found)


def told_quota(limits: object, now: float) -> Quota:
    """What the ``rate_limits`` of Claude Code's status line say, told at ``now``."""
    found = []
    for name, limit in limits.items() if isinstance(limits, dict) else ():
        used = _number(member(limit, "used_percentage"))
        if used is None:
            spent, most = _number(member(limit, "used_usd")), _number(member(limit, "limit_usd"))
            used = 100 * spent / most if spent is not None and most else None
        if used is not None and name.isprintable():
            found.append(Window(name[:40], used, _time(member(limit, "resets_at")), now))
    return _sorted(found)


def newest(kept: Quota, told: Quota) -> Quota:
    """Both together. Several sessions tell, and one that idles repeats what was true hours ago: of one window the
    later reset holds, and until the same reset the higher figure, since use only grows."""
    windows = {window.name: window for window in kept.windows}
    for window in told.windows:
        before = windows.get(window.name)
        if before is None or _is_newer(window, before):
            windows[window.name] = window
    return _sorted(list(windows.values()))


def keep_quota(file: Path, told: Quota) -> None:
    """Joins what was told with what is kept, and writes the file, for this person alone, where that is news.

    Raises:
        OSError: it cannot be written.
    """
    kept = read_quota(file)
    now = newest(kept, told)
    if now == kept:
        return
    windows = {
        window.name: {
            "used_percentage": window.used_percent,
            "resets_at": window.resets_at,
            "told_at": window.told_at,
        }
        for window in now.windows
    }
    private_folder(file.parent)
    replace_file(file, json.dumps({"schema": 1, "windows": windows}).encode())


def _is_newer(told: Window, kept: Window) -> bool:
    if told.resets_at is None or kept.resets_at is None:
        return (told.used_percent, told.resets_at) != (kept.used_percent, kept.resets_at)
    if abs(told.resets_at - kept.resets_at) > _SOONER:
        return told.resets_at > kept.resets_at
    return told.used_percent > kept.used_percent


def _sorted(windows: list[Window]) -> Quota:
    order = list(WINDOWS)
    return Quota(
        tuple(sorted(windows, key=lambda one: (order.index(one.name) if one.name in order else len(order), one.name)))
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _time(value: object) -> float | None:
    """Unix seconds, told as such or as ISO 8601."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError):
            return None
    return _number(value)
