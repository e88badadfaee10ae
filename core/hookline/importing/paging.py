"""Recognises how an operation hands out a long list, where its parameters and its answer say so plainly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hookline.importing.answers import ITEMS, Answer
from hookline.importing.findings import LeftOutError
from hookline.importing.object_view import view_object
from hookline.importing.texts import words_of

if TYPE_CHECKING:
    from hookline.importing.document import Document, JsonObject
    from hookline.importing.fields import InputField, InputForm
    from hookline.importing.object_view import ObjectView
    from hookline.importing.schemas import Schemas

MAX_ITEMS = "max_items"
"""Field that an action with pages gets besides its own."""

_PAGE = frozenset({"page", "page_number", "page_num", "page_no", "page_index", "pagenum", "p"})
_OFFSET = frozenset({"offset", "skip", "start", "start_at", "start_index", "starting_at", "from_index"})
_SIZE = frozenset(
    {
        *("per_page", "page_size", "limit", "size", "count", "top", "max_results", "page_limit", "pagesize"),
        *("items_per_page", "results_per_page", "max_page_size", "rows", "num_results", "take", "perpage"),
    }
)
_CURSOR = frozenset(
    {
        *(
            "cursor",
            "page_token",
            "next_token",
            "next_cursor",
            "continuation_token",
            "continue",
            "page_cursor",
        ),
        *("next_page_token", "after", "marker", "next_page_id", "page_after", "scroll_id", "bookmark"),
        *("starting_after", "offset", "pagetoken", "nexttoken"),
    }
)
_NEXT = frozenset(
    {
        *("next_cursor", "next_page_token", "next_token", "continuation_token", "next_page_cursor"),
        *("next_page_id", "next_marker", "next_offset", "nexttoken", "nextpagetoken", "next_page"),
        *("next_continuation_token", "bookmark", "scroll_id", "after_cursor", "end_cursor"),
    }
)
_WRAPPERS = frozenset(
    {
        *("meta", "metadata", "pagination", "paging", "response_metadata", "page_info", "cursors", "cursor"),
        *("page", "list_metadata", "links", "pages", "next", "result_info"),
    }
)
_LISTS = frozenset(
    {"items", "data", "results", "records", "values", "entries", "list", "value", "elements", "objects"}
)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def find_pages(
    document: Document,
    schemas: Schemas,
    *,
    method: str,
    fields: list[InputField],
    form: InputForm,
    answer: Answer,
) -> JsonObject | None:
    """Return ``pages`` of an action as a manifest has them; None where nothing is plain.

    Args:
        document: The document.
        schemas: Reads the parts of the answer.
        method: HTTP method.
        fields: The action's fields.
        form: Their names in the input.
        answer: The action's answer.
    """
    if method != "GET" or answer.kind != "json" or MAX_ITEMS in form.names.values():
        return None
    items = _items_of(document, answer)
    if items is None:
        return None
    queries = {"_".join(words_of(one.name)): one for one in fields if one.where == "query"}
    size = next((form.names["query", queries[name].name] for name in queries if name in _SIZE), None)
    found = _by_cursor(document, schemas, queries, form, answer) or _by_number(queries, form, answer, size)
    if found is None:
        return None
    pages: JsonObject = {"items": items, **found}
    if size is not None and size != found["field"]:
        pages["size_field"] = size
    return pages


def _items_of(document: Document, answer: Answer) -> str | None:
    """Return the path of the one list in an answer."""
    if answer.pick == f"{{{ITEMS}: @}}":
        return ITEMS
    if answer.view is None:
        return None
    lists = [name for name, raw in answer.view.fields.items() if _is_list(document, raw)]
    if len(lists) > 1:
        lists = [name for name in lists if name.lower() in _LISTS]
    return _quoted(lists[0]) if len(lists) == 1 else None


def _is_list(document: Document, raw: object) -> bool:
    try:
        told = document.follow(raw)
    except LeftOutError:
        return False
    kind = told.get("type")
    return (
        kind == "array" or (isinstance(kind, list) and "array" in kind) or (kind is None and "items" in told)
    )


def _by_cursor(
    document: Document, schemas: Schemas, queries: dict[str, InputField], form: InputForm, answer: Answer
) -> JsonObject | None:
    names = [name for name in queries if name in _CURSOR]
    if not names or answer.view is None:
        return None
    fields = {"_".join(words_of(name)): name for name in answer.view.fields}
    if "starting_after" in queries and "has_more" in fields and "data" in fields:
        return {
            "by": "cursor",
            "field": form.names["query", queries["starting_after"].name],
            "next": f"{_quoted(fields['has_more'])} && {_quoted(fields['data'])}[-1].id || `null`",
        }
    for name in names:
        one = queries[name]
        if name in _OFFSET and _is_number(one.schema):
            continue
        path = _next_path(document, schemas, answer.view, name, 0)
        if path is not None:
            return {"by": "cursor", "field": form.names["query", one.name], "next": path}
    return None


def _next_path(document: Document, schemas: Schemas, view: ObjectView, cursor: str, depth: int) -> str | None:
    """Return where the next cursor stands in an answer."""
    for name, raw in view.fields.items():
        plain = "_".join(words_of(name))
        if _is_list(document, raw):
            continue
        if plain in _NEXT or (depth and plain in (cursor, "next", "after")):
            inner = view_object(document, raw, direction="output")
            if inner is None:
                return _quoted(name)
    for name, raw in view.fields.items() if depth < 2 else ():
        if "_".join(words_of(name)) in _WRAPPERS:
            inner = view_object(document, raw, direction="output")
            below = None if inner is None else _next_path(document, schemas, inner, cursor, depth + 1)
            if below is not None:
                return f"{_quoted(name)}.{below}"
    return None


def _by_number(
    queries: dict[str, InputField], form: InputForm, answer: Answer, size: str | None
) -> JsonObject | None:
    for name, one in queries.items():
        if name in _PAGE and _is_number(one.schema):
            field = form.names["query", one.name]
            if "link" in answer.headers:
                return {"by": "link", "field": field}
            first = _first(one.schema, 1)
            return {"by": "page", "field": field, **({"first": first} if first != 1 else {})}
    for name, one in queries.items():
        if name in _OFFSET and size is not None and _is_number(one.schema):
            return {"by": "offset", "field": form.names["query", one.name], "first": _first(one.schema, 0)}
    return None


def _is_number(schema: JsonObject) -> bool:
    kinds = schema.get("type")
    names = kinds if isinstance(kinds, list) else [kinds]
    return "integer" in names or "number" in names


def _first(schema: JsonObject, usual: int) -> int:
    for keyword in ("default", "minimum"):
        value = schema.get(keyword)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value in (0, 1):
            return int(value)
    return usual


def _quoted(name: str) -> str:
    """Return a name as JMESPath has it."""
    if _PLAIN.match(name):
        return name
    import json

    return json.dumps(name)
