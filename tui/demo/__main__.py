"""`python -m tui.demo`: runs the simulated fleet until its standard input closes or it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

from tui.demo.control import Control
from tui.demo.fleet import DemoFleet


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tui.demo", description=__doc__)
    parser.add_argument("--config-file", type=Path, help="write the configuration there, not into a temporary folder")
    parser.add_argument("--port-file", type=Path, help="write the ready line into this file as well")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster than life models load and talk")
    parser.add_argument("--extra-services", type=int, default=0, help="how many small OpenAI-like servers to add")
    parser.add_argument("--no-keys", action="store_true", help="LiteLLM asks for no key")
    parser.add_argument("--life", action=argparse.BooleanOptionalAction, default=True, help="somebody uses a model")
    parser.add_argument(
        "--machine", action=argparse.BooleanOptionalAction, default=True, help="koala has a GPU, and is found by ssh"
    )
    return parser.parse_args(words)


def write_whole(path: Path, text: str) -> None:
    """Writes a private file that no reader ever sees half."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)


async def run(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    fleet = DemoFleet(
        speed=options.speed,
        keys=not options.no_keys,
        extra_services=options.extra_services,
        life=options.life,
        machine=options.machine,
    )
    async with fleet, contextlib.AsyncExitStack() as afterwards:
        control = Control(fleet)
        await control.open()
        afterwards.push_async_callback(control.close)
        config: Path = options.config_file or fleet.folder / "config.toml"
        write_whole(config, fleet.config_toml())
        ready = json.dumps({"ready": True, "config": str(config), "control": control.url, "env": fleet.env})
        if options.port_file is not None:
            write_whole(options.port_file, ready + "\n")
        print(ready, flush=True)
        _stop_at_end_of_input(stop)
        await stop.wait()
    if options.config_file is not None:
        options.config_file.unlink(missing_ok=True)
    if options.port_file is not None:
        options.port_file.unlink(missing_ok=True)


def _stop_at_end_of_input(stop: asyncio.Event) -> None:
    """Whoever started the demo holds its standard input open; when they die, it closes."""
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()

    def readable() -> None:
        if not os.read(descriptor, 4096):
            loop.remove_reader(descriptor)
            stop.set()

    # A regular file or /dev/null cannot be watched; then only a signal ends the demo.
    with contextlib.suppress(PermissionError):
        loop.add_reader(descriptor, readable)


def main() -> None:
    asyncio.run(run(arguments(sys.argv[1:])))


if __name__ == "__main__":
    main()
