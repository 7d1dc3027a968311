"""Looks at what must not happen: Claude's subscription behind a third party's address, and credentials in a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Findings:
    """What the guards saw before anything was sent."""

    claude: str = ""
    """Why the subscription may not be used from here; empty: it may."""
    credentials: tuple[str, ...] = ()
    """The kinds of credentials that the prompt holds, never the credentials."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Command-line program, by its name in the configuration → why it cannot be run; empty: it can."""
