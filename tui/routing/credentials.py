"""Finds credentials in a prompt by the forms that their makers gave them: no guesses by entropy or by the word "key".

What counts is decided by detect-secrets' detectors. Theirs read a line at a time and some take time that grows with the
square of a line's length, so that the patterns here first find, in one pass, the few places where one could match. A
prompt without such a place never pays the 0.2 s that importing detect-secrets takes.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, cast

_WORD = "[A-Za-z0-9_-]"


class _Detector(Protocol):
    def analyze_string(self, string: str) -> Iterator[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A kind of credential: where one could be, and which detector of detect-secrets decides (None: the place does)."""

    name: str
    place: re.Pattern[str]
    before: int = 0
    """How many characters before the place belong to it. A pattern is fast that begins with what is rare."""
    needs: str = ""
    detector: tuple[str, str] | None = None

    def is_in(self, text: str) -> bool:
        if self.needs not in text:
            return False
        for match in self.place.finditer(text):
            if self.detector is None:
                return True
            around = text[max(0, match.start() - self.before) : match.end()]
            if next(iter(_detector(*self.detector).analyze_string(around)), None) is not None:
                return True
        return False


def credentials_in(text: str) -> tuple[str, ...]:
    """The kinds of credentials that ``text`` holds, for a person to read. Takes 0.05 to 0.1 s for 1 MB."""
    return tuple(kind.name for kind in _KINDS if kind.is_in(text))


@functools.cache
def _detector(module: str, name: str) -> _Detector:
    return cast(_Detector, getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)())


def _kind(name: str, place: str, detector: str = "", *, before: int = 0, needs: str = "") -> _Kind:
    module, _, name_of_detector = detector.partition(":")
    place = place.replace("WORD", _WORD)
    return _Kind(
        name=name,
        place=re.compile(place),
        before=before,
        needs=needs,
        detector=(module, name_of_detector) if detector else None,
    )


_KINDS = (
    _kind("AWS access key", r"A(?:3T|B|C|K|S)[A-Z0-9]{17,18}", "aws:AWSKeyDetector"),
    _kind("AWS secret key", r"['\"][0-9a-zA-Z/+]{40}['\"]", "aws:AWSKeyDetector", before=60),
    _kind("Azure storage key", r"AccountKey=[A-Za-z0-9+/=]{88}", "azure_storage_key:AzureStorageKeyDetector"),
    _kind("Discord bot token", r"\.WORD{6}\.WORD{27}", "discord:DiscordBotTokenDetector", before=26),
    _kind("GitHub token", r"gh[pousr]_[A-Za-z0-9_]{36}", "github_token:GitHubTokenDetector"),
    _kind("GitLab token", r"gl[a-z]{2,5}-WORD{20,}", "gitlab_token:GitLabTokenDetector"),
    _kind("GitLab runner token", r"GR1348941WORD{20,}", "gitlab_token:GitLabTokenDetector"),
    _kind(
        "JSON web token",
        # Only where a word begins, or a line as JSON writes its end: beginning inside its own match it would take
        # time that grows with the square of the match.
        r"(?:(?<![A-Za-z0-9_=-])|(?<=\\[nrt]))eyJ[A-Za-z0-9_=-]{10,}+\.[A-Za-z0-9_=-]{2,}+(?:\.[A-Za-z0-9_=-]*+)?",
        "jwt:JwtTokenDetector",
        needs="eyJ",
    ),
    _kind("Mailchimp key", r"-us[0-9]{1,2}", "mailchimp:MailchimpDetector", before=32),
    _kind("npm token", r":_authToken=\S+", "npm:NpmDetector", before=300),
    _kind("OpenAI key", r"T3BlbkFJ[A-Za-z0-9]{20}", "openai:OpenAIDetector", before=200),
    _kind(
        "private key",
        # With the key behind its first line: the line alone is what people ask questions about.
        r"BEGIN (?:[A-Z0-9]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----[^-]{0,300}?[A-Za-z0-9+/]{40}",
        "private_key:PrivateKeyDetector",
    ),
    _kind("PuTTY private key", r"PuTTY-User-Key-File-2: \S", "private_key:PrivateKeyDetector"),
    _kind("PyPI token", r"pypi-AgEWORD{80,}", "pypi_token:PypiTokenDetector"),
    _kind("SendGrid key", r"SG\.WORD{22}\.WORD{43}", "sendgrid:SendGridDetector"),
    _kind("Slack token", r"xox[abposr]-(?:\d+-)++[A-Za-z0-9]{8,}", "slack:SlackDetector"),
    _kind("Slack webhook", r"https://hooks\.slack\.com/services/T\w+/B\w+/\w{20,}", "slack:SlackDetector"),
    _kind("Square secret", r"sq0csp-[A-Za-z0-9_\\-]{43}", "square_oauth:SquareOAuthDetector"),
    _kind("Stripe key", r"[rs]k_live_[0-9a-zA-Z]{24}", "stripe:StripeDetector"),
    _kind("Telegram bot token", r":WORD{35}", "telegram_token:TelegramBotTokenDetector", before=10),
    _kind("Twilio key", r"(?:AC|SK)[a-z0-9]{32}", "twilio:TwilioKeyDetector"),
    # Makers of models, which are the likeliest in a prompt here, and which detect-secrets 1.5 does not know.
    _kind("Anthropic key", r"sk-ant-[a-z0-9]{3,12}-WORD{60,}"),
    _kind("GitHub fine-grained token", r"github_pat_[A-Za-z0-9_]{82}"),
    _kind("Google API key", r"AIzaWORD{35}(?!WORD)"),
    _kind("Groq key", r"gsk_[A-Za-z0-9]{52}"),
    _kind("Hugging Face token", r"hf_[A-Za-z]{34}(?![A-Za-z])"),
    _kind("OpenRouter key", r"sk-or-v1-[0-9a-f]{64}"),
    _kind("xAI key", r"xai-[A-Za-z0-9]{80}"),
)
