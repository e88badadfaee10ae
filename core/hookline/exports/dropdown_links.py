"""The dropdowns of an export: each source with each question that fields ask it, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.exports.field_keys import is_plain, marked_key

if TYPE_CHECKING:
    from hookline.exports.blueprint import Blueprint, OptionsLink, SourceBlueprint


def dropdown_links(blueprint: Blueprint) -> dict[OptionsLink, SourceBlueprint]:
    """Return the dropdowns that forms show, with their sources; a source that nobody declares has none."""
    sources = {source.id: source for source in blueprint.sources}
    return {
        field.options: sources[field.options.source]
        for action in blueprint.actions
        for field in action.form
        if field.options is not None and field.options.source in sources
    }


def link_key(link: OptionsLink) -> str:
    """Return the key of a dropdown, such as ``openai_models_kind_chat``."""
    parts = [*link.source.split("."), *(part for pair in link.query for part in pair)]
    key = "_".join(parts)
    return key if all(map(is_plain, parts)) and is_plain(key) else marked_key("&".join(parts))
