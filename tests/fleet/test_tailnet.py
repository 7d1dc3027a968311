"""What Tailscale says of the machines, and that it is asked only where it is, and only while somebody looks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.waiting import until
from tui.config.schema import MachineSettings
from tui.fleet import tailnet
from tui.fleet.tailnet import PeerPath, TailnetWatch, ask_tailscale, parse_status, peer_for, ssh_host

SEEN = "2026-11-20T11:00:00.123456789Z"
NOW = 1_795_182_600.0
PEER: dict[str, Any] = {
    "ID": "n1",
    "HostName": "Koala",
    "DNSName": "koala.tail1234.ts.net.",
    "OS": "linux",
    "TailscaleIPs": ["100.85.116.57", "fd7a:115c:a1e0::1"],
    "CurAddr": "",
    "Relay": "fra",
    "LastSeen": "0001-01-01T00:00:00Z",
    "Online": True,
    "Active": False,
    "Expired": False,
}


def status(*peers: dict[str, Any], **more: Any) -> bytes:
    own = {
        "HostName": "flamingo",
        "DNSName": "flamingo.tail1234.ts.net.",
        "TailscaleIPs": ["100.64.0.1"],
        "Online": True,
    }
    found = {f"nodekey:{number}": peer for number, peer in enumerate(peers)}
    return json.dumps({"BackendState": "Running", "Self": own, "Peer": found, **more}).encode()


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"CurAddr": "192.0.2.7:41641", "Active": True}, "direct"),
        ({"Active": True}, "relay fra"),
        ({"Active": True, "Relay": ""}, "relay"),
        ({}, "online"),
        ({"Online": False, "LastSeen": SEEN}, "offline, last seen 3 h ago"),
        ({"Online": False}, "offline"),
        ({"Online": False, "Expired": True}, "key expired"),
        ({"Online": None, "CurAddr": None}, "offline"),
    ],
)
def test_the_words_of_a_peer(facts: dict[str, Any], words: str) -> None:
    peer = peer_for(parse_status(status(PEER | facts)), ["koala"])
    assert peer is not None
    assert peer.words(NOW) == words


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["100.85.116.57"], "koala"),
        (["FD7A:115C:A1E0:0::1"], "koala"),
        (["KOALA"], "koala"),
        (["koala.tail1234.ts.net."], "koala"),
        (["koala.example.org"], None),
        (["emu", "100.64.0.1"], "flamingo"),
        (["koala", "100.64.0.9"], "koala-1"),
        (["twins"], None),
        (["only"], "koala-3"),
        (["", "."], None),
        ([], None),
    ],
)
def test_a_machine_is_found_by_address_then_name_then_by_what_it_calls_itself(
    names: list[str], found: str | None
) -> None:
    seen = parse_status(
        status(
            PEER,
            PEER | {"DNSName": "koala-1.tail1234.ts.net.", "TailscaleIPs": ["100.64.0.9"], "HostName": "twins"},
            PEER | {"DNSName": "koala-2.tail1234.ts.net.", "TailscaleIPs": None, "HostName": "twins"},
            PEER | {"DNSName": "koala-3.tail1234.ts.net.", "TailscaleIPs": ["x", 5], "HostName": "Only"},
        )
    )
    peer = peer_for(seen, names)
    assert (peer.name if peer is not None else None) == found


@pytest.mark.parametrize(
    ("facts", "trouble"),
    [
        ({"BackendState": "Stopped"}, "Tailscale is stopped here: `tailscale up` starts it"),
        (
            {"BackendState": "NeedsLogin", "AuthURL": "https://login.tailscale.com/a/1"},
            "Tailscale needs a login here: open https://login.tailscale.com/a/1",
        ),
        ({"BackendState": "NeedsLogin"}, "Tailscale needs a login here: `tailscale up`"),
        ({"BackendState": "Starting"}, "Tailscale is not running here (Starting)"),
        ({"BackendState": None}, "Tailscale is not running here (no state)"),
    ],
)
def test_a_tailscale_that_does_not_run_says_what_to_do(facts: dict[str, Any], trouble: str) -> None:
    seen = parse_status(status(PEER, **facts))
    assert (seen.trouble, seen.peers) == (trouble, ())


def test_nobody_else_in_the_tailnet_is_no_trouble() -> None:
    alone = parse_status(status(Peer=None))
    assert [peer.words(NOW) for peer in alone.peers] == ["this machine"]
    assert parse_status(b'{"BackendState": "Running"}') == tailnet.Tailnet()


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(PEER)), json_values))
def test_whatever_a_field_holds_the_peer_is_shown_harmlessly(facts: dict[str, Any]) -> None:
    for peer in parse_status(status(PEER | facts)).peers:
        assert peer.words(NOW).isprintable()
        assert isinstance(peer.path, PeerPath)


@pytest.mark.parametrize("output", [b"", b"null", b"[]", b'{"Peer": 5}', b"\xff", b"[" * 100_000])
def test_what_is_no_status_is_told(output: bytes) -> None:
    assert parse_status(output).trouble == "tailscale gives a status that cannot be read"


class Programs:
    """Programs that are found first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, name: str, script: str) -> str:
        new = self.folder / f"{name}.new"
        new.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        new.chmod(0o755)
        new.replace(self.folder / name)
        return str(self.folder / name)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(tailnet, "PERIOD", 0.05)
    return Programs(folder)


def says(programs: Programs, folder: Path, output: bytes) -> None:
    new = folder / "status.new"
    new.write_bytes(output)
    new.replace(folder / "status.json")
    programs.place("tailscale", f'[ "$*" = "status --json" ] && echo x >> {folder}/asked && cat {folder}/status.json')


async def test_machines_are_looked_up_by_the_host_that_ssh_has_for_them(programs: Programs, tmp_path: Path) -> None:
    programs.place("ssh", '[ "$1 $2" = "-G --" ] && printf "user me\\nhostname 100.85.116.57\\nport 22\\n"')
    says(programs, tmp_path, status(PEER | {"Online": False, "LastSeen": SEEN}))
    heard: list[str] = []
    machines = [MachineSettings(name="gpu-box", ssh="gpu"), MachineSettings(name="emu")]
    watch = TailnetWatch(machines, changed=lambda: heard.append("changed"), came_online=heard.append)
    running = asyncio.create_task(watch.run())
    try:
        await asyncio.sleep(0)
        assert not (tmp_path / "asked").exists(), "nobody looks"
        watch.show(True)
        await until(lambda: watch.peers, "the machine is found")
        assert set(watch.peers) == {"gpu-box"}
        assert watch.peers["gpu-box"].words(NOW) == "offline, last seen 3 h ago"
        says(programs, tmp_path, status(PEER))
        await until(lambda: "gpu-box" in heard, "it came online")
        assert heard == ["changed", "gpu-box", "changed"]
        says(programs, tmp_path, status(PEER, BackendState="Stopped"))
        await until(lambda: watch.trouble, "Tailscale is stopped")
        assert watch.peers == {}
        watch.show(False)
        await until(lambda: heard.count("changed") == 3, "that was told")
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_where_it_is_not_installed_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    watch = TailnetWatch([MachineSettings(name="koala", ssh="koala")], changed=lambda: None)
    watch.show(True)
    await watch.run()
    assert (watch.peers, watch.trouble) == ({}, "")


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        (
            'echo "failed to connect to local tailscaled; it doesn\'t appear to be running" >&2; exit 1',
            "Tailscale's service does not run here",
        ),
        ("printf 'bad\\033[2J\\n' >&2; exit 3", "tailscale ended with status 3: bad␛[2J"),
        ("exec sleep 60", "tailscale does not answer within 0.3 s"),
    ],
)
async def test_a_tailscale_that_fails_is_told_in_words(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, script: str, trouble: str
) -> None:
    monkeypatch.setattr(tailnet, "TIMEOUT", 0.3 if "sleep" in script else 5.0)
    assert (await ask_tailscale(programs.place("tailscale", script))).trouble == trouble


async def test_a_name_that_ssh_does_not_explain_stands_for_itself(programs: Programs) -> None:
    programs.place("ssh", "exit 255")
    assert await ssh_host("koala") == "koala"
    programs.place("ssh", "echo user me")
    assert await ssh_host("koala") == "koala"
    assert (await ask_tailscale("/nowhere/tailscale")).trouble.startswith("tailscale cannot be started: ")
