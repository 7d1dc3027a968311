"""Addresses that cannot be asked, and keys that are written where they do not belong."""

from __future__ import annotations

import pytest

from tests.config.told_problems import FILE, SERVER, problems
from tui.config.load import parse_config
from tui.config.schema import KeySource

WAYS = (
    "a key is never written in the file itself; say where a service's key is: "
    'key = {{ env = "{}_API_KEY" }} or {{ command = ["pass", "show", "{}"] }} or {{ file = "~/.secrets/{}" }}'
)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("koala:8080", "should begin with http:// or https://"),
        ("ftp://koala", "should begin with http:// or https://"),
        ("http://", "should name a host and hold no space: http://HOST:PORT"),
        ("http://ko ala", "should name a host and hold no space: http://HOST:PORT"),
        ("http://koala:99999", "is no address of a server; write http://HOST:PORT, with a port up to 65535"),
        ("http://[::1", "is no address of a server; write http://HOST:PORT, with a port up to 65535"),
        ("http://koala/?a=b", "should end before the ? or #; a key goes into its own setting, key"),
        ("http://koala/#a", "should end before the ? or #; a key goes into its own setting, key"),
    ],
)
def test_an_url_that_cannot_be_asked_is_refused(url: str, words: str) -> None:
    assert problems(f'[services.x]\nkind = "http"\nurl = "{url}"') == [f"config.toml:3: services.x.url: {words}"]


@pytest.mark.parametrize(
    ("line", "setting"),
    [
        ('key = "{}"', "key"),
        ('key = ["{}"]', "key"),
        ('key = {{ value = "{}" }}', "key"),
        ('key = {{ env = "A", literal = "{}" }}', "key"),
        ('api_key = "{}"', "api_key"),
        ('token = "{}"', "token"),
        ('"API-Key" = "{}"', "API-Key"),
        ('password = "{}"', "password"),
    ],
)
def test_a_key_in_the_file_is_refused_with_the_three_ways_that_work(line: str, setting: str) -> None:
    canary = "CaNaRy-4242"
    (problem,) = problems(f"{SERVER}{line.format(canary)}\n")
    ways = WAYS.format("LLAMA_SWAP", "llama-swap", "llama-swap")
    assert problem == f"config.toml:4: services.llama-swap.{setting}: {ways}"


@pytest.mark.parametrize("pasted", ["sk-proj-CaNaRy", "hf_CaNaRyCaNaRy", "CaNaRy" * 8, "CaNaRy key"])
def test_a_key_pasted_where_a_variable_belongs_is_refused(pasted: str) -> None:
    (problem,) = problems(f'{SERVER}key = {{ env = "{pasted}" }}\n')
    assert problem.endswith(
        'should be the name of an environment variable, such as "OPENAI_API_KEY", and not the key itself'
    )
    assert "CaNaRy" not in problem


def test_a_setting_that_only_sounds_like_a_key_is_an_unknown_setting() -> None:
    (problem,) = problems('[models."x/y"]\nmax_tokens = 5\n[clis.x]\nkind = "claude"\n')
    assert problem.startswith('config.toml:2: models."x/y".max_tokens: unknown setting; there is about, price, limit')


@pytest.mark.parametrize("variable", ["hf_token", "SK_KEY", "AIRLINE_KEY", "LITELLM_MASTER_KEY"])
def test_a_variable_may_have_any_name_that_a_shell_takes(variable: str) -> None:
    config = parse_config(f'{SERVER}key = {{ env = "{variable}" }}\n', FILE)
    assert config.services["llama-swap"].key == KeySource(env=variable)


def test_a_password_in_an_url_is_refused() -> None:
    (problem,) = problems('[services.x]\nkind = "http"\nurl = "https://me:CaNaRy@host"\n')
    assert problem.startswith("config.toml:3: services.x.url: should hold no user name or password; a key is never")
    assert "CaNaRy" not in problem
