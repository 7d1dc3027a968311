"""The modes that change where a prompt may go, as their files say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from tui.fleet.printable import printable

T = TypeVar("T", bound=msgspec.Struct)


class NoModeFile(Exception):
    """A mode's file holds something else; the text names the file."""


@dataclass(frozen=True, slots=True)
class Mode:
    """One mode: whether it is on, since when (ISO 8601, as its file says), and why."""

    enabled: bool = False
    activated_at: str | None = None
    reason: str | None = None

    @property
    def state(self) -> str:
        """Either "on" or "off"."""
        return "on" if self.enabled else "off"

    @property
    def since(self) -> datetime | None:
        """``activated_at`` in local time; None where it is missing or no time."""
        try:
            return datetime.fromisoformat(self.activated_at).astimezone() if self.activated_at else None
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Modes:
    """All modes at one moment."""

    external: Mode = Mode()
    private: Mode = Mode()
    hold: Mapping[str, Mode] = field(default_factory=dict)
    """Machine → the hold on its GPU."""
    external_problem: str = ""
    """Why external mode's file, which is there, could not be read: a sentence. Empty: it could."""
    others_problem: str = ""
    """The same of ``modes.json``, which holds all others."""

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(problem for problem in (self.external_problem, self.others_problem) if problem)

    @property
    def external_unknown(self) -> bool:
        return bool(self.external_problem)

    @property
    def private_unknown(self) -> bool:
        """Whether private mode is on is not known, so that plans keep to it."""
        return bool(self.others_problem)


class _ModeFile(msgspec.Struct):
    enabled: bool
    activated_at: str | None = None
    reason: str | None = None


class _ModesFile(msgspec.Struct):
    private: _ModeFile | None = None
    hold: dict[str, _ModeFile] = {}


def read_modes(external_file: Path, modes_file: Path) -> Modes:
    """Reads both files. One that is missing means that its modes are off; one that is broken is a problem."""
    external, external_problem = _read(external_file, _ModeFile)
    others, others_problem = _read(modes_file, _ModesFile)
    return Modes(
        external=_mode(external),
        private=_mode(others.private if others else None),
        hold={name: _mode(hold) for name, hold in others.hold.items() if hold.enabled} if others else {},
        external_problem=external_problem,
        others_problem=others_problem,
    )


def check_mode_file(path: Path, content: bytes, *, external: bool) -> None:
    """Checks the content of external mode's file, or of the other modes'.

    Raises:
        NoModeFile: it is not what such a file holds.
    """
    _decoded(path, content, _ModeFile if external else _ModesFile)


def mode_in(record: Mapping[str, object]) -> Mode:
    """The mode in a mode's JSON object; whatever is missing or of another type is off or None."""
    activated_at, reason = record.get("activated_at"), record.get("reason")
    return Mode(
        record.get("enabled") is True,
        activated_at if isinstance(activated_at, str) else None,
        reason if isinstance(reason, str) else None,
    )


def _mode(file: _ModeFile | None) -> Mode:
    return Mode(file.enabled, file.activated_at, file.reason) if file is not None else Mode()


def _read(path: Path, shape: type[T]) -> tuple[T | None, str]:
    """What is in the file, if it is there; else why it cannot be read."""
    try:
        return _decoded(path, path.read_bytes(), shape), ""
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"{path} cannot be read: {(error.strerror or 'error').lower()}"
    except NoModeFile as error:
        return None, str(error)


def _decoded(path: Path, content: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NoModeFile(f"{path} is not what a mode file holds: {printable(str(error), 100)}") from None
