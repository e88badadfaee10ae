"""The HTTP API of deliveries and of the secrets that they are signed with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hookline.errors import InvalidInputError, NotFoundError
from hookline.routes import Reply, json_reply
from hookline_callbacks.deliveries import STATES
from hookline_callbacks.desk import redeliver, rotate_secret, tell_secrets

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.principal import Principal
    from hookline.routes import RouteRegistry, RouteRequest
    from hookline_callbacks.deliveries import Delivery, State
    from hookline_callbacks.post_office import PostOffice

RUN_SCOPE = "actions:run"
ADMIN_SCOPE = "callbacks:admin"
MAX_PAGE = 100
MAX_GRACE_S = 2_592_000

_PARAMETERS = ("job", "state", "cursor", "limit")
_ID = re.compile(r"msg_[0-9a-f]{32}")
_CURSOR = re.compile(r"([0-9]{1,18})-(msg_[0-9a-f]{32})")


def add_routes(routes: RouteRegistry, office: PostOffice) -> None:
    """Add the routes."""
    deliveries, secrets = _DeliveryApi(office), _SecretApi(office)
    routes.add("GET", "/deliveries", deliveries.list, scope=RUN_SCOPE)
    routes.add("GET", "/deliveries/<delivery_id>", deliveries.show, scope=RUN_SCOPE)
    routes.add("POST", "/deliveries/<delivery_id>/redeliver", deliveries.redeliver, scope=RUN_SCOPE)
    routes.add("GET", "/callbacks/secrets", secrets.list, scope=ADMIN_SCOPE)
    routes.add("POST", "/callbacks/secrets", secrets.rotate, scope=ADMIN_SCOPE)


class _DeliveryApi:
    """A caller sees what its own key asked for, and with the right to administer what its tenant did."""

    def __init__(self, office: PostOffice) -> None:
        self._office = office

    def list(self, request: RouteRequest) -> Reply:
        """Answer ``GET /deliveries``: the newest first, page by page."""
        principal, query = _principal(request), request.inbound.query
        for name in query:
            if name not in _PARAMETERS:
                raise InvalidInputError(
                    f"There is no parameter {name[:40]!r}.",
                    field=name[:40],
                    hint=f"Use {', '.join(_PARAMETERS)}.",
                )
        limit = _limit(query.get("limit", ""))
        found = self._office.deliveries.search(
            tenant=principal.tenant,
            key_id=None if principal.has_scope(ADMIN_SCOPE) else principal.key_id,
            job_id=_job(query.get("job", "")),
            state=_state(query.get("state", "")),
            before=_cursor(query.get("cursor", "")),
            limit=limit + 1,
        )
        page = found[:limit]
        cursor = f"{page[-1].created_at_us}-{page[-1].id}" if len(found) > limit else None
        return json_reply({"deliveries": [one.as_json() for one in page], "next_cursor": cursor})

    def show(self, request: RouteRequest) -> Reply:
        """Answer ``GET /deliveries/{id}``."""
        return json_reply(self._find(request).as_json())

    def redeliver(self, request: RouteRequest) -> Reply:
        """Answer ``POST /deliveries/{id}/redeliver``."""
        principal, delivery = _principal(request), self._find(request)
        again = redeliver(self._office, delivery, actor=principal.key_id, client=request.inbound.client)
        if again is None:
            raise _no_such_delivery(delivery.id)
        return json_reply(again.as_json(), status=202)

    def _find(self, request: RouteRequest) -> Delivery:
        principal, id = _principal(request), request.parameters["delivery_id"]
        found = self._office.deliveries.find(id) if _ID.fullmatch(id) else None
        if found is None or found.tenant != principal.tenant:
            raise _no_such_delivery(id)
        if found.key_id != principal.key_id and not principal.has_scope(ADMIN_SCOPE):
            raise _no_such_delivery(id)
        return found


class _SecretApi:
    """The secrets of the caller's tenant."""

    def __init__(self, office: PostOffice) -> None:
        self._office = office

    def list(self, request: RouteRequest) -> Reply:
        """Answer ``GET /callbacks/secrets``; shows them with ``reveal=true``, and makes the first one."""
        principal, query = _principal(request), request.inbound.query
        reveal = query.get("reveal", "false").lower()
        if reveal not in ("true", "false", "1", "0"):
            raise InvalidInputError("`reveal` is true or false.", field="reveal", hint="Leave it out.")
        is_shown = reveal in ("true", "1")
        told = tell_secrets(
            self._office,
            principal.tenant,
            is_shown=is_shown,
            actor=principal.key_id,
            client=request.inbound.client,
        )
        return _private({"secrets": told})

    def rotate(self, request: RouteRequest) -> Reply:
        """Answer ``POST /callbacks/secrets``: make a new secret; the body may be empty."""
        principal = _principal(request)
        values = request.json() if request.inbound.read_body() else {}
        for name in values:
            if name != "grace_s":
                raise InvalidInputError(
                    f"There is no field {name[:40]!r}.", field=name[:40], hint="Send `grace_s`, or nothing."
                )
        grace_s = values.get("grace_s", self._office.base.rotation_grace_s)
        if not isinstance(grace_s, int) or isinstance(grace_s, bool) or not 0 <= grace_s <= MAX_GRACE_S:
            raise InvalidInputError(
                f"`grace_s` is a whole number from 0 to {MAX_GRACE_S}.",
                field="grace_s",
                hint="It is the time in seconds for which the old secret signs as well.",
            )
        told = rotate_secret(
            self._office,
            principal.tenant,
            grace_s=grace_s,
            actor=principal.key_id,
            client=request.inbound.client,
        )
        return _private(told, status=201)


def _private(body: JsonObject, *, status: int = 200) -> Reply:
    reply = json_reply(body, status=status)
    reply.headers.append(("cache-control", "no-store"))
    return reply


def _principal(request: RouteRequest) -> Principal:
    assert request.principal is not None  # each of the routes has a scope
    return request.principal


def _no_such_delivery(id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no delivery {id[:60]!r}.",
        code="no_such_delivery",
        hint="`GET /deliveries` lists those that your key asked for.",
    )


def _limit(text: str) -> int:
    if not text:
        return MAX_PAGE
    if text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MAX_PAGE:
        return int(text)
    raise InvalidInputError(f"`limit` is a number from 1 to {MAX_PAGE}.", field="limit", hint="Leave it out.")


def _job(text: str) -> str | None:
    if not text:
        return None
    if not (text.isascii() and text.isprintable() and len(text) <= 200):
        raise InvalidInputError("`job` is the id of a job.", field="job", hint="Leave it out to see all.")
    return text


def _state(text: str) -> State | None:
    if not text:
        return None
    for state in STATES:
        if text == state:
            return state
    raise InvalidInputError(
        f"`state` is one of {', '.join(STATES)}.", field="state", hint="Leave it out to see all."
    )


def _cursor(text: str) -> tuple[int, str] | None:
    if not text:
        return None
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise InvalidInputError(
            "`cursor` is what `next_cursor` of the page before said.", field="cursor", hint="Leave it out."
        )
    return int(found[1]), found[2]
