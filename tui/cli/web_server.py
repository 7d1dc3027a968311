"""Serves the panel to a browser on this machine, by textual-serve, behind a token.

textual-serve (1.1.3) asks nobody who they are and looks at no Host header, so that any page that a browser on this
machine shows could drive the panel: by DNS rebinding, or by opening the web socket itself.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
import shlex
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from aiohttp import web
from textual_serve.server import Server

HOST = "127.0.0.1"
TOKEN_BYTES = 32
KEYS_GO_TO_THE_PANEL = """<title>fleetdeck</title><script>
new MutationObserver((_, watching) => {
  const keyboard = document.querySelector(".xterm-helper-textarea");
  if (keyboard && document.body.classList.contains("-first-byte")) { watching.disconnect(); keyboard.focus(); }
}).observe(document.body, { attributes: true });
</script>"""
"""The page of textual-serve (1.1.3) takes no key before it is clicked on, and has no title."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PanelServer(Server):
    """One panel for each page that has the token, each a process of its own."""

    def __init__(self, command: Sequence[str], port: int) -> None:
        # It takes a line for a shell; every word of ours is quoted.
        super().__init__(shlex.join(command), host=HOST, port=port, title="fleetdeck")
        self._token = secrets.token_urlsafe(TOKEN_BYTES)
        self._visit = secrets.token_urlsafe(TOKEN_BYTES)
        """What the cookie holds; the token itself is only ever in the first address."""
        self._cookie = f"fleetdeck-{port}"

    @property
    def origin(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def address(self) -> str:
        """What a browser opens."""
        return f"{self.origin}/?token={self._token}"

    async def make_app(self) -> web.Application:
        app = await self._make_app()
        app.middlewares.append(self._guard)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """textual-serve's own prints what it runs, on a banner."""

    async def handle_index(self, request: web.Request) -> web.Response:
        answer = await super().handle_index(request)
        assert isinstance(answer, web.Response)
        answer.text = (answer.text or "").replace("</body>", f"{KEYS_GO_TO_THE_PANEL}</body>")
        return answer

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        # What a browser resolved to this machine by a name of somebody else has that name in its Host header.
        if request.headers.get("Host") != f"{HOST}:{self.port}":
            return _refused(f"this is not {HOST}:{self.port}")
        if request.headers.get("Origin", self.origin) != self.origin:
            return _refused("another page may not use the panel")
        if _same(request.query.get("token", ""), self._token):
            return self._first_visit()
        if not _same(request.cookies.get(self._cookie, ""), self._visit):
            return _refused("open the whole address that `fleetdeck web` has printed; each start has its own")
        answer = await handler(request)
        if not answer.prepared:
            answer.headers.update(self._headers())
        return answer

    def _first_visit(self) -> web.Response:
        """Sends the browser on, so that the token stays out of its address bar and its history."""
        answer = web.Response(status=303, headers={"Location": "/", **self._headers()})
        answer.set_cookie(self._cookie, self._visit, path="/", httponly=True, samesite="Strict")
        return answer

    def _headers(self) -> dict[str, str]:
        # The page of textual-serve asks Google for a font that it has itself.
        policy = (
            "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
            f"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws://{HOST}:{self.port}; "
            "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )
        return {
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }


@contextlib.asynccontextmanager
async def serving(command: Sequence[str], port: int) -> AsyncIterator[PanelServer]:
    """Serves ``command``, a panel, until the block is left; ``port`` 0: one that is free.

    Raises:
        OSError: the port is taken, or may not be used.
    """
    with socket.create_server((HOST, port)) as listening:
        server = PanelServer(command, listening.getsockname()[1])
        # Its log would have every address in it, with the token.
        runner = web.AppRunner(await server.make_app(), access_log=None)
        await runner.setup()
        try:
            await web.SockSite(runner, listening, shutdown_timeout=2.0).start()
            yield server
        finally:
            await runner.cleanup()


def _same(said: str, wanted: str) -> bool:
    """Compared in a time that tells nothing of how much of it was right."""
    return hmac.compare_digest(said.encode(), wanted.encode())


def _refused(reason: str) -> web.Response:
    return web.Response(status=403, text=f"403: {reason}\n", headers={"Cache-Control": "no-store"})
