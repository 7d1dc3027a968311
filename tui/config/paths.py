"""Where fleetdeck's files are.

The folders follow the XDG Base Directory rules on macOS as well, as the documentation promises: someone who keeps a
fleet keeps one set of dotfiles for all their machines. platformdirs would answer ``~/Library/Application Support``
there (and takes 10 ms to import), so the three variables are read here.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from tui.config.errors import file_error

APPLICATION = "fleetdeck"
CONFIG_VARIABLE = "FLEETDECK_CONFIG"
CRASHES_VARIABLE = "FLEETDECK_CRASHES"
EXTERNAL_MODE_FILE = "~/.claude/state/external-mode.json"
"""Where external mode is kept when the configuration does not say otherwise."""
_PACKAGE = Path(__file__).resolve().parent.parent


def config_home() -> Path:
    """``$XDG_CONFIG_HOME/fleetdeck``, by default ``~/.config/fleetdeck``: what the person wrote. May not exist yet."""
    return _base("XDG_CONFIG_HOME", ".config") / APPLICATION


def state_home() -> Path:
    """``$XDG_STATE_HOME/fleetdeck``, by default ``~/.local/state/fleetdeck``: modes, log, locks. May not exist yet."""
    return _base("XDG_STATE_HOME", ".local/state") / APPLICATION


def crashes_folder() -> Path:
    """Where reports of our own faults are kept: ``$FLEETDECK_CRASHES``, by default in the state folder. May not exist
    yet. ``--demo`` sets it, as its own state folder goes with it."""
    folder = os.environ.get(CRASHES_VARIABLE)
    return Path(folder) if folder else state_home() / "crashes"


def modes_file() -> Path:
    """Where private mode and the holds are kept. May not exist yet."""
    return state_home() / "modes.json"


def data_home() -> Path:
    """``$XDG_DATA_HOME/fleetdeck``, by default ``~/.local/share/fleetdeck``: the ledger. May not exist yet."""
    return _base("XDG_DATA_HOME", ".local/share") / APPLICATION


def path_words(path: Path, home: Path | None = None) -> str:
    """The path as a person writes it, in their home folder (None: that of this process) with ``~``."""
    home = home or Path.home()
    if path == home:
        return "~"
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def default_config_path() -> Path:
    """Where the configuration is when nobody says otherwise, and where the first one is written."""
    return config_home() / "config.toml"


def private_folder(folder: Path) -> Path:
    """Creates ``folder``, and every folder above it that is missing, for this person alone (0700), and returns it.

    Raises:
        OSError: it cannot be created, or is a file.
    """
    if not folder.is_dir():
        if folder.parent != folder:
            private_folder(folder.parent)
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
    return folder


def find_config(explicit: Path | None = None) -> Path | None:
    """The configuration to use: ``explicit`` (from ``--config``), else ``$FLEETDECK_CONFIG``, else the usual place.

    None means that the person has none. The current folder is never searched.

    Raises:
        ConfigError: a file that was named does not exist, or the usual one cannot be looked at.
    """
    if explicit is not None:
        return _named(explicit, "--config")
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return _named(Path(named), f"${CONFIG_VARIABLE}")
    usual = default_config_path()
    if _is_there(usual):
        return usual
    if usual.is_symlink():
        raise file_error(usual, "is a link to a file that does not exist; remove it or mend it")
    return None


def shipped(name: str) -> Path:
    """A file or folder that comes with the program: from the wheel, or in a checkout from the repository's root.

    Raises:
        FileNotFoundError: nothing of that name ships.
    """
    for folder in (_PACKAGE / "shipped", _PACKAGE.parent):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"{name} is missing from this installation of {APPLICATION}; install it again")


def default_config_text() -> str:
    """The configuration that ships with the program, for a person's first one.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    return shipped("config.toml").read_text(encoding="utf-8")


def _base(variable: str, usual: str) -> Path:
    # A relative path in these variables is to be ignored (XDG Base Directory Specification 0.8).
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else _in_home(Path("~") / usual)


def _in_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise file_error(path, "the home folder is not known; set HOME or write the whole path") from None


def _named(path: Path, who: str) -> Path:
    whole = _in_home(path).absolute()
    if not _is_there(whole):
        raise file_error(whole, f"does not exist, and {who} names it")
    return whole


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise file_error(path, f"cannot be looked at: {reason_of(error)}") from None


def reason_of(error: OSError) -> str:
    """Why the system refused, without the file's name, which the message around it gives."""
    return (error.strerror or "unknown error").lower()
