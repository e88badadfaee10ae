"""From the catalog of a gateway to a blueprint: for one caller, some actions, and one address."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from hookline import __version__
from hookline.engine.samples import sample_input_of, sample_of
from hookline.errors import ConfigurationError
from hookline.exports.blueprint import ActionBlueprint, Blueprint, RouteBlueprint, SourceBlueprint
from hookline.exports.form_fields import read_form, read_one_of, read_outputs
from hookline.exports.losses import Losses
from hookline.exports.names import flat_name, pascal_name
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
    losses = Losses()
    ids = _with_names_of_their_own(pick_actions(gateway) if action_ids is None else action_ids, losses)
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
        losses=losses,
    )


def _with_names_of_their_own(ids: Sequence[str], losses: Losses) -> list[str]:
    """Return the ids that no other one can be taken for on a platform; the others are noted and left out."""
    clashes: dict[str, set[str]] = defaultdict(set)
    for derive in (flat_name, pascal_name):
        owners: dict[str, list[str]] = defaultdict(list)
        for id in ids:
            owners[derive(id)].append(id)
        for same in owners.values():
            for id in same:
                clashes[id].update(other for other in same if other != id)
    for id in ids:
        if clashes[id]:
            losses.add(
                id,
                "",
                f"It has the same name on platforms as {' and '.join(sorted(clashes[id]))}, and is left out.",
                "Rename one of them, or export one without the other by a pattern for actions.",
            )
    kept = [id for id in ids if not clashes[id]]
    if ids and not kept:
        raise ConfigurationError(
            f"{' and '.join(ids)} have the same name on platforms, so nothing is left to export.",
            hint="Rename one of them, or export one without the other by a pattern for actions.",
        )
    return kept


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
