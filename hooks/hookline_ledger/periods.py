"""Times as people write them: ``7d``, ``24h``, ``2026-11-01``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hookline.spans import read_span

_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
FORMS = "`7d`, `24h`, `30m`, `2w`, a day such as `2026-11-01`, or a time such as `2026-11-01T12:00Z`"


def parse_span(text: str) -> timedelta:
    """Return a length of time.

    Raises:
        ValueError: If the text is none; the message shows how to write one.
    """
    span = _span(text)
    if not span:
        raise ValueError(f"{text[:40]!r} is no length of time; write it like `30d`, `24h`, `90m` or `2w`")
    return span


def parse_time(text: str, *, now: datetime) -> datetime:
    """Return a point in time, in UTC: so long ago, the beginning of a day, or the time itself.

    Args:
        text: What somebody wrote; a time without an offset is in UTC.
        now: What time it is.

    Raises:
        ValueError: If the text is none; the message shows how to write one.
    """
    words = text.strip()
    try:
        if _span(words) is not None:
            return now - parse_span(words)
        if _ISO.fullmatch(words):
            at = datetime.fromisoformat(words)
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{text[:40]!r} is no time; write {FORMS}")


def is_whole_days(text: str) -> bool:
    """Tell whether a text counts days or weeks back from now."""
    return _span(text) is not None and text.strip()[-1] in "dw"


def start_of_day(at: datetime) -> datetime:
    """Return midnight, in UTC, of the day of a time."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _span(text: str) -> timedelta | None:
    """Return a length of time in minutes or more; usage is not told by the second."""
    words = text.strip()
    return None if words.endswith("s") else read_span(words)
