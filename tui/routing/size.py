"""How many tokens a prompt may come to, without any model's tokenizer."""

from __future__ import annotations

import math
import string

ENVELOPE = 32
"""Tokens that a chat template puts around a prompt; today's take 5 to 20."""

TOKENS_OF_IMAGE = 1_600
"""What Anthropic counts for the largest that it does not shrink (width × height / 750); OpenAI and llama.cpp's gemma
count less, llama.cpp's Qwen-VL at most 4 096 for one of 3 megapixels."""

_LETTERS = string.ascii_letters.encode()
_LETTERS_AND_SPACES = _LETTERS + b" "


def tokens_at_most(text: str) -> int:
    """An estimate that errs on the high side: half a token for each ASCII letter and each space, one for every other
    byte (digits, punctuation, line ends, and each byte of anything that is not ASCII).

    Tokenizers of today's models split bytes or pieces of words. None takes more than one token for a byte; letters come
    in pieces of two and more, and a single space belongs to the word that follows it. English prose comes out at about
    twice its true count; digits, symbols and rare scripts at about theirs.
    """
    # Lone surrogates, as undecodable bytes of stdin become, are counted like any other character of three bytes.
    data = text.encode("utf-8", "surrogatepass")
    others = len(data.translate(None, delete=_LETTERS_AND_SPACES))
    return math.ceil((len(data) - others) / 2) + others + (ENVELOPE if data else 0)
