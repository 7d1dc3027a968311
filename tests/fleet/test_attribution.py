"""Whose a GPU's memory is: processes as the models and services that they run for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.fleet.attribution import with_holders, with_vram
from tui.fleet.gpu_snapshot import GpuHolder, GpuProcess, GpuSnapshot, HolderKind
from tui.fleet.snapshot import (
    MachineSnapshot,
    MachineState,
    ModelRole,
    ModelSnapshot,
    ModelState,
    ServiceSnapshot,
    UnitSnapshot,
)

GIB = 1024**3
READY, IDLE = ModelState.READY, ModelState.IDLE
MODEL, PROCESS, UNATTRIBUTED = HolderKind.MODEL, HolderKind.PROCESS, HolderKind.UNATTRIBUTED


def machine(*gpus: GpuSnapshot, units: Sequence[UnitSnapshot] = ()) -> MachineSnapshot:
    return MachineSnapshot(name="koala", state=MachineState.UP, reason="", gpus=gpus, units=tuple(units))


def gpu(*processes: GpuProcess, used: int | None = None, index: int = 0) -> GpuSnapshot:
    return GpuSnapshot(index=index, total=24 * GIB, used=used, processes=processes)


def process(pid: int, command: str = "", size: int | None = GIB, **more: object) -> GpuProcess:
    words = tuple(command.split())
    name = words[0].rpartition("/")[2][:15] if words else ""
    return GpuProcess(**{"pid": pid, "bytes": size, "name": name, "command": words, **more})  # type: ignore[arg-type]


def model(name: str, state: ModelState = READY, **more: object) -> ModelSnapshot:
    return ModelSnapshot(name=name, state=state, **more)  # type: ignore[arg-type]


def service(name: str, kind: str, *models: ModelSnapshot, **more: object) -> ServiceSnapshot:
    facts = {"name": name, "kind": kind, "url": "http://koala:8080", "machine": "koala", "models": models, **more}
    return ServiceSnapshot(**facts)  # type: ignore[arg-type]


def swap(*models: ModelSnapshot) -> ServiceSnapshot:
    return service("llama-swap", "llama-swap", *models)


def ollama(*models: ModelSnapshot) -> ServiceSnapshot:
    return service("ollama", "ollama", *models)


def holders(of: MachineSnapshot, *services: ServiceSnapshot, units: dict[str, str] | None = None) -> list[GpuHolder]:
    return [holder for one in with_holders(of, services, units or {}).gpus or () for holder in one.holders]


def who(of: MachineSnapshot, *services: ServiceSnapshot, units: dict[str, str] | None = None) -> list[str]:
    return [holder.who for holder in holders(of, *services, units=units)]


def test_the_fleet_of_the_design() -> None:
    koala = machine(
        gpu(
            process(10, "llama-server --port 5801 -m /models/qwen3.gguf", 17 * GIB),
            process(20, "/usr/lib/ollama/llama-server --model /o/blobs/sha256-ab --port 41234", 2 * GIB),
            process(30, "/usr/lib/xorg/Xorg :0", GIB // 4),
            used=20 * GIB,
        )
    )
    found = holders(koala, swap(model("qwen3", port=5801), model("gemma", IDLE, port=5802)), ollama(model("llama3.2")))
    assert found == [
        GpuHolder("llama-swap/qwen3", 10, 17 * GIB, MODEL),
        GpuHolder("ollama/llama3.2", 20, 2 * GIB, MODEL),
        GpuHolder("Xorg", 30, GIB // 4, PROCESS),
        GpuHolder("unattributed", None, GIB * 3 // 4, UNATTRIBUTED),
    ]


@pytest.mark.parametrize(
    "command",
    [
        "llama-server --port 5801 -m x",
        "llama-server --port=5801",
        "server -p 5801",
        "server --host 127.0.0.1:5801",
        "server --listen=http://0.0.0.0:5801",
        "python -m vllm.entrypoints --http-port 5801",
    ],
)
def test_a_port_is_known_however_a_program_is_told_it(command: str) -> None:
    assert who(machine(gpu(process(1, command))), swap(model("a", port=5801), model("b", port=5802))) == [
        "llama-swap/a"
    ]


@pytest.mark.parametrize("command", ["llama-server -c 5801", "x --seed 5801", "x --port 58010", "x /models/5801", ""])
def test_a_number_is_no_port(command: str) -> None:
    (holder,) = holders(machine(gpu(process(1, command))), swap(model("a", port=5801), model("b", port=5802)))
    assert holder.kind is PROCESS


def test_a_container_is_known_by_its_words() -> None:
    """Its port is another inside, and systemd knows nothing of it."""
    configured = (
        "docker",
        "run",
        "--rm",
        "-p",
        "5801:8080",
        "llama.cpp:cuda",
        "-m",
        "/models/a.gguf",
        "--port",
        "8080",
    )
    inside = process(1, "/app/llama-server -m /models/a.gguf --port 8080", unit="docker-0f.scope")
    other = process(2, "/app/llama-server -m /models/c.gguf --port 8080", unit="docker-1f.scope")
    models = (model("a", port=5801, command=configured), model("b", port=5802, command=("llama-server",)))
    assert who(machine(gpu(inside, other)), swap(*models)) == ["llama-swap/a", "llama-server"]


def test_of_models_that_take_turns_on_a_port_the_loaded_one_is_meant() -> None:
    both = swap(model("a", IDLE, port=9001), model("b", READY, port=9001))
    assert who(machine(gpu(process(1, "llama-server --port 9001"))), both) == ["llama-swap/b"]


def test_a_model_that_computes_in_children_is_one() -> None:
    """vLLM serves in one process and computes in others, which know no port."""
    koala = machine(
        gpu(process(10, "vllm serve x --port 5801", 100), process(11, "VLLM::Worker_TP0", GIB, parent=10)),
        gpu(process(12, "VLLM::Worker_TP1", GIB, parent=11), index=1),
    )
    both = swap(model("a", port=5801), model("b", port=5802))
    assert who(koala, both) == ["llama-swap/a", "llama-swap/a", "llama-swap/a"]
    (with_a, _) = with_vram([both], [with_holders(koala, [both])])[0].models
    assert with_a.vram == 2 * GIB + 100


def test_a_process_of_a_unit_is_its_only_loaded_model() -> None:
    unit = {"swap.service": "llama-swap"}
    engine = process(11, "VLLM::EngineCore", unit="swap.service", parent=10)
    assert who(machine(gpu(engine)), swap(model("a", port=5801), model("b", IDLE)), units=unit) == ["llama-swap/a"]
    either = swap(model("a", port=5801), model("b", port=5802))
    assert who(machine(gpu(engine)), either, units=unit) == ["llama-swap: VLLM::EngineCore"], "it could be either"


def test_a_child_of_the_units_main_process_is_its_services() -> None:
    units = [UnitSnapshot(name="swap.service", main_pid=77)]
    child = process(11, "whisper-server", parent=77, unit="")
    koala = machine(gpu(child), units=units)
    assert who(koala, swap(), units={"swap.service": "llama-swap"}) == ["llama-swap: whisper-server"]
    assert who(koala, swap()) == ["whisper-server"], "without a service the unit says nothing"


def test_the_unit_that_a_servers_installer_makes_is_known() -> None:
    runner = process(11, "runner", unit="ollama.service")
    assert who(machine(gpu(runner)), ollama(model("llama3.2"))) == ["ollama/llama3.2"]


def test_runners_of_ollama_are_told_apart_by_their_sizes() -> None:
    """On all GPUs together: a large model's runner holds a part of each."""
    runner = "/usr/bin/ollama runner --model /var/lib/ollama/blobs/sha256-"
    koala = machine(
        gpu(process(1, runner + "aa", 6 * GIB), process(2, runner + "bb", 5 * GIB)),
        gpu(process(2, runner + "bb", 5 * GIB), process(3, runner + "cc", 2 * GIB), index=1),
    )
    found = holders(koala, ollama(model("mid", vram=6 * GIB), model("large", vram=10 * GIB), model("cpu", vram=0)))
    assert [(holder.pid, holder.who) for holder in found] == [
        (1, "ollama/mid"),
        (2, "ollama/large"),
        (2, "ollama/large"),
        (3, "ollama: ollama"),
    ]


def test_a_server_of_one_model_is_known_by_its_own_port() -> None:
    vllm = service("vllm", "vllm", model("x"), url="http://koala:8000/v1")
    koala = machine(gpu(process(1, "vllm serve x --port 8000"), process(2, "VLLM::EngineCore", parent=1)))
    assert who(koala, vllm) == ["vllm/x", "vllm/x"]


def test_services_of_other_machines_hold_nothing_here() -> None:
    elsewhere = replace(swap(model("a", port=5801)), machine="iguana")
    assert who(machine(gpu(process(1, "llama-server --port 5801"))), elsewhere) == ["llama-server"]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (process(7), "pid 7 (gone)"),
        (process(7, "/opt/a/very-long-program-name --x"), "very-long-program-name"),
        (process(7, "/usr/bin/python3 train.py", name="python3"), "python3"),
        (process(7, "", name="kworker"), "kworker"),
        (process(7, "chrome --type=gpu /a/b", name="chrome"), "chrome"),
    ],
)
def test_others_go_by_their_own_names(named: GpuProcess, expected: str) -> None:
    assert who(machine(gpu(named)), swap(model("a", port=5801), model("b"))) == [expected]


def test_what_the_driver_does_not_say_is_not_known() -> None:
    said_nothing = machine(gpu(process(1, "llama-server --port 5801", None), used=5 * GIB))
    assert holders(said_nothing, swap(model("a", port=5801))) == [
        GpuHolder("llama-swap/a", 1, None, MODEL),
        GpuHolder("unattributed", None, 5 * GIB, UNATTRIBUTED),
    ]
    (one,) = with_vram([swap(model("a", port=5801))], [with_holders(said_nothing, [swap(model("a", port=5801))])])
    assert one.models[0].vram is None
    assert holders(machine(GpuSnapshot(index=0))) == []
    assert holders(machine(GpuSnapshot(index=0, used=5))) == [GpuHolder("unattributed", None, 5, UNATTRIBUTED)]
    assert with_holders(replace(machine(), gpus=None), []).gpus is None


def test_vram_is_what_the_service_says_where_it_says_it() -> None:
    koala = machine(gpu(process(1, "llama-server --port 5801", 7), process(2, "ollama runner", 9)))
    services = [
        swap(model("a", port=5801), model("b", IDLE), model("alias", role=ModelRole.ALIAS)),
        ollama(model("o", vram=5, size=10)),
    ]
    seen = with_holders(koala, services)
    filled = with_vram(services, [seen])
    assert [one.vram for one in filled[0].models] == [7, None, None]
    assert filled[1] is services[1]
    gone = replace(seen, state=MachineState.DOWN)
    assert with_vram(services, [gone]) == tuple(services), "what was held is not what is held"


sizes = st.one_of(st.none(), st.integers(0, 2**40))
processes = st.builds(
    GpuProcess,
    pid=st.integers(1, 30),
    bytes=sizes,
    name=st.sampled_from(["", "llama-server", "Xorg", "ollama"]),
    command=st.sampled_from(
        [
            (),
            ("llama-server", "--port", "5801"),
            ("ollama", "runner", "--port", "5802"),
            ("x", "--model=/blobs/sha256-1"),
        ]
    ),
    unit=st.sampled_from(["", "ollama.service", "swap.service"]),
    parent=st.one_of(st.none(), st.integers(1, 30)),
)
gpus = st.builds(
    GpuSnapshot,
    index=st.just(0),
    used=sizes,
    processes=st.one_of(st.none(), st.lists(processes, max_size=6, unique_by=lambda one: one.pid).map(tuple)),
)
models = st.lists(
    st.builds(
        ModelSnapshot,
        name=st.sampled_from("abc"),
        state=st.sampled_from(ModelState),
        vram=sizes,
        port=st.sampled_from([None, 5801, 5802]),
    ),
    max_size=3,
    unique_by=lambda one: one.name,
)


@given(
    seen=st.lists(gpus, max_size=3),
    swapped=models,
    loaded=models,
    main=st.one_of(st.none(), st.integers(1, 30)),
)
def test_holders_add_up_to_what_is_used(
    seen: list[GpuSnapshot], swapped: list[ModelSnapshot], loaded: list[ModelSnapshot], main: int | None
) -> None:
    koala = machine(*seen, units=[UnitSnapshot(name="swap.service", main_pid=main)])
    services = [swap(*swapped), ollama(*loaded)]
    shown = with_holders(koala, services, {"swap.service": "llama-swap"})
    for before, after in zip(seen, shown.gpus or (), strict=True):
        known = [one.bytes or 0 for one in before.processes or ()]
        held = [holder.bytes or 0 for holder in after.holders]
        assert all(size >= 0 for size in held)
        assert sum(held) == max(before.used or 0, sum(known))
        named = {holder.pid: holder.bytes for holder in after.holders if holder.kind is not UNATTRIBUTED}
        assert named == {one.pid: one.bytes for one in before.processes or ()}
        assert sum(holder.kind is UNATTRIBUTED for holder in after.holders) <= 1
    for one in with_vram(services, [shown]):
        assert all(each.vram is None or each.vram >= 0 for each in one.models)
