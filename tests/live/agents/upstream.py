"""A model provider for real command-line programs: OpenAI's chat and Gemini's API, on loopback.

The model's name says what happens: `ok` answers, `drop` breaks off after three words, and a number such as `429` is the
HTTP status of an error.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ("Hello", " from", " the", " simulated", " provider.")
WORDS_BEFORE_THE_DROP = 3
PAUSE = 0.05


@dataclass(slots=True)
class Upstream:
    """The running provider, and what it was sent."""

    url: str
    bodies: list[str] = field(default_factory=list)


@contextmanager
def upstream() -> Iterator[Upstream]:
    """The provider on a free port, until the block is left."""
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.told
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.told = Upstream(f"http://127.0.0.1:{self.server_port}")

    def handle_error(self, request: object, client_address: object) -> None:
        # A dropped connection is what the `drop` model is for.
        return


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        return

    def do_GET(self) -> None:
        self._whole(200, {"object": "list", "data": [{"id": "ok", "object": "model"}]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
        self.server.told.bodies.append(body)
        gemini = ":streamGenerateContent" in self.path
        named = re.search(r"/models/([^:]+):", self.path)
        model = named.group(1) if named else str(json.loads(body or "{}").get("model", ""))
        if status := re.search(r"\d{3}", model):
            code = int(status.group())
            error = {"message": f"simulated {code} error", "type": "simulated", "code": code, "status": "SIMULATED"}
            self._whole(code, {"error": error})
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number, word in enumerate(WORDS):
            if model == "drop" and number == WORDS_BEFORE_THE_DROP:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self._event(_gemini_chunk(word) if gemini else _chunk(model, {"content": word}))
            time.sleep(PAUSE)
        if gemini:
            last = _gemini_chunk("")
            last["candidates"][0]["finishReason"] = "STOP"
            last["usageMetadata"] = {"promptTokenCount": 11, "candidatesTokenCount": 5, "totalTokenCount": 16}
            self._event(last)
        else:
            self._event(_chunk(model, {}, "stop"))
            self._event(
                _chunk(model, None) | {"usage": {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}}
            )
            self._chunked(b"data: [DONE]\n\n")
        self._chunked(b"")

    def _event(self, value: object) -> None:
        self._chunked(b"data: " + json.dumps(value).encode() + b"\n\n")

    def _chunked(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _whole(self, status: int, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        if status == 429:
            self.send_header("retry-after", "30")
        self.end_headers()
        self.wfile.write(data)


def _chunk(model: str, delta: dict[str, str] | None, finish: str | None = None) -> dict[str, object]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": choices}


def _gemini_chunk(text: str) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}],
        "modelVersion": "ok-1",
    }
