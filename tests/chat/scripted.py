"""A server whose models say what a test wrote down for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from tests.chat.asking import chunk, streaming
from tests.waiting import PATIENCE
from tui.demo.http_server import Request, Response, json_response, serve


@dataclass
class Scripted:
    """Serves OpenAI's protocol. ``answers`` are by the model's name; a number is a status with which it fails."""

    answers: Mapping[str, str | int]
    together: int = 1
    """How many prompts have to be there before the first is answered."""
    url: str = ""
    prompts: list[tuple[str, str]] = field(default_factory=list)
    """Model and last message, in the order of asking."""

    def config_toml(self, more: str = "") -> str:
        return f'\n[services.one]\nkind = "openai"\nurl = "{self.url}"\n{more}'

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Scripted]:
        all_there = asyncio.Event()

        async def respond(request: Request) -> Response:
            if request.method == "GET":
                return json_response({"data": [{"id": name} for name in self.answers]})
            body = request.json()
            assert isinstance(body, dict)
            model = str(body["model"])
            said = body["messages"][-1]["content"]
            self.prompts.append((model, said))
            if len(self.prompts) >= self.together:
                all_there.set()
            async with asyncio.timeout(PATIENCE):
                await all_there.wait()
            answer = self.answers[model]
            if isinstance(answer, int):
                return json_response({"error": {"message": f"out of order: {said}"}}, answer)
            return streaming([chunk(answer), chunk(None, "stop"), b"data: [DONE]\n\n"])

        server = await serve(respond)
        self.url = server.url
        try:
            yield self
        finally:
            server.close()
            await server.closed()
