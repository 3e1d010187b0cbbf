"""How many tokens a text is, without the model's tokenizer: an estimate for fairness, and a bound for money.

Estimate: multilingual byte-pair vocabularies (Qwen, Llama 3, GPT-4o) spend about 0.7 tokens on a Hangul syllable and 0.27 on
a Latin character; other scripts about 1. Bound: a byte-level vocabulary never needs more tokens than the text has bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

PER_MESSAGE = 8
"""Marks around a message in the usual chat templates; a bound for those known to us."""
PER_IMAGE = 2000


def estimate(text: str) -> int:
    """About how many tokens; at least 1 for any text that is not empty."""
    if not text:
        return 0
    size = len(text.encode("utf-8", "replace"))
    # Three bytes a Hangul syllable, one a Latin character: bytes and characters together tell the two apart.
    wide = (size - len(text)) / 2
    return max(1, round(0.7 * wide + 0.27 * (len(text) - wide)))


def at_most(text: str) -> int:
    """No byte-level tokenizer makes more."""
    return len(text.encode("utf-8", "replace"))


def texts_of(messages: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Every text of chat messages, parts and arguments of tools included."""
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            yield content
        elif isinstance(content, list):
            for part in content:
                if isinstance(part, Mapping) and isinstance(part.get("text"), str):
                    yield part["text"]
        for call in message.get("tool_calls") or ():
            yield str((call.get("function") or {}).get("arguments") or "")


def images_in(messages: Iterable[Mapping[str, Any]]) -> int:
    """How many parts are no text."""
    return sum(
        1
        for message in messages
        if isinstance(content := message.get("content"), list)
        for part in content
        if isinstance(part, Mapping) and part.get("type") not in ("text", "refusal")
    )


def of_messages(messages: list[Any], more: str = "") -> tuple[int, int]:
    """(estimate, bound) of what a chat call sends. more: JSON of tools and schema, which the model reads too."""
    texts = [*texts_of(messages), more]
    fixed = PER_MESSAGE * (len(messages) + 1) + PER_IMAGE * images_in(messages)
    return sum(map(estimate, texts)) + fixed, sum(map(at_most, texts)) + fixed
