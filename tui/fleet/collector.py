"""Describes the machine it runs on, and acts on its systemd units, in lines of JSON on standard output.

The file runs on the machine that it describes, with Python 3.8 or newer and nothing else: as a child process, or sent
over ssh. Standard input is its life line: at its end, or after 20 s of silence, this process and its children end.

The first line in says what to watch: {"interval": 1.0, "units": [["x.service", "user"]]}, with seconds between samples.
Then come, besides empty ones as signs of life:
    {"do": "ping", "request": 1}                                                       answered by pong
    {"do": "unit", "request": 2, "verb": "start|stop|restart", "unit": "x.service"}    for units that are watched
    {"do": "log", "request": 3, "unit": "x.service", "lines": 200, "after": null or the cursor to go on behind}
    {"do": "unlog", "request": 3}
    {"do": "pynvml", "size": 50259}    followed by so many bytes: NVIDIA's pynvml.py, compressed by zlib
Lines out, by "type":
    hello    what this is; always the first line
    need     a GPU driver is here but no pynvml: please send it
    gpu      one sample of all GPUs in NVML's units; "errors": its codes for what is null; "code": that of a lost GPU
    gpuerr   why there is none: NVML's "code" (12: no driver here) and "text", or "seconds": so long it has hung
    host     bytes of memory, and the time of all processors so far: in all, and idle
    unit     what "systemctl show" says of a unit, when it has changed; "clock": the monotonic clock's seconds
    done     a unit's action is in systemd's hands: systemctl's exit status and words
    log      one journal entry          log_end   there will be no more of them, and why
Samples (gpu, gpuerr, host) give way to newer ones while the reader is slow. All other lines wait for it.
"""

# Python 3.8 is enough, and no more is imported than it takes.
# ruff: noqa: PTH110, PTH123, S102, S603, UP006, UP035
from __future__ import annotations

import contextlib
import ctypes
import json
import os
import queue
import re
import select
import socket
import subprocess
import sys
import threading
import time
import types
import zlib
from typing import Any, BinaryIO, Dict, NoReturn, Sequence

try:
    import psutil
except ImportError:
    psutil = None

SILENCE = 20.0  # seconds: an ssh session may outlive a dead connection for hours
HUNG = 5.0  # seconds in one call to the driver
POLL = 5.0  # seconds between looks at units while systemd says nothing, and between tries to hear it
SETTLE = 0.03  # seconds: one action sends up to 20 signals, and "failed" flashes before "auto-restart"
MOST_WAITING = 500  # lines
PROCESSES_EVERY = 2  # samples: by far the dearest call, 4.5 ms under the driver's lock
MEMORY_MOVED = 64 << 20  # bytes that make it worth its price at once
LIBRARIES = ("libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1", "/run/opengl-driver/lib/libnvidia-ml.so.1")
NOT_SUPPORTED, NO_LIBRARY, FUNCTION_NOT_FOUND, UPGRADED = 3, 12, 13, 18
GPU_GONE, DRIVER_GONE = (15, 16), (1, 9, NO_LIBRARY, UPGRADED)  # lost, reset required; uninitialized, not loaded
FOREVER = 1e9
# Calls of NVML in order of preference, each with its arguments after the GPU, and for how many seconds an answer holds.
DATA = {
    "name": ((("nvmlDeviceGetName",),), FOREVER),
    "uuid": ((("nvmlDeviceGetUUID",),), FOREVER),
    "memory": ((("nvmlDeviceGetMemoryInfo", 0x02000028), ("nvmlDeviceGetMemoryInfo",)), 0.0),
    "utilization": ((("nvmlDeviceGetUtilizationRates",),), 0.0),
    "temperature": ((("nvmlDeviceGetTemperatureV", 0), ("nvmlDeviceGetTemperature", 0)), 0.0),
    "power": ((("nvmlDeviceGetPowerUsage",),), 0.0),
    "power_limit": ((("nvmlDeviceGetEnforcedPowerLimit",),), 60.0),
    "throttle": ((("nvmlDeviceGetCurrentClocksEventReasons",), ("nvmlDeviceGetCurrentClocksThrottleReasons",)), 0.0),
    "fan": ((("nvmlDeviceGetFanSpeed",),), 5.0),
}
SHOW = (
    "--property=LoadState,ActiveState,SubState,Result,ExecMainCode,ExecMainStatus,NRestarts,MainPID,Job,UnitFileState,"
    "NeedDaemonReload,InvocationID,StateChangeTimestampMonotonic"
)
JOURNAL = ("journalctl", "-q", "-a", "-o", "json", "--output-fields=MESSAGE,PRIORITY,_PID,SYSLOG_IDENTIFIER")
# PR_SET_PDEATHSIG ends a child with its parent, even a killed one; by a program, as preexec_fn is unsafe with threads.
TIED = "import ctypes,os,sys;ctypes.CDLL(None).prctl(1,15);os.execvp(sys.argv[1],sys.argv[1:])"
PIPED: Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
Facts = Dict[str, Any]


class Outbox:
    """What is to be written, by whatever thread it is said."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: queue.Queue[Facts] = queue.Queue(MOST_WAITING)
        self._samples: dict[str, Facts] = {}

    def say(self, kind: str, **facts: Any) -> None:
        self._lines.put({"type": kind, **facts})

    def sample(self, source: str, kind: str, **facts: Any) -> None:
        self._samples[source] = {"type": kind, **facts}
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait({})

    def write(self) -> None:
        while True:
            messages = [self._lines.get(), *(self._samples.pop(source) for source in list(self._samples))]
            text = b"".join(json.dumps(message).encode() + b"\n" for message in messages if message)
            while text:
                text = text[os.write(self._descriptor, text) :]


def read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def describe_host() -> Facts:
    """Bytes of memory, and the time of all processors so far; idle is also one that waits for a disk."""
    if psutil is not None:
        times, known = list(psutil.cpu_times()[:8]), psutil.virtual_memory()
        sizes = [known.total, known.available]
    else:
        times = [float(field) for field in read("/proc/stat").partition("\n")[0].split()[1:9]]
        sizes = [int(size) * 1024 for size in re.findall(r"Mem(?:Total|Available): +(\d+)", read("/proc/meminfo"))]
    total, available = sizes if len(sizes) == 2 else (None, None)
    return {"total": total, "available": available, "cpu": sum(times), "cpu_idle": sum(times[3:5])}


def describe_process(pid: int) -> Facts:
    """Who a process is; nothing is known of one that is gone, or numbered in another namespace."""
    command = [word for word in read(f"/proc/{pid}/cmdline")[:8000].split("\0") if word]
    status = dict(re.findall(r"(Name|PPid):\t(.*)", read(f"/proc/{pid}/status")))
    name, parent, cgroup = status.get("Name", ""), int(status.get("PPid", 0)), read(f"/proc/{pid}/cgroup")[:2000]
    return {"pid": pid, "name": name, "parent": parent, "command": command, "cgroup": cgroup}


class Gpus:
    """Samples all GPUs through NVML, in a thread that may hang for as long as the driver does."""

    def __init__(self, outbox: Outbox, interval: float) -> None:
        self.pynvml_source: queue.Queue[bytes] = queue.Queue()
        self.called_at: float | None = None
        self._outbox, self._interval = outbox, interval
        self._known: dict[tuple[Any, ...], tuple[float, Any, int]] = {}
        self._held: dict[int, tuple[int, list[Facts] | None]] = {}

    def run(self) -> None:
        while True:
            try:
                self._load()
                self._watch()
            except Exception as error:  # whatever a driver does belongs on the screen, and must not end the thread
                code = NO_LIBRARY if isinstance(error, OSError) else getattr(error, "value", None)
                self._outbox.sample("gpu", "gpuerr", code=code, text=f"{type(error).__name__}: {error}")
                self.called_at = None
                time.sleep(60.0 if code in (NO_LIBRARY, UPGRADED) else 10.0)

    def _load(self) -> None:
        for library in LIBRARIES:
            with contextlib.suppress(OSError):
                ctypes.CDLL(library)  # once it is loaded by path, pynvml's own search by name finds it
                break
        else:
            raise OSError("no NVIDIA driver")
        try:
            import pynvml
            from pynvml import nvmlMemory_v2  # noqa: F401  (releases without it answer bytes for text)
        except ImportError:
            self._outbox.say("need", what="pynvml")
            source = zlib.decompress(self.pynvml_source.get())
            sys.modules["pynvml"] = pynvml = types.ModuleType("pynvml")  # where its code looks itself up
            exec(compile(source, "pynvml.py", "exec"), pynvml.__dict__)
        self._nvml: Any = pynvml

    def _watch(self) -> None:
        """Samples, until a GPU is lost: only a new start of NVML may bring it back."""
        self.called_at = time.monotonic()
        self._nvml.nvmlInit()
        try:
            self._known.clear()
            driver, tick = self._ask(-1, [("nvmlSystemGetDriverVersion",)])[0], 0
            gpus: list[Facts] = []
            while tick % 10 or not any(gpu.get("code") in GPU_GONE for gpu in gpus):
                began = self.called_at = time.monotonic()
                gpus = [self._sample(index, tick) for index in range(self._nvml.nvmlDeviceGetCount())]
                self.called_at = None
                self._outbox.sample("gpu", "gpu", driver=driver, gpus=gpus)
                time.sleep(max(0.05, began + self._interval - time.monotonic()))
                tick += 1
        finally:
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()

    def _ask(self, gpu: int, calls: Sequence[tuple[Any, ...]], *handle: Any, holds: float = 0.0) -> tuple[Any, int]:
        """The answer of the first call that has one, and 0; else None and an error's code. NVMLError: all is gone."""
        answer, code = None, FUNCTION_NOT_FOUND
        for call in calls:
            until, answer, code = self._known.get((gpu, *call), (0.0, None, 0))
            if time.monotonic() >= until:
                self.called_at = time.monotonic()
                answer, code, seconds = None, 0, holds
                try:
                    answer = getattr(self._nvml, call[0])(*handle, *call[1:])
                except (self._nvml.NVMLError, AttributeError) as error:
                    code = getattr(error, "value", FUNCTION_NOT_FOUND)
                    if code in GPU_GONE + DRIVER_GONE:
                        raise
                    # What a GPU or driver does not have is not asked again.
                    seconds = FOREVER if code in (NOT_SUPPORTED, FUNCTION_NOT_FOUND) else 0.0
                self._known[(gpu, *call)] = (time.monotonic() + seconds, answer, code)
            if not code:
                break
        return answer, code

    def _sample(self, index: int, tick: int) -> Facts:
        sample: Facts = {"index": index, "errors": {}}
        try:
            handle, code = self._ask(index, [("nvmlDeviceGetHandleByIndex", index)], holds=FOREVER)
            if code:
                return {"index": index, "code": code}
            for key, (calls, holds) in DATA.items():
                answer, code = self._ask(index, calls, handle, holds=holds)
                if isinstance(answer, ctypes.Structure):
                    answer = {field[0]: getattr(answer, field[0]) for field in answer._fields_}
                sample[key] = answer
                if code:
                    sample["errors"][key] = code
            used = (sample["memory"] or {}).get("used", 0)
            if tick % PROCESSES_EVERY == 0 or abs(used - self._held.get(index, (0, None))[0]) > MEMORY_MOVED:
                self._held[index] = (used, self._holders(index, handle))
            sample["processes"] = self._held.get(index, (0, None))[1]
        except self._nvml.NVMLError as error:
            if error.value not in GPU_GONE:
                raise
            return {"index": index, "code": error.value}
        return sample

    def _holders(self, index: int, handle: Any) -> list[Facts] | None:
        """The processes that hold memory of a GPU. One that computes and draws is in both of NVML's lists."""
        found: dict[int, Facts] = {}
        known = False
        for kind in ("Compute", "Graphics"):
            # By version: pynvml's own choice raises something else than NVMLError where the driver is old.
            calls = [(f"nvmlDeviceGet{kind}RunningProcesses{version}",) for version in ("_v3", "_v2")]
            processes = self._ask(index, calls, handle)[0]
            known = known or processes is not None
            for process in processes or ():
                holder = found.setdefault(process.pid, {**describe_process(process.pid), "bytes": None, "kinds": []})
                holder["kinds"].append(kind.lower())
                if process.usedGpuMemory is not None:
                    holder["bytes"] = max(holder["bytes"] or 0, process.usedGpuMemory)
        return list(found.values()) if known else None


class Unit:
    """Tells when a systemd unit has changed, and changes it.

    What systemctl shows is the truth. Systemd's private socket, no public interface, only says when to look: where a
    message's header, never its body, names the unit, the end of a job or a reload. That units come and go is no reason,
    since looking at a stopped one makes it do so.
    """

    def __init__(self, name: str, scope: str, outbox: Outbox) -> None:
        self.name, self.scope, self._outbox = name, scope, outbox
        self._looking = threading.Lock()
        self._shown: Facts = {}
        path = re.sub(rb"[^A-Za-z0-9]|^[0-9]", lambda found: b"_%02x" % ord(found[0]), name.encode())
        # Header fields of D-Bus: code, signature, length, text. 1 is the object's path, 3 the signal's name.
        self._news = re.compile(b"(?s)\1\1o\0....[^\0]*/unit/%s\0|\3\1s\0....(JobRemoved|Reloading)\0" % path)

    def act(self, request: int, verb: str) -> None:
        # Started too often, a failed unit can be refused further starts until systemd forgets that it failed.
        if verb != "stop" and "ActiveState=failed" in self._systemctl("show", SHOW)["out"]:
            self._systemctl("reset-failed")
        self._outbox.say("done", request=request, **self._systemctl(verb, "--no-block"))
        self._look()

    def run(self) -> None:
        bell = None
        while True:
            self._look()
            bell = bell or self._connect()
            until = time.monotonic() + POLL
            while bell and select.select([bell], [], [], max(0.0, until - time.monotonic()))[0]:
                said = b""
                with contextlib.suppress(OSError):
                    said = bell.recv(1 << 18)
                if not said:  # systemd is not there, will not have us, or is executing itself anew
                    bell.close()
                    bell, until = None, time.monotonic() + POLL
                elif self._news.search(said):
                    until = min(until, time.monotonic() + SETTLE)
            time.sleep(max(0.0, until - time.monotonic()))

    def _look(self) -> None:
        with self._looking:
            shown = self._systemctl("show", SHOW)
            if shown != self._shown:
                self._shown = shown
                self._outbox.say("unit", unit=self.name, scope=self.scope, clock=time.monotonic(), **shown)

    def _systemctl(self, *words: str) -> Facts:
        command = ["systemctl", "--" + self.scope, "--no-ask-password", *words, "--", self.name]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=15, errors="replace")
        except (OSError, subprocess.TimeoutExpired) as error:
            return {"status": None, "out": "", "error": str(error)}
        return {"status": done.returncode, "out": done.stdout, "error": done.stderr.strip()}

    def _connect(self) -> socket.socket:
        bell = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError):  # then it is readable at once, and at its end
            bell.connect(("/run" if self.scope == "system" else os.environ["XDG_RUNTIME_DIR"]) + "/systemd/private")
            bell.sendall(b"\0AUTH EXTERNAL %s\r\nBEGIN\r\n" % str(os.getuid()).encode().hex().encode())
        return bell


class Collector:
    def __init__(self, commands: BinaryIO, descriptor: int) -> None:
        wanted = json.loads(commands.readline())
        self._commands = commands
        self._outbox = Outbox(descriptor)
        self._interval = float(wanted["interval"])
        self._gpus = Gpus(self._outbox, self._interval)
        self._units = {name: Unit(name, scope, self._outbox) for name, scope in wanted["units"]}
        self._journals: dict[int, subprocess.Popen[bytes]] = {}
        self._unwanted: set[int] = set()
        self._heard_at = time.monotonic()

    def run(self) -> None:
        python, (system, host) = sys.version.split()[0], os.uname()[:2]
        linger = os.path.exists("/var/lib/systemd/linger/" + os.environ.get("USER", "?"))
        self._outbox.say("hello", protocol=1, python=python, system=system, hostname=host, linger=linger)
        units = [unit.run for unit in self._units.values()]
        for work in (self._outbox.write, self._gpus.run, self._sample_host, self._watch_over, *units):
            threading.Thread(target=work, daemon=True).start()
        for line in iter(self._commands.readline, b""):
            self._heard_at = time.monotonic()
            if line.strip():
                self._do(**json.loads(line))
        os._exit(0)  # NVML must not be shut down, as a normal exit would, while a thread is inside one of its calls

    def _do(self, do: str, request: int = 0, unit: str = "", verb: str = "", size: int = 0, **how: Any) -> None:
        if do == "ping":
            self._outbox.say("pong", request=request)
        elif do == "pynvml":
            self._gpus.pynvml_source.put(self._commands.read(size))
        elif do == "unit":
            threading.Thread(target=self._units[unit].act, args=(request, verb), daemon=True).start()
        elif do == "log":
            threading.Thread(target=self._follow, args=(request, self._units[unit]), kwargs=how, daemon=True).start()
        elif do == "unlog":
            self._unwanted.add(request)
            if request in self._journals:
                self._journals[request].terminate()

    def _follow(self, request: int, unit: Unit, lines: int, after: str | None) -> None:
        words = [sys.executable, "-I", "-c", TIED, *JOURNAL, "--" + unit.scope, "-u", unit.name]
        where = [f"--after-cursor={after}", "--no-tail"] if after else ["-n", str(lines)]
        # Asked for the last entries where there are none, journalctl 252 passes over the first ones to come.
        if not after and not subprocess.run([*words, "-n", "1"], **PIPED).stdout:
            where = ["--no-tail"]
        journal = self._journals[request] = subprocess.Popen([*words, *where, "-f"], **PIPED)
        if request in self._unwanted:
            journal.terminate()
        said = b""
        for line in journal.stdout or ():
            try:
                self._outbox.say("log", request=request, entry=json.loads(line))
            except ValueError:
                said = line
        self._outbox.say("log_end", request=request, status=journal.wait(), text=said.decode("utf-8", "replace"))

    def _sample_host(self) -> None:
        while True:
            self._outbox.sample("host", "host", **describe_host())
            time.sleep(self._interval)

    def _watch_over(self) -> None:
        """Ends it all once nobody is there any more, and tells when the GPU driver hangs."""
        while time.monotonic() - self._heard_at < SILENCE:
            seconds = time.monotonic() - (self._gpus.called_at or time.monotonic())
            if seconds > HUNG:
                self._outbox.sample("gpu", "gpuerr", seconds=round(seconds, 1))
            time.sleep(0.5)
        os._exit(0)


def crash(*why: Any) -> NoReturn:
    """No thread may be missing unnoticed: whoever asked reads the reason on standard error, and starts anew."""
    sys.__excepthook__(*why)
    os._exit(70)


if __name__ == "__main__":
    os.environ.setdefault("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    os.environ["LC_ALL"] = "C.UTF-8"
    sys.excepthook = crash
    threading.excepthook = lambda why: crash(*why[:3])
    Collector(sys.stdin.buffer, 1).run()
