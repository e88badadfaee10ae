"""From the catalog of a gateway to a blueprint: for one caller, some actions, and one address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hookline import __version__
from hookline.engine.samples import sample_input_of, sample_of
from hookline.exports.blueprint import ActionBlueprint, Blueprint, RouteBlueprint, SourceBlueprint
from hookline.exports.form_fields import read_form, read_one_of, read_outputs
from hookline.principal import ANYTHING, matches

_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookline.engine.catalog import CatalogEntry
    from hookline.gateway import Gateway
    from hookline.principal import Principal


def pick_actions(
    gateway: Gateway, *, patterns: Sequence[str] = ANYTHING, principal: Principal | None = None
) -> tuple[str, ...]:
    """Return the ids of the actions that are wanted.

    Args:
        gateway: The gateway.
        patterns: Ids; a final ``*`` matches any rest.
        principal: Whose rights count; nobody's if not given.
    """
    return tuple(
        action.id
        for action in gateway.catalog
        if matches(patterns, action.id) and (principal is None or principal.may_run(action.id))
    )


def make_blueprint(
    gateway: Gateway, *, server_url: str, action_ids: Sequence[str] | None = None
) -> Blueprint:
    """Return the blueprint of some actions.

    Args:
        gateway: The gateway.
        server_url: Its address for those who import the export.
        action_ids: Which actions; all of them by default.
    """
    ids = pick_actions(gateway) if action_ids is None else action_ids
    actions = [_blueprint_of(gateway.catalog.entry(id)) for id in ids]
    wanted = {field.options.source for action in actions for field in action.fields if field.options}
    return Blueprint(
        server_url=server_url.rstrip("/"),
        version=__version__,
        actions=tuple(actions),
        sources=tuple(
            SourceBlueprint(
                id=source.id, path=f"/options/{source.id}", title=source.title, parameters=source.parameters
            )
            for source in sorted(gateway.dropdowns.all(), key=lambda one: one.id)
            if source.id in wanted or not source.connector
        ),
        routes=tuple(
            RouteBlueprint(
                method=route.method,
                path=_VARIABLE.sub(r"{\1}", route.path),
                operation=route.operation,
            )
            for route in gateway.routes
            if route.operation is not None
        ),
        call_options=tuple(gateway.call_options),
        call_answers=dict(gateway.call_answers),
    )


def _blueprint_of(entry: CatalogEntry) -> ActionBlueprint:
    action = entry.action
    return ActionBlueprint(
        id=action.id,
        path=f"/actions/{action.id}",
        title=action.title,
        description=action.description,
        connector=action.connector.id,
        connector_title=action.connector.title,
        is_read_only=action.is_read_only,
        is_idempotent=action.is_idempotent,
        streams=action.stream is not None,
        input_schema=action.input_schema,
        output_schema=action.output_schema,
        fields=read_form(action.input_schema),
        one_of=read_one_of(action.input_schema),
        outputs=read_outputs(action.output_schema),
        samples=action.samples,
        sample_input=sample_input_of(entry),
        sample_output=sample_of(entry),
    )
