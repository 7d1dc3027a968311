"""Whether the simulated fleet answers in the shape of the real servers, key by key and type by type."""

from __future__ import annotations

from tests.live.checks import Check, Stage
from tests.live.litellm_recording import LiteLLMNames, record_litellm
from tests.live.llama_swap_recording import KEYLESS_ASKS, LlamaSwapNames, keyed_asks, record_llama_swap
from tests.live.ollama_recording import record_ollama
from tests.live.ollama_server import MODEL
from tests.live.recording import asking, record_answers
from tests.live.shapes import Tolerated, compare_shapes
from tui.demo.fleet import DemoFleet

FAST = 20.0

LLAMA_SWAP_TOLERATED = (
    Tolerated("* GET /api/hardware: .environment.name", "null outside of containers"),
    Tolerated("* GET /api/hardware: .accelerators*", "depends on the machine"),
    Tolerated("GET /api/performance: .gpu_stats", "null on a machine without a GPU"),
)
LLAMA_SWAP_MAPS = ("*.pins", "*_headers", "*.metadata")
OLLAMA_TOLERATED = (
    # The simulated fleet speaks as v0.32 does; the newest version that is built here is v0.17.
    Tolerated("* GET /api/tags: .models[].details.context_length", "since v0.18 or later"),
    Tolerated("* GET /api/tags: .models[].details.embedding_length", "since v0.18 or later"),
    Tolerated("* GET /api/tags: .models[].capabilities", "since v0.18 or later"),
    Tolerated("* GET /api/tags: .models[].remote_*", "models in Ollama's cloud, which need an account"),
    Tolerated("POST /api/show: .license", "depends on the model"),
    Tolerated("POST /api/show: .tensors", "the names and shapes of all weights, which nobody here reads"),
    Tolerated("POST /api/show: .model_info.general.file_type", "depends on the model's file"),
    Tolerated("POST /api/show: .model_info.tokenizer.*", "depends on the model's file"),
    *(
        Tolerated(f"POST /api/show: .model_info.llama.{name}", "depends on the model's file")
        for name in ("attention.*", "block_count", "feed_forward_length", "rope.*", "vocab_size")
    ),
)
OLLAMA_MAPS: tuple[str, ...] = ()
LITELLM_TOLERATED = (
    Tolerated("models without a key: *", "500 and plain text where the package of its database is not installed"),
    Tolerated("GET */model/info: *.mock_response", "what makes the real deployment a mock"),
    Tolerated("GET */model/info: *.model_info.*", "unknown to the price list", says="the demo gives only null*"),
    Tolerated("GET /router/settings: .fields[].*", "depends on the setting that the row describes"),
    Tolerated("GET /router/settings: .current_values*", "the same settings once more"),
    Tolerated("GET /get/config/callbacks: .alerts*", "where alerts would be sent"),
    Tolerated("GET /get/config/callbacks: .available_callbacks*", "programs that logs could be sent to"),
    Tolerated("chat with a price*: *.reasoning_content", "depends on the model"),
    Tolerated("chat with a price*: *.completion_tokens_details", "depends on the provider"),
)
LITELLM_MAPS = ("*.fallbacks[]", "*.available_callbacks", "*.routing_strategy_descriptions")


async def llama_swap_answers_alike(stage: Stage) -> None:
    server = await stage.llama_swap()
    async with asking(server.url) as client:
        real, real_log = await record_llama_swap(client, LlamaSwapNames("bird", "broken", "night"))
    async with DemoFleet(speed=FAST, services=("llama-swap",)) as fleet, asking(fleet.llama_swap.url) as client:
        demo, demo_log = await record_llama_swap(client, LlamaSwapNames("qwen3", "too-large", "coding"))
    differences = compare_shapes(real, demo, tolerated=LLAMA_SWAP_TOLERATED, maps=LLAMA_SWAP_MAPS)
    assert demo_log.types[:6] == real_log.types[:6], f"the stream opens with {demo_log.types[:6]}"
    assert demo_log.states("qwen3") == real_log.states("bird")
    assert demo_log.operations() == real_log.operations()
    assert not differences, _listed(differences)


async def llama_swap_refuses_alike(stage: Stage) -> None:
    async with await stage.llama_swap_with_keys("sk-right") as server, asking(server.url) as client:
        real = await record_answers(client, KEYLESS_ASKS + keyed_asks("sk-right"))
    async with DemoFleet(speed=FAST, services=("llama-swap",), every_key=True) as fleet:
        key = next(iter(fleet.env.values()))
        async with asking(fleet.llama_swap.url) as client:
            demo = await record_answers(client, KEYLESS_ASKS + keyed_asks(key))
    differences = compare_shapes(real, demo, tolerated=LLAMA_SWAP_TOLERATED, maps=LLAMA_SWAP_MAPS)
    assert not differences, _listed(differences)


async def ollama_answers_alike(stage: Stage) -> None:
    server = await stage.ollama()
    async with asking(server.process.url) as client:
        real = await record_ollama(client, MODEL)
    async with DemoFleet(speed=FAST, services=("ollama",)) as fleet, asking(fleet.ollama.url) as client:
        demo = await record_ollama(client, "llama3.2")
    differences = compare_shapes(real, demo, tolerated=OLLAMA_TOLERATED, maps=OLLAMA_MAPS)
    assert not differences, _listed(differences)


async def litellm_answers_alike(stage: Stage) -> None:
    server = await stage.litellm()
    async with asking(server.process.url, server.headers) as client:
        real = await record_litellm(client, LiteLLMNames("local-chat", "flaky", "mocky"))
    async with DemoFleet(speed=FAST, services=("litellm",)) as fleet:
        key = next(iter(fleet.env.values()))
        async with asking(fleet.litellm.url, {"Authorization": f"Bearer {key}"}) as client:
            demo = await record_litellm(client, LiteLLMNames("local-chat", "flaky", "gpt-5.2"))
    differences = compare_shapes(real, demo, tolerated=LITELLM_TOLERATED, maps=LITELLM_MAPS)
    assert not differences, _listed(differences)


def _listed(differences: list[str]) -> str:
    return f"{len(differences)} differences: " + "; ".join(differences)


CHECKS = (
    Check("demo: llama-swap answers as the real one", llama_swap_answers_alike),
    Check("demo: llama-swap refuses a missing key as the real one", llama_swap_refuses_alike),
    Check("demo: ollama answers as the real one", ollama_answers_alike),
    Check("demo: litellm answers as the real one", litellm_answers_alike),
)
