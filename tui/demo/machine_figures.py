"""What NVML and /proc would say on the simulated machine, as the collector words it."""

from __future__ import annotations

import hashlib
import shlex
import time

from tui.demo.clock import UPTIME, machine_monotonic
from tui.demo.llama_swap import LlamaSwap
from tui.demo.llama_swap_telemetry import CORES, GPU_MEMORY_MB, GPU_NAME, GPU_UUID, MEMORY_MB, MIB, MachineSample
from tui.demo.ollama import Ollama
from tui.demo.ollama_catalogue import Loaded

DRIVER = "580.95.05"
TOTAL = GPU_MEMORY_MB * MIB
RESERVED = 361 * MIB
DESKTOP = 300_000_000
POWER_LIMIT_MW = 450_000
IDLE_REASON, POWER_CAP_REASON = 1, 4
XORG_PID, SESSION_PID, OLLAMA_PID = 2214, 2190, 1377
XORG = ["/usr/lib/xorg/Xorg", "-core", ":0", "-seat", "seat0", "-noreset", "vt2"]
USER_SLICE = "0::/user.slice/user-1000.slice"


def left_for_ollama(llama_swap: LlamaSwap) -> int:
    """Bytes: both servers share the one card."""
    return TOTAL - RESERVED - DESKTOP - llama_swap_vram(llama_swap)


def llama_swap_vram(llama_swap: LlamaSwap) -> int:
    return sum(_held_by(llama_swap).values())


def _held_by(llama_swap: LlamaSwap) -> dict[str, int]:
    """Bytes by model. A model that is too large gets what there is, until its program finds that it is too little."""
    room = TOTAL - RESERVED - DESKTOP
    held: dict[str, int] = {}
    for process in llama_swap.processes.running():
        held[process.name] = min(room, process.vram(llama_swap.speed))
        room -= held[process.name]
    return held


def holders(llama_swap: LlamaSwap, unit: str, main_pid: int, ollama: Ollama) -> list[dict[str, object]]:
    """The processes that hold memory of the GPU."""
    found = [_holder(XORG_PID, "Xorg", SESSION_PID, XORG, f"{USER_SLICE}/session-2.scope", DESKTOP, "graphics")]
    unit_group = f"{USER_SLICE}/user@1000.service/app.slice/{unit}"
    for name, size in _held_by(llama_swap).items():
        process = llama_swap.processes.by_name[name]
        command = shlex.split(process.setup.command(process.port))
        found.append(_holder(process.pid, "llama-server", main_pid, command, unit_group, size))
    for name, size in ollama.vram().items():
        loaded = ollama.loaded[name]
        if size:
            group = "0::/system.slice/ollama.service"
            found.append(_holder(loaded.pid, "llama-server", OLLAMA_PID, _runner(loaded), group, size))
    return found


def _runner(loaded: Loaded) -> list[str]:
    # The file of the weights: its digest is not that of the manifest, which /api/tags shows.
    weights = hashlib.sha256(f"weights of {loaded.model.name}".encode()).hexdigest()
    blob = f"/usr/share/ollama/.ollama/models/blobs/sha256-{weights}"
    port = 30_000 + loaded.pid % 30_000
    return ["/usr/local/lib/ollama/llama-server", "--model", blob, "--port", str(port), "--no-webui", "--offline"]


def _holder(
    pid: int, name: str, parent: int, command: list[str], cgroup: str, size: int, kind: str = "compute"
) -> dict[str, object]:
    return {
        "pid": pid,
        "name": name,
        "parent": parent,
        "command": command,
        "cgroup": f"{cgroup}\n",
        "bytes": size,
        "kinds": [kind],
    }


def gpu_sample(processes: list[dict[str, object]], *, busy: bool) -> dict[str, object]:
    """One sample of the one GPU, in NVML's units. What is in use is what the processes hold."""
    used = sum(size for process in processes if isinstance(size := process["bytes"], int))
    seen = MachineSample(time.time(), used // MIB, busy).gpu()
    power = seen["power_draw_w"]
    assert isinstance(power, float)
    load = seen["gpu_util_pct"]
    assert isinstance(load, int)
    return {
        "index": 0,
        "errors": {},
        "name": GPU_NAME,
        "uuid": GPU_UUID,
        "memory": {
            "version": 0x02000028,
            "total": TOTAL,
            "reserved": RESERVED,
            "free": TOTAL - RESERVED - used,
            "used": used,
        },
        "utilization": {"gpu": load, "memory": load * 3 // 5},
        "temperature": seen["temp_c"],
        "power": int(power * 1000),
        "power_limit": POWER_LIMIT_MW,
        "throttle": (POWER_CAP_REASON if power > 335 else 0) if busy else IDLE_REASON,
        "fan": seen["fan_speed_pct"],
        "processes": processes,
    }


class HostFigures:
    """Memory, and the processors' time so far: what a busy one adds to it is not idle."""

    def __init__(self) -> None:
        self._at = machine_monotonic()
        self._idle = UPTIME * CORES * 0.93

    def sample(self) -> dict[str, object]:
        now, seen = machine_monotonic(), MachineSample(time.time(), 0, gpu_busy=False).system()
        loads, used = seen["cpu_util_per_core"], seen["mem_used_mb"]
        assert isinstance(loads, list)
        assert isinstance(used, int)
        self._idle += (now - self._at) * sum(1 - load / 100 for load in loads)
        self._at = now
        total, available = MEMORY_MB * MIB, (MEMORY_MB - used) * MIB
        return {"total": total, "available": available, "cpu": now * CORES, "cpu_idle": self._idle}
