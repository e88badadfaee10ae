"""Actions of installed connectors that a hook plugin is tried on, and what they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hookline.engine.samples import sample_input_of
from hookline.items import text_field_of
from hookline.schema_fields import STREAM

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject
    from hookline.engine.catalog import Catalog

_MOST = 8


def tried_actions(catalog: Catalog, applies: Callable[[str], bool]) -> list[Action]:
    """Return the actions that a plugin is for and that take a text: at most eight, those that stream first.

    Args:
        catalog: All actions; hidden ones are left out, and those that are code.
        applies: Tells whether the plugin is for the action of an id.
    """
    found = [
        action
        for action in catalog
        if action.code is None and text_field_of(action) is not None and applies(action.id)
    ]
    return sorted(found, key=lambda action: (action.stream is None, action.id))[:_MOST]


def input_for(catalog: Catalog, action: Action, text: str) -> JsonObject:
    """Return an input that fits an action, made of its sample or its schema, in which a text stands."""
    made = sample_input_of(catalog.entry_of(action))
    field = text_field_of(action)
    return {
        **{name: value for name, value in made.items() if name != STREAM},
        **({} if field is None else {field: text}),
    }
