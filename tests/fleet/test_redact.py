"""No key that a person may look at is shown, and ordinary text is left alone."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.processor import processor_seconds
from tui.fleet.redact import HIDDEN, redact

LETTERS = string.ascii_letters + string.digits
PLAIN_SECRETS = st.text(LETTERS, min_size=10, max_size=60).filter(lambda text: not text.isdigit())
SHAPED_SECRETS = st.one_of(
    st.builds("sk-{}".format, st.text(LETTERS + "-_", min_size=16, max_size=80)),
    st.builds("hf_{}".format, st.text(LETTERS, min_size=34, max_size=34)),
    st.builds("ghp_{}".format, st.text(LETTERS, min_size=36, max_size=36)),
    st.builds("github_pat_{}".format, st.text(LETTERS + "_", min_size=36, max_size=80)),
    st.builds("gsk_{}".format, st.text(LETTERS, min_size=40, max_size=52)),
    st.builds("AIza{}".format, st.text(LETTERS + "_-", min_size=35, max_size=35)),
    st.builds("AKIA{}".format, st.text(string.ascii_uppercase + string.digits, min_size=16, max_size=16)),
    st.builds("xoxb-{}".format, st.text(LETTERS + "-", min_size=20, max_size=50)),
    st.builds("eyJ{}.{}.{}".format, *[st.text(LETTERS + "-_", min_size=12, max_size=60)] * 3),
)
FORMS = (
    "--api-key {}",
    "--api-key={}",
    "-hf-token {}",
    "llama-server --port 5800 --api-key {} --jinja",
    'OPENAI_API_KEY="{}"',
    "LITELLM_MASTER_KEY_TOKEN={}",
    "Authorization: Bearer {}",
    "authorization: basic {}",
    "X-Api-Key: {}",
    '{{"api_key": "{}"}}',
    "{{'password': '{}'}}",
    '{{"client_secret":"{}","max_tokens":5}}',
    "postgres://litellm:{}@db:5432/litellm",
    "https://{}@proxy.example/v1",
    "?access_key={}&page=2",
    "Received API Key = {}",
)
SURROUNDINGS = st.sampled_from(
    ["", "error: ", "\n", "it said (", '"', "cmd=", "日本語 ", "\\n", " \\\n  ", "a, b, ", "[/red] "]
)


@given(st.sampled_from(FORMS), PLAIN_SECRETS | SHAPED_SECRETS, SURROUNDINGS, SURROUNDINGS)
def test_what_is_named_a_key_never_survives(form: str, secret: str, before: str, after: str) -> None:
    assert secret not in redact(before + form.format(secret) + " " + after)


@given(SHAPED_SECRETS, SURROUNDINGS, st.sampled_from(["", " ", ".", ",", '"', ")", "\n", "]"]))
def test_what_looks_like_a_key_never_survives_whatever_stands_around_it(secret: str, before: str, after: str) -> None:
    assert secret not in redact(before + secret + after)


@given(PLAIN_SECRETS | SHAPED_SECRETS, st.integers(0, 2))
def test_a_key_within_json_within_json_never_survives(secret: str, layers: int) -> None:
    text = json.dumps({"cmd": f"llama-server \\\n --api-key\t{secret}", "api_key": secret, "argv": ["--token", secret]})
    for _ in range(layers):
        text = json.dumps({"data": text})
    assert secret not in redact(text)


@given(st.text(string.ascii_uppercase, min_size=10), st.integers(1, 9))
def test_a_key_whose_text_was_cut_off_never_survives(secret: str, kept: int) -> None:
    whole = '{"name": "it", "api_key": "' + secret
    assert secret[:kept] not in redact(whole[: len(whole) - len(secret) + kept]).rpartition(":")[2]


@given(st.text())
def test_what_was_redacted_stays_as_it_is(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens: 5",
        '{"max_tokens": 4096, "completion_tokens": 12.5, "token": null}',
        "the token is refused, the secret of it is the password",
        "invalid token given",
        "no API key was sent, basic authentication required",
        "--max-tokens 2048 --ctx-size 8192 --no-token --verbose",
        "--token-file /run/secrets/token",
        "{'tokenizer': 'gpt2', 'eos_token': '<|im_end|>', 'stop_tokens': ['a', 'b']}",
        "pip install hf_transfer",
        "a task-force of risk-averse desk-workers",
        "http://koala:8080/v1/models?limit=5",
        "Qwen3-30B-A3B-Instruct-2507-UD-Q4_K_XL.gguf",
        "user@host: permission denied",
        "",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a-" * 20_000,
        "token" + " " * 40_000 + ",",
        "api_key" * 6_000,
        "eyJ-" * 10_000,
        "http://a" * 5_000,
        "--" * 20_000,
        'token="\\' * 6_000,
        "token: bearer " * 3_000,
        "\\" * 40_000,
        "a.b-c_" * 7_000,
        "password=\"'" * 4_000,
    ],
)
def test_no_text_takes_long_since_all_services_wait_meanwhile(text: str) -> None:
    assert processor_seconds(lambda: redact(text)) < 0.5


def test_what_stands_around_a_key_can_still_be_read() -> None:
    assert (
        redact('cmd: llama-server --api-key "sk-abcdef0123456789" --jinja')
        == f'cmd: llama-server --api-key "{HIDDEN}" --jinja'
    )
    assert redact("postgres://litellm:hunter2@db:5432/x") == f"postgres://{HIDDEN}@db:5432/x"
    assert redact("Authorization: Bearer abcdefgh12345678, again") == f"Authorization: Bearer {HIDDEN}, again"
