"""``GET /usage``: what a caller, or its tenant, took."""

from __future__ import annotations

import difflib
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from hookline.errors import (
    AuthenticationError,
    InvalidInputError,
    PermissionDeniedError,
    RateLimitedError,
)
from hookline.routes import Reply, RouteRequest, json_reply
from hookline_ledger.labels import identity
from hookline_ledger.periods import parse_time
from hookline_ledger.totals import GROUPINGS, Grouping, Question

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline.principal import Principal
    from hookline_ledger.writer import LedgerWriter

READ_SCOPE = "usage:read"
ADMIN_SCOPE = "usage:admin"
MAX_GROUPS = 1000

_PARAMETERS = ("by", "since", "until", "tenant", "key", "all")
_HINT = "Correct the parameter that the message names, or leave it out."
_DEFAULT_SPAN = timedelta(days=7)
_AT_ONCE = 2
_WAIT_S = 2.0
_TIMEOUT_S = 5.0


class UsageView:
    """Answers with sums of the caller's rows; with those of its tenant if the caller may see them.

    Args:
        writer: Whose state is told to callers with the scope ``usage:admin``.
    """

    def __init__(self, writer: LedgerWriter) -> None:
        self._writer = writer
        # a sum over many rows keeps the database busy for a while; a few callers must not take all of it
        self._turns = BoundedSemaphore(_AT_ONCE)

    def __call__(self, request: RouteRequest) -> Reply:
        """Return the sums.

        Raises:
            InvalidInputError: If a parameter is unknown or not valid; names it.
            PermissionDeniedError: If it asks for more than the caller's own without the right to see it.
            RateLimitedError: If too many ask at the same time.
            StoreUnavailableError: If the database cannot be used now.
        """
        principal = request.principal
        if principal is None:
            raise AuthenticationError("This request carries no valid API key.")
        question = read_question(request.inbound.query, principal, now=request.gateway.clock.now())
        from hookline_ledger.reports import answer

        if not self._turns.acquire(timeout=_WAIT_S):
            raise RateLimitedError("Too many ask for usage at the same time.", retry_after_s=_WAIT_S)
        try:
            report = answer(request.gateway.database, question, timeout_s=_TIMEOUT_S)
        finally:
            self._turns.release()
        told = report.as_json()
        if principal.has_scope(ADMIN_SCOPE):
            told["worker"] = self._writer.state()
        return json_reply(told)


def read_question(query: Mapping[str, str], principal: Principal, *, now: datetime) -> Question:
    """Return what a query asks for, within what its sender may see.

    What is another tenant's, and what does not exist, are answered alike: with nothing.

    Raises:
        InvalidInputError: If a parameter is unknown or not valid; names it.
        PermissionDeniedError: If it asks for more than the sender's own without the right to see it.
    """
    for name in query:
        if name not in _PARAMETERS:
            near = difflib.get_close_matches(name, _PARAMETERS, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"Use {', '.join(_PARAMETERS)}."
            raise InvalidInputError(f"There is no parameter {name[:40]!r}.", field=name[:40], hint=hint)
    since = _time(query, "since", now=now) or now - _DEFAULT_SPAN
    until = _time(query, "until", now=now) or now
    if until <= since:
        raise InvalidInputError(
            "`until` must be later than `since`.", field="until", hint="Take a later time, or leave it out."
        )
    tenant, key_id = identity(principal.tenant), identity(principal.key_id)
    if "tenant" in query and identity(query["tenant"]) != tenant:
        tenant = ""  # no tenant's name is empty
    is_all, wanted_key = _flag(query, "all") or "tenant" in query, query.get("key")
    asked = key_id if wanted_key is None else identity(wanted_key)
    if not principal.has_scope(ADMIN_SCOPE):
        if is_all or asked != key_id:
            field = "key" if asked != key_id else "tenant" if "tenant" in query else "all"
            raise PermissionDeniedError(
                f"Your key may see its own usage; `{field}` asks for more and needs the scope {ADMIN_SCOPE}.",
                field=field,
                hint=f"Leave `{field}` out, or ask with a key that has the scope {ADMIN_SCOPE}.",
            )
        return _question(query, since=since, until=until, tenant=tenant, key_id=key_id)
    return _question(
        query,
        since=since,
        until=until,
        tenant=tenant,
        key_id=None if is_all and wanted_key is None else asked,
    )


def _question(
    query: Mapping[str, str], *, since: datetime, until: datetime, tenant: str, key_id: str | None
) -> Question:
    return Question(
        by=_grouping(query),
        since=since,
        until=until,
        tenant=tenant,
        key_id=key_id,
        max_groups=MAX_GROUPS,
    )


def _grouping(query: Mapping[str, str]) -> Grouping:
    text = query.get("by", "day")
    for grouping in GROUPINGS:
        if text == grouping:
            return grouping
    raise InvalidInputError(
        f"`by` is one of {', '.join(GROUPINGS)}, not {text[:40]!r}.", field="by", hint=_HINT
    )


def _time(query: Mapping[str, str], name: str, *, now: datetime) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return parse_time(text, now=now)
    except ValueError as exc:
        raise InvalidInputError(f"`{name}`: {exc}.", field=name, hint=_HINT) from exc


def _flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false").lower()
    if text not in ("true", "false", "1", "0"):
        raise InvalidInputError(f"`{name}` is true or false, not {text[:40]!r}.", field=name, hint=_HINT)
    return text in ("true", "1")
