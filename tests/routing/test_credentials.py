from __future__ import annotations

import base64
import json
import random
import string
import subprocess
import sys
import uuid

import pytest

from tests.processor import processor_seconds
from tui.routing.credentials import credentials_in

_dice = random.Random(7)


def _random(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(_dice.choice(alphabet) for _ in range(length))


def _part(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


# Made here, piece by piece: no scanner of repositories should find a credential in this file.
PEM = f"-----BEGIN {'RSA PRIVATE'} KEY-----\n{_random(64)}\n{_random(64)}\n-----END {'RSA PRIVATE'} KEY-----"
SAMPLES = {
    "AWS access key": "AKIA" + _random(16, string.ascii_uppercase + string.digits),
    "AWS secret key": f'aws_secret_access_key = "{_random(40)}"',
    "Azure storage key": f"AccountKey={_random(86)}==",
    "Discord bot token": f"M{_random(23)}.{_random(6)}.{_random(27)}",
    "GitHub token": "ghp_" + _random(36),
    "GitLab token": "glpat-" + _random(20),
    "GitLab runner token": "GR1348941" + _random(20),
    "JSON web token": f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part({'sub': '1234567890'})}.{_random(43)}",
    "Mailchimp key": _random(32, "0123456789abcdef") + "-us12",
    "npm token": f"//npm.example.org/:_authToken=npm_{_random(36)}",
    "OpenAI key": f"sk-proj-{_random(20)}T3BlbkFJ{_random(20)}",
    "private key": PEM,
    "PuTTY private key": "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none",
    "PyPI token": "pypi-AgEIcHlwaS5vcmc" + _random(90),
    "SendGrid key": f"SG.{_random(22)}.{_random(43)}",
    "Slack token": f"xoxb-{_random(12, string.digits)}-{_random(12, string.digits)}-{_random(24)}",
    "Slack webhook": f"https://hooks.slack.com/services/T{_random(8)}/B{_random(8)}/{_random(24)}",
    "Square secret": "sq0csp-" + _random(43),
    "Stripe key": "sk_live_" + _random(24),
    "Telegram bot token": f"{_random(9, '123456789')}:{_random(35)}",
    "Twilio key": "AC" + _random(32, "0123456789abcdef"),
    "Anthropic key": f"sk-ant-api03-{_random(93)}AA",
    "GitHub fine-grained token": f"github_pat_{_random(22)}_{_random(59)}",
    "Google API key": "AIza" + _random(35),
    "Groq key": "gsk_" + _random(52),
    "Hugging Face token": "hf_" + _random(34, string.ascii_letters),
    "OpenRouter key": "sk-or-v1-" + _random(64, "0123456789abcdef"),
    "xAI key": "xai-" + _random(80),
}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize(
    "around", ["{}", "Why does this fail?\n\n  key: {}\n", 'curl -H "x-key: {}" https://example.com']
)
def test_a_credential_is_found_wherever_it_stands(name: str, around: str) -> None:
    assert name in credentials_in(around.replace("{}", SAMPLES[name]))


@pytest.mark.parametrize(
    "name", sorted(set(SAMPLES) - {"PuTTY private key", "npm token", "private key", "AWS secret key"})
)
def test_a_credential_is_found_behind_a_line_end_as_json_writes_it(name: str) -> None:
    assert name in credentials_in(json.dumps({"log": f"started\n{SAMPLES[name]}\n"}))


def test_a_comment_does_not_excuse_a_credential() -> None:
    assert credentials_in(f"{SAMPLES['GitHub token']}  # pragma: allowlist secret") == ("GitHub token",)


def test_several_kinds_are_all_named() -> None:
    found = credentials_in(" ".join(SAMPLES.values()))
    assert set(found) == set(SAMPLES)


ORDINARY = (
    "What is 2+2?",
    "",
    "Where do I put my API key? The docs say OPENAI_API_KEY=sk-... and token: <your token>",
    "password = 'hunter2'; secret = getpass(); api_key = os.environ['API_KEY']",
    "Why does ssh-keygen write '-----BEGIN OPENSSH PRIVATE KEY-----' at the top of the file?",
    "Explain -----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "psql postgres://user:password@localhost:5432/db fails",
    "git show 3f786850e387550fdab836ed7e6dc881de23001b and sha256 " + "ab" * 32,
    "Set `aws_access_key_id` and 'aws_secret_access_key' with aws configure",
    "What does a JWT such as eyJhbGciOi... hold? header.payload.signature",
    "sk-learn-contrib, sk-net, skimage and hf_hub_download",
    "curl -H 'Authorization: Bearer $TOKEN' https://api.example.com/v1/keys",
    "//npm.example.org/:_authToken=${NPM_TOKEN}",
    "SELECT * FROM keys WHERE key = 'SG.' -- region eu-us1, x-us2",
    "192.168.1.17 and 2001:db8::1 at 12:34:56,789 [1700000000:worker]",
    "<img src='data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4"
    "//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg=='/>",
)
_VERBS = ("Explain", "Rewrite", "Translate into French", "Find the bug in", "Write a test for", "Summarize")
_THINGS = (
    "def key(token): return tokens[token]",
    "the commit {hex40}",
    "the request {uuid} that failed with 401 Unauthorized",
    "a class SecretManager with a method rotate_password(self, secret: str)",
    "the checksum {hex64} of release 1.2.3",
    "this log: 2026-11-20T14:02:11.412Z INFO id={uuid} user=jane took=12ms",
    "`kubectl get secret db -o jsonpath='{.data.password}' | base64 -d`",
    'the etag "{hex32}" and the integrity sha512-{b64}==',
    "this paragraph about public-key cryptography, private keys and passphrases",
)


def _ordinary_prompts(count: int) -> list[str]:
    prompts = []
    for number in range(count):
        thing = _THINGS[number % len(_THINGS)]
        for name, value in (
            ("{hex40}", _random(40, "0123456789abcdef")),
            ("{hex64}", _random(64, "0123456789abcdef")),
            ("{hex32}", _random(32, "0123456789abcdef")),
            ("{uuid}", str(uuid.UUID(int=_dice.getrandbits(128)))),
            ("{b64}", _random(86)),
        ):
            thing = thing.replace(name, value)
        prompts.append(f"{_VERBS[number % len(_VERBS)]} {thing}, number {number}.")
    return prompts


def test_ordinary_prompts_raise_nothing() -> None:
    raised = {prompt: found for prompt in (*ORDINARY, *_ordinary_prompts(500)) if (found := credentials_in(prompt))}
    assert raised == {}


def test_an_ordinary_prompt_does_not_pay_for_the_import() -> None:
    program = (
        "import sys\nfrom tui.routing.credentials import credentials_in\n"
        f"assert credentials_in({ORDINARY[2]!r}) == ()\nassert 'detect_secrets' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


MEGABYTE = 1_000_000
LONG = {
    "prose": "The quick brown fox jumps over the lazy dog and asks what 2+2 is. ",
    "one letter": "a",
    "NULs": "\x00",
    "base64": base64.b64encode(_dice.randbytes(30_000)).decode(),
    "digits": _random(9_999, string.digits),
    "token starts": "eyJ",
    "token starts with dots": "eyJhbGciOi.",
    "quotes": "aws key '",
    "dots": "SG.aaaaaaaaaaaaaaaaaaaaaa.",
    "first lines of keys": "BEGIN PRIVATE KEY-----",
    "slack": "xoxb-1-",
}


@pytest.mark.parametrize("name", LONG)
def test_a_megabyte_takes_under_a_third_of_a_second_whatever_it_holds(name: str) -> None:
    text = (LONG[name] * (MEGABYTE // len(LONG[name]) + 1))[:MEGABYTE]
    credentials_in("warm up")
    assert credentials_in(text) == ()
    assert processor_seconds(lambda: credentials_in(text)) < 0.3
