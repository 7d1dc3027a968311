"""Services that are down, are something else, or refuse their key: over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from tests.cli.doctor.patient import Patient
from tests.fleet.probes.canned import Canned
from tests.fleet.watching import http_answer, says
from tui.cli.doctor.fleet_look import FleetLook
from tui.cli.doctor.services import check_services
from tui.config.schema import Config, KeySource, ServiceSettings
from tui.demo.fleet import DemoFleet
from tui.fleet.snapshot import FleetSnapshot, ServiceSnapshot, ServiceState


def service(kind: str, url: str, *lines: str) -> str:
    return "\n".join(["[services.it]", f'kind = "{kind}"', f'url = "{url}"', "timeout = 5", *lines, ""])


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of which it is certain that nobody listens there."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


async def test_nobody_listens(patient: Patient, closed_port: int) -> None:
    told = await patient.diagnosis_of(service("ollama", f"http://127.0.0.1:{closed_port}"))
    told.names("services", "it", cause="connection refused", fix=f"nothing listens at port {closed_port}")


async def test_nobody_answers(patient: Patient) -> None:
    async with says(b"", then_hangs=True) as server:
        told = await patient.diagnosis_of(service("ollama", server.url).replace("timeout = 5", "timeout = 0.2"))
    told.names("services", "it", cause="timed out after 0.2 s", fix="is 127.0.0.1 on, the VPN up")


async def test_a_certificate_that_nobody_vouches_for(patient: Patient) -> None:
    async with says(http_answer(b"pong"), tls=True) as server:
        told = await patient.diagnosis_of(service("http", server.url))
    told.names("services", "it", cause="certificate is not trusted", fix="write verify_tls = false")


async def test_with_a_key_such_a_certificate_is_never_just_accepted(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IT_KEY", "sk-1234567890")
    async with says(http_answer(b"pong"), tls=True) as server:
        told = await patient.diagnosis_of(service("http", server.url, 'key = { env = "IT_KEY" }'))
    told.names("services", "it", cause="certificate is not trusted", fix="export SSL_CERT_FILE=")
    assert "verify_tls" not in str(told)


async def test_https_to_a_server_that_speaks_http(patient: Patient) -> None:
    async with DemoFleet(services=["qdrant"]) as fleet:
        told = await patient.diagnosis_of(service("qdrant", fleet.qdrant.url.replace("http:", "https:")))
    told.names("services", "it", cause="TLS:", fix="write http:// in the url")


async def test_http_to_a_server_that_speaks_tls(patient: Patient) -> None:
    async with says(http_answer(b"pong"), tls=True) as server:
        told = await patient.diagnosis_of(service("http", server.url.replace("https:", "http:")))
    told.names("services", "it", cause="does not answer", fix="write https:// in the url")


async def test_a_server_of_another_kind(patient: Patient) -> None:
    async with DemoFleet(services=["ollama"]) as fleet:
        told = await patient.diagnosis_of(service("litellm", fleet.ollama.url))
    told.names("services", "it", cause="it is no litellm that answers", fix='write kind = "ollama"')


async def test_an_openai_url_without_its_path(patient: Patient) -> None:
    async with DemoFleet(services=[], extra_services=1) as fleet:
        told = await patient.diagnosis_of(service("openai", f"{fleet.extra[0].url}/openai"))
    told.names("services", "it", cause="answered 404", fix='for kind = "openai" it ends in /v1')


@pytest.mark.parametrize(
    ("source", "cause", "fix"),
    [
        ('{ env = "NO_SUCH_KEY" }', "NO_SUCH_KEY is not set", "export NO_SUCH_KEY=…"),
        ('{ file = "~/no-such-file" }', "cannot be read", "first line of ~/no-such-file"),
        ('{ command = ["no-such-pass"] }', "no-such-pass cannot be run", "try it in a terminal"),
    ],
    ids=["variable", "file", "command"],
)
async def test_a_key_that_is_not_there(patient: Patient, source: str, cause: str, fix: str) -> None:
    async with DemoFleet(services=["litellm"]) as fleet:
        told = await patient.diagnosis_of(service("litellm", fleet.litellm.url, f"key = {source}"))
    told.names("services", "it", cause=cause, fix=fix)


async def test_a_key_that_is_refused_and_never_shown(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IT_KEY", "sk-wrong-wrong-wrong")
    async with DemoFleet(services=["litellm"]) as fleet:
        told = await patient.diagnosis_of(service("litellm", fleet.litellm.url, 'key = { env = "IT_KEY" }'))
    told.names("services", "it", cause="key refused (400)", fix="master_key")
    assert "sk-wrong" not in str(told)


async def test_a_key_that_is_missing(patient: Patient) -> None:
    async with DemoFleet(services=["llama-swap"], every_key=True) as fleet:
        told = await patient.diagnosis_of(service("llama-swap", fleet.llama_swap.url))
    told.names("services", "it", cause="needs a key (401)", fix='key = { env = "VARIABLE" }')


async def test_a_key_that_everybody_can_read(patient: Patient) -> None:
    key = patient.home / "key"
    key.write_text("sk-demo\n")
    key.chmod(0o644)
    async with DemoFleet(services=["litellm"]) as fleet:
        told = await patient.diagnosis_of(service("litellm", fleet.litellm.url, 'key = { file = "~/key" }'))
    told.names("services", "it", cause="other users", fix="chmod 600 ~/key", severity="warning")


async def test_a_key_that_travels_unencrypted(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IT_KEY", "sk-1234567890")
    told = await patient.diagnosis_of(service("openai", "http://api.example.invalid/v1", 'key = { env = "IT_KEY" }'))
    told.names("services", "it", cause="unencrypted", fix="use https://", severity="warning")


async def test_ollama_that_refuses_the_name(patient: Patient) -> None:
    async with says(http_answer(b"", "403 Forbidden")) as server:
        told = await patient.diagnosis_of(service("ollama", server.url))
    told.names("services", "it", cause="(403)", fix="Environment=OLLAMA_HOST=0.0.0.0")


async def test_a_llama_swap_as_go_installs_it(patient: Patient) -> None:
    server = Canned()
    server.text("/health", "OK")
    server.json("/v1/models", {"object": "list", "data": []})
    server.json("/running", {"running": []})
    await server.http.open()
    told = await patient.diagnosis_of(service("llama-swap", server.http.url))
    server.http.close()
    await server.http.closed()
    told.names("services", "it", cause="so old", fix="@latest` gives one of 2024", severity="warning")


async def test_litellm_without_a_database(patient: Patient) -> None:
    async with DemoFleet(services=["litellm"], keys=False) as fleet:
        told = await patient.diagnosis_of(service("litellm", fleet.litellm.url))
    told.names("services", "it", cause="no database", fix="DATABASE_URL", severity="warning")
    assert told.code == 0


async def test_when_everything_hangs_it_ends_all_the_same(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.cli.doctor.fleet_look.LOOKED_WITHIN", 0.3)
    monkeypatch.setattr("tui.cli.doctor.programs.ANSWERED_WITHIN", 0.3)
    monkeypatch.setattr("tui.fleet.tailnet.TIMEOUT", 0.3)
    patient.programs.add("claude", lingers=60, reads_stdin=False)
    patient.programs.add("tailscale", lingers=60, reads_stdin=False)
    async with says(b"", then_hangs=True) as silent, asyncio.timeout(50):
        toml = service("ollama", silent.url).replace("timeout = 5", "timeout = 60")
        told = await patient.diagnosis_of(toml + '[clis.claude]\nkind = "claude"\n')
    told.names("services", "it", cause="did not answer within", fix="is its machine on")
    told.names("programs", "claude", cause="did not answer", fix="claude auth status", severity="warning")


async def test_a_command_for_a_key_that_waits_for_somebody() -> None:
    key = KeySource(command=("pass", "show", "it"))
    settings = ServiceSettings(name="it", kind="litellm", url="http://127.0.0.1:4000", key=key)
    seen = ServiceSnapshot(name="it", kind="litellm", url=settings.url, state=ServiceState.UP, reason="")
    look = FleetLook(FleetSnapshot(at=0.0, services=(seen,)), names={}, journals={})
    (found,) = await check_services(Config(services={"it": settings}), look)
    assert found.severity == "problem"
    assert "has not told its models" in found.text
    assert "pass show it" in found.fix
