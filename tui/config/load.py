"""Reads ``config.toml`` into the values of ``schema.py``, and gathers everything that is wrong with it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_type_hints

from tui.config.checks import (
    Names,
    check_field,
    check_model_id,
    check_name,
    check_row,
    check_whole,
    looks_secret,
    no_key_in_file,
)
from tui.config.errors import ConfigError, ConfigProblem, Where, nearest, setting_name, suggestion
from tui.config.locate import locate
from tui.config.schema import (
    CliSettings,
    Config,
    KeySource,
    LedgerSettings,
    MachineSettings,
    McpSettings,
    ModelSettings,
    NonEmpty,
    PanelSettings,
    ServiceSettings,
    TaskSettings,
    TierName,
    TierSettings,
    is_loopback,
)
from tui.config.source import parse_toml, read_config_text
from tui.config.values import Unfit, described, fitted, without_none

_Row = TypeVar("_Row")


def load_config(path: Path) -> Config:
    """The configuration in the file ``path``.

    Raises:
        ConfigError: the file cannot be read, or something in it is wrong; it holds every problem.
    """
    return parse_config(read_config_text(path), path)


def parse_config(text: str, path: Path) -> Config:
    """The configuration in ``text``, which is or will be the content of ``path``.

    Raises:
        ConfigError: something in it is wrong; it holds every problem.
    """
    text = text.removeprefix("\ufeff")
    document = parse_toml(text, path)
    reader = _Reader(document)
    config = reader.read(path)
    if reader.findings:
        layout = locate(text)
        problems = [
            ConfigProblem(path, layout.line_of(where), setting_name(where), words) for where, words in reader.findings
        ]
        raise ConfigError(sorted(problems, key=lambda problem: problem.line or 0))
    return _with_implied_machine(config)


class _Reader:
    """One reading of a document, row by row, that goes on after a problem."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.findings: list[tuple[Where, str]] = []
        self._document = document
        self._names_in_use = Names(
            servers=(*self._names("services"), *self._names("clis")), machines=self._names("machines")
        )

    def read(self, path: Path) -> Config:
        sections = [field.name for field in dataclasses.fields(Config) if field.name != "path"]
        for name in self._document.keys() - set(sections):
            self._unknown((name,), self._document[name], sections)
        config = Config(
            path=path,
            panel=self._row(PanelSettings, self._section("panel"), ("panel",)) or PanelSettings(),
            machines=self._rows(MachineSettings, "machines"),
            services=self._rows(ServiceSettings, "services"),
            clis=self._rows(CliSettings, "clis"),
            models=self._models(),
            tiers=self._tiers(),
            tasks=self._tasks(),
            mcp=self._row(McpSettings, self._section("mcp"), ("mcp",)) or McpSettings(),
            ledger=self._row(LedgerSettings, self._section("ledger"), ("ledger",)) or LedgerSettings(),
            keys=self._keys(),
        )
        for name in self._names("clis"):
            if name in self._names("services"):
                self._add(("clis", name), "is also the name of a service; give one of them another name")
        self.findings += check_whole(config)
        return config

    def _add(self, where: Where, words: str) -> None:
        self.findings.append((where, words))

    def _names(self, section: str) -> tuple[str, ...]:
        """The names of a section's tables, of those with something wrong in them as well."""
        table = self._document.get(section)
        return tuple(name for name, row in table.items() if isinstance(row, dict)) if isinstance(table, dict) else ()

    def _section(self, name: str) -> Mapping[str, Any]:
        """A top-level table; where the file has something else under its name, that is a problem and it is empty."""
        table = self._document.get(name, {})
        if isinstance(table, dict):
            return table
        self._add((name,), f"should be a table, is {described(table)}; write [{name}] above its settings")
        return {}

    def _rows(self, kind: type[_Row], section: str) -> dict[str, _Row]:
        rows = {}
        for name, raw in self._section(section).items():
            where: Where = (section, name)
            for words in check_name(name, is_server=kind is not MachineSettings):
                self._add(where, words)
            if not isinstance(raw, dict):
                self._not_a_row(where, raw, kind)
                continue
            row = self._row(kind, raw, where, name=name)
            if row is not None:
                rows[name] = row
        return rows

    def _not_a_row(self, where: Where, raw: object, kind: type) -> None:
        section, name = setting_name(where[:1]), where[-1]
        if name in _types_of(kind):
            self._add(where, f"belongs to a table with a name; write [{section}.NAME] above it")
        elif looks_secret(str(name)):
            self._add(where, no_key_in_file())
        else:
            self._add(
                where, f"should be a table, is {described(raw)}; write [{setting_name(where)}] above its settings"
            )

    def _models(self) -> dict[str, ModelSettings]:
        rows = {}
        for identity, raw in self._section("models").items():
            where: Where = ("models", identity)
            if not isinstance(raw, dict):
                self._not_a_row(where, raw, ModelSettings)
                continue
            for _, words in check_model_id(identity, self._names_in_use):
                self._add(where, words)
            row = self._row(ModelSettings, raw, where, id=identity)
            if row is not None:
                rows[identity] = row
        return rows

    def _tiers(self) -> dict[str, TierSettings]:
        rows = {}
        tiers = get_args(TierName)
        for name, raw in self._section("tiers").items():
            if name not in tiers:
                self._unknown(("tiers", name), raw, tiers, what="unknown tier")
            elif not isinstance(raw, dict):
                words = f'should be a table, is {described(raw)}; write {{ external = "…", fallback = ["…"] }}'
                self._add(("tiers", name), words)
            elif (row := self._row(TierSettings, raw, ("tiers", name), name=name)) is not None:
                rows[name] = row
        return rows

    def _tasks(self) -> dict[str, TaskSettings]:
        rows = {}
        for name, raw in self._section("tasks").items():
            where: Where = ("tasks", name)
            for words in check_name(name, is_server=False):
                self._add(where, words)
            if isinstance(raw, list):
                models = self._field(TaskSettings, "models", raw, where)
                row = None if models is None else TaskSettings(name=name, models=models)
            elif isinstance(raw, dict):
                row = self._row(TaskSettings, raw, where, name=name)
            else:
                self._add(where, f'should be a list of models or a table {{ models = ["…"] }}, is {described(raw)}')
                continue
            if row is not None:
                rows[name] = row
        return rows

    def _keys(self) -> dict[str, str]:
        keys: dict[str, str] = {}
        for action, raw in self._section("keys").items():
            if isinstance(raw, dict):
                self._add(("keys", action), 'an action\'s name stands in quotes when it holds a dot: "unit.stop" = "S"')
                continue
            try:
                keys[action] = fitted(raw, NonEmpty)
            except Unfit as unfit:
                self._add(("keys", action), unfit.text)
        return keys

    def _row(self, kind: type[_Row], raw: Mapping[str, Any], where: Where, **given: str) -> _Row | None:
        """One table as a ``kind``; None where a setting is missing or wrong, which is then among the findings."""
        fields = {field.name: field for field in dataclasses.fields(cast(Any, kind)) if field.name not in given}
        values: dict[str, Any] = dict(given)
        mistyped = {meant for name in raw.keys() - fields.keys() if (meant := nearest(name, fields)) is not None}
        for name, value in raw.items():
            if name not in fields:
                self._unknown((*where, name), value, list(fields))
            else:
                values[name] = self._field(kind, name, value, (*where, name))
        for name, field in fields.items():
            if name not in raw and field.default is dataclasses.MISSING:
                values[name] = None
                if name not in mistyped:
                    self._add((*where, name), f"is missing{_WHAT_IS_MISSING.get((kind, name), '')}")
        right = {name: value for name, value in values.items() if value is not None}
        for inner, words in check_row(kind, right, raw.keys() | mistyped):
            self._add(where + inner, words)
        return kind(**right) if len(right) == len(values) else None

    def _field(self, kind: type, name: str, value: object, where: Where) -> Any:
        """One setting's value; None where it is wrong (TOML has no null, so None is never right)."""
        wanted = without_none(_types_of(kind)[name])
        if wanted is KeySource:
            return self._key_source(value, where)
        if dataclasses.is_dataclass(wanted):
            if isinstance(value, dict):
                return self._row(cast(type, wanted), value, where)
            names = " and ".join(field.name for field in dataclasses.fields(wanted))
            self._add(where, f"should be a table {{ … }} with {names}, is {described(value)}")
            return None
        try:
            fit = fitted(value, wanted)
        except Unfit as unfit:
            self._add(where + unfit.inner, unfit.text)
            return None
        found = list(check_field(kind, name, fit, self._names_in_use))
        for inner, words in found:
            self._add(where + inner, words)
        return None if found else fit

    def _key_source(self, value: object, where: Where) -> KeySource | None:
        ways = [field.name for field in dataclasses.fields(KeySource)]
        if not isinstance(value, dict) or any(name not in ways and nearest(name, ways) is None for name in value):
            self._add(where, no_key_in_file(str(where[1])))
            return None
        before = len(self.findings)
        source = self._row(KeySource, value, where)
        if len(self.findings) == before and len(value) != 1:
            self._add(where, "should have exactly one of env, command and file")
            return None
        return source

    def _unknown(self, where: Where, value: object, valid: Sequence[str], what: str = "") -> None:
        name = str(where[-1])
        if looks_secret(name) and isinstance(value, str | list):
            self._add(where, no_key_in_file(str(where[1]) if where[0] == "services" and len(where) > 2 else ""))
            return
        what = what or ("unknown section" if len(where) == 1 and isinstance(value, dict) else "unknown setting")
        self._add(where, f"{what}; {suggestion(name, valid)}")


_WHAT_IS_MISSING: Mapping[tuple[type, str], str] = {
    (ServiceSettings, "kind"): '; say what kind of server it is, for example kind = "ollama"',
    (ServiceSettings, "url"): '; say where the server is, for example url = "http://koala:8080"',
    (CliSettings, "kind"): '; say which program it is, for example kind = "opencode"',
    (TaskSettings, "models"): '; name the models to try, for example models = ["service/name"]',
}


@functools.cache
def _types_of(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _with_implied_machine(config: Config) -> Config:
    """A service on a loopback URL runs on this machine, which need not be written down to be one of the person's."""
    implied = "localhost"
    if implied in config.machines or not any(
        service.machine is None and is_loopback(service.host) and config.machine_at(service.host) is None
        for service in config.services.values()
    ):
        return config
    machine = MachineSettings(name=implied, about="this machine", local=True)
    return dataclasses.replace(config, machines={**config.machines, implied: machine})
