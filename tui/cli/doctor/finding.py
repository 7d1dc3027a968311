"""What an examination finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tui.fleet.printable import printable

LONGEST_SUBJECT = 200
LONGEST_TEXT = 400


class Area(StrEnum):
    """What is examined, in the order in which it is told: what stands above is often the cause of what is below."""

    CONFIGURATION = "configuration"
    NETWORK = "network"
    MACHINES = "machines"
    SERVICES = "services"
    PROGRAMS = "programs"
    CLAUDE = "claude"
    ROUTES = "routes"
    TERMINAL = "terminal"


class Severity(StrEnum):
    """How much a finding matters."""

    FINE = "fine"
    WARNING = "warning"
    """It works, and will disappoint some day, or works less well than it could."""
    PROBLEM = "problem"
    """Something that the person wants does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``fix`` is what to do about it; empty where nothing is wrong."""

    area: Area
    about: str
    severity: Severity
    text: str
    fix: str = ""


def count_words(count: int, what: str) -> str:
    """``1 service``, ``2 services``."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def fine(area: Area, about: str, text: str) -> Finding:
    return _finding(area, about, Severity.FINE, text, "")


def warning(area: Area, about: str, text: str, fix: str) -> Finding:
    return _finding(area, about, Severity.WARNING, text, fix)


def problem(area: Area, about: str, text: str, fix: str) -> Finding:
    return _finding(area, about, Severity.PROBLEM, text, fix)


def _finding(area: Area, about: str, severity: Severity, text: str, fix: str) -> Finding:
    """Much of a text comes from servers and programs, so that all of it is made harmless here."""
    return Finding(
        area, printable(about, LONGEST_SUBJECT), severity, printable(text, LONGEST_TEXT), printable(fix, LONGEST_TEXT)
    )
