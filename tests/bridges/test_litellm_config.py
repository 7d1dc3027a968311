"""LiteLLM's configuration: what is in it, what stays of a person's own, and that nothing of the house leaves by it."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tui.bridges.litellm_config import NoLiteLlm, litellm_groups, litellm_service
from tui.bridges.litellm_file import FALLBACK_KINDS, Merged, merged
from tui.config.load import parse_config
from tui.fleet.snapshot import FleetSnapshot, ModelRole, ModelSnapshot, Seen, ServiceSnapshot

CONFIG = """
[machines.koala]
[machines.flamingo]
local = true
[services.llama-swap]
kind = "llama-swap"
url = "http://koala:8080"
key = { env = "SWAP_KEY" }
[services.ollama]
kind = "ollama"
url = "http://koala:11434"
[services.litellm]
kind = "litellm"
url = "http://koala:4000"
[services.openai]
kind = "openai"
url = "https://api.openai.com/v1"
[clis.copilot]
kind = "copilot"
[models."llama-swap/quality"]
limit = { requests_per_minute = 20, usd_per_day = 2.0 }
price = { input = 1.0, output = 3.0 }
fallback = ["ollama/small:latest"]
[tiers]
opus = { external = "copilot/gpt-5.2", fallback = ["litellm/gpt", "llama-swap/quality", "llama-swap/quick"] }
sonnet = { external = "copilot/gpt-5.2", fallback = ["openai/gpt-5"] }
[tasks]
reasoning = ["llama-swap/quality", "copilot/gpt-5.2", "litellm/gpt", "llama-swap/quick"]
quick = ["llama-swap/quick", "ollama/small"]
cloud-first = ["litellm/gpt", "llama-swap/quick"]
"""

OWN = """\
# Mine.
model_list:
  # the cloud
  - model_name: gpt  # dear
    litellm_params:
      model: openai/gpt-5
      api_key: "os.environ/OPENAI_API_KEY"

# Who helps whom.
router_settings:
  num_retries: 2  # enough
  fallbacks:
    - gpt: [other]  # free

# The rest.
litellm_settings:
  drop_params: true
"""


def service(name: str, *models: ModelSnapshot, kind: str = "") -> ServiceSnapshot:
    return ServiceSnapshot(name=name, kind=kind or name, url="http://koala", models_seen=Seen(1.0), models=models)


SWAP = service(
    "llama-swap",
    ModelSnapshot(name="quality", context=40960),
    ModelSnapshot(name="quick"),
    ModelSnapshot(name="fast", role=ModelRole.ALIAS, targets=("quick",)),
    ModelSnapshot(name="far/away", remote="peer far"),
)
OLLAMA = service("ollama", ModelSnapshot(name="small:latest"), ModelSnapshot(name="nomic-embed-text:latest"))
FLEET = FleetSnapshot(at=1.0, services=(SWAP, OLLAMA))


def made(text: str = "", config: str = CONFIG, fleet: FleetSnapshot = FLEET, **api_bases: str) -> Merged:
    parsed = parse_config(config, Path("/config.toml"))
    proxy = litellm_service(parsed)
    wanted = litellm_groups(parsed, fleet, proxy, api_bases)
    result = merged(text, wanted, parsed, fleet, proxy)
    return Merged(result.text, (*wanted.notes, *result.notes))


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def groups_of(text: str) -> dict[str, Any]:
    return {entry["model_name"]: entry for entry in read(text)["model_list"]}


def fallbacks_of(text: str, kind: str = "fallbacks", home: str = "router_settings") -> dict[str, list[str]]:
    return {name: chain for entry in read(text)[home][kind] for name, chain in entry.items()}


def test_every_local_model_and_tier_has_a_group_and_nothing_else_has() -> None:
    groups = groups_of(made().text)
    assert list(groups) == [
        "llama-swap/quality",
        "llama-swap/quick",
        "ollama/small:latest",
        "ollama/nomic-embed-text:latest",
        "opus",
    ]
    assert groups["opus"]["litellm_params"] == groups["llama-swap/quality"]["litellm_params"]
    assert groups["ollama/small:latest"]["litellm_params"] == {
        "model": "ollama_chat/small:latest",
        "api_base": "http://koala:11434",
    }
    assert groups["ollama/nomic-embed-text:latest"]["litellm_params"]["model"] == "ollama/nomic-embed-text:latest"
    assert groups["ollama/nomic-embed-text:latest"]["model_info"]["mode"] == "embedding"


def test_limits_prices_and_keys_become_litellms() -> None:
    text = made().text
    assert groups_of(text)["llama-swap/quality"]["litellm_params"] == {
        "model": "openai/quality",
        "api_base": "http://koala:8080/v1",
        "api_key": "os.environ/SWAP_KEY",
        "rpm": 20,
        "max_budget": 2.0,
        "budget_duration": "1d",
        "input_cost_per_token": pytest.approx(1e-6),
        "output_cost_per_token": pytest.approx(3e-6),
    }
    assert read(text)["router_settings"]["optional_pre_call_checks"] == ["enforce_model_rate_limits"]


def test_tasks_tiers_and_models_imply_fallbacks_at_home_alone() -> None:
    assert fallbacks_of(made(OWN).text) == {
        "gpt": ["other", "llama-swap/quick"],
        "llama-swap/quality": ["ollama/small:latest", "llama-swap/quick"],
        "llama-swap/quick": ["ollama/small:latest"],
        "ollama/small:latest": [],
        "ollama/nomic-embed-text:latest": [],
        "opus": ["llama-swap/quick"],
    }


def test_a_tier_without_a_local_model_has_no_group_and_that_is_said() -> None:
    assert any("the tier sonnet names no local model" in note for note in made().notes)


def test_comments_order_and_everything_of_the_persons_own_stay() -> None:
    lines = made(OWN).text.splitlines()
    removed = [line for line in difflib.ndiff(OWN.splitlines(), lines) if line.startswith("- ")]
    assert removed == ["-     - gpt: [other]  # free"]
    assert any(line.endswith("# free") for line in lines)
    assert lines.index("# Who helps whom.") == lines.index("router_settings:") - 1
    assert lines.index("# The rest.") == lines.index("litellm_settings:") - 1


def test_a_second_time_nothing_changes() -> None:
    once = made(OWN).text
    assert made(once).text == once
    fresh = made().text
    assert made(fresh).text == fresh


def test_what_is_ours_follows_the_fleet_and_what_a_person_added_to_it_stays() -> None:
    text = made(OWN).text.replace("      rpm: 20\n", "      rpm: 20\n      timeout: 900  # slow\n", 1)
    fewer = FleetSnapshot(at=2.0, services=(service("llama-swap", ModelSnapshot(name="quality")), OLLAMA))
    after = made(text, CONFIG.replace("requests_per_minute = 20, ", ""), fewer).text
    groups = groups_of(after)
    assert "llama-swap/quick" not in groups
    assert "gpt" in groups
    parameters = groups["llama-swap/quality"]["litellm_params"]
    assert (parameters["timeout"], parameters.get("rpm")) == (900, None)
    assert "timeout: 900  # slow" in after


def test_what_goes_leaves_the_comments_of_others_where_they_were() -> None:
    text = made(OWN).text
    nothing = FleetSnapshot(at=2.0, services=(service("llama-swap"), service("ollama")))
    lines = made(text, fleet=nothing).text.splitlines()
    assert list(groups_of("\n".join(lines))) == ["gpt"]
    for comment, section in (("# Who helps whom.", "router_settings:"), ("# The rest.", "litellm_settings:")):
        assert lines[lines.index(section) - 1] == comment
    assert "  # the cloud" in lines


def test_line_ends_stay_as_they_are() -> None:
    ended = made(OWN.replace("\n", "\r\n")).text
    assert ended == made(OWN).text.replace("\n", "\r\n")


def test_a_server_that_is_silent_keeps_its_groups() -> None:
    text = made().text
    silent = ServiceSnapshot(name="ollama", kind="ollama", url="http://koala:11434", reason="connection refused")
    result = made(text, fleet=FleetSnapshot(at=2.0, services=(SWAP, silent)))
    assert "ollama/small:latest" in groups_of(result.text)
    assert any("ollama has not told its models: connection refused" in note for note in result.notes)


def test_fallbacks_are_kept_where_litellm_reads_them() -> None:
    inherited = OWN.replace("  fallbacks:\n    - gpt: [other]  # free\n", "") + "  fallbacks: [{gpt: [other]}]\n"
    text = made(inherited).text
    assert fallbacks_of(text, home="litellm_settings")["opus"] == ["llama-swap/quick"]
    assert "fallbacks" not in read(text)["router_settings"]


def test_default_and_other_fallbacks_lead_nobody_of_the_house_away() -> None:
    own = OWN.replace("  drop_params: true", "  drop_params: true\n  default_fallbacks: [gpt]").replace(
        "  num_retries: 2", '  context_window_fallbacks: [{"small:latest": [gpt]}, {"*": [gpt]}]\n  num_retries: 2'
    )
    text = made(own).text
    for kind in ("fallbacks", "context_window_fallbacks"):
        chains = fallbacks_of(text, kind)
        for name in groups_of(text):
            assert name == "gpt" or "gpt" not in chains[name]


def test_a_name_that_the_file_has_already_is_left_to_it() -> None:
    own = OWN.replace("model_name: gpt", "model_name: opus").replace("- gpt:", "- opus:")
    result = made(own)
    assert [entry["model_name"] for entry in read(result.text)["model_list"]].count("opus") == 1
    assert any("opus is a group of the file's own" in note for note in result.notes)
    aliased = OWN.replace("  num_retries: 2", "  model_group_alias: {opus: gpt}\n  num_retries: 2")
    assert "opus" not in groups_of(made(aliased).text)


def test_an_own_group_of_the_house_that_falls_back_to_the_cloud_is_named() -> None:
    home = "  - model_name: home\n    litellm_params: {model: openai/quick, api_base: 'http://koala:8080/v1'}\n\n"
    own = OWN.replace("# Who helps", home + "# Who helps").replace("- gpt: [other]", "- home: [gpt]")
    result = made(own)
    assert any(
        note.startswith("home runs at home, and the file's own fallbacks lead elsewhere") for note in result.notes
    )
    assert "home" in groups_of(result.text)


LOOPBACK = CONFIG.replace('url = "http://koala:11434"', 'url = "http://localhost:11434"')


def test_a_server_here_is_reached_from_there_by_this_machines_name() -> None:
    result = made(config=LOOPBACK)
    assert groups_of(result.text)["ollama/small:latest"]["litellm_params"]["api_base"] == "http://flamingo:11434"
    assert any("LiteLLM reaches ollama as flamingo" in note for note in result.notes)


def test_a_tunnel_is_no_address_for_others_but_one_can_be_said() -> None:
    tunnel = LOOPBACK.replace('"http://localhost:11434"', '"http://localhost:9999"\nmachine = "koala"')
    result = made(config=tunnel)
    assert "ollama/small:latest" not in groups_of(result.text)
    assert any("--api-base ollama=URL" in note for note in result.notes)
    said = made(config=tunnel, ollama="http://koala:11434")
    assert groups_of(said.text)["ollama/small:latest"]["litellm_params"]["api_base"] == "http://koala:11434"


def test_an_address_that_is_no_machine_of_ours_is_refused() -> None:
    with pytest.raises(NoLiteLlm, match="goes to elsewhere"):
        made(ollama="http://elsewhere:11434")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model_list: [", "no valid YAML"),
        ("- a\n- b\n", "no LiteLLM configuration"),
        ("model_list: 5\n", "its model_list should be a list"),
        ("router_settings: [1]\nmodel_list: []\n", "its router_settings should be settings"),
        ("# nothing yet\n", "comments alone"),
    ],
)
def test_what_is_no_configuration_is_refused_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(NoLiteLlm, match=words):
        made(text)


NAMES = st.sampled_from(["gpt", "home", "llama-swap/quality", "quality", "small:latest", "opus", "*", "nobody"])
CHAINS = st.lists(st.dictionaries(NAMES, st.lists(NAMES, max_size=3), min_size=1, max_size=1), max_size=4)
SETTINGS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(FALLBACK_KINDS, CHAINS) | {"default_fallbacks": st.lists(NAMES, min_size=1, max_size=2)}
)


@settings(max_examples=25, deadline=None)
@given(router=SETTINGS, inherited=SETTINGS)
def test_no_file_leads_a_group_of_the_house_to_the_cloud(router: dict[str, Any], inherited: dict[str, Any]) -> None:
    """Followed as LiteLLM follows them: an exact entry goes first, then one without the provider, then the default."""
    own = {
        "model_list": [
            {"model_name": "gpt", "litellm_params": {"model": "openai/gpt-5"}},
            {"model_name": "home", "litellm_params": {"model": "openai/quick", "api_base": "http://koala:8080/v1"}},
        ],
        "router_settings": router,
        "litellm_settings": inherited,
    }
    document = read(made(json.dumps(own)).text)
    ours = {entry["model_name"] for entry in document["model_list"] if "model_info" in entry}
    assert "llama-swap/quality" in ours

    def next_of(group: str, kind: str) -> list[str]:
        homes = [document["router_settings"], document["litellm_settings"]]
        lists = next((home[kind] for home in homes if home.get(kind)), [])
        exact = [entry[group] for entry in lists if group in entry]
        loose = [entry[name] for entry in lists for name in entry if group.endswith(f"/{name}")]
        defaults = next((home["default_fallbacks"] for home in homes if home.get("default_fallbacks")), [])
        default = [entry["*"] for entry in lists if "*" in entry] + ([defaults] if kind == "fallbacks" else [])
        return (exact or loose or default or [[]])[0]

    reached, ahead = set(), list(ours)
    while ahead:
        group = ahead.pop()
        if group not in reached:
            reached.add(group)
            ahead += [name for kind in FALLBACK_KINDS for name in next_of(group, kind)]
    assert "gpt" not in reached
