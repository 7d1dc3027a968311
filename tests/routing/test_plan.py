"""What a person relies on of a plan, rule by rule; what holds of every plan is in ``test_plan_properties``."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tui.config.load import parse_config
from tui.config.paths import default_config_text
from tui.config.schema import Config, ModelSettings
from tui.fleet.snapshot import (
    Deployment,
    FleetSnapshot,
    MachineSnapshot,
    MachineState,
    ModelSnapshot,
    ModelState,
    Seen,
    ServiceSnapshot,
    ServiceState,
)
from tui.ledger.usage import Refusal, Usage
from tui.routing.guard import Findings
from tui.routing.locality import Where
from tui.routing.modes import Mode, Modes
from tui.routing.plan import Failure, Plan, Rule, plan
from tui.routing.policy import Request

CONFIG = parse_config(
    """
[machines.koala]
[machines.iguana]
[services.swap]
kind = "llama-swap"
url = "http://koala:8080"
[services.lite]
kind = "litellm"
url = "http://iguana:4000"
[services.openai]
kind = "openai"
url = "https://api.openai.com/v1"
[services.qdrant]
kind = "qdrant"
url = "http://koala:6333"
[clis.claude]
kind = "claude"
[clis.copilot]
kind = "opencode"
provider = "github-copilot"
[models."swap/qwen3"]
context = 32768
[models."copilot/gpt-5.2"]
price = { input = 1.0 }
limit = { requests_per_minute = 20, usd_per_day = 5.0 }
fallback = ["swap/qwen3"]
context = 200000
[tiers]
opus = { external = "copilot/gpt-5.2", fallback = ["copilot/gpt-5.2", "swap/qwen3"] }
sonnet = { external = "copilot/sonnet", fallback = ["swap/qwen3"] }
haiku = { fallback = [] }
[tasks]
reasoning = ["copilot/gpt-5.2", "swap/qwen3"]
quick = { models = ["swap/gemma", "copilot/haiku", "swap/qwen3", "swap/coder"], prefer = "warm" }
private = { models = ["swap/qwen3", "copilot/gpt-5.2"], private = true }
groups = ["lite/chat", "openai/gpt"]
default = ["swap/qwen3"]
""",
    Path("config.toml"),
)
NOW = datetime(2026, 11, 20, 15, 0, 0, tzinfo=UTC).timestamp()
FRESH = Seen(NOW - 1, 10.0)
ON = Mode(True, "2026-11-20T14:02:11Z", "quota")
SINCE = ON.since.strftime("%H:%M") if ON.since else ""
MODELS = (
    ModelSnapshot(name="qwen3", state=ModelState.IDLE),
    ModelSnapshot(name="gemma", state=ModelState.IDLE, context=8192),
    ModelSnapshot(name="coder", state=ModelState.READY),
)
SWAP = ServiceSnapshot(
    name="swap",
    kind="llama-swap",
    url="http://koala:8080",
    machine="koala",
    state=ServiceState.UP,
    reason="",
    seen=FRESH,
    models=MODELS,
    models_seen=FRESH,
)
CHAT = ModelSnapshot(name="chat", deployments=(Deployment("openai/qwen3", "http://koala:8080/v1"),))
LITE = replace(SWAP, name="lite", kind="litellm", url="http://iguana:4000", machine="iguana", models=(CHAT,))
FLEET = FleetSnapshot(at=NOW, services=(SWAP, LITE))


def _plan(
    request: Request,
    *,
    config: Config = CONFIG,
    fleet: FleetSnapshot = FLEET,
    modes: Modes = Modes(),  # noqa: B008  (frozen)
    usage: Usage = Usage(),  # noqa: B008
    findings: Findings = Findings(),  # noqa: B008
) -> Plan:
    return plan(request, config, fleet, modes, usage, findings, NOW)


def _ids(made: Plan) -> list[str]:
    return [one.model for one in made.candidates]


def _skipped(made: Plan) -> dict[str, tuple[Rule, str]]:
    return {one.model: (one.rule, one.reason) for one in made.skipped}


def test_a_tier_in_external_mode_is_as_documented() -> None:
    made = _plan(
        Request(tier="opus"), modes=Modes(external=ON), findings=Findings(programs={"copilot": "", "claude": ""})
    )
    assert [(one.model, one.where, one.state, one.why) for one in made.candidates] == [
        ("copilot/gpt-5.2", Where.CLOUD, "up", "the external equivalent of opus"),
        ("swap/qwen3", Where.LOCAL, "idle", "fallback of opus; would be loaded first"),
    ]
    assert _skipped(made) == {"claude/opus": (Rule.EXTERNAL, f"external mode is on since {SINCE} (quota)")}


def test_a_tier_goes_to_claude_and_then_to_its_fallbacks() -> None:
    made = _plan(Request(tier="sonnet"))
    assert _ids(made) == ["claude/sonnet", "swap/qwen3"]
    assert _skipped(made) == {"copilot/sonnet": (Rule.EXTERNAL, "external mode is off")}


def test_a_tier_without_an_external_twin_says_so_when_nothing_is_left() -> None:
    made = _plan(Request(tier="haiku", external=True))
    assert made.failure is Failure.NOTHING_MAY
    assert "tiers.haiku has no external equivalent" in made.error
    assert "the request asks for external models" in made.error


def test_claude_under_another_name_is_still_the_subscription() -> None:
    text = default_config_text().replace("[clis.claude]", "[clis.anthropic]").replace('"claude/', '"anthropic/')
    config = parse_config(text, Path("config.toml"))
    assert _ids(_plan(Request(tier="opus"), config=config))[0] == "anthropic/opus"
    assert "anthropic/opus" in _skipped(_plan(Request(tier="opus"), config=config, modes=Modes(external=ON)))


def test_a_task_goes_down_its_list() -> None:
    assert _ids(_plan(Request(task="reasoning"))) == ["copilot/gpt-5.2", "swap/qwen3"]


def test_a_request_that_names_nothing_is_the_default_task() -> None:
    made = _plan(Request())
    assert _ids(made) == ["swap/qwen3"]
    assert made.asked is not None
    assert (made.asked.kind, made.asked.name) == ("task", "default")


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(task="reasonning"), "the tasks are reasoning, quick"),
        (Request(tier="gpt"), "there are opus, sonnet, haiku"),
        (Request(model="qwen3"), "say service/name or program/name"),
        (Request(model="nobody/x"), "there are swap, lite, openai, qdrant, claude, copilot"),
        (Request(model="qdrant/x"), "answers no prompts"),
        (Request(model="swap/"), "names no model"),
        (Request(tier="opus", task="quick"), "not several"),
        (Request(task="\x1b[2J"), "␛[2J"),
    ],
)
def test_what_does_not_exist_is_a_wrong_request_and_never_a_silent_default(request_: Request, words: str) -> None:
    made = _plan(request_)
    assert made.failure is Failure.WRONG_REQUEST
    assert words in made.error
    assert not made.candidates
    assert not made.skipped


def test_without_a_default_task_a_request_has_to_name_something() -> None:
    made = _plan(Request(), config=replace(CONFIG, tasks={}))
    assert made.failure is Failure.WRONG_REQUEST
    assert "no task default" in made.error


def test_a_model_goes_to_itself_alone_unless_its_fallbacks_are_asked_for() -> None:
    assert _ids(_plan(Request(model="copilot/gpt-5.2"))) == ["copilot/gpt-5.2"]
    assert _ids(_plan(Request(model="copilot/gpt-5.2", fallback=True))) == ["copilot/gpt-5.2", "swap/qwen3"]


def test_private_mode_the_request_and_the_task_each_keep_a_prompt_at_home() -> None:
    for request, modes, words in (
        (Request(task="reasoning"), Modes(private=ON), f"private mode is on since {SINCE} (quota), and a command-line"),
        (Request(task="reasoning", private=True), Modes(), "the request is private, and a command-line program"),
        (Request(task="private"), Modes(), "the task private is private, and a command-line program"),
        (
            Request(task="reasoning"),
            Modes(others_problem="modes.json cannot be read"),
            "cannot be read, so that it counts as on",
        ),
    ):
        made = _plan(request, modes=modes)
        assert _ids(made) == ["swap/qwen3"]
        assert made.private
        assert words in _skipped(made)["copilot/gpt-5.2"][1]


def test_a_private_request_that_no_model_at_home_may_take_fails_and_says_why() -> None:
    made = _plan(Request(model="copilot/gpt-5.2", fallback=True, private=True), fleet=FleetSnapshot(at=NOW))
    assert made.failure is Failure.NOTHING_MAY
    assert made.error.startswith("no model on your own machines may take this private request: copilot/gpt-5.2: ")
    assert "swap has not listed it, so where it runs is not known" in made.error


def test_a_lent_gpu_is_left_alone_whoever_would_pass_the_request_on() -> None:
    modes = Modes(hold={"koala": replace(ON, reason="a game")})
    made = _plan(Request(task="groups"), modes=modes)
    assert _ids(made) == ["openai/gpt"]
    assert _skipped(made) == {"lite/chat": (Rule.HOLD, f"the hold on koala is on since {SINCE} (a game)")}
    assert "lite/chat" in _ids(_plan(Request(task="groups"), modes=Modes(hold={"iguana": ON}))), "LiteLLM needs no GPU"


def test_what_is_known_to_be_down_now_is_skipped_and_what_is_not_known_stays() -> None:
    down = replace(SWAP, state=ServiceState.DOWN, reason="connection refused")
    made = _plan(Request(task="reasoning"), fleet=FleetSnapshot(at=NOW, services=(down,)))
    assert _skipped(made) == {"swap/qwen3": (Rule.HEALTH, "swap is down: connection refused")}
    long_ago = replace(down, seen=Seen(NOW - 100, 10.0))
    kept = _plan(Request(task="reasoning"), fleet=FleetSnapshot(at=NOW, services=(long_ago,))).candidates[1]
    assert (kept.model, kept.state) == ("swap/qwen3", "unknown")
    assert _ids(_plan(Request(task="reasoning"), fleet=FleetSnapshot(at=NOW)))[1] == "swap/qwen3"
    machine = MachineSnapshot(name="koala", state=MachineState.DOWN, reason="no route to host", seen=FRESH)
    made = _plan(Request(task="reasoning"), fleet=replace(FLEET, machines=(machine,)))
    assert _skipped(made)["swap/qwen3"] == (Rule.HEALTH, "koala is down: no route to host")
    made = _plan(Request(task="reasoning"), findings=Findings(programs={"copilot": "opencode is not installed"}))
    assert _skipped(made)["copilot/gpt-5.2"] == (Rule.HEALTH, "opencode is not installed")


@pytest.mark.parametrize("state", [ServiceState.BUSY, ServiceState.STARTING, ServiceState.UNKNOWN])
def test_a_service_that_may_yet_answer_is_kept(state: ServiceState) -> None:
    fleet = FleetSnapshot(at=NOW, services=(replace(SWAP, state=state, reason="slow"),))
    assert _ids(_plan(Request(), fleet=fleet)) == ["swap/qwen3"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"models": ()}, "counts as cloud: lite has not listed it, so where it runs is not known"),
        (
            {"models": (), "state": ServiceState.BUSY, "reason": "slow"},
            "lite: slow; counts as cloud: lite has not listed",
        ),
        ({"models": (replace(CHAT, targets=None),)}, "counts as cloud: lite has not said what it may fall back to"),
        ({"models": (replace(CHAT, name="other"),)}, "lite does not list it"),
        ({"models": (), "state": ServiceState.UNKNOWN, "seen": Seen(None, 10.0)}, "lite has not answered"),
    ],
    ids=["not listed", "busy", "fallbacks", "lists others", "no answer"],
)
def test_what_is_not_known_of_a_server_is_said_beside_its_candidate(changes: dict[str, Any], words: str) -> None:
    made = _plan(Request(model="lite/chat"), fleet=FleetSnapshot(at=NOW, services=(SWAP, replace(LITE, **changes))))
    (candidate,) = made.candidates
    assert candidate.where is Where.CLOUD
    assert words in candidate.why


def test_warm_models_come_first_where_the_task_prefers_them_and_cloud_models_keep_their_place() -> None:
    made = _plan(Request(task="quick"))
    assert _ids(made) == ["swap/coder", "copilot/haiku", "swap/gemma", "swap/qwen3"]
    assert made.candidates[0].why == "for quick; is loaded"
    stale = replace(SWAP, models_seen=Seen(NOW - 100, 10.0))
    unsure = _plan(Request(task="quick"), fleet=FleetSnapshot(at=NOW, services=(stale,)))
    assert _ids(unsure) == ["swap/gemma", "copilot/haiku", "swap/qwen3", "swap/coder"], "an old look proves nothing"


def test_limits_are_kept_from_what_the_ledger_says() -> None:
    model = "copilot/gpt-5.2"
    for usage, words in (
        (Usage({model: 20}), "20 requests a minute"),
        (Usage({}, {model: 5.0}), "$5 a day"),
        (
            Usage({}, {}, {model: Refusal(NOW + 30, "429: quota reached")}),
            "429: quota reached; may be asked again in 30 s",
        ),
    ):
        rule, reason = _skipped(_plan(Request(model=model), usage=usage))[model]
        assert rule is Rule.LIMIT
        assert words in reason
    below = Usage({model: 19}, {model: 4.99}, {model: Refusal(NOW - 1, "429")})
    assert _ids(_plan(Request(model=model), usage=below)) == [model]


def test_a_prompt_that_may_be_too_long_skips_what_is_known_to_be_too_small() -> None:
    made = _plan(Request(task="quick", prompt_tokens=9000))
    assert _skipped(made)["swap/gemma"] == (Rule.SIZE, "it takes 8192 tokens, and the prompt may come to 9000")
    assert "swap/coder" in _ids(made), "its size is not known"
    assert "swap/gemma" in _ids(_plan(Request(task="quick", prompt_tokens=8192)))


def test_images_go_to_models_that_take_them_and_to_those_of_which_it_is_not_known() -> None:
    sighted = replace(MODELS[0], takes_images=True), replace(MODELS[1], takes_images=False), MODELS[2]
    fleet = FleetSnapshot(at=NOW, services=(replace(SWAP, models=sighted), LITE))
    made = _plan(Request(task="quick", images=1), fleet=fleet)
    assert _ids(made) == ["swap/coder", "swap/qwen3"]
    assert "whether it takes images is not known" in made.candidates[0].why
    assert "images" not in made.candidates[1].why
    assert _skipped(made)["swap/gemma"] == (Rule.IMAGES, "it takes no images, swap says")
    assert _skipped(made)["copilot/haiku"] == (Rule.IMAGES, "it is a program, and programs are sent text alone")
    assert len(_ids(_plan(Request(task="quick"), fleet=fleet))) == 4
    told = {model: ModelSettings(id=model, images=model == "swap/gemma") for model in ("swap/gemma", "swap/qwen3")}
    made = _plan(Request(task="quick", images=1), fleet=fleet, config=replace(CONFIG, models=told))
    assert _ids(made) == ["swap/coder", "swap/gemma"]
    assert _skipped(made)["swap/qwen3"][1] == "it takes no images, the configuration says"


def test_a_credential_stays_at_home_unless_confirmed() -> None:
    findings = Findings(credentials=("AWS access key",))
    made = _plan(Request(task="reasoning"), findings=findings)
    assert _ids(made) == ["swap/qwen3"], "models at home get it without asking"
    assert _skipped(made)["copilot/gpt-5.2"][0] is Rule.GUARD
    assert "AWS access key" in _skipped(made)["copilot/gpt-5.2"][1]
    refused = _plan(Request(model="copilot/gpt-5.2"), findings=findings)
    assert refused.failure is Failure.GUARD_REFUSED
    assert "--allow-secrets" in refused.error
    assert _ids(_plan(Request(model="copilot/gpt-5.2", allow_secrets=True), findings=findings)) == ["copilot/gpt-5.2"]


def test_the_subscription_is_refused_behind_another_address() -> None:
    findings = Findings(claude="ANTHROPIC_BASE_URL in the environment …")
    made = _plan(Request(tier="opus"), findings=findings)
    assert _skipped(made)["claude/opus"] == (Rule.GUARD, "ANTHROPIC_BASE_URL in the environment …")
    assert _ids(made) == ["copilot/gpt-5.2", "swap/qwen3"]
    assert _plan(Request(model="claude/opus"), findings=findings).failure is Failure.GUARD_REFUSED


def test_the_day_is_said_where_a_mode_is_older_than_today() -> None:
    days_ago = (datetime.fromtimestamp(NOW, UTC) - timedelta(days=3)).isoformat()
    made = _plan(Request(tier="opus"), modes=Modes(external=Mode(True, days_ago)))
    assert "external mode is on since 2026-11-1" in _skipped(made)["claude/opus"][1]


def test_every_row_of_the_configuration_that_ships_has_a_candidate_when_nothing_is_known() -> None:
    config = parse_config(default_config_text(), Path("config.toml"))
    document = tomllib.loads(default_config_text())
    for task in document["tasks"]:
        made = _plan(Request(task=task), config=config, fleet=FleetSnapshot(at=NOW))
        private = config.tasks[task].private
        assert made.candidates or private, task
    for tier in document["tiers"]:
        for modes in (Modes(), Modes(external=ON)):
            assert _plan(Request(tier=tier), config=config, fleet=FleetSnapshot(at=NOW), modes=modes).candidates
