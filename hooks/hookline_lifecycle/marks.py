"""Telling callers, in headers and warnings, that something they use is going away."""

from __future__ import annotations

from datetime import UTC, date, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline_openai.model_table import ModelTable


def mark(call: Call, *, deprecated_on: date | None, ends_on: date | None) -> None:
    """Set the headers ``Deprecation`` (RFC 9745) and ``Sunset`` (RFC 8594); days begin at 00:00 UTC.

    What is not known is not set.
    """
    headers = call.record.headers
    if deprecated_on is not None:
        headers["deprecation"] = f"@{int(_midnight(deprecated_on).timestamp())}"
    if ends_on is not None:
        headers["sunset"] = _http_date(ends_on)


def mark_endpoint(call: Call, table: ModelTable, path: str, *, as_chat: bool) -> None:
    """Tell that an endpoint is of the past, and which one takes its place.

    Args:
        call: The call; on the wire it also gets a header ``Link`` to the endpoint's successor.
        table: Holds the endpoint's dates.
        path: The endpoint, such as ``/v1/edits``.
        as_chat: Whether the call runs as a chat.
    """
    endpoint = table.endpoints.get(path)
    ends_on = None if endpoint is None else endpoint.shutdown_on
    replacement = None if endpoint is None else endpoint.replacement
    if endpoint is not None:
        mark(call, deprecated_on=endpoint.deprecated_on, ends_on=ends_on)
    if ends_on is None:
        message = f"{path} is out of date."
    else:
        message = (
            f"OpenAI {'closed' if call.clock.now().date() >= ends_on else 'closes'} {path} on {ends_on}."
        )
    if as_chat:
        message += " This call ran as a chat."
    if call.door == "action":
        message += " Move to the action `openai.chat`."
    elif replacement is not None:
        message += f" Move to {replacement}."
        call.record.headers["link"] = f'<{replacement}>; rel="successor-version"'
    call.record.warn("endpoint_deprecated", message)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@lru_cache(maxsize=256)
def _http_date(day: date) -> str:
    return format_datetime(_midnight(day), usegmt=True)
