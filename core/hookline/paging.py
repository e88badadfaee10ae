"""Actions whose output comes in pages: what is checked when one is declared, and what it then takes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from hookline.code_action import Code, prepare_code
from hookline.errors import ConfigurationError
from hookline.filling import hand_on
from hookline.picking import compile_pick

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject
    from hookline.call import Call
    from hookline.pages import Pages

MAX_ITEMS = "max_items"
"""Field of an input that says how many items are wanted, over as many pages as that takes."""

NEXT_PAGE = "next_page"
"""Member of an output that goes into the field of the next page."""

_MOST_PAGES = 10_000
_MOST_ITEMS = 100_000
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Paging:
    """How an action's pages are gone through.

    Attributes:
        pages: What its connector says of them.
        many: The same action for calls that name ``max_items``: code, that runs the action for each page.
    """

    pages: Pages
    many: Action


def with_pages(action: Action, pages: Pages) -> Action:
    """Return an action that takes ``max_items`` and answers with ``next_page``.

    Raises:
        ConfigurationError: If the pages cannot be gone through so; names the argument.
    """
    _check(action, pages)
    fields = _members(action.input_schema)
    paged = replace(
        action,
        input_schema=_with_member(action.input_schema, MAX_ITEMS, _max_items_schema(pages)),
        output_schema=_with_member(action.output_schema, NEXT_PAGE, _next_page_schema(fields, pages)),
    )
    code = Code(
        function=partial(_go_through, pages=pages),
        takes_input=True,
        input_model=None,
        output_model=None,
        returns_text=False,
        is_stream=False,
        is_checked=False,
    )
    many = replace(
        paged,
        method="POST",
        path=f"/{action.id}",
        request_schema=None,
        prepare=prepare_code,
        present=hand_on,
        restore=None,
        stream=None,
        stream_end=None,
        ask_stream=None,
        resume_stream=None,
        meter=None,
        batcher=None,
        answers="json",
        errors=(),
        service_names={},
        code=code,
    )
    return replace(paged, paging=Paging(pages=pages, many=many))


def _go_through(call: Call, input: JsonObject, *, pages: Pages) -> JsonObject:
    from hookline.engine.paging import go_through  # here, so that a connector costs no engine at import

    return go_through(call, input, pages)


def _check(action: Action, pages: Pages) -> None:
    where = f"{action.id}: `pages`"
    fields = _members(action.input_schema)
    for name, value in (("field", pages.field), ("size_field", pages.size_field)):
        if value is not None and value not in fields:
            raise ConfigurationError(f"{where}: `{name}` is {value!r}, which is no field of the input.")
    if MAX_ITEMS in fields:
        raise ConfigurationError(f"{where}: the input has a field `{MAX_ITEMS}` of its own; rename it.")
    if pages.by not in ("cursor", "link", "page", "offset"):
        raise ConfigurationError(f"{where}: `by` is cursor, link, page or offset, not {pages.by!r}.")
    if pages.by == "cursor" and pages.next is None:
        raise ConfigurationError(
            f"{where}: `next` is missing; it says where the service's JSON has the cursor."
        )
    if pages.by == "link" and pages.next is not None:
        raise ConfigurationError(f'{where}: `next` is not used with `by="link"`; leave it out.')
    if not _PATH.match(pages.items):
        raise ConfigurationError(
            f"{where}: `items` is a path such as `contacts` or `data.contacts`, not {pages.items!r}."
        )
    if not 1 <= pages.max_pages <= _MOST_PAGES:
        raise ConfigurationError(f"{where}: `max_pages` is a number from 1 to {_MOST_PAGES:,}.")
    if pages.next is not None:
        compile_pick(pages.next, where=where)
    if action.code is not None:
        raise ConfigurationError(f"{where}: only endpoints have pages.")


def _max_items_schema(pages: Pages) -> JsonObject:
    return {
        "title": "Most items",
        "description": "How many items to bring, from as many pages as that takes; one page if empty. "
        f"At most {pages.max_pages:,} pages are asked for.",
        "type": "integer",
        "minimum": 1,
        "maximum": _MOST_ITEMS,
    }


def _next_page_schema(fields: JsonObject, pages: Pages) -> JsonObject:
    """Return the schema of ``next_page``: it takes what its field takes, or nothing."""
    field = fields[pages.field]
    kind = field.get("type") if isinstance(field, dict) else None
    kinds = (
        [kind] if isinstance(kind, str) else list(kind) if isinstance(kind, list) else ["string", "integer"]
    )
    return {
        "title": "Next page",
        "description": f"What to put into `{pages.field}` for the next page; empty when there is none.",
        "type": [*(one for one in kinds if one != "null"), "null"],
    }


def _members(schema: JsonObject) -> JsonObject:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _with_member(schema: JsonObject, name: str, member: JsonObject) -> JsonObject:
    return {**schema, "properties": {**_members(schema), name: member}}
