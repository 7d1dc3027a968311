"""Themes: TOML files, those that ship and the person's own."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import msgspec
from textual.color import Color, ColorParseError
from textual.theme import BUILTIN_THEMES, Theme

LARGEST = 64 * 1024


PLAIN_VARIABLES = {
    "state-up": "ansi_green",
    "state-busy": "ansi_yellow",
    "state-starting": "ansi_cyan",
    "state-down": "ansi_red",
    "state-unknown": "ansi_magenta",
    "state-idle": "ansi_bright_black",
    "cursor-background": "ansi_blue",
    "cursor-foreground": "ansi_bright_white",
}
"""What our styles use and a theme may leave out: Textual's own themes know nothing of states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThemeColors:
    """``[colors]``: what Textual derives all of its shades from."""

    primary: str
    secondary: str | None = None
    accent: str | None = None
    success: str | None = None
    warning: str | None = None
    error: str | None = None
    foreground: str | None = None
    background: str | None = None
    surface: str | None = None
    panel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateColors:
    """``[states]``: the colour of each state's symbol and word."""

    up: str = "ansi_green"
    busy: str = "ansi_yellow"
    starting: str = "ansi_cyan"
    down: str = "ansi_red"
    unknown: str = "ansi_magenta"
    idle: str = "ansi_bright_black"


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorColors:
    """``[cursor]``: the row under the cursor."""

    background: str
    foreground: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThemeFile:
    """A whole theme file."""

    colors: ThemeColors
    about: str = ""
    dark: bool = True
    ansi: bool = False
    states: StateColors | None = None
    cursor: CursorColors | None = None


@dataclass(frozen=True, slots=True)
class Themes:
    """The themes that can be used, and one sentence about the files that cannot ("" where all can)."""

    themes: Mapping[str, Theme]
    abouts: Mapping[str, str]
    problem: str = ""

    @property
    def usable(self) -> frozenset[str]:
        """The names that a person may choose from: Textual's own themes as well."""
        return frozenset((*self.themes, *BUILTIN_THEMES))

    def problem_with(self, wanted: str, usable: Collection[str]) -> str:
        """What is wrong with the files, and with the person's choice; a sentence a line."""
        unknown = "" if wanted in usable else f"there is no theme {wanted!r}; there are {', '.join(self.themes)}"
        return "\n".join(part for part in (self.problem, unknown) if part)


class BadTheme(ValueError):
    """A theme file that cannot be used; the text says why."""


def read_themes(folders: Iterable[Path]) -> Themes:
    """Reads every ``*.toml`` in ``folders``; a later folder's theme replaces an earlier one of the same name."""
    themes: dict[str, Theme] = {}
    abouts: dict[str, str] = {}
    problems: list[str] = []
    for folder in folders:
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
            try:
                file = read_theme_file(path)
                themes[path.stem] = to_textual(path.stem, file)
                abouts[path.stem] = file.about
            except BadTheme as error:
                problems.append(f"{path.name}: {error}")
    problem = f"theme not used: {'; '.join(problems)}" if problems else ""
    return Themes(themes, abouts, problem)


def read_theme_file(path: Path) -> ThemeFile:
    """Reads one theme.

    Raises:
        BadTheme: it cannot be read, is no TOML, or holds a setting or colour that does not exist.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise BadTheme("it is far larger than a theme")
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadTheme(f"it cannot be read ({(error.strerror or 'error').lower()})") from None
    except UnicodeDecodeError:
        raise BadTheme("it is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise BadTheme(f"it is not TOML: {error}") from None
    _refuse_unknown(raw)
    try:
        return msgspec.convert(raw, ThemeFile)
    except msgspec.ValidationError as error:
        raise BadTheme(str(error).replace("`$.", "`").replace("$.", "")) from None


def to_textual(name: str, file: ThemeFile) -> Theme:
    """The theme as Textual takes it.

    Raises:
        BadTheme: one of its colours is none.
    """
    tables = (("colors", file.colors), ("states", file.states or StateColors()), ("cursor", file.cursor))
    for table, values in tables:
        for field in fields(values) if values else ():
            color = getattr(values, field.name)
            if color is not None:
                _check_color(f"{table}.{field.name}", color)
    states = file.states or _states_of(file.colors)
    # With a terminal's own colours Textual's styles use variables that it derives for none but its own themes.
    variables = dict(BUILTIN_THEMES["ansi-dark" if file.dark else "ansi-light"].variables) if file.ansi else {}
    variables |= {f"state-{field.name}": getattr(states, field.name) for field in fields(states)}
    cursor = file.cursor
    if cursor is not None:
        variables |= {"cursor-background": cursor.background, "cursor-foreground": cursor.foreground}
        variables |= {
            "block-cursor-background": cursor.background,
            "block-cursor-foreground": cursor.foreground,
            "block-cursor-text-style": "bold",
        }
    return Theme(
        name=name,
        dark=file.dark,
        ansi=file.ansi,
        variables=variables,
        **{field.name: getattr(file.colors, field.name) for field in fields(file.colors)},
    )


def _states_of(colors: ThemeColors) -> StateColors:
    """The states' colours where a theme names none: those that it has for the same meanings."""
    plain = StateColors()
    return StateColors(
        up=colors.success or plain.up,
        busy=colors.warning or plain.busy,
        starting=colors.secondary or plain.starting,
        down=colors.error or plain.down,
        unknown=colors.accent or plain.unknown,
        idle=colors.foreground or plain.idle,
    )


def _check_color(setting: str, color: str) -> None:
    try:
        Color.parse(color)
    except ColorParseError:
        raise BadTheme(f"{setting} = {color[:40]!r} is no colour (such as #7aa2f7 or ansi_blue)") from None


def _refuse_unknown(raw: Mapping[str, object]) -> None:
    tables: Mapping[str, type] = {"colors": ThemeColors, "states": StateColors, "cursor": CursorColors}
    known = [field.name for field in fields(ThemeFile)]
    for name, value in raw.items():
        if name not in known:
            raise BadTheme(_unknown(name, known))
        if name in tables and isinstance(value, dict):
            inner = [field.name for field in fields(tables[name])]
            for setting in value:
                if setting not in inner:
                    raise BadTheme(_unknown(f"{name}.{setting}", [f"{name}.{known}" for known in inner]))


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"unknown setting {name}" + (f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}")
