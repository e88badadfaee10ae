"""The admin API of keys: what `hookline keys` does, for whoever holds a key with the scope ``keys:admin``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.errors import PermissionDeniedError
from hookline.routes import Reply, json_reply
from hookline_auth.desk import Actor, Made
from hookline_auth.key_format import is_key_id
from hookline_auth.key_records import MICROSECONDS, KeyRecord, UnreadableKeyError, has_ended
from hookline_auth.key_rules import no_such_key
from hookline_auth.wanted import KeyChange, NewKey, Rotation, read, refuse

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.routes import RouteRegistry, RouteRequest
    from hookline_auth.callers import Callers

SCOPE = "keys:admin"
_MAX_PAGE = 200


def add_routes(routes: RouteRegistry, callers: Callers) -> None:
    """Add the routes."""
    api = _KeyApi(callers)
    routes.add("POST", "/keys", api.create, scope=SCOPE)
    routes.add("GET", "/keys", api.list, scope=SCOPE)
    routes.add("GET", "/keys/<key_id>", api.show, scope=SCOPE)
    routes.add("PATCH", "/keys/<key_id>", api.change, scope=SCOPE)
    routes.add("POST", "/keys/<key_id>/rotate", api.rotate, scope=SCOPE)
    routes.add("POST", "/keys/<key_id>/revoke", api.revoke, scope=SCOPE)


class _KeyApi:
    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    def create(self, request: RouteRequest) -> Reply:
        """Answer ``POST /keys``: make a child of the key that asks."""
        actor = _actor(request)
        if actor.key_id is None or not is_key_id(actor.key_id):
            raise PermissionDeniedError(
                "Only an API key can make keys: what is made descends from it.",
                hint="Make a key with `hookline keys create --admin` and send that.",
            )
        wanted = read(NewKey, request.json())
        wanted.check_label(is_new=True)
        made = self._callers.desk.create(wanted, actor, tenant=actor.tenant)
        return _secret_reply(self._with_secrets(request, made), status=201)

    def list(self, request: RouteRequest) -> Reply:
        """Answer ``GET /keys``: the keys of the tenant, page by page."""
        actor, query = _actor(request), request.inbound.query
        at_most = _page_size(query.get("limit", ""))
        with_ended = query.get("all", "") in ("1", "true")
        now_us = _now_us(request)
        found = self._callers.store.search(
            tenant=actor.tenant,
            text=query.get("search", "")[:200],
            after=query.get("after", "")[:64],
            at_most=at_most + 1,
            with_ended=with_ended,
            now_us=now_us,
        )
        page = found[:at_most]
        keys = self._callers.describe(page, now_us=now_us)
        return json_reply(
            {
                "keys": [key for key in keys if with_ended or not has_ended(key)],
                "next_after": page[-1].id if len(found) > at_most else None,
            }
        )

    def show(self, request: RouteRequest) -> Reply:
        """Answer ``GET /keys/{id}``."""
        actor, key_id = _actor(request), request.parameters["key_id"]
        try:
            record = self._callers.store.find(key_id) if is_key_id(key_id) else None
        except UnreadableKeyError:
            record = None
        if record is None or record.tenant != actor.tenant:
            raise no_such_key(key_id)
        return json_reply(self._describe(request, record))

    def change(self, request: RouteRequest) -> Reply:
        """Answer ``PATCH /keys/{id}``."""
        wanted = read(KeyChange, request.json())
        wanted.check_label(is_new=False)
        grace_s = self._callers.options.rotation_grace_s
        made = self._callers.desk.change(
            request.parameters["key_id"], wanted, _actor(request), grace_s=grace_s
        )
        return _secret_reply(self._with_secrets(request, made))

    def rotate(self, request: RouteRequest) -> Reply:
        """Answer ``POST /keys/{id}/rotate``; the body may be empty."""
        values = request.json() if request.inbound.read_body() else {}
        wanted = read(Rotation, values)
        grace_s = self._callers.options.rotation_grace_s if wanted.grace_s is None else wanted.grace_s
        made = self._callers.desk.rotate(request.parameters["key_id"], _actor(request), grace_s=grace_s)
        return _secret_reply(self._with_secrets(request, made))

    def revoke(self, request: RouteRequest) -> Reply:
        """Answer ``POST /keys/{id}/revoke``."""
        record: KeyRecord = self._callers.desk.revoke(request.parameters["key_id"], _actor(request))
        return json_reply(self._describe(request, record))

    def _describe(self, request: RouteRequest, record: KeyRecord) -> JsonObject:
        return self._callers.describe([record], now_us=_now_us(request))[0]

    def _with_secrets(self, request: RouteRequest, made: Made) -> JsonObject:
        body = self._describe(request, made.record)
        if made.key is not None:
            body["key"] = made.key.reveal()
        if made.signing_secret is not None:
            body["signing_secret"] = made.signing_secret
        return body


def _secret_reply(body: JsonObject, *, status: int = 200) -> Reply:
    reply = json_reply(body, status=status)
    reply.headers.append(("cache-control", "no-store"))
    return reply


def _actor(request: RouteRequest) -> Actor:
    principal = request.principal
    assert principal is not None  # each of the routes has a scope
    return Actor(
        name=principal.key_id,
        client=request.inbound.client,
        key_id=principal.key_id,
        tenant=principal.tenant,
    )


def _page_size(text: str) -> int:
    if not text:
        return _MAX_PAGE
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= _MAX_PAGE):
        refuse("limit", f"`limit` is a number from 1 to {_MAX_PAGE}.")
    return int(text)


def _now_us(request: RouteRequest) -> int:
    return int(request.gateway.clock.now().timestamp() * MICROSECONDS)
