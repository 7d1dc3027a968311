"""The command with a fault of its own: ``y`` breaks the panel, and looking at the modes breaks ``status``."""

from __future__ import annotations

import sys

import tui.app.app
import tui.cli.status
from tui.app.app import FleetApp
from tui.app.messages import CopyAsked
from tui.cli.main import main
from tui.config.schema import Config
from tui.routing.modes import Modes

CANARY_PROMPT = "zugzwang in the endgame"
CANARY_KEY = "sk-live-0123456789abcdef"


class BreakingApp(FleetApp):
    CSS_PATH = str(tui.app.app.__file__).replace("app.py", "app.tcss")

    def on_copy_asked(self, message: CopyAsked) -> None:
        prompt = f"{CANARY_PROMPT} Authorization: Bearer {CANARY_KEY}"
        raise RuntimeError(prompt)


def breaking_modes(config: Config) -> Modes:
    prompt = f"{CANARY_PROMPT} Authorization: Bearer {CANARY_KEY}"
    raise RuntimeError(prompt)


if __name__ == "__main__":
    tui.app.app.FleetApp = BreakingApp  # type: ignore[misc]
    tui.cli.status.modes_of = breaking_modes
    main(sys.argv[1:])
