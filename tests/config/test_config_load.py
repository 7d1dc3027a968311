"""What a person is told about a configuration, word by word where the words are the point."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.config.told_problems import FILE, SERVER, problems
from tui.config.errors import ConfigError
from tui.config.load import load_config, parse_config
from tui.config.schema import KeySource, Limit, Price, TaskSettings

DOCUMENTED = Path(__file__).with_name("documented.toml")
REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_documented_example_loads_as_it_is_meant() -> None:
    config = load_config(DOCUMENTED)
    assert list(config.services) == ["llama-swap", "ollama", "litellm", "qdrant", "k3s"]
    assert [machine.name for machine in config.machines.values() if machine.local] == ["flamingo"]
    assert config.machine_at("100.85.116.57") is config.machines["koala"]
    assert config.machine_at("localhost") is config.machines["flamingo"]
    assert config.services["litellm"].key == KeySource(env="LITELLM_API_KEY")
    assert config.models["copilot/gpt-5.2"].limit == Limit(requests_per_minute=20, usd_per_day=5.0)
    assert config.models["copilot/gpt-5.2"].price == Price(input=0.0, output=0.0)
    assert config.tasks["private"] == TaskSettings(name="private", models=("llama-swap/qwen3",), private=True)
    assert config.tasks["default"] == TaskSettings(name="default", models=("copilot/claude-sonnet-4.5",))
    assert config.tiers["opus"].fallback == ("copilot/gpt-5.2", "llama-swap/qwen3")
    assert config.clis["aichat"].command == ("aichat", "-m", "{model}")
    assert dict(config.keys) == {"unit.stop": "S"}
    assert config.path == DOCUMENTED


def test_what_is_commented_out_in_the_documented_example_loads_too() -> None:
    text = DOCUMENTED.read_text(encoding="utf-8")
    for name in ("openai", "claude-api", "vllm"):
        start = text.index(f"# [services.{name}]")
        block = text[start:].split("\n# [", 2)[0] if name != "vllm" else text[start:].split("\n\n")[0]
        text = text.replace(block, "\n".join(line.removeprefix("# ") for line in block.split("\n")))
    text = text.replace("# tool = ", "tool = ").replace("# where = ", "where = ").replace("# machine = ", "machine = ")
    config = parse_config(text, FILE)
    assert config.services["claude-api"].kind == "anthropic"
    assert config.machine_of(config.services["openai"]) is None
    tool = config.models["copilot/gpt-5.2"].tool
    assert tool is not None
    assert tool.name == "ask_reasoner"


def test_the_configuration_that_ships_has_a_row_for_every_documented_task_and_tier() -> None:
    config = load_config(REPOSITORY / "config.toml")
    documented = (
        "reasoning code-generation long-context quick private default code-review documentation vision analysis "
        "orchestration long-task bulk high-volume offline summarize classify"
    )
    assert set(config.tasks) == set(documented.split())
    assert set(config.tiers) == {"opus", "sonnet", "haiku"}
    assert all(task.private for name, task in config.tasks.items() if name in ("offline", "private"))
    assert "\n# [services.openai]" in (REPOSITORY / "config.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["", "\ufeff", "# nothing\r\n", "\ufeff[panel]\r\ntheme = 'x'\r\n"])
def test_a_file_may_be_empty_and_come_from_any_editor(text: str) -> None:
    assert parse_config(text, FILE).path == FILE


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    assert problems('[tiers]\nopsu = {}\n[services.x]\nkind = "olama"\nurl = 3\nprot = 1\nverfy_tls = false\n') == [
        'config.toml:2: tiers.opsu: unknown tier; did you mean "opus"?',
        "config.toml:4: services.x.kind: should be llama-swap, ollama, litellm, openai, anthropic, vllm, localai, "
        'llama-server, qdrant or http; did you mean "ollama"?',
        "config.toml:5: services.x.url: should be text in quotes, is a whole number",
        "config.toml:6: services.x.prot: unknown setting; there is kind, url, unit, unit_scope, machine, key, expect, "
        "verify_tls, refresh, timeout",
        'config.toml:7: services.x.verfy_tls: unknown setting; did you mean "verify_tls"?',
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[panle]", 'config.toml:1: panle: unknown section; did you mean "panel"?'),
        ("panel = 3", "config.toml:1: panel: should be a table, is a whole number; write [panel] above its settings"),
        ('[panel]\nrefresh = "2"', "config.toml:2: panel.refresh: should be a number, is text; leave the quotes out"),
        ("[panel]\nrefresh = true", "config.toml:2: panel.refresh: should be a number, is true"),
        ("[panel]\nrefresh = 0", "config.toml:2: panel.refresh: should be at least 0.2 and at most 3600"),
        ("[panel]\nrefresh = nan", "config.toml:2: panel.refresh: should be at least 0.2 and at most 3600"),
        ('[panel]\ntheme = ""', "config.toml:2: panel.theme: should not be empty"),
        ('[panel]\ntheme = "a\\u001b[2J"', "config.toml:2: panel.theme: holds a control character; leave it out"),
        (
            '[panel]\nexternal_mode_file = "mode.json"',
            "config.toml:2: panel.external_mode_file: should be a whole path that begins with / or ~",
        ),
        (
            '[machines.koala]\nonhold = "unload"',
            'config.toml:2: machines.koala.onhold: unknown setting; did you mean "on_hold"?',
        ),
        (
            '[machines.koala]\non_hold = "stop"',
            'config.toml:2: machines.koala.on_hold: should be unload or stop-unit; did you mean "stop-unit"?',
        ),
        (
            '[machines.koala]\naddresses = "koala"',
            "config.toml:2: machines.koala.addresses: should be a list, is text; put it in [ ]",
        ),
        (
            '[machines.koala]\naddresses = [\n  "a",\n  3]',
            "config.toml:4: machines.koala.addresses: item 2 should be text in quotes, is a whole number",
        ),
        (
            '[machines.koala]\naddresses = ["http://koala:80"]',
            "config.toml:2: machines.koala.addresses: item 1 should be a host name or an address alone, "
            "without http://, port or [ ]",
        ),
        (
            '[machines.koala]\nssh = "-oProxyCommand=x"',
            "config.toml:2: machines.koala.ssh: should be a host of ~/.ssh/config or user@host, without options",
        ),
        (
            "[machines.a]\nlocal = true\n[machines.b]\nlocal = true",
            "config.toml:4: machines.b.local: only one machine can be this one, and machines.a is",
        ),
        (
            '[machines.a]\naddresses = ["10.0.0.1"]\n[machines.b]\naddresses = ["x", "10.0.0.1"]',
            "config.toml:4: machines.b.addresses: item 2 is also a name or address of machines.a; keep one",
        ),
        (
            '[machines.a]\naddresses = ["B"]\n[machines.b]',
            "config.toml:3: machines.b: its name is also a name or address of machines.a; change one",
        ),
        (
            '[services.x]\nurl = "http://x"',
            'config.toml:1: services.x.kind: is missing; say what kind of server it is, for example kind = "ollama"',
        ),
        (
            '[services]\nkind = "ollama"',
            "config.toml:2: services.kind: belongs to a table with a name; write [services.NAME] above it",
        ),
        (
            '[services]\nx = "http://x"',
            "config.toml:2: services.x: should be a table, is text; write [services.x] above its settings",
        ),
        (
            '[services."a/b"]\nkind = "http"\nurl = "http://x"',
            'config.toml:1: services."a/b": a name holds no slash, because a model\'s id is service/name; '
            "give it another name",
        ),
        (
            SERVER + 'machine = "koalla"\n[machines.koala]',
            'config.toml:4: services.llama-swap.machine: is no machine of this file; did you mean "koala"?',
        ),
        (
            SERVER + 'expect = "ok"',
            'config.toml:4: services.llama-swap.expect: is only for kind = "http"; '
            "the other kinds know what their server answers",
        ),
        (
            SERVER + 'key = { env = "A" }\nverify_tls = false',
            "config.toml:5: services.llama-swap.verify_tls: a key is never sent to a server whose certificate is not "
            "checked; leave out verify_tls = false or the key",
        ),
        (
            SERVER + 'key = { env = "A", file = "~/a" }',
            "config.toml:4: services.llama-swap.key: should have exactly one of env, command and file",
        ),
        (
            SERVER + "key = {}",
            "config.toml:4: services.llama-swap.key: should have exactly one of env, command and file",
        ),
        (
            SERVER + 'key = { command = "pass show x" }',
            "config.toml:4: services.llama-swap.key.command: should be a list, is text; put it in [ ]",
        ),
        (
            SERVER + "key = { command = [] }",
            "config.toml:4: services.llama-swap.key.command: should begin with a program, "
            'as in ["pass", "show", "openai"]',
        ),
        (
            SERVER + 'key = { file = "secrets/key" }',
            "config.toml:4: services.llama-swap.key.file: should be a whole path that begins with / or ~",
        ),
        (
            SERVER + 'unit = "--now"',
            "config.toml:4: services.llama-swap.unit: should be the name of a systemd unit, "
            'such as "llama-swap.service"',
        ),
        (
            SERVER + '[clis.llama-swap]\nkind = "claude"',
            "config.toml:4: clis.llama-swap: is also the name of a service; give one of them another name",
        ),
        (
            '[clis.copilot]\nkind = "opencode"',
            "config.toml:1: clis.copilot.provider: is missing; opencode needs it, "
            'for example provider = "github-copilot"',
        ),
        ('[clis.x]\nkind = "claude"\nprovider = "y"', 'config.toml:3: clis.x.provider: is only for kind = "opencode"'),
        (
            '[clis.x]\nkind = "command"\nmodels = ["m"]',
            "config.toml:1: clis.x.command: is missing; say what to run, "
            'for example command = ["aichat", "-m", "{model}"]',
        ),
        (
            '[clis.x]\nkind = "command"\ncommand = ["x"]',
            'config.toml:1: clis.x.models: is missing; name what it can run, for example models = ["openai:gpt-4o"]',
        ),
        (
            '[models."lama-swap/x"]\n' + SERVER,
            'config.toml:1: models."lama-swap/x": is of no service or program in this file; '
            'did you mean "llama-swap/…"?',
        ),
        ("[models.x]\n" + SERVER, "config.toml:1: models.x: should be a model's id, service/name or program/name"),
        (
            '[tiers]\nopus = { external = "a/b" }',
            "config.toml:2: tiers.opus.external: is a model of a service or program that this file does not have; "
            "add [services.NAME] or [clis.NAME]",
        ),
        (
            SERVER + '[tasks]\na = ["llama-swap/x", "llama-swap/y", "llama-swap/x"]',
            "config.toml:5: tasks.a: item 3 is the same as item 1; leave one out",
        ),
        (
            SERVER + '[tasks]\na = [\n"llama-swap/x",\n"swap/y"]',
            'config.toml:7: tasks.a: item 2 is of no service or program in this file; did you mean "llama-swap/…"?',
        ),
        ("[tasks]\na = []", "config.toml:2: tasks.a: should name at least one model"),
        (
            "[tasks]\na = {}",
            'config.toml:2: tasks.a.models: is missing; name the models to try, for example models = ["service/name"]',
        ),
        (
            '[tasks]\na = "x/y"',
            'config.toml:2: tasks.a: should be a list of models or a table { models = ["…"] }, is text',
        ),
        (
            SERVER + '[tasks]\na = { models = ["llama-swap/x"], prefer = "hot" }',
            'config.toml:5: tasks.a.prefer: should be "warm"',
        ),
        (
            SERVER + '[mcp]\nlocal = "qwen3"',
            "config.toml:5: mcp.local: should be a model's id, service/name or program/name",
        ),
        (
            SERVER + '[models."llama-swap/x"]\ntool = { name = "ask me", description = "d" }',
            'config.toml:5: models."llama-swap/x".tool.name: should be 1 to 64 letters, digits, _ or -',
        ),
        (
            SERVER + '[models."llama-swap/x"]\ntool = { name = "t", description = "d" }\n'
            '[models."llama-swap/y"]\ntool = { name = "t", description = "d" }',
            'config.toml:7: models."llama-swap/y".tool.name: is also the name of the tool of models."llama-swap/x"; '
            "give it another",
        ),
        (
            SERVER + '[models."llama-swap/x"]\nprice = 3',
            'config.toml:5: models."llama-swap/x".price: should be a table { … } with input and output, '
            "is a whole number",
        ),
        (
            SERVER + '[models."llama-swap/x"]\ncontext = 1e5',
            'config.toml:5: models."llama-swap/x".context: should be a whole number, is a number',
        ),
        (
            "[keys]\nunit.stop = 'S'",
            'config.toml:2: keys.unit: an action\'s name stands in quotes when it holds a dot: "unit.stop" = "S"',
        ),
        ('[keys]\n"unit.stop" = 3', 'config.toml:2: keys."unit.stop": should be text in quotes, is a whole number'),
        (
            '[ledger]\nkeep_text = "al"',
            'config.toml:2: ledger.keep_text: should be all, local or none; did you mean "all"?',
        ),
    ],
)
def test_each_mistake_has_its_own_words(text: str, expected: str) -> None:
    assert problems(text) == [expected]


def test_a_service_whose_host_is_no_machine_is_of_no_machine() -> None:
    config = parse_config(SERVER, FILE)
    assert config.machine_of(config.services["llama-swap"]) is None
    assert not config.machines


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "127.0.0.53", "LOCALHOST"])
def test_a_loopback_url_means_this_machine_though_none_is_written_down(host: str) -> None:
    config = parse_config(SERVER.replace("koala", host), FILE)
    machine = config.machine_of(config.services["llama-swap"])
    assert machine is not None
    assert (machine.name, machine.about, machine.local) == ("localhost", "this machine", True)


@pytest.mark.parametrize(
    "text",
    [
        SERVER.replace("koala", "localhost") + "[machines.here]\nlocal = true",
        SERVER.replace("koala", "localhost") + 'machine = "koala"\n[machines.koala]',
        SERVER.replace("koala", "127.0.0.1") + "[machines.localhost]",
    ],
)
def test_no_machine_is_implied_where_the_file_says_whose_loopback_it_is(text: str) -> None:
    assert len(parse_config(text, FILE).machines) == 1


def test_a_problem_in_one_row_brings_no_false_ones_about_what_refers_to_it() -> None:
    text = SERVER.replace("8080", "99999") + '[mcp]\nlocal = "llama-swap/x"\n[clis.c]\nkind = "opencode"\nprovder = "x"'
    assert [problem.split(": ")[1] for problem in problems(text)] == ["services.llama-swap.url", "clis.c.provder"]


def test_a_control_code_in_a_name_does_not_reach_the_terminal() -> None:
    assert all(line.isprintable() for line in problems('"\\u001b[2J\\n" = 3\n'))


def test_a_file_that_is_no_text_file_is_one_plain_error(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    cases = {
        b"[panel]\ntheme = '\xff'\n": f"{path}:2: is not UTF-8 text; save it as UTF-8",
        b"#" * 1_000_001: f"{path}: is larger than 1 MB, so it is no configuration",
        b"a = " + b"[" * 100_000: f"{path}: is nested too deeply to be a configuration",
        b"a = " + b"9" * 5000: f"{path}: holds a number that is too long to read",
    }
    for content, words in cases.items():
        path.write_bytes(content)
        with pytest.raises(ConfigError) as raised:
            load_config(path)
        assert str(raised.value) == words


def test_what_is_no_file_is_one_plain_error(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, words in {
        tmp_path: "is a folder; name the file in it",
        tmp_path / "none": "does not exist",
        pipe: "is no regular file",
        Path(__file__) / "below": "cannot be read: not a directory",
    }.items():
        with pytest.raises(ConfigError) as raised:
            load_config(path)
        assert str(raised.value) == f"{path}: {words}"
    assert load_config(Path("/dev/null")).services == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_one_plain_error(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.touch(mode=0o000)
    with pytest.raises(ConfigError, match="cannot be read: permission denied"):
        load_config(path)
