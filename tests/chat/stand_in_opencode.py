"""Run as ``opencode`` by tests, with PLAN and NOTES set: its server, with the events that 1.18 was seen to send.

PLAN["events"] is a list of steps: a string is a piece of the answer, ``["retry", attempt, message, pause]`` a retry's
status, and ``["error", {…}]`` ends it. PLAN["whole"] is the answer at the end, where it is not what was streamed.
"""

# mypy: ignore-errors
# ruff: noqa: F821, N815, PTH104, PTH109, PTH123

import base64
import json
import os
import queue
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EVENTS = queue.Queue()
KILLED = threading.Event()
"""Never set: who waits for it hangs until the program is killed."""
SESSION = "ses_1"
SEEN = {"requests": [], "bodies": []}


def note(kind, text):
    path = f"{NOTES}.{os.getpid()}.{kind}"
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


def tell():
    told = {
        "arguments": sys.argv[1:],
        "stdin": json.dumps(SEEN),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "pid": os.getpid(),
    }
    note("json", json.dumps(told))


def send(kind, **properties):
    EVENTS.put({"id": "evt_1", "type": kind, "properties": {"sessionID": SESSION, **properties}})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        return

    def handle_any(self):
        SEEN["requests"].append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        SEEN["bodies"].append(body)
        tell()
        password = os.environ["OPENCODE_SERVER_PASSWORD"]
        expected = "Basic " + base64.b64encode(f"opencode:{password}".encode()).decode()
        if self.headers.get("authorization") != expected:
            self.whole(401, {})
        elif self.path == "/event":
            self.events()
        elif self.command == "DELETE":
            self.whole(200, True)
        elif self.path == "/session":
            self.whole(200, {"id": SESSION, "title": "t"})
        else:
            self.message()

    do_GET = do_POST = do_DELETE = handle_any

    def whole(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def events(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        while True:
            event = EVENTS.get()
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
            self.wfile.flush()

    def message(self):
        info = {
            "role": "assistant",
            "modelID": "m-1",
            "finish": "stop",
            "cost": 0,
            "tokens": {"input": 11, "output": 5},
        }
        said, status = "", 200
        send("session.status", status={"type": "busy"})
        if isinstance(PLAN["events"][0], str):
            send("message.part.updated", part={"id": "prt_0", "type": "reasoning", "text": ""})
            send("message.part.delta", partID="prt_0", field="text", delta="Let me see. ")
        send("message.part.updated", part={"id": "prt_1", "type": "text", "text": ""})
        for step in PLAN["events"]:
            if isinstance(step, str):
                said += step
                send("message.part.delta", partID="prt_1", field="text", delta=step)
            elif step[0] == "retry":
                said = ""
                pause = int((time.time() + (step[3] if len(step) > 3 else 0)) * 1000)
                send("session.status", status={"type": "retry", "attempt": step[1], "message": step[2], "next": pause})
            elif step[0] == "hang":
                KILLED.wait(60)
            else:
                send("session.error", error=step[1])
                info["error"] = step[1]
                status = PLAN.get("status", 200)
            time.sleep(PLAN.get("pause", 0.01))
        send("session.idle")
        text = PLAN.get("whole", said)
        parts = [{"type": "reasoning", "text": "Let me see. "}, {"type": "text", "text": text}]
        body = {"info": info, "parts": parts}
        self.whole(
            status, body if status == 200 else {"name": "UnknownError", "data": {"message": "Unexpected server error."}}
        )


note("pid", str(os.getpid()))
if PLAN.get("err"):
    sys.stderr.write(PLAN["err"])
    sys.exit(1)
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
tell()
print(f"opencode server listening on http://127.0.0.1:{server.server_port}", flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
threading.Event().wait()
