"""Answers every prompt with so many tokens at full speed, all written beforehand. Run with their number."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading

BUFFER = 65536


def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    value = {"id": "chatcmpl-1f0c", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m"}
    return b"data: " + json.dumps(value | {"system_fingerprint": "b10488", "choices": [choice]}).encode() + b"\n\n"


def line(value: dict[str, object]) -> bytes:
    return json.dumps({"model": "m", "created_at": "2026-11-20T14:02:11.41215Z"} | value).encode() + b"\n"


def answers(tokens: int) -> dict[bytes, bytes]:
    """By path."""
    word = line({"message": {"role": "assistant", "content": " word"}, "done": False})
    last = line({"done": True, "done_reason": "stop", "eval_count": tokens, "eval_duration": 1})
    return {
        b"/v1/chat/completions": chunk({"content": " word"}) * tokens + chunk({}, "stop") + b"data: [DONE]\n\n",
        b"/api/chat": word * tokens + last,
        b"/v1/models": b'{"object":"list","data":[{"id":"m","object":"model"}]}',
        b"/api/ps": b'{"models":[]}',
    }


def serve(connection: socket.socket, bodies: dict[bytes, bytes]) -> None:
    with connection:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(BUFFER)
        head, _, rest = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        # A connection closed before all was read is reset, and what was sent is lost with it.
        missing = int(length.group(1)) - len(rest) if length else 0
        while missing > 0:
            missing -= len(connection.recv(BUFFER))
        body = bodies[head.split()[1]]
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(BUFFER)


if __name__ == "__main__":
    prepared = answers(int(sys.argv[1]))
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], prepared), daemon=True).start()
