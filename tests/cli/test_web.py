"""The panel in a browser, asked as a browser asks, and as those ask who have no business there."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.cli.house import House
from tui.cli.main import Invocation, run
from tui.cli.web import panel_command

PRIMARY_OF_FLEET_DARK = b"38;2;122;162;247"


@dataclass(frozen=True)
class Web:
    """A server of the panel, and a browser that keeps cookies."""

    address: str
    browser: aiohttp.ClientSession

    @property
    def origin(self) -> str:
        return "http://" + urlsplit(self.address).netloc

    async def status(self, path: str, **headers: str) -> int:
        async with self.browser.get(f"{self.origin}{path}", headers=headers, allow_redirects=False) as answer:
            return answer.status


@contextlib.asynccontextmanager
async def served(house: House, *options: str) -> AsyncIterator[Web]:
    process = await house.started("web", "--port", "0", *options)
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{40,}", line)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            yield Web(line, browser)
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 128 + 15


async def read_until(page: aiohttp.ClientWebSocketResponse, *words: bytes) -> None:
    """Takes in what the panel draws, until all of ``words`` have been there."""
    seen = b""
    async with asyncio.timeout(30):
        while not all(word in seen for word in words):
            message = await page.receive()
            assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), (message, seen[-300:])
            seen += message.data if isinstance(message.data, bytes) else message.data.encode()


async def test_only_who_has_the_token_gets_in_and_then_sees_the_fleet(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    async with served(house) as web:
        for path in ("/", "/?token=wrong", "/?token=", "/ws", "/static/js/textual.js", "/static/", "/download/x"):
            assert await web.status(path) == 403, path
        async with web.browser.get(web.address) as page:
            assert page.status == 200
            shown = await page.text()
            assert "<title>fleetdeck</title>" in shown
            assert ".focus()" in shown
            assert [answer.status for answer in page.history] == [303]
            assert "token" not in str(page.url), "it stays in no history"
            cookie = page.history[0].headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            assert urlsplit(web.address).query.removeprefix("token=") not in cookie
            assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
            assert page.headers["Referrer-Policy"] == "no-referrer"
        assert await web.status("/static/js/textual.js") == 200

        elsewhere = {"Host": f"rebound.example:{urlsplit(web.address).port}"}
        assert await web.status("/", **elsewhere) == 403, "a name that was made to mean this machine"
        async with web.browser.get(web.address, headers=elsewhere, allow_redirects=False) as answer:
            assert answer.status == 403
        assert await web.status("/", Origin="http://127.0.0.1:1") == 403
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await web.browser.ws_connect(f"{web.origin}/ws", origin="http://127.0.0.1:3000")

        async with web.browser.ws_connect(f"{web.origin}/ws?width=100&height=30", origin=web.origin) as page:
            await read_until(page, b"llama-swap", b"read-only", PRIMARY_OF_FLEET_DARK)
            await page.send_json(["stdin", "q"])
            async with asyncio.timeout(30):
                while (await page.receive()).type is not aiohttp.WSMsgType.CLOSE:
                    pass


def test_changes_are_for_who_asked_for_them(house: House) -> None:
    invocation = Invocation(config_path=house.config, screen="logs")
    looking = panel_command(invocation, allow_changes=False)
    assert looking[-5:] == ["--config", str(house.config), "--screen", "logs", "--readonly"]
    assert "--readonly" not in panel_command(invocation, allow_changes=True)


async def test_what_cannot_be_is_said(house: House) -> None:
    contradiction = await asyncio.to_thread(run, ["--readonly", "web", "--allow-changes"])
    assert contradiction == 2
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = await house.process("web", "--port", str(port))
    assert ran.code == 1
    assert f"port {port} of 127.0.0.1 cannot be used: address already in use" in ran.err
