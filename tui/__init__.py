"""fleetdeck: a control panel for a private fleet of language models."""

__version__ = "0.1.0"
