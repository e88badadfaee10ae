"""The dropdowns of an export: each source with each question that fields ask it, once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hookline.exports.field_keys import is_plain, marked_key

if TYPE_CHECKING:
    from hookline.exports.blueprint import Blueprint, OptionsLink, SourceBlueprint

_TOLD_APART = re.compile(r"[a-z][a-z0-9]*\.[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*\Z")


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
    """Return the key of a dropdown, which no other has: ``openai_models``, or a marked one.

    A question has a mark, since its words could be those of a source; so has what words alone would not tell
    apart from another, such as ``acme_shop.items`` from ``acme.shop_items``, on platforms that join words.
    """
    if link.query or not _TOLD_APART.match(link.source) or not is_plain(link.source.replace(".", "_")):
        return marked_key(str(link))
    return link.source.replace(".", "_")
