"""A model server for the real proxies to start and to pass requests to. Standard library only, run as a script.

It answers as llama.cpp's server does: `/health`, `/v1/models`, and chat with `usage` and `timings` at the end, streamed
or whole. With `--fail` it ends at once with that message, as a server does whose weights cannot be read.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

THOUGHT = "Birds. "
WORDS = ("The ", "small ", "bird ", "sings.")
PARENT_CHECK_SECONDS = 1.0


class UpstreamHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/health":
            self._answer({"status": "ok"})
        elif self.path == "/v1/models":
            self._answer({"object": "list", "data": [{"id": "bird", "object": "model"}]})
        elif self.path == "/":
            self._answer({"message": "a model server"})
        else:
            self._answer({"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}, 404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))) or b"{}")
        if self.path != "/v1/chat/completions":
            self._answer({"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}, 404)
        elif body.get("stream"):
            self._stream(str(body.get("model", "bird")))
        else:
            message = {"role": "assistant", "content": "".join(WORDS), "reasoning_content": THOUGHT}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self._answer({**_envelope(body.get("model"), "chat.completion"), "choices": [choice], **_figures()})

    def _stream(self, model: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        deltas: list[dict[str, str | None]] = [{"role": "assistant", "content": None}, {"reasoning_content": THOUGHT}]
        deltas += [{"content": word} for word in WORDS]
        for delta in deltas:
            self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}, model)
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, model)
        self._event({"choices": [], **_figures()}, model)
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, part: dict[str, object], model: str) -> None:
        event = {**_envelope(model, "chat.completion.chunk"), **part}
        self._chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _answer(self, value: object, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _envelope(model: object, kind: str) -> dict[str, object]:
    created = int(time.time())
    return {"id": "chatcmpl-1", "object": kind, "created": created, "model": model, "system_fingerprint": "b9999-0"}


def _figures() -> dict[str, object]:
    prompt = {"prompt_n": 7, "prompt_ms": 14.0, "prompt_per_token_ms": 2.0, "prompt_per_second": 500.0}
    predicted = {"predicted_n": 5, "predicted_ms": 100.0, "predicted_per_token_ms": 20.0, "predicted_per_second": 50.0}
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    details = {"prompt_tokens_details": {"cached_tokens": 0}}
    return {"usage": {**usage, **details}, "timings": {"cache_n": 0, **prompt, **predicted}}


def _end_with_parent(parent: int) -> None:
    # A proxy that is killed leaves its model servers behind; none of them may outlive the run.
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--start-delay", type=float, default=0.0, help="seconds before it listens")
    parser.add_argument("--api-key", help="not asked for; it is there to be seen in the command line")
    parser.add_argument("--fail", metavar="MESSAGE", help="end at once with this message on stderr")
    arguments = parser.parse_args()
    if arguments.fail:
        sys.exit(arguments.fail)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    time.sleep(arguments.start_delay)
    ThreadingHTTPServer(("127.0.0.1", arguments.port), UpstreamHandler).serve_forever()


if __name__ == "__main__":
    main()
