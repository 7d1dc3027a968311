"""fleetdeck: a control panel for a private fleet of language models."""

import sys

__version__ = "0.1.0"

# httpx imports its own command line, rich and click with it, wherever those are installed: 45 ms of its 110 (0.28.1).
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
