"""Run as a program by tests, with PLAN and NOTES set: standard library only, and as little of it as will do."""

# mypy: ignore-errors
# ruff: noqa: F821, PTH104, PTH109, PTH118, PTH123, SIM115

import json
import os
import signal
import sys
import time


def note(kind, text):
    path = f"{NOTES}.{os.getpid()}.{kind}"
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


def beget():
    """A child that outlives this process and holds its standard output open."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        note("pid", str(os.getpid()))
        # It hangs until it is killed; a test that fails to do so leaves nothing behind for longer.
        signal.alarm(60)
        signal.pause()
        os._exit(0)


def main():
    note("pid", str(os.getpid()))
    if PLAN.get("ignores_term"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Programs that hang while their standard input is open are the reason why it must be closed.
    given = sys.stdin.buffer.read().decode("utf-8", "replace") if PLAN.get("reads_stdin", True) else ""
    told = {
        "arguments": sys.argv[1:],
        "stdin": given,
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "pid": os.getpid(),
    }
    note("json", json.dumps(told))
    if PLAN.get("leaves_report"):
        open(os.path.join(os.environ["TMPDIR"], "client-error.json"), "w").write(given)
    if PLAN.get("child"):
        beget()
    sys.stderr.write(PLAN.get("err", ""))
    sys.stderr.flush()
    if PLAN.get("tells_prompt"):
        # As copilot and gemini do, before they answer.
        print(json.dumps({"type": "user.message", "data": {"content": given, "transformedContent": given}}), flush=True)
    for line in PLAN.get("out", "").splitlines(keepends=True):
        sys.stdout.write(line)
        sys.stdout.flush()
        time.sleep(PLAN.get("pause", 0))
    if PLAN.get("echo"):
        sys.stdout.write(given)
        sys.stdout.flush()
    time.sleep(PLAN.get("lingers", 0))
    os._exit(PLAN.get("exit_code", 0))


main()
