"""Which models take images, in the words of each kind of server."""

from __future__ import annotations

import pytest

from tests.fleet.probes import test_litellm, test_ollama, test_other_servers
from tests.fleet.probes.llama_swap_server import listed
from tests.fleet.probes.llama_swap_server import serve as serve_llama_swap
from tui.fleet.probes.shapes import all_take_images

from .canned import KEY
from .conftest import Watch


def inputs(*kinds: str) -> dict[str, object]:
    return {"architecture": {"input_modalities": list(kinds), "output_modalities": ["text"]}}


async def test_llama_swap_tells_by_its_modalities_also_for_names_that_lead_elsewhere(watch: Watch) -> None:
    it = await watch("llama-swap", key=KEY)
    serve_llama_swap(
        it,
        listed("sees", aliases=["eyes"], **inputs("text", "image")),
        listed("reads", **inputs("text")),
        listed("silent"),
        listed("either", "selector", targets=["sees", "reads"]),
        listed("maybe", "selector", targets=["sees", "silent"]),
    )
    await it.look()
    told = {name: it.model(name).takes_images for name in ("sees", "eyes", "reads", "silent", "either", "maybe")}
    assert told == {"sees": True, "eyes": True, "reads": False, "silent": None, "either": False, "maybe": None}


async def test_ollama_tells_by_capabilities_which_old_versions_lack(watch: Watch) -> None:
    it = await watch("ollama")
    tags = [test_ollama.tag("a", capabilities=["completion", "vision"]), test_ollama.tag("b", capabilities=["tools"])]
    test_ollama.serve(it, [*tags, test_ollama.tag("c")], [test_ollama.loaded("a")])
    await it.look()
    assert [it.model(name).takes_images for name in "abc"] == [True, False, None]


async def test_a_group_of_litellm_takes_images_where_all_its_deployments_do(watch: Watch) -> None:
    it = await watch("litellm", key=KEY)
    test_litellm.serve(it)
    known = (("local-chat", True), ("flaky", True), ("flaky", False), ("long", None))
    rows = [test_litellm.deployment(name, "x/y", None, supports_vision=told) for name, told in known]
    it.server.json("/model/info", {"data": rows})
    await it.look()
    assert [it.model(name).takes_images for name in ("local-chat", "flaky", "long")] == [True, False, None]


@pytest.mark.parametrize("told", [True, False, None])
async def test_llama_server_tells_by_its_modalities(watch: Watch, told: bool | None) -> None:
    it = await watch("llama-server")
    props: dict[str, object] = {} if told is None else {"modalities": {"vision": told, "audio": False}}
    test_other_servers.serve_llama_server(it, **props)
    await it.look()
    assert it.model("qwen3").takes_images is told


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_lists_that_say_it_and_lists_that_do_not(watch: Watch, kind: str) -> None:
    it = await watch(kind, key=KEY)
    image_input = {"capabilities": {"image_input": {"supported": False}}}
    odd = {"capabilities": ["x"], "architecture": {"input_modalities": "image"}}
    models = [{"id": "a", **inputs("image")}, {"id": "b", **image_input}, {"id": "c", **odd}]
    it.server.json("/v1/models", {"data": models})
    await it.look()
    assert [it.model(name).takes_images for name in "abc"] == [True, False, None]


def test_nothing_is_known_of_no_models() -> None:
    assert all_take_images([]) is None
