"""Answers every prompt with numbered tokens at a steady rate. Run with their number and how many a second.

It says its port, and after each answer when every token was sent, or else when the reader went away; a line of JSON
each. Times are those of
``time.perf_counter``, which is one clock for all processes of a Linux machine.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

LINE_TOKENS = 11
PIECES = ("## Part", "- **point**", "some `code`", "1. *step*", "plain words")


def token_text(number: int) -> str:
    """The text of one token: its number, in what looks like Markdown."""
    if number % LINE_TOKENS == 0:
        return f"\n\n{PIECES[number // LINE_TOKENS % len(PIECES)]} t{number} "
    return f"t{number} "


def chunk(text: str | None, finish: str | None = None) -> bytes:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    value = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


async def answer(writer: asyncio.StreamWriter, tokens: int, rate: float) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    await writer.drain()
    sent: list[float] = []
    began = time.perf_counter()
    while len(sent) < tokens:
        await asyncio.sleep(max(0.0, began + len(sent) / rate - time.perf_counter()))
        due = min(tokens, int((time.perf_counter() - began) * rate) + 1)
        if due > len(sent):
            writer.write(b"".join(chunk(token_text(number)) for number in range(len(sent), due)))
            now = time.perf_counter()
            sent += [now] * (due - len(sent))
            await writer.drain()
    writer.write(chunk(None, "stop") + b"data: [DONE]\n\n")
    writer.close()
    await writer.wait_closed()
    # Only now: who reads this may be waiting for the end of the answer, and it is more than a pipe holds.
    print(json.dumps({"sent": sent}), flush=True)


async def main(tokens: int, rate: float) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"POST"):
                lengths = [
                    line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
                ]
                await reader.readexactly(int(lengths[0]) if lengths else 0)
                try:
                    await answer(writer, tokens, rate)
                except ConnectionError:
                    print(json.dumps({"closed": time.perf_counter()}), flush=True)
            else:
                body = b'{"object":"list","data":[{"id":"m","object":"model","created":1,"owned_by":"bench"}]}'
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n")
                writer.write(b"content-length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
