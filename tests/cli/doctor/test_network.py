"""Names that do not resolve, and a private network that is down."""

from __future__ import annotations

import json

from tests.cli.doctor.patient import Patient
from tui.cli.doctor.network import Resolved, check_names
from tui.config.schema import Config, MachineSettings, ServiceSettings

KOALA = '[machines.koala]\naddresses = ["100.85.116.57"]\n'


def tailscale(state: str = "Running", **peer: object) -> str:
    known = {"HostName": "koala", "DNSName": "koala.tail1.ts.net.", "TailscaleIPs": ["100.85.116.57"], **peer}
    return json.dumps({"BackendState": state, "AuthURL": "", "Peer": {"nodekey:1": known}})


async def test_a_name_that_does_not_resolve_is_told_once_for_all_its_services(patient: Patient) -> None:
    told = await patient.diagnosis_of(
        '[services.swap]\nkind = "llama-swap"\nurl = "http://koala.invalid:8080"\n'
        '[services.ollama]\nkind = "ollama"\nurl = "http://koala.invalid:11434"\n'
    )
    told.names("network", "koala.invalid", cause="no such name", fix="the url of swap, ollama")
    assert [found.area for found in told.wrong] == ["network"]


async def test_a_name_of_the_tailnet_hints_at_the_vpn(patient: Patient) -> None:
    told = await patient.diagnosis_of(
        '[services.swap]\nkind = "llama-swap"\nurl = "http://no-such-koala.ts.net:8080"\n'
    )
    told.names("network", "no-such-koala.ts.net", cause="no such name", fix="is the VPN up")


def test_a_name_that_means_this_machine_and_should_not() -> None:
    swap = ServiceSettings(name="swap", kind="llama-swap", url="http://koala:8080")
    config = Config(machines={"koala": MachineSettings(name="koala", ssh="koala")}, services={"swap": swap})
    (found,) = check_names(config, {"koala": Resolved("koala", ("127.0.1.1",))})
    assert (found.severity, "/etc/hosts" in found.fix) == ("warning", True)
    assert "127.0.1.1" in found.text


async def test_tailscale_that_waits_for_a_login(patient: Patient) -> None:
    patient.programs.add("tailscale", out=tailscale("NeedsLogin"))
    told = await patient.diagnosis_of(KOALA)
    told.names("network", "tailscale", cause="needs a login", fix="tailscale up", severity="warning")


async def test_a_key_of_the_tailnet_that_has_expired(patient: Patient) -> None:
    patient.programs.add("tailscale", out=tailscale(Expired=True))
    told = await patient.diagnosis_of(KOALA)
    told.names("network", "koala", cause="has expired", fix="--force-reauth")


async def test_a_machine_that_is_off(patient: Patient) -> None:
    patient.programs.add("tailscale", out=tailscale(Online=False, LastSeen="2026-11-20T11:00:00Z"))
    told = await patient.diagnosis_of(KOALA)
    told.names("network", "koala", cause="offline, last seen", fix="wake it")
