"""What forms need before an action runs: options for dropdowns, a sample of its output, its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import orjson

from hookline.call import FLOW_HEADER
from hookline.engine.appraisal import Appraiser
from hookline.engine.dropdowns import read_question
from hookline.engine.outgoing import HOPS_HEADER
from hookline.engine.samples import sample_of
from hookline.engine.trial_wishes import TEST_PARAMETER
from hookline.errors import NotFoundError
from hookline.order import Order
from hookline.record import CallRecord
from hookline.routes import Reply, RouteRegistry, RouteRequest, json_reply
from hookline.sources import SourceRequest
from hookline.webhook.bodies import read_fields

if TYPE_CHECKING:
    from hookline.engine.catalog import CatalogEntry
    from hookline.engine.dropdowns import Page

_PASSED_ON = frozenset({HOPS_HEADER, FLOW_HEADER})


def add_form_routes(routes: RouteRegistry) -> None:
    """Add the routes that forms ask."""
    routes.add("GET", "/actions/<action_id>/sample", show_sample, scope="catalog:read")
    routes.add("POST", "/actions/<action_id>/estimate", show_estimate, scope="actions:run")
    routes.add("GET", "/options", list_sources, scope="catalog:read")
    routes.add("GET", "/options/<source_id>", list_options, scope="catalog:read")


def show_sample(request: RouteRequest) -> Reply:
    """Answer ``GET /actions/{id}/sample``: an output to map fields from; nothing is run."""
    return json_reply(sample_of(_entry(request)))


def show_estimate(request: RouteRequest) -> Reply:
    """Answer ``POST /actions/{id}/estimate``: the most that it would take; nothing is run."""
    assert request.principal is not None  # the route has a scope
    action = _entry(request).action
    query = {name: value for name, value in request.inbound.query.items() if name != TEST_PARAMETER}
    order = Order(
        action_id=action.id,
        fields=read_fields(request.inbound),
        headers=request.inbound.public_headers(),
        call_id=request.call_id,
        client=request.inbound.client,
        query=query,  # an estimate is free anyway
    )
    return json_reply(Appraiser(request.gateway.pipeline).appraise(request.principal, order, action))


def list_sources(request: RouteRequest) -> Reply:
    """Answer ``GET /options``: the sources that the caller may read."""
    assert request.principal is not None  # the route has a scope
    found = [
        {"id": one.id, "title": one.title, "parameters": list(one.parameters), "href": f"/options/{one.id}"}
        for one in request.gateway.dropdowns.visible_to(request.principal)
    ]
    return json_reply({"sources": found, "count": len(found)})


def list_options(request: RouteRequest) -> Reply:
    """Answer ``GET /options/{source}``: rows of id and name for a dropdown."""
    assert request.principal is not None  # the route has a scope
    inbound, dropdowns = request.inbound, request.gateway.dropdowns
    source = dropdowns.find(request.parameters["source_id"], request.principal)
    question = read_question(inbound.query)
    asked = SourceRequest(
        principal=request.principal,
        gateway=request.gateway,
        parameters=dropdowns.parameters(source, inbound.query, request.principal),
        headers={
            name: inbound.headers[name] for name in (HOPS_HEADER, FLOW_HEADER) if name in inbound.headers
        },
        client=inbound.client,
    )
    page = dropdowns.page(source, asked, question)
    rows = [{"id": option.id, "name": option.name} for option in page.options]
    content: object = rows
    if not question.is_array:
        warnings = [{"code": one.code, "message": one.message} for one in page.warnings]
        content = {"options": rows, "next_cursor": page.next_cursor, "warnings": warnings}
    headers = [("content-type", "application/json"), *_headers(request, page)]
    return Reply(headers=headers, content=orjson.dumps(content))


def _headers(request: RouteRequest, page: Page) -> list[tuple[str, str]]:
    """Return what a plain list has no room for: the warnings, and where the next page is."""
    headers = CallRecord(warnings=list(page.warnings)).reply_headers()
    if page.next_cursor is not None:
        query = {**request.inbound.query, "cursor": page.next_cursor}
        headers.append(
            ("link", f'</options/{request.parameters["source_id"]}?{urlencode(query)}>; rel="next"')
        )
    return headers


def _entry(request: RouteRequest) -> CatalogEntry:
    action_id = request.parameters["action_id"]
    if request.principal is not None and not request.principal.may_run(action_id):
        raise NotFoundError(f"There is no action {action_id[:80]!r} for this key.", code="unknown_action")
    return request.gateway.catalog.entry(action_id)
