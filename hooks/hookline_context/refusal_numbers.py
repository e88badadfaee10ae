"""What the service says in numbers when it refuses a prompt as too long."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.errors import HooklineError

TOO_LONG, TOO_MANY = "context_length_exceeded", "max_tokens_per_request"

_NUMBER = r"([0-9][0-9,]{0,14})"
_WINDOW = re.compile(rf"maximum context length is {_NUMBER} tokens", re.IGNORECASE)
_SENT = re.compile(rf"(?:resulted in|requested) {_NUMBER} tokens", re.IGNORECASE)
_ANSWER = re.compile(rf"{_NUMBER} (?:in|for) the completion", re.IGNORECASE)
_REQUEST = re.compile(rf"requested {_NUMBER} tokens, max {_NUMBER} tokens per request", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusalNumbers:
    """What the service counted.

    Attributes:
        limit: Most tokens that the prompt may have, or all texts of one request; None if it did not say.
        sent: How many they had in its own count; None if it did not say.
        window: Size of the whole window.
        is_request: Whether the limit holds for all texts of a request together.
    """

    limit: int | None = None
    sent: int | None = None
    window: int | None = None
    is_request: bool = False


def is_overflow(error: HooklineError) -> bool:
    """Tell whether the service refused because of too many tokens."""
    return error.code in (TOO_LONG, TOO_MANY) and error.answer is not None


def read_numbers(error: HooklineError) -> RefusalNumbers:
    """Return the numbers in the service's refusal; absurd ones are left out."""
    text = error.message
    found = _REQUEST.search(text)
    if found:
        sent, limit = _int(found[1]), _int(found[2])
        is_sound = sent > limit > 0
        return RefusalNumbers(
            limit=limit if is_sound else None, sent=sent if is_sound else None, is_request=True
        )
    window, total, answer = _WINDOW.search(text), _SENT.search(text), _ANSWER.search(text)
    if window is None or total is None:
        return RefusalNumbers(is_request=error.code == TOO_MANY)
    kept = _int(answer[1]) if answer else 0
    limit, sent = _int(window[1]) - kept, _int(total[1]) - kept
    if not 0 < limit < sent:
        return RefusalNumbers()
    return RefusalNumbers(limit=limit, sent=sent, window=_int(window[1]))


def _int(text: str) -> int:
    return int(text.replace(",", ""))
