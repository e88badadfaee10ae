"""Making texts of others fit to be shown: on one line, without control characters, not endless."""

from __future__ import annotations

import re

MAX_LENGTH = 500
"""Most characters that are shown."""

_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2066-\u2069\ufeff\ud800-\udfff]+")


def one_line(text: object, *, most: int = MAX_LENGTH) -> str | None:
    """Return a text fit to be shown; None if it is none, or nothing is left of it."""
    if not isinstance(text, str):
        return None
    shown = _CONTROL.sub(" ", text[: 8 * most]).strip()
    if not shown:
        return None
    return shown if len(shown) <= most else shown[: most - 1] + "…"
