"""The Flask application: one small dispatcher for every route."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from flask import Flask, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from hookline.call import new_call_id
from hookline.engine.runner import log_failure
from hookline.errors import (
    ConfigurationError,
    HooklineError,
    MalformedRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PermissionDeniedError,
)
from hookline.order import make_order
from hookline.problems import ProblemFormat
from hookline.routes import Reply, Route, RouteRequest
from hookline.webhook.bodies import read_json
from hookline.webhook.front import Front
from hookline.webhook.inbound import read_request
from hookline.webhook.responses import ReadyResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from hookline.gateway import Gateway
    from hookline.principal import InboundRequest, Principal
    from hookline.routes import WireFormat
    from hookline.webhook.front import Fail, Handle

_access = logging.getLogger("hookline.access")
_PROBLEMS = ProblemFormat()


class _Rule(Rule):
    """A rule for matching only: compiling how its URLs are built takes ten times as long, and nobody asks."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        return _build_nothing


def _build_nothing(rule: Rule, **values: object) -> tuple[str, str]:
    raise NotImplementedError(f"No URL is built from {rule.rule}.")


class _App(Flask):
    url_rule_class = _Rule


def create_app(gateway: Gateway) -> Flask:
    """Return the WSGI application of a gateway."""
    app = _App("hookline", static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    handles = [(route, _handle(gateway, route)) for route in gateway.routes]
    for number, (route, handle) in enumerate(handles):
        app.add_url_rule(
            route.path,
            endpoint=f"{number}",
            view_func=_view(handle),
            methods=[route.method],
            provide_automatic_options=False,
        )
    app.register_error_handler(Exception, lambda exc: _answer_unrouted(gateway, exc))
    app.wsgi_app = Front(handles, app.wsgi_app, _fail(gateway))  # type: ignore[method-assign]  # as Flask wants it done
    return app


def _view(handle: Handle) -> Callable[..., ReadyResponse]:
    def view(**parameters: str) -> ReadyResponse:
        reply, call_id = handle(request.environ, parameters)
        return ReadyResponse(reply, call_id=call_id)

    return view


def _handle(gateway: Gateway, route: Route) -> Handle:
    """Return what answers a request for a route."""
    server, max_body_bytes = gateway.settings.server, gateway.settings.limits.max_body_bytes
    shape = _format(gateway, route)

    def handle(environ: WSGIEnvironment, parameters: dict[str, str]) -> tuple[Reply, str]:
        started = time.perf_counter()
        call_id = new_call_id()
        principal: Principal | None = None
        try:
            inbound = read_request(
                environ, max_body_bytes=max_body_bytes, trusted_proxies=server.trusted_proxies
            )
            if not route.is_public:
                if server.allowed_hosts:
                    _check_host(server.allowed_hosts, inbound)
                principal = _admit(gateway, route, inbound)
            reply = _run(gateway, route, inbound, principal, parameters, call_id)
        except (Exception, SystemExit) as exc:  # no view of a plugin may end the process
            reply = _error_reply(gateway, exc, shape, call_id)
        if _access.isEnabledFor(logging.INFO):
            _log_access(environ, reply, principal, call_id, time.perf_counter() - started)
        return reply, call_id

    return handle


def _fail(gateway: Gateway) -> Fail:
    """Return what answers a request whose own answer could not be made."""

    def fail(path: str, exc: Exception) -> tuple[Reply, str]:
        call_id = new_call_id()
        shape = gateway.routes.format_of(path) or _PROBLEMS
        return _error_reply(gateway, exc, shape, call_id), call_id

    return fail


def _check_host(allowed: Collection[str], inbound: InboundRequest) -> None:
    host = inbound.headers.get("host", "").lower()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if name not in allowed and host not in allowed:
        raise MalformedRequestError(
            f"This gateway is not {host[:100]!r}.",
            status=421,
            code="unknown_host",
            hint="Use the address that the gateway is known by; `allowed_hosts` in its settings lists them.",
        )


def _admit(gateway: Gateway, route: Route, inbound: InboundRequest) -> Principal:
    principal = gateway.pipeline.authenticate(inbound)
    if route.scope is None or not principal.has_scope(route.scope):
        raise PermissionDeniedError(f"This key lacks the scope `{route.scope}`.")
    return principal


def _run(
    gateway: Gateway,
    route: Route,
    inbound: InboundRequest,
    principal: Principal | None,
    parameters: dict[str, str],
    call_id: str,
) -> Reply:
    if route.view is not None:
        return route.view(
            RouteRequest(
                inbound=inbound, principal=principal, parameters=parameters, gateway=gateway, call_id=call_id
            )
        )
    assert route.endpoint is not None  # a route has one of the two
    assert principal is not None  # a wire route has a scope
    fields, content = read_json(inbound) if route.method == "POST" else ({}, None)
    order = make_order(
        action_id=route.endpoint.action,
        fields=fields,
        content=content,
        headers=inbound.public_headers(),
        endpoint=route.endpoint,
        parameters=parameters,
        call_id=call_id,
        client=inbound.client,
        query=inbound.query,
    )
    return gateway.runner.run(principal, order)


def _answer_unrouted(gateway: Gateway, exc: Exception) -> ReadyResponse:
    """Answer what no route took: an unknown address, or a known one with another method."""
    call_id = new_call_id()
    shape = gateway.routes.format_of(request.path) or _PROBLEMS
    error: Exception = exc
    if isinstance(exc, HTTPException):
        if exc.code == 405:
            allowed = tuple(sorted(getattr(exc, "valid_methods", None) or ()))
            error = MethodNotAllowedError(
                f"{request.method[:20]} is not a method of {request.path[:100]}.", allowed=allowed
            )
        elif exc.code == 404:
            error = NotFoundError(
                f"There is nothing at {request.path[:100]}.", hint=_hint_for(gateway, request.path)
            )
        else:
            error = MalformedRequestError(f"The request cannot be read ({exc.code}).")
    return ReadyResponse(_error_reply(gateway, error, shape, call_id), call_id=call_id)


def _hint_for(gateway: Gateway, path: str) -> str | None:
    """Return the hint for an address that lacks only the beginning of one that exists."""
    paths = {route.path for route in gateway.routes}
    prefix = next((prefix for prefix in gateway.routes.formats if prefix + path in paths), None)
    return None if prefix is None else f"The address is {prefix}{path}: end your base URL with {prefix}."


def _format(gateway: Gateway, route: Route) -> WireFormat:
    if route.endpoint is not None:
        return route.endpoint.format
    return gateway.routes.format_of(route.path) or _PROBLEMS


def _error_reply(gateway: Gateway, exc: BaseException, shape: WireFormat, call_id: str) -> Reply:
    error = gateway.host.to_error(exc)
    if not isinstance(exc, HooklineError):
        error.__cause__ = exc
    log_failure(error, call_id=call_id)
    if isinstance(error, ConfigurationError):  # it may name files of this machine
        error = ConfigurationError("A setting of this gateway is wrong; its log says which.")
    return shape.error_reply(error, call_id=call_id)


def _log_access(
    environ: WSGIEnvironment, reply: Reply, principal: Principal | None, call_id: str, took_s: float
) -> None:
    path = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
    key_id = principal.key_id if principal else "-"
    method = environ["REQUEST_METHOD"]
    _access.info("%s %r %d %.1f ms key=%s %s", method, path, reply.status, took_s * 1000, key_id, call_id)
