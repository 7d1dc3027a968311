"""What holds of a model's locality in any fleet, however its services point at each other."""

from __future__ import annotations

import dataclasses
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from tests.routing.fleets import MACHINES, URLS, config, fleet
from tui.config.schema import Config, ServiceKind
from tui.fleet.snapshot import Deployment, FleetSnapshot, ModelSnapshot
from tui.routing.locality import PASSES_ON, Where, locality

NAMES = st.sampled_from(["a", "b", "c", "d", "x/a"])
TARGETS = st.none() | st.lists(NAMES, max_size=3).map(tuple)
BASES = st.sampled_from(
    [
        *(None, "", "nonsense", "http://[", "http://elsewhere.example/v1", "http://koala:1/v1"),
        *("http://localhost:8080", "http://koala:8080/v1", "http://127.0.0.1:11434", "http://100.64.0.7:80"),
        *("http://koala:4000", "https://iguana:443/v1", "http://iguana", "http://localhost", "https://localhost"),
    ]
)
DEPLOYMENTS = st.none() | st.lists(
    st.builds(Deployment, st.builds("{}{}".format, st.sampled_from(["", "openai/", "ollama/"]), NAMES), BASES),
    max_size=3,
).map(tuple)


def rows_of(kind: ServiceKind) -> st.SearchStrategy[tuple[ModelSnapshot, ...]]:
    row = st.builds(
        ModelSnapshot,
        name=NAMES,
        # Other kinds answer for themselves: none of their probes tells of a name that leads elsewhere.
        targets=TARGETS if kind in PASSES_ON else st.just(()),
        remote=st.sampled_from([None, None, "peer x"]) if kind in ("llama-swap", "ollama") else st.none(),
        deployments=DEPLOYMENTS if kind == "litellm" else st.none(),
    )
    return st.lists(row, max_size=5, unique_by=lambda row: row.name).map(tuple)


FLEETS = st.fixed_dictionaries({}, optional={name: rows_of(kind) for name, (kind, _) in URLS.items()}).map(
    lambda rows: fleet(**rows)
)
MODEL_IDS = st.builds("{}/{}".format, st.sampled_from([*URLS, "claude", "nobody"]), NAMES)
CLOUD_MODELS = st.lists(MODEL_IDS, max_size=2)


def ways_out(settings: Config, snapshot: FleetSnapshot, start: tuple[str, str]) -> list[str]:
    """All doors through which a prompt may leave, found by following everything, in the words of the rules."""
    found: list[str] = []
    seen: set[tuple[str, str]] = set()
    ahead = [start]
    while ahead:
        service_name, name = ahead.pop()
        if (service_name, name) in seen:
            continue
        seen.add((service_name, name))
        service = settings.services.get(service_name)
        if service is None or service_name == "groq" or f"{service_name}/{name}" in settings.models:
            found.append(f"{service_name}/{name} is not ours")
            continue
        row_of = snapshot.service(service_name)
        row = (row_of.model(name) or (row_of.model(f"{name}:latest"))) if row_of else None
        if row is None:
            if service.kind != "vllm":
                found.append(f"{service_name}/{name} was not listed")
            continue
        if row.remote or row.targets is None or (service.kind == "litellm" and not row.deployments):
            found.append(f"{service_name}/{name} may go anywhere")
        ahead += [(service_name, target) for target in row.targets or ()]
        for deployment in row.deployments or ():
            behind = server_at(deployment.api_base, "iguana" if service_name == "litellm-2" else "koala")
            if behind is None:
                found.append(f"{deployment} is not ours")
            elif behind:
                listed = snapshot.service(behind)
                names = {deployment.model.partition("/")[2], deployment.model} - {""}
                known = {name for name in names if listed and listed.model(name)}
                ahead += [(behind, name) for name in known or {deployment.model.partition("/")[2] or deployment.model}]
    return found


def server_at(api_base: str | None, home: str) -> str | None:
    """The service at an address as a machine reads it; "" for one of ours that we do not know; None: not ours."""
    try:
        parts = urlsplit(api_base or "")
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    machine = {"localhost": home, "127.0.0.1": home, "100.64.0.7": "koala", "koala": "koala", "iguana": "iguana"}.get(
        parts.hostname or ""
    )
    if machine is None:
        return None
    known = {("koala", 8080): "llama-swap", ("koala", 11434): "ollama", ("koala", 80): "vllm"}
    known |= {("koala", 4000): "litellm", ("iguana", 443): "litellm-2"}
    return known.get((machine, port or 0), "")


@given(FLEETS, MODEL_IDS, CLOUD_MODELS)
def test_a_model_is_local_exactly_where_no_door_leads_out(
    snapshot: FleetSnapshot, model_id: str, cloud: list[str]
) -> None:
    settings = config(*cloud)
    service_name, _, name = model_id.partition("/")
    doors = ways_out(settings, snapshot, (service_name, name))
    found = locality(model_id, settings, snapshot)
    assert (found.where is Where.CLOUD) == bool(doors), (found.reason, doors)
    assert found.reason


@given(FLEETS, MODEL_IDS, st.sampled_from([*URLS]))
def test_knowing_less_never_makes_a_cloud_model_local(snapshot: FleetSnapshot, model_id: str, forgotten: str) -> None:
    services = tuple(one for one in snapshot.services if one.name != forgotten)
    less = dataclasses.replace(snapshot, services=services)
    if locality(model_id, config(), snapshot).where is Where.CLOUD:
        assert locality(model_id, config(), less).where is Where.CLOUD


@given(FLEETS, MODEL_IDS, CLOUD_MODELS)
def test_calling_something_cloud_never_makes_anything_local(
    snapshot: FleetSnapshot, model_id: str, cloud: list[str]
) -> None:
    if locality(model_id, config(), snapshot).where is Where.CLOUD:
        assert locality(model_id, config(*cloud), snapshot).where is Where.CLOUD


@given(FLEETS, MODEL_IDS)
def test_with_no_machine_of_ours_nothing_is_local(snapshot: FleetSnapshot, model_id: str) -> None:
    settings = dataclasses.replace(config(), machines={})
    assert locality(model_id, settings, snapshot).where is Where.CLOUD


@given(FLEETS, MODEL_IDS)
def test_a_local_model_names_only_machines_of_ours(snapshot: FleetSnapshot, model_id: str) -> None:
    found = locality(model_id, config(), snapshot)
    assert found.machines <= set(MACHINES)
    assert not (found.where is Where.CLOUD and found.machines)
