"""What the gateway's own addresses answer."""

from __future__ import annotations

from hookline import __version__
from hookline.engine.catalog import describe
from hookline.errors import NotFoundError
from hookline.operation import Answer, Operation
from hookline.order import make_order
from hookline.problems import known_errors
from hookline.routes import Reply, RouteRegistry, RouteRequest, json_reply
from hookline.webhook.bodies import read_fields
from hookline.webhook.form_views import add_form_routes

_PLACES = {"docs": "/docs", "openapi": "/openapi.json", "exports": "/exports", "mcp": "/mcp"}
_ME = Operation(
    id="gateway.me",
    title="See whose key this is",
    description="Tries a key, and names the account that it belongs to.",
    group="Gateway",
    answers={
        200: Answer(
            description="The key's owner.",
            schema={
                "type": "object",
                "title": "Caller",
                "properties": {
                    "key_id": {"type": "string", "description": "Public id of the key."},
                    "label": {"type": "string", "description": "Name that people recognise."},
                    "tenant": {"type": "string", "description": "Whose data it sees."},
                    "scopes": {"type": "array", "items": {"type": "string"}, "description": "Its rights."},
                },
                "required": ["key_id", "label", "tenant", "scopes"],
            },
        )
    },
)


def add_routes(routes: RouteRegistry) -> None:
    """Add the gateway's own routes."""
    routes.add("GET", "/", show_start, public=True)
    routes.add("GET", "/healthz", show_health, public=True)
    routes.add("GET", "/readyz", show_readiness, public=True)
    routes.add("GET", "/problems/<code>", show_problem, public=True)
    routes.add("GET", "/me", show_caller, scope="catalog:read", operation=_ME)
    routes.add("GET", "/actions", list_actions, scope="catalog:read")
    routes.add("GET", "/actions/<action_id>", show_action, scope="catalog:read")
    routes.add("POST", "/actions/<action_id>", run_action, scope="actions:run")
    add_form_routes(routes)


def show_start(request: RouteRequest) -> Reply:
    """Answer ``GET /``: what this is and where to go on."""
    known = {route.path for route in request.gateway.routes}
    return json_reply(
        {
            "name": "hookline",
            "version": __version__,
            "actions": "/actions",
            "health": "/healthz",
            **{name: path for name, path in _PLACES.items() if path in known},
        }
    )


def show_health(request: RouteRequest) -> Reply:
    """Answer ``GET /healthz``: the process is alive."""
    return json_reply({"status": "ok"})


def show_readiness(request: RouteRequest) -> Reply:
    """Answer ``GET /readyz``: calls can be taken; 503 if not."""
    missing = request.gateway.missing_parts()
    answer: dict[str, object] = {"status": "not ready" if missing else "ready", "missing": missing}
    hanging = [str(hook) for hook in request.gateway.hanging_hooks()]
    if hanging:  # other threads go on taking calls
        answer["hanging"] = hanging
    if warnings := request.gateway.warnings():
        answer["warnings"] = warnings
    return json_reply(answer, status=503 if missing else 200)


def show_problem(request: RouteRequest) -> Reply:
    """Answer ``GET /problems/{code}``: what an error code means."""
    code = request.parameters["code"]
    found = next((error for error in known_errors() if error.code == code), None)
    if found is None:
        raise NotFoundError(
            f"There is no page for the code {code[:80]!r}.", hint="Its error's `message` says it all."
        )
    return json_reply({"code": code, "title": found.title, "status": found.status, "hint": found.hint})


def show_caller(request: RouteRequest) -> Reply:
    """Answer ``GET /me``: whose key this is, so that a platform can try it and name the account."""
    principal = request.principal
    assert principal is not None  # the route has a scope
    return json_reply(
        {
            "key_id": principal.key_id,
            "label": principal.label or principal.key_id,
            "tenant": principal.tenant,
            "scopes": sorted(principal.scopes),
        }
    )


def list_actions(request: RouteRequest) -> Reply:
    """Answer ``GET /actions``: every action that the caller may run, without its schemas."""
    assert request.principal is not None  # the route has a scope
    may_run = request.principal.may_run
    actions = [describe(action, full=False) for action in request.gateway.catalog if may_run(action.id)]
    return json_reply({"actions": actions, "count": len(actions)})


def show_action(request: RouteRequest) -> Reply:
    """Answer ``GET /actions/{id}``: all that a form builder needs."""
    action_id = request.parameters["action_id"]
    if request.principal is not None and not request.principal.may_run(action_id):
        raise NotFoundError(f"There is no action {action_id[:80]!r} for this key.", code="unknown_action")
    return json_reply(describe(request.gateway.catalog.find(action_id)))


def run_action(request: RouteRequest) -> Reply:
    """Answer ``POST /actions/{id}``: run it."""
    assert request.principal is not None  # the route has a scope
    action_id = request.parameters["action_id"]
    request.gateway.catalog.find(action_id)
    order = make_order(
        action_id=action_id,
        fields=read_fields(request.inbound),
        headers=request.inbound.public_headers(),
        call_id=request.call_id,
        client=request.inbound.client,
        query=request.inbound.query,
    )
    return request.gateway.runner.run(request.principal, order)
