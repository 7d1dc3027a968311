"""Where a model runs: local only where all that may answer is known to be the person's own."""

from __future__ import annotations

import dataclasses
import itertools
import time

import pytest

from tests.routing.fleets import config, fleet, group, model
from tui.fleet.snapshot import Deployment, FleetSnapshot, ModelRole
from tui.routing.locality import Locality, Where, leaving_groups, locality

QWEN = model("qwen3")
SWAP = "http://koala:8080/v1"


def where(model_id: str, snapshot: FleetSnapshot, *cloud: str) -> Locality:
    return locality(model_id, config(*cloud), snapshot)


# -- one rule at a time


@pytest.mark.parametrize(
    ("model_id", "reason"),
    [
        ("claude/opus", "a command-line program sends it to its own provider"),
        ("nobody/qwen3", "no such service is known"),
        ("", "no such service is known"),
        ("groq/llama-3", "groq runs at api.groq.example, which is no machine of ours"),
        ("llama-swap/never-listed", "llama-swap has not listed it, so where it runs is not known"),
        ("litellm/never-listed", "litellm has not listed it, so where it runs is not known"),
        ("ollama/gpt-oss:120b-cloud", "ollama passes it on to ollama.com"),
        ("llama-swap/openrouter/glm", "llama-swap passes it on to peer openrouter"),
    ],
)
def test_cloud_and_why(model_id: str, reason: str) -> None:
    snapshot = fleet(
        llama_swap=[QWEN, model("openrouter/glm", role=ModelRole.PEER, remote="peer openrouter")],
        ollama=[model("gpt-oss:120b-cloud", remote="ollama.com")],
        groq=[model("llama-3")],
        litellm=[],
    )
    told = "never-listed" not in model_id
    assert where(model_id, snapshot) == Locality(Where.CLOUD, reason, told=told)


@pytest.mark.parametrize("model_id", ["llama-swap/qwen3", "ollama/llama3.2:latest", "ollama/llama3.2", "vllm/anything"])
def test_local_on_a_machine_of_ours(model_id: str) -> None:
    snapshot = fleet(llama_swap=[QWEN], ollama=[model("llama3.2:latest")])
    assert where(model_id, snapshot).where is Where.LOCAL


def test_the_configuration_has_the_last_word_but_only_towards_the_cloud() -> None:
    snapshot = fleet(llama_swap=[QWEN])
    assert where("llama-swap/qwen3", snapshot, "llama-swap/qwen3") == Locality(Where.CLOUD, "the configuration says so")


@pytest.mark.parametrize(
    "role", [ModelRole.ALIAS, ModelRole.SELECTOR, ModelRole.PROFILE], ids=lambda role: str(role.value)
)
@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (("qwen3",), Where.LOCAL),
        (("qwen3", "openrouter/glm"), Where.CLOUD),
        (("qwen3", "not-listed"), Where.CLOUD),
        (("other-alias",), Where.CLOUD),
        (None, Where.CLOUD),
    ],
)
def test_a_name_for_others_is_as_far_away_as_the_farthest(
    role: ModelRole, targets: tuple[str, ...] | None, expected: Where
) -> None:
    rows = [
        QWEN,
        model("openrouter/glm", role=ModelRole.PEER, remote="peer openrouter"),
        model("other-alias", role=ModelRole.ALIAS, targets=("openrouter/glm",)),
        model("it", role=role, targets=targets),
    ]
    assert where("llama-swap/it", fleet(llama_swap=rows)).where is expected


@pytest.mark.parametrize(
    ("api_base", "expected"),
    [
        (SWAP, Where.LOCAL),
        ("http://localhost:8080/v1", Where.LOCAL),
        ("http://127.0.0.1:8080/v1", Where.LOCAL),
        ("http://[::1]:8080/v1", Where.LOCAL),
        ("http://KOALA:8080", Where.LOCAL),
        ("http://100.64.0.7:8080", Where.LOCAL),
        ("http://koala:9999", Where.LOCAL),
        (None, Where.CLOUD),
        ("https://api.openai.com/v1", Where.CLOUD),
        ("http://koala.evil.example:8080", Where.CLOUD),
        ("http://koala@evil.example:8080", Where.CLOUD),
        ("koala:8080", Where.CLOUD),
        ("http://koala:99999", Where.CLOUD),
        ("http://[koala", Where.CLOUD),
        ("os.environ/BASE", Where.CLOUD),
        ("", Where.CLOUD),
    ],
)
def test_a_litellm_group_is_where_its_deployment_is(api_base: str | None, expected: Where) -> None:
    snapshot = fleet(llama_swap=[QWEN], litellm=[group("it", ("openai/qwen3", api_base))])
    assert where("litellm/it", snapshot).where is expected


def test_localhost_of_a_litellm_on_koala_is_koala_and_not_this_machine() -> None:
    snapshot = fleet(litellm=[group("it", ("openai/x", "http://localhost:7777"))])
    assert where("litellm/it", snapshot).machines == {"koala"}
    elsewhere = config(litellm="https://litellm.example")
    assert locality("litellm/it", elsewhere, snapshot).where is Where.CLOUD


def test_localhost_of_a_litellm_behind_a_tunnel_is_the_machine_that_the_configuration_names() -> None:
    settings = config(litellm="http://localhost:14000")
    tunnelled = dataclasses.replace(settings.services["litellm"], machine="koala")
    settings = dataclasses.replace(settings, services={**settings.services, "litellm": tunnelled})
    snapshot = fleet(
        llama_swap=[model("glm", remote="peer openrouter")],
        litellm=[group("it", ("openai/glm", "http://localhost:8080/v1"))],
    )
    assert locality("litellm/it", settings, snapshot).where is Where.CLOUD


@pytest.mark.parametrize(
    ("deployment", "expected"),
    [
        (("openai/qwen3", SWAP), Where.LOCAL),
        (("openai/glm", SWAP), Where.CLOUD),
        (("openai/openrouter/glm", SWAP), Where.CLOUD),
        (("openrouter/glm", SWAP), Where.CLOUD),
        (("openai/unheard-of", SWAP), Where.CLOUD),
        (("openai/unheard-of", "http://koala:80"), Where.LOCAL),
        (("ollama_chat/llama3.2", "http://localhost:11434"), Where.LOCAL),
        (("ollama_chat/gpt-oss:120b-cloud", "http://localhost:11434"), Where.CLOUD),
        (("openai/in-the-cloud", "http://localhost:4000"), Where.CLOUD),
        (("openai/at-home", "http://localhost:4000"), Where.LOCAL),
    ],
)
def test_a_deployment_is_followed_to_what_stands_behind_it(deployment: tuple[str, str], expected: Where) -> None:
    snapshot = fleet(
        llama_swap=[QWEN, model("glm", remote="peer x"), model("openrouter/glm", remote="peer openrouter")],
        ollama=[model("llama3.2:latest"), model("gpt-oss:120b-cloud", remote="ollama.com")],
        litellm=[
            group("it", deployment),
            group("in-the-cloud", ("gpt-5.2", None)),
            group("at-home", ("openai/qwen3", SWAP)),
        ],
    )
    assert where("litellm/it", snapshot).where is expected


def test_of_two_names_that_a_deployment_may_mean_the_farther_one_counts() -> None:
    """Some of LiteLLM's providers send the name with its prefix, some without."""
    rows = [model("glm"), model("openrouter/glm", role=ModelRole.PEER, remote="peer openrouter")]
    snapshot = fleet(llama_swap=rows, litellm=[group("it", ("openrouter/glm", SWAP))])
    assert where("litellm/it", snapshot).where is Where.CLOUD


def test_of_two_services_at_one_address_the_farther_one_counts() -> None:
    settings = config(ollama="http://koala:8080/ollama")
    snapshot = fleet(
        llama_swap=[model("glm")],
        ollama=[model("glm", remote="ollama.com")],
        litellm=[group("it", ("openai/glm", "http://koala:8080/ollama"))],
    )
    assert locality("litellm/it", settings, snapshot).where is Where.CLOUD


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ((), Where.LOCAL),
        (("other",), Where.LOCAL),
        (("cloud",), Where.CLOUD),
        (("far",), Where.CLOUD),
        (None, Where.CLOUD),
    ],
)
def test_a_group_that_may_fall_back_to_the_cloud_is_cloud(targets: tuple[str, ...] | None, expected: Where) -> None:
    snapshot = fleet(
        llama_swap=[QWEN],
        litellm=[
            group("it", ("openai/qwen3", SWAP), targets=targets),
            group("other", ("openai/qwen3", SWAP)),
            group("far", ("openai/qwen3", SWAP), targets=("cloud",)),
            group("cloud", ("gpt-5.2", None)),
        ],
    )
    assert where("litellm/it", snapshot).where is expected


def test_one_deployment_of_many_in_the_cloud_is_enough() -> None:
    rows = [("openai/qwen3", SWAP), ("openai/qwen3", "http://koala:9999"), ("openai/gpt", None)]
    for order in itertools.permutations(rows):
        assert where("litellm/it", fleet(llama_swap=[QWEN], litellm=[group("it", *order)])).where is Where.CLOUD


@pytest.mark.parametrize("deployments", [None, ()])
def test_a_group_whose_deployments_are_not_known_is_cloud(deployments: tuple[Deployment, ...] | None) -> None:
    row = model("it", role=ModelRole.GROUP, deployments=deployments)
    assert where("litellm/it", fleet(litellm=[row])).where is Where.CLOUD


@pytest.mark.parametrize(
    "host",
    [
        "localhost.evil.example",
        "koala.evil.example",
        "10.127.0.0.1.example",
        "127.evil.example",
        "127.0.0.1.evil.example",
    ],
)
def test_a_name_that_only_looks_like_this_machine_is_cloud(host: str) -> None:
    assert locality("vllm/x", config(vllm=f"http://{host}:8000"), fleet()).where is Where.CLOUD
    snapshot = fleet(litellm=[group("it", ("openai/x", f"http://{host}:8000"))])
    assert where("litellm/it", snapshot).where is Where.CLOUD


# -- circles, crowds and chains


def test_names_that_lead_to_each_other_come_to_an_end() -> None:
    rows = [
        model("a", role=ModelRole.SELECTOR, targets=("b",)),
        model("b", role=ModelRole.SELECTOR, targets=("a", "qwen3")),
        model("c", role=ModelRole.SELECTOR, targets=("c", "a", "out")),
        model("out", remote="peer x"),
        QWEN,
    ]
    snapshot = fleet(llama_swap=rows)
    assert where("llama-swap/a", snapshot).where is Where.LOCAL
    assert where("llama-swap/c", snapshot).where is Where.CLOUD


def test_two_proxies_that_point_at_each_other_come_to_an_end() -> None:
    there, back = ("openai/it", "https://iguana/v1"), ("openai/it", "http://koala:4000")
    around = fleet(litellm=[group("it", there)], litellm_2=[group("it", back)])
    assert where("litellm/it", around).where is Where.LOCAL
    out = fleet(litellm=[group("it", there)], litellm_2=[group("it", back, ("gpt-5.2", None))])
    assert where("litellm/it", out).where is Where.CLOUD


def test_a_crowd_in_which_everybody_falls_back_to_everybody_takes_no_time() -> None:
    names = tuple(f"g{number}" for number in range(60))
    groups = [group(name, ("openai/qwen3", SWAP), targets=names) for name in names]
    snapshot = fleet(llama_swap=[QWEN], litellm=groups)
    began = time.process_time()
    assert leaving_groups(snapshot.services[1], config(), snapshot) == 0
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize("end", [Where.LOCAL, Where.CLOUD])
def test_a_chain_of_thousands_of_names_is_followed_to_its_end(end: Where) -> None:
    links = [model(f"n{number}", role=ModelRole.ALIAS, targets=(f"n{number + 1}",)) for number in range(5000)]
    last = model("n5000", remote=None if end is Where.LOCAL else "peer x")
    found = where("llama-swap/n0", fleet(llama_swap=[*links, last]))
    assert found.where is end
    assert len(found.reason) < 500
