"""What a person may write in ``config.toml``, as values.

Every class here is one table of the file. Field names are setting names; a default is what holds when the setting is
left out. ``load.py`` reads a file into these, and says what is wrong with it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from tui.config.paths import EXTERNAL_MODE_FILE

ServiceKind = Literal[
    "llama-swap", "ollama", "litellm", "openai", "anthropic", "vllm", "localai", "llama-server", "qdrant", "http"
]
CliKind = Literal["claude", "opencode", "gemini", "copilot", "command"]
TierName = Literal["opus", "sonnet", "haiku"]
ScreenName = Literal["fleet", "routes", "playground", "ledger", "logs", "last"]

NonEmpty = Annotated[str, Meta(min_length=1)]
Seconds = Annotated[float, Meta(ge=0.2, le=3600)]

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  (a host in a URL, not a bind)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSettings:
    """``[panel]``: how the panel looks and where shared state is kept."""

    theme: NonEmpty = "fleet-dark"
    screen: ScreenName = "fleet"
    """The one that opens first; "last": the one that the panel was left on."""
    refresh: Seconds = 1.0
    """Seconds between samples of a machine."""
    notify: bool = True
    """Whether the desktop tells of outages and long answers while the panel is out of sight."""
    external_mode_file: NonEmpty = EXTERNAL_MODE_FILE

    @property
    def external_mode_path(self) -> Path:
        return Path(self.external_mode_file).expanduser()


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSettings:
    """``[machines.NAME]``: one of the person's own computers."""

    name: str
    about: str = ""
    ssh: NonEmpty | None = None
    """A host of ``~/.ssh/config``; None: the machine is known through its services' HTTP only."""
    on_hold: Literal["unload", "stop-unit"] = "unload"
    addresses: tuple[NonEmpty, ...] = ()
    """Names and addresses by which URLs mean this machine, besides its own name."""
    local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Where a key is to be had: exactly one of the three. The key itself is never part of a configuration."""

    env: NonEmpty | None = None
    command: tuple[str, ...] | None = None
    file: NonEmpty | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """``[services.NAME]``: one server process with a URL."""

    name: str
    kind: ServiceKind
    url: str
    unit: NonEmpty | None = None
    unit_scope: Literal["user", "system"] = "user"
    machine: NonEmpty | None = None
    """The machine, where the URL does not show it (a tunnel, a proxy)."""
    key: KeySource | None = None
    expect: NonEmpty | None = None
    """``http`` only: a substring that the body must hold; None: any 2xx answer will do."""
    verify_tls: bool = True
    refresh: Seconds | None = None
    """Seconds between looks at the service's health; None: what suits its kind."""
    timeout: Annotated[float, Meta(ge=0.1, le=60)] = 2.0
    """Seconds that one look may take."""

    @property
    def host(self) -> str:
        """The URL's host in lower case, without brackets or port."""
        return (urlsplit(self.url).hostname or "").lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class CliSettings:
    """``[clis.NAME]``: a command-line program that answers prompts."""

    name: str
    kind: CliKind
    provider: NonEmpty | None = None
    command: tuple[str, ...] | None = None
    models: tuple[NonEmpty, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars per million tokens."""

    input: Annotated[float, Meta(ge=0)] = 0.0
    output: Annotated[float, Meta(ge=0)] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a model may be asked at most; None: no limit."""

    requests_per_minute: Annotated[int, Meta(ge=1)] | None = None
    usd_per_day: Annotated[float, Meta(ge=0)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class McpTool:
    """The tool under which a model is offered to agents over MCP."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="1 to 64 letters, digits, _ or -")]
    description: NonEmpty


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """``[models."service/name"]``: what is known of a model beyond what its service says."""

    id: str
    about: str = ""
    price: Price | None = None
    limit: Limit | None = None
    fallback: tuple[str, ...] = ()
    context: Annotated[int, Meta(ge=1)] | None = None
    images: bool | None = None
    """Whether it takes images, where its service does not say or is wrong."""
    where: Literal["cloud"] | None = None
    tool: McpTool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TierSettings:
    """One row of ``[tiers]``."""

    name: TierName
    external: str | None = None
    fallback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSettings:
    """One row of ``[tasks]``; a bare list of models stands for ``{ models = [...] }``."""

    name: str
    models: tuple[str, ...]
    prefer: Literal["warm"] | None = None
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class McpSettings:
    """``[mcp]``: which models stand behind the tools that every agent expects."""

    local: str | None = None
    coding: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSettings:
    """``[ledger]``: how much of what was said is remembered."""

    keep_text: Literal["all", "local", "none"] = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole configuration. Mappings are keyed by name and keep the order of the file."""

    path: Path | None = None
    """The file it was read from; None: there is none, and servers were discovered."""
    panel: PanelSettings = field(default_factory=PanelSettings)
    machines: Mapping[str, MachineSettings] = field(default_factory=dict)
    services: Mapping[str, ServiceSettings] = field(default_factory=dict)
    clis: Mapping[str, CliSettings] = field(default_factory=dict)
    models: Mapping[str, ModelSettings] = field(default_factory=dict)
    tiers: Mapping[str, TierSettings] = field(default_factory=dict)
    tasks: Mapping[str, TaskSettings] = field(default_factory=dict)
    mcp: McpSettings = field(default_factory=McpSettings)
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    keys: Mapping[str, str] = field(default_factory=dict)
    """Action id → key, for the keys that the person changed."""

    def machine_at(self, host: str) -> MachineSettings | None:
        """The machine that a URL's host means, or None where it is no machine of ours."""
        host = host.lower().rstrip(".")
        for machine in self.machines.values():
            if host == machine.name.lower() or any(host == address.lower() for address in machine.addresses):
                return machine
        if is_loopback(host):
            return next((machine for machine in self.machines.values() if machine.local), None)
        return None

    def machine_of(self, service: ServiceSettings) -> MachineSettings | None:
        """The machine that runs ``service``: as the configuration says, else as its URL shows."""
        if service.machine is not None:
            return self.machines.get(service.machine)
        return self.machine_at(service.host)

    def is_own(self, service: ServiceSettings) -> bool:
        """Whether ``service`` runs on a machine of ours, or on this one, whatever it passes on to others."""
        return self.machine_of(service) is not None or is_loopback(service.host)


def is_loopback(host: str) -> bool:
    """True for the names and addresses by which a computer means itself (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3, RFC 6761
    §6.3). A name that merely begins like such an address is somebody else's."""
    if host in LOOPBACK_HOSTS or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
