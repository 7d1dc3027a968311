"""The machines from their inside: ssh, python3, the GPU's driver, systemd and its journal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tui.cli.doctor.finding import Area, Finding, fine, problem, warning
from tui.cli.doctor.fleet_look import LOOKED_WITHIN, FleetLook
from tui.config.schema import Config, MachineSettings
from tui.fleet.snapshot import MachineSnapshot, MachineState, UnitSnapshot, UnitState

RUN_MODELS = frozenset({"llama-swap", "ollama", "vllm", "localai", "llama-server"})
"""Kinds of service whose machine has a GPU, as a rule."""

SMI_TELLS = "`nvidia-smi` there tells more"
_SSH_FIXES = (
    # By what `machine_trouble` makes of ssh's complaints; the first that is found holds.
    (r"host key has changed", "`ssh-keygen -R {host}` where that was you, then `ssh {host}` shows the new key"),
    (r"host key is not known", "`ssh {host}` once in a terminal, compare the fingerprint, and say yes"),
    (
        r"accepts no key of ours",
        "`ssh-add` unlocks your key, `ssh-copy-id {host}` takes it there; then try `ssh {host}`",
    ),
    (r"Tailscale wants", "open that page once in a browser, then look again"),
    (r"refuses ssh", "start it there: `sudo systemctl enable --now ssh`; or give its Port in ~/.ssh/config"),
    (r"no such name", "give {host} a HostName in ~/.ssh/config, or write a name that resolves as ssh = … of {machine}"),
    (r"ssh cannot be started", "install ssh here (on Debian and Ubuntu: apt install openssh-client)"),
    (r"neither python3", "install python3 (3.8 or newer) on {machine}; nothing else is needed there"),
    (r"python3", "install python3 (3.8 or newer) on {machine}: without it neither units nor logs nor memory are seen"),
    (r"does not answer|did not answer|no route|went silent", "is it on, and is the VPN up? `ssh {host}` tells more"),
    (r"closed the connection|broke off", "`ssh -v {host}` tells why; its log is `journalctl -u ssh` there"),
)
_GPU_FIXES = (
    (r"no NVIDIA driver", "install NVIDIA's driver there, if it has such a GPU; for any other there is nothing to do"),
    (
        r"module is not loaded",
        "`sudo modprobe nvidia` there, or reboot it; after a new kernel the module is built anew",
    ),
    (r"upgraded", "reboot it, or unload and load the kernel module: library and module are of two versions"),
    (r"does not answer", "`nvidia-smi` there hangs as well? then only a reboot helps; `dmesg` names the Xid"),
    (r"permission", "your user there needs to be in the group video or render"),
    (r"lost|reset", "`sudo nvidia-smi --gpu-reset` there, or reboot it; `dmesg` names the Xid"),
)


def check_machines(config: Config, look: FleetLook) -> Iterator[Finding]:
    for machine in config.machines.values():
        seen = look.snapshot.machine(machine.name)
        if seen is None or (machine.ssh is None and not machine.local):
            continue  # Only its services show it, and they are examined themselves.
        yield from _reached(machine, seen)
        if seen.state is MachineState.UP:
            yield from _gpus(machine, seen, config)
            yield from _units(machine, seen, config)
            yield from _linger(machine, seen)
            yield from _journals(seen, look)


def _reached(machine: MachineSettings, seen: MachineSnapshot) -> Iterator[Finding]:
    if seen.state is MachineState.UP and not seen.reason:
        driver = f", NVIDIA driver {seen.gpu_driver}" if seen.gpu_driver else ""
        how = f"reached over ssh as {machine.ssh}" if seen.channel == "ssh" else "this machine"
        yield fine(Area.MACHINES, machine.name, f"{how}, python {seen.python}{driver}")
        return
    reason = seen.reason
    if reason == "not looked at yet":
        reason = f"{machine.name} did not answer within {LOOKED_WITHIN:g} s"
    host = machine.ssh or machine.name
    fix = _fix(_SSH_FIXES, reason, f"try `ssh {host}` in a terminal").format(host=host, machine=machine.name)
    yield problem(Area.MACHINES, machine.name, reason, fix)


def _gpus(machine: MachineSettings, seen: MachineSnapshot, config: Config) -> Iterator[Finding]:
    runs_models = any(
        service.kind in RUN_MODELS and config.machine_of(service) == machine for service in config.services.values()
    )
    if seen.gpu_reason:
        missing = "no NVIDIA driver" in seen.gpu_reason
        if not missing or (runs_models and seen.system == "Linux"):
            fix = _fix(_GPU_FIXES, seen.gpu_reason, SMI_TELLS)
            yield (warning if missing else problem)(Area.MACHINES, f"{machine.name} GPU", seen.gpu_reason, fix)
        return
    for gpu in seen.gpus or ():
        if gpu.reason:
            about = f"{machine.name} GPU {gpu.index}"
            yield problem(Area.MACHINES, about, gpu.reason, _fix(_GPU_FIXES, gpu.reason, SMI_TELLS))


def _units(machine: MachineSettings, seen: MachineSnapshot, config: Config) -> Iterator[Finding]:
    for unit in seen.units:
        service = next(
            one.name for one in config.services.values() if one.unit == unit.name and config.machine_of(one) == machine
        )
        yield from _unit(unit, service, machine)


def _unit(unit: UnitSnapshot, service: str, machine: MachineSettings) -> Iterator[Finding]:
    about, user = unit.name, " --user" if unit.scope == "user" else ""
    there = f"ssh {machine.ssh} " if machine.ssh is not None and not machine.local else ""
    reload = f"`{there}{'' if user else 'sudo '}systemctl{user} daemon-reload`, then `fleetdeck unit restart {service}`"
    if unit.reason.startswith("no systemd of yours"):
        yield problem(Area.MACHINES, about, unit.reason, f"`{there}loginctl enable-linger`")
    elif unit.reason.startswith("there is no unit"):
        other = "system" if user else "user"
        fix = f'correct unit in [services.{service}], or write unit_scope = "{other}" where it is one of those'
        yield problem(Area.MACHINES, about, unit.reason, fix)
    elif "is masked" in unit.reason:
        yield problem(Area.MACHINES, about, unit.reason, f"`{there}systemctl{user} unmask {unit.name}`")
    elif unit.state is UnitState.FAILED or unit.sub.startswith("auto-restart"):
        text = f"has failed on {machine.name}: {unit.reason}"
        fix = f"`fleetdeck unit logs {service}` tells why; then `fleetdeck unit restart {service}`"
        yield problem(Area.MACHINES, about, text, fix)
    elif unit.state is UnitState.UNKNOWN:
        yield problem(Area.MACHINES, about, unit.reason, f"`{there}systemctl{user} status {unit.name}` tells more")
    elif unit.needs_reload:
        yield warning(Area.MACHINES, about, "its file was changed, and systemd has not read it again", reload)
    else:
        word = "is stopped" if unit.state is UnitState.INACTIVE else f"is {unit.state}"
        yield fine(Area.MACHINES, about, f"{word} on {machine.name}")


def _linger(machine: MachineSettings, seen: MachineSnapshot) -> Iterator[Finding]:
    own = [unit.name for unit in seen.units if unit.scope == "user" and unit.state is not UnitState.UNKNOWN]
    if own and seen.linger is False and seen.system == "Linux":
        there = f"ssh {machine.ssh} " if seen.channel == "ssh" else ""
        text = f"without lingering {', '.join(own)} ends with your last login there, ours included"
        yield warning(Area.MACHINES, f"{machine.name} linger", text, f"`{there}loginctl enable-linger`")


def _journals(seen: MachineSnapshot, look: FleetLook) -> Iterator[Finding]:
    for (machine, unit), trouble in look.journals.items():
        if machine == seen.name and trouble:
            fix = "keep one for each user, as it says; or `sudo usermod -aG systemd-journal $USER` there"
            fix = fix if "memory" in trouble else f"`journalctl -u {unit}` there tells more"
            yield problem(Area.MACHINES, f"{unit} journal", trouble, fix)
            return  # The others on this machine are kept in the same place.


def _fix(fixes: tuple[tuple[str, str], ...], reason: str, otherwise: str) -> str:
    return next((fix for pattern, fix in fixes if re.search(pattern, reason)), otherwise)
