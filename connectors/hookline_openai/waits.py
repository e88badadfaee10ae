"""How long the service asks to wait before the same request may pass."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_WAIT_S = 7 * 24 * 3600.0
"""Anything longer is taken for a mistake."""

_MAX_HEADER_LENGTH = 64
_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_UNIT = r"(?:ms|us|µs|μs|ns|h|m|s)"  # longer units first: `m` is minutes and `ms` milliseconds
_PART = re.compile(f"({_NUMBER})({_UNIT})")
_DURATION = re.compile(f"(?:{_NUMBER}{_UNIT})+")
_PLAIN_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_IN_TEXT = re.compile(rf"try again in ((?:{_NUMBER}{_UNIT}){{1,8}})(?![0-9A-Za-zµμ])", re.IGNORECASE)


def retry_after_s(headers: Iterable[tuple[str, str]], message: str, *, now: datetime) -> float | None:
    """Return the seconds to wait, or None if the service named no wait that can be used.

    Looked at in this order: ``retry-after-ms``, ``retry-after`` as a number, ``retry-after`` as an HTTP date,
    "try again in 1.5s" in the message. The ``x-ratelimit-reset-*`` headers are no wait: they tell when the
    limit is full again.

    Args:
        headers: Names and values; names in lower case.
        message: What the error body says.
        now: The present, with a time zone.
    """
    found: dict[str, str] = {}
    for name, value in headers:
        found.setdefault(name, value.strip())
    milliseconds = _number(found.get("retry-after-ms", ""))
    after = found.get("retry-after", "")
    in_text = _IN_TEXT.search(message)
    candidates = (
        None if milliseconds is None else milliseconds / 1000,
        _number(after),
        _seconds_until(after, now),
        None if in_text is None else parse_duration(in_text[1]),
    )
    return next((wait for wait in candidates if wait is not None and 0 < wait <= MAX_WAIT_S), None)


def parse_duration(text: str) -> float | None:
    """Return the seconds of a duration such as ``6m0s`` or ``120ms``, or None if it is none.

    Source: the durations of Go's ``time.ParseDuration`` without a sign, as in OpenAI's rate-limit headers.
    """
    if not _DURATION.fullmatch(text):
        return None
    seconds = sum(float(number) * _UNIT_S[unit] for number, unit in _PART.findall(text))
    return seconds if math.isfinite(seconds) else None


def _number(text: str) -> float | None:
    if len(text) > _MAX_HEADER_LENGTH or not _PLAIN_NUMBER.fullmatch(text):
        return None
    return float(text)


def _seconds_until(text: str, now: datetime) -> float | None:
    if not text or len(text) > _MAX_HEADER_LENGTH:
        return None
    try:
        at = parsedate_to_datetime(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
