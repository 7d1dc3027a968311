"""What a person is told of a configuration that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.config.errors import ConfigError
from tui.config.load import parse_config

FILE = Path("config.toml")
SERVER = '[services.llama-swap]\nkind = "llama-swap"\nurl = "http://koala:8080"\n'


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        parse_config(text, FILE)
    return str(raised.value).split("\n")
