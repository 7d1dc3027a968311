"""Stands in for ssh: connects standard input and output to the simulated machine.

Run as a file, by the program called ssh that the demo places first on PATH, with the one host that it knows and the
port that stands for it before ssh's own arguments. The standard library alone is imported: it starts in 20 ms.
"""

from __future__ import annotations

import os
import select
import shlex
import socket
import sys

FLAGS = "TxaNnqv46AXYfgkMsV"
WITH_VALUE = "oplFiJEeDLRWBbcmIOQSw"
ABORTED = 255
NOT_FOUND = 127


class Refused(Exception):
    """What ssh would say on standard error, and the status with which it would end."""

    def __init__(self, words: str, status: int = ABORTED) -> None:
        super().__init__(words)
        self.status = status


def host_and_command(words: list[str]) -> tuple[str, str, bool]:
    """The host, the remote command, and whether only the configuration is asked for (``-G``). Raises Refused."""
    only_configuration = False
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "--":
            break
        letter, value = option[1:2], option[2:]
        if letter == "G":
            only_configuration = True
        elif letter in WITH_VALUE:
            if not value and not words:
                raise Refused(f"option requires an argument -- {letter}")
            if not value:
                words.pop(0)
        elif not letter or letter not in FLAGS:
            raise Refused(f"unknown option -- {letter}")
    if not words:
        raise Refused("usage: ssh [options] destination [command]")
    return words[0].rpartition("@")[2], " ".join(words[1:]), only_configuration


def check_command(command: str) -> None:
    """Lets only the boot line of a collector pass, which reads its program from standard input. Raises Refused."""
    try:
        words = [word for word in shlex.split(command) if word != "exec"]
    except ValueError:
        raise Refused("bash: -c: unexpected EOF while looking for matching quote", 2) from None
    if not words:
        raise Refused("the simulated koala has no shell for people: only the panel is let in", 1)
    if words[0] != "python3":
        raise Refused(f"bash: line 1: {words[0]}: command not found", NOT_FOUND)
    if "-c" not in words or "readline" not in words[-1]:
        raise Refused("the simulated koala runs nothing but a collector", 1)


def pump(connection: socket.socket, host: str) -> None:
    """Passes bytes on until the far side closes. Raises Refused where it broke off, as ssh does."""
    sources = [connection, sys.stdin]
    while True:
        ready, _, _ = select.select(sources, [], [])
        try:
            if sys.stdin in ready:
                data = os.read(0, 1 << 16)
                if data:
                    connection.sendall(data)
                else:
                    sources.remove(sys.stdin)
                    connection.shutdown(socket.SHUT_WR)
            if connection in ready:
                data = connection.recv(1 << 16)
                if not data:
                    return
                while data:
                    data = data[os.write(1, data) :]
        except BrokenPipeError:
            return
        except OSError:
            raise Refused(f"Connection to {host} closed by remote host.") from None


def main(known: str, port: int, words: list[str]) -> int:
    """What ssh's exit status would be."""
    try:
        host, command, only_configuration = host_and_command(words)
        if host != known:
            raise Refused(f"ssh: Could not resolve hostname {host}: Name or service not known")
        if only_configuration:
            print(f"host {host}\nhostname 127.0.0.1\nport {port}")
            return 0
        check_command(command)
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=5)
        except OSError:
            raise Refused(f"ssh: connect to host {host} port 22: Connection refused") from None
        with connection:
            connection.settimeout(None)
            pump(connection, host)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return refusal.status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
