"""``GET /audit``: what was done to things of the caller's tenant, newest first."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hookline.routes import Reply, json_reply
from hookline.spans import read_span
from hookline_auth.wanted import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline.routes import RouteRegistry, RouteRequest

SCOPE = "audit:read"
MAX_EVENTS = 200

_PARAMETERS = ("limit", "since", "action")
_DEFAULT_EVENTS = 50
_MAX_ACTION_LENGTH = 100


def add_routes(routes: RouteRegistry) -> None:
    """Add the route."""
    routes.add("GET", "/audit", show_events, scope=SCOPE)


def show_events(request: RouteRequest) -> Reply:
    """Answer ``GET /audit``: events of the caller's tenant, and of no other.

    Raises:
        InvalidInputError: If a parameter is unknown or not valid; names it.
        StoreUnavailableError: If the log cannot be read.
    """
    principal, query = request.principal, request.inbound.query
    assert principal is not None  # the route has a scope
    for name in query:
        if name not in _PARAMETERS:
            near = difflib.get_close_matches(name, _PARAMETERS, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"Use {', '.join(_PARAMETERS)}."
            refuse(name[:40], f"There is no parameter {name[:40]!r}.", hint=hint)
    action = query.get("action")
    if action is not None and not 0 < len(action) <= _MAX_ACTION_LENGTH:
        refuse("action", "`action` is the name of an action, or its beginning and a *, such as `key.*`.")
    entries = request.gateway.audit.entries(
        since_us=_since_us(query, now=request.gateway.clock.now()),
        action=action,
        tenant=principal.tenant,
        limit=_limit(query.get("limit", str(_DEFAULT_EVENTS))),
    )
    return json_reply({"events": [entry.as_json() for entry in entries]})


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MAX_EVENTS):
        refuse("limit", f"`limit` is a number from 1 to {MAX_EVENTS}.")
    return int(text)


def _since_us(query: Mapping[str, str], *, now: datetime) -> int | None:
    text = query.get("since")
    if text is None:
        return None
    try:
        if (ago := read_span(text.strip(), max_digits=5)) is not None:
            at = now - ago
        else:
            at = datetime.fromisoformat(text.strip())
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1e6)
    except (ValueError, OverflowError):
        refuse("since", f"{text[:40]!r} is no time; write `7d`, `12h`, `30m`, or a day such as 2027-01-31.")
