"""``/jobs``: results, how far they are, and an end to them."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from hookline.errors import InvalidInputError, PermissionDeniedError
from hookline.routes import json_reply
from hookline_jobs.described import CANCEL, RESULT, STATUS
from hookline_jobs.desk import ADMIN_SCOPE
from hookline_jobs.rows import CANCELLED, DONE, FAILED, QUEUED, RUNNING

if TYPE_CHECKING:
    from hookline import Principal, Reply, RouteRegistry, RouteRequest
    from hookline_jobs.office import Office
    from hookline_jobs.rows import JobRow

SCOPE = "actions:run"
_STATES = (QUEUED, RUNNING, DONE, FAILED, CANCELLED)
_HINT = "Correct the parameter that the message names, or leave it out."
_PARAMETERS = ("state", "limit", "cursor", "all")
_CURSOR = re.compile(r"([0-9]{1,16}):(job_[0-9a-f]{32})")
_MOST = 200
_DEFAULT = 50


def add_routes(routes: RouteRegistry, office: Office) -> None:
    """Add the routes of jobs."""
    views = JobViews(office)
    routes.add("GET", "/jobs", views.list_jobs, scope=SCOPE)
    routes.add("GET", "/jobs/<job_id>", views.show_result, scope=SCOPE, operation=RESULT)
    routes.add("GET", "/jobs/<job_id>/status", views.show_status, scope=SCOPE, operation=STATUS)
    routes.add("DELETE", "/jobs/<job_id>", views.cancel, scope=SCOPE, operation=CANCEL)


class JobViews:
    """Answers for jobs; another tenant's jobs do not exist.

    Args:
        office: Where jobs are.
    """

    def __init__(self, office: Office) -> None:
        self._office = office

    def show_result(self, request: RouteRequest) -> Reply:
        """Answer ``GET /jobs/{id}``: 202 while it goes on, then the action's own reply."""
        return self._office.desk.result(self._find(request))

    def show_status(self, request: RouteRequest) -> Reply:
        """Answer ``GET /jobs/{id}/status``: always 200, for people and dashboards."""
        row = self._find(request)
        told = row.describe()
        told["position"] = self._office.desk.position(row)
        told["result_url"] = self._office.gateway.url_of(f"/jobs/{row.id}")
        return json_reply(told)

    def cancel(self, request: RouteRequest) -> Reply:
        """Answer ``DELETE /jobs/{id}``: end it, upstream too; one that is over stays as it is."""
        row = self._find(request)
        if not row.is_over:
            self._office.desk.cancel(row)
        return self.show_status(request)

    def list_jobs(self, request: RouteRequest) -> Reply:
        """Answer ``GET /jobs``: the caller's own, the newest first; with ``all`` those of its tenant."""
        query, principal = request.inbound.query, request.principal
        assert principal is not None  # the route has a scope
        unknown = next((name for name in query if name not in _PARAMETERS), None)
        if unknown is not None:
            raise InvalidInputError(
                f"There is no parameter {unknown[:40]!r}.",
                field=unknown[:40],
                hint=f"Use {', '.join(_PARAMETERS)}.",
            )
        limit = _limit(query.get("limit"))
        is_all = _is_all(query.get("all"), principal)
        rows = self._office.desk.page(
            tenant=principal.tenant,
            key_id=None if is_all else principal.key_id,
            state=_state(query.get("state")),
            before=_read_cursor(query.get("cursor")),
            limit=limit + 1,
        )
        more = len(rows) > limit
        return json_reply(
            {
                "jobs": [row.describe() for row in rows[:limit]],
                "next_cursor": _cursor(rows[limit - 1]) if more else None,
            }
        )

    def _find(self, request: RouteRequest) -> JobRow:
        assert request.principal is not None  # the route has a scope
        return self._office.desk.find(request.principal, request.parameters["job_id"])


def _is_all(text: str | None, principal: Principal) -> bool:
    if text is None or text.lower() in ("0", "false"):
        return False
    if text.lower() not in ("1", "true"):
        raise InvalidInputError("`all` is true or false.", field="all", hint=_HINT)
    if not principal.has_scope(ADMIN_SCOPE):
        raise PermissionDeniedError(
            f"Your key may see its own jobs; `all` asks for more and needs the scope {ADMIN_SCOPE}.",
            field="all",
            hint=f"Leave `all` out, or ask with a key that has the scope {ADMIN_SCOPE}.",
        )
    return True


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= _MOST):
        raise InvalidInputError(f"`limit` is a number from 1 to {_MOST}.", field="limit", hint=_HINT)
    return int(text)


def _state(text: str | None) -> str | None:
    if text is not None and text not in _STATES:
        raise InvalidInputError(f"`state` is one of {', '.join(_STATES)}.", field="state", hint=_HINT)
    return text


def _cursor(row: JobRow) -> str:
    return base64.urlsafe_b64encode(f"{row.created_at_us}:{row.id}".encode()).decode()


def _read_cursor(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    try:
        found = _CURSOR.fullmatch(base64.urlsafe_b64decode(text[:200].encode()).decode())
    except (ValueError, binascii.Error):
        found = None
    if found is None:
        raise InvalidInputError("`cursor` is not one that this gateway gave out.", field="cursor", hint=_HINT)
    return int(found[1]), found[2]
