"""Lengths of time, as people write them: ``7d``, ``24h``, ``30m``."""

from __future__ import annotations

import re
from datetime import timedelta

_SPAN = re.compile(r"([0-9]{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def read_span(text: str, *, max_digits: int = 6) -> timedelta | None:
    """Return a length of time, or None if the text is none.

    Args:
        text: A whole number and its unit: ``s``, ``m``, ``h``, ``d`` or ``w``.
        max_digits: Most digits that the number may have; at most 6.
    """
    match = _SPAN.fullmatch(text)
    if match is None or len(match[1]) > max_digits:
        return None
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
