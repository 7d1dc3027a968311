"""What all answers over HTTP have in common: asking patiently, reading in lines, and refusals in plain words."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from tui.chat.lines import LineSplitter, LineTooLong
from tui.chat.reply import FailureKind, ReplyFailed
from tui.fleet.asking import Asker
from tui.fleet.failures import KeyMissing, LookFailed, error_message
from tui.fleet.printable import printable
from tui.fleet.redact import redact

if TYPE_CHECKING:
    import httpx

REFUSAL_WITHIN = 5.0
"""Seconds in which the body of a refusal has to arrive."""
REFUSAL_BYTES = 256 * 1024
LONGEST_REASON = 300

_COOLDOWN = re.compile(r"[Tt]ry again in (\d{1,6}) seconds")
"""LiteLLM, while all deployments of a group cool down, says it in the message only."""
_RATE_WORDS = re.compile(r"(?i)rate.?limit|too many requests|quota|overloaded|\b429\b")
_KEY_WORDS = re.compile(r"(?i)authentication|unauthorized|invalid api key|permission_error|\b40[13]\b")


@asynccontextmanager
async def asked(asker: Asker, path: str, body: dict[str, object], accept: str) -> AsyncGenerator[httpx.Response, None]:
    """The open answer to a prompt, its status 2xx. However long it is silent, it is waited for: it may be loading.

    Raises:
        ReplyFailed: it could not be asked, refused, or broke off while it was read.
    """
    try:
        async with asker.stream(
            "POST", path, json=body, accept=accept, patient=True, accepts=lambda status: True
        ) as response:
            if response.status_code >= 300:
                raise await _refusal(asker, response)
            yield response
    except LookFailed as failure:
        raise _as_reply_failure(asker, failure) from None


async def lines_of(response: httpx.Response) -> AsyncGenerator[list[bytes], None]:
    """The answer's lines, as many at a time as one read brought; never an empty list."""
    splitter = LineSplitter()
    try:
        async for data in response.aiter_bytes():
            if lines := splitter.split(data):
                yield lines
    except LineTooLong:
        raise ReplyFailed(FailureKind.BAD_ANSWER, "answered with a line that does not end") from None
    if lines := splitter.rest():
        yield lines


def error_in_stream(name: str, error: object) -> ReplyFailed:
    """The failure that an error object or string in the middle of a 200 answer tells of."""
    fields = error if isinstance(error, Mapping) else {}
    message = fields.get("message") if isinstance(fields.get("message"), str) else None
    words = message or (error if isinstance(error, str) else "") or "an error without a word of explanation"
    code = f"{fields.get('code') or ''} {fields.get('type') or ''}"
    return ReplyFailed(kind_of_words(f"{code} {words[:500]}"), f"{name}: {in_short(words)}", retry_after=_told(words))


def kind_of_words(words: str) -> FailureKind:
    """The kind of an error of which only words are known."""
    if _RATE_WORDS.search(words):
        return FailureKind.RATE_LIMITED
    if _KEY_WORDS.search(words):
        return FailureKind.NOT_LOGGED_IN
    return FailureKind.SERVER_ERROR


def in_short(words: str) -> str:
    """What somebody else says, on one harmless line."""
    return printable(redact(words.strip().partition("\n")[0][:2000]), LONGEST_REASON)


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """How long to wait by RFC 9110 §10.2.3 (seconds or a date); LiteLLM hands an upstream's on under another name."""
    for name in ("retry-after", "llm_provider-retry-after"):
        if not (value := headers.get(name, "").strip()):
            continue
        try:
            return max(0.0, float(value)) if len(value) < 12 else max(0.0, _date(value) - now)
        except (ValueError, OverflowError):
            continue
    return None


def _date(value: str) -> float:
    return parsedate_to_datetime(value).timestamp()


def _told(words: str) -> float | None:
    found = _COOLDOWN.search(words)
    return float(found.group(1)) if found else None


async def _refusal(asker: Asker, response: httpx.Response) -> ReplyFailed:
    body = bytearray()
    try:
        async with asyncio.timeout(REFUSAL_WITHIN):
            async for data in response.aiter_bytes():
                body += data
                if len(body) > REFUSAL_BYTES:
                    break
    except TimeoutError:
        # The status alone says enough; its explanation is not worth more waiting.
        pass
    status, name = response.status_code, asker.service.name
    said = error_message(bytes(body), LONGEST_REASON)
    told = f": {said}" if said else ""
    if status in (401, 403) or (status == 400 and b"no_db_connection" in body):
        # LiteLLM without a database answers a wrong key with 400 and this type.
        asker.forget_key()
        reason = f"{name} refused the key ({status})" if asker.service.key else f"{name} wants a key ({status})"
        return ReplyFailed(FailureKind.NOT_LOGGED_IN, reason + told)
    if status in (429, 529):
        after = retry_after_seconds(response.headers, time.time()) or _told(said)
        return ReplyFailed(
            FailureKind.RATE_LIMITED, f"{name} takes no more requests now ({status}){told}", retry_after=after
        )
    if 300 <= status < 400:
        return ReplyFailed(FailureKind.REFUSED, f"{name} redirects elsewhere ({status}): set url to where it leads")
    if status == 404 or b"Invalid model name" in body:
        return ReplyFailed(FailureKind.UNKNOWN_MODEL, f"{name} does not have it ({status}){told}")
    kind = FailureKind.REFUSED if status < 500 else FailureKind.SERVER_ERROR
    return ReplyFailed(kind, f"{name} answered {status}{told}")


def _as_reply_failure(asker: Asker, failure: LookFailed) -> ReplyFailed:
    if isinstance(failure, KeyMissing):
        kind = FailureKind.NOT_LOGGED_IN
    elif not failure.connected:
        kind = FailureKind.UNREACHABLE
    elif failure.timed_out:
        kind = FailureKind.TIMED_OUT
    else:
        kind = FailureKind.BROKEN
    return ReplyFailed(kind, f"{asker.service.name}: {failure.reason}")
