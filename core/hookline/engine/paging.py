"""Going through the pages of an action, and finding out which page comes next.

A service's address is never followed: of one that leads to the next page, only the declared parameter is
used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs, urlsplit

import orjson

from hookline.engine.coercion import as_whole
from hookline.errors import HooklineError, InvalidUpstreamAnswerError
from hookline.paging import MAX_ITEMS, NEXT_PAGE
from hookline.picking import PickError, compile_pick, find

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject
    from hookline.call import Call
    from hookline.pages import Pages

_MAX_ADDRESS = 8_192
_MAX_PARAMETERS = 200
_MAX_REASON = 300


def with_next_page(
    call: Call, output: JsonObject, raw: object, headers: Iterable[tuple[str, str]]
) -> JsonObject:
    """Return one page's output with its member ``next_page``.

    Args:
        call: The call; its action has pages.
        output: What the action's presenter made.
        raw: The service's JSON.
        headers: The service's headers, names in lower case.
    """
    paging = call.action.paging
    if paging is None:
        return output
    pages = paging.pages
    found: object
    if pages.by in ("page", "offset"):
        found = _next_number(call, pages, raw, output)
    elif pages.by == "link":
        found = _linked(headers, _parameter(call.action, pages))
    else:
        found = _cursor(call, pages, raw)
    return {**output, NEXT_PAGE: found}


def go_through(call: Call, input: JsonObject, pages: Pages) -> JsonObject:
    """Return the output of an action with the items of several pages: each is a call inside this one.

    Whatever came before a page that fails, or that would make the answer too large, is answered, with a
    warning and with ``next_page`` to go on.

    Args:
        call: The call that names ``max_items``.
        input: Its input.
        pages: How one page leads to the next.

    Raises:
        HooklineError: If the first page fails, or nobody waits any more.
    """
    wanted = cast("int", input[MAX_ITEMS])
    fields = {name: value for name, value in input.items() if name != MAX_ITEMS}
    found = _Found(call, pages)
    longest_s = 0.0
    for number in range(1, pages.max_pages + 1):
        asked = _with_size(call.action, pages, fields, room=wanted - len(found.items), is_first=number == 1)
        if found.output is not None and call.remaining_s() <= longest_s:
            found.stop(
                "pages_incomplete",
                f"There was no time for page {number}. `{NEXT_PAGE}` goes on with it.",
                fields[pages.field],
            )
            break
        if found.output is not None and not found.has_room_for(found.largest_bytes):
            found.stop_full(number, fields[pages.field])
            break
        began_at = call.clock.monotonic()
        try:
            page = call.run(call.action.id, asked)
            items = _items_of(page, pages)
        except HooklineError as error:
            if found.output is None or call.cancellation.is_cancelled:
                raise
            reason = error.message[:_MAX_REASON]
            found.stop(
                "pages_incomplete",
                f"Page {number} failed ({error.code}): {reason} `{NEXT_PAGE}` goes on with it.",
                fields[pages.field],
            )
            break
        longest_s = max(longest_s, call.clock.monotonic() - began_at)
        if found.output is not None and not found.has_room_for(_growth(page, items)):
            found.stop_full(number, fields[pages.field])
            break
        found.add(page, items, room=wanted - len(found.items), asked=asked)
        following = found.next_page
        if following is None or len(found.items) >= wanted:
            break
        if not found.is_new(following):
            found.stop(
                "page_repeated", f"The service leads from page {number} to a page that it led to before."
            )
            break
        fields[pages.field] = following
    else:
        found.stop(
            "max_pages",
            f"{pages.max_pages:,} pages are the most that one call goes through. `{NEXT_PAGE}` goes on.",
            found.next_page,
        )
    return found.whole()


class _Found:
    """What has come so far.

    Args:
        call: The call.
        pages: How one page leads to the next.
    """

    def __init__(self, call: Call, pages: Pages) -> None:
        self._call = call
        self._pages = pages
        self._seen = {_key(call.input.get(pages.field))}
        self.items: list[object] = []
        self.output: JsonObject | None = None
        self.next_page: object = None
        self.largest_bytes = 0
        self._size_bytes = 0

    def add(self, page: JsonObject, items: list[object], *, room: int, asked: JsonObject) -> None:
        """Take the items of a page, and no more than there is room for."""
        for warning in cast("list[JsonObject]", page.get("warnings") or []):
            self._call.record.warn(str(warning.get("code")), str(warning.get("message")))
        size_bytes = _growth(page, items)
        if self.output is None:
            self.output = {name: value for name, value in page.items() if name != "warnings"}
            self._size_bytes = len(orjson.dumps(self.output))
        else:
            self._size_bytes += size_bytes
        self.largest_bytes = max(self.largest_bytes, size_bytes)
        self.next_page = page.get(NEXT_PAGE)
        self.items += items[:room]
        left = len(items) - room
        if left > 0:
            self._cut(left, room, asked)

    def has_room_for(self, size_bytes: int) -> bool:
        """Tell whether the answer may still grow by as much."""
        return self._size_bytes + size_bytes <= self._call.max_answer_bytes

    def stop_full(self, number: int, next_page: object) -> None:
        """Tell the caller that the answer is as large as it may be."""
        self.stop(
            "pages_incomplete",
            f"With page {number} the answer would be larger than the {self._call.max_answer_bytes:,} bytes "
            f"that it may have. `{NEXT_PAGE}` goes on with it.",
            next_page,
        )

    def is_new(self, value: object) -> bool:
        """Tell whether a page was not asked for before, and note that it is."""
        key = _key(value)
        is_new = key not in self._seen
        self._seen.add(key)
        return is_new

    def stop(self, code: str, message: str, next_page: object = None) -> None:
        """Tell the caller why there are no more items."""
        self._call.record.warn(code, message)
        self.next_page = next_page

    def whole(self) -> JsonObject:
        """Return the first page's output with the items of all of them."""
        output = place = dict(self.output or {})
        *above, last = self._pages.items.split(".")
        for name in above:
            inner = place.get(name)
            place[name] = inner = dict(inner) if isinstance(inner, dict) else {}
            place = inner
        place[last] = self.items
        output[NEXT_PAGE] = self.next_page
        return output

    def _cut(self, left: int, room: int, asked: JsonObject) -> None:
        pages = self._pages
        told = f"{left} item{'' if left == 1 else 's'} of the last page came beyond `{MAX_ITEMS}`, and went"
        if pages.by == "offset":
            self.next_page = _number(asked.get(pages.field), pages.first) + room
            self._call.record.warn("items_cut", f"{told}; `{NEXT_PAGE}` goes on with what follows.")
            return
        first = pages.first if pages.by == "page" else None
        self.next_page = asked.get(pages.field, first)
        way = f"`{NEXT_PAGE}` brings that page again" if self.next_page is not None else "ask for more"
        self._call.record.warn("items_cut", f"{told}; {way}.")


# ---------------------------------------------------------------- which page comes next


def _cursor(call: Call, pages: Pages, raw: object) -> object:
    found = as_whole(_search(call, pages, raw))
    if found is None or found == "" or found is False:
        return None
    if isinstance(found, bool) or not isinstance(found, (str, int, float)):
        raise InvalidUpstreamAnswerError(
            f"What should be the next page's `{pages.field}` is no text or number."
        )
    if not isinstance(found, str):
        return found if _takes_numbers(call.action, pages) else str(found)
    if "?" in found or found.startswith(("https://", "http://")):
        value = _of_address(found, _parameter(call.action, pages))
        if value is not None or found.startswith(("https://", "http://")):
            return value
    return found


def _next_number(call: Call, pages: Pages, raw: object, output: JsonObject) -> int | None:
    items = _items_of(output, pages)
    size = as_whole(call.input.get(pages.size_field)) if pages.size_field is not None else None
    if not items or (isinstance(size, int) and len(items) < size):
        return None
    if pages.next is not None and _search(call, pages, raw) in (None, "", False):
        return None
    now = _number(call.input.get(pages.field), pages.first)
    return now + (1 if pages.by == "page" else len(items))


def _search(call: Call, pages: Pages, raw: object) -> object:
    pick = compile_pick(pages.next or "", where=call.action.id)
    try:
        return find(pick, raw)
    except PickError as exc:
        raise InvalidUpstreamAnswerError(
            f"What leads to the next page cannot be found in the service's answer: {exc}."
        ) from exc


def _linked(headers: Iterable[tuple[str, str]], parameter: str) -> str | None:
    """Return the parameter of the address that a ``Link`` header gives for the next page.

    Source: RFC 8288, section 3.
    """
    text = ", ".join(value for name, value in headers if name == "link")[:_MAX_ADDRESS]
    for address, rest in _links(text):
        for part in rest.split(";"):
            name, _, value = part.partition("=")
            if name.strip().lower() == "rel" and "next" in value.strip().strip('"').lower().split():
                return _of_address(address, parameter)
    return None


def _links(text: str) -> Iterator[tuple[str, str]]:
    """Yield the address and the parameters of each link."""
    start = text.find("<")
    while start >= 0:
        end = text.find(">", start)
        if end < 0:
            return
        stop, is_quoted = end + 1, False
        while stop < len(text) and (is_quoted or text[stop] != ","):
            is_quoted ^= text[stop] == '"'
            stop += 1
        yield text[start + 1 : end], text[end + 1 : stop]
        start = text.find("<", stop)


def _of_address(address: str, parameter: str) -> str | None:
    if len(address) > _MAX_ADDRESS:
        return None
    try:
        return parse_qs(urlsplit(address).query, max_num_fields=_MAX_PARAMETERS).get(parameter, [None])[0]
    except ValueError:
        return None


def _parameter(action: Action, pages: Pages) -> str:
    """Return what the service calls the field that asks for a page."""
    return action.service_names.get(pages.field, pages.field)


# ---------------------------------------------------------------- small things


def _items_of(output: JsonObject, pages: Pages) -> list[object]:
    found: object = output
    for name in pages.items.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if found is None:
        return []
    if not isinstance(found, list):
        raise InvalidUpstreamAnswerError(f"`{pages.items}` of a page is no list.")
    return found


def _with_size(action: Action, pages: Pages, fields: JsonObject, *, room: int, is_first: bool) -> JsonObject:
    """Return the input of one page that asks for no more items than are wanted, where that can be said.

    A page by its number has to be as long as the one before, or items would be skipped.
    """
    name = pages.size_field
    if name is None:
        return dict(fields)
    size = as_whole(fields.get(name))
    if size is None:
        size = _largest_page(action, name)
        if size is not None and pages.by == "page" and is_first:
            fields[name] = min(size, room)  # for all pages
            return dict(fields)
    if not isinstance(size, int) or pages.by == "page":
        return dict(fields)
    return {**fields, name: min(size, room)}


def _largest_page(action: Action, name: str) -> int | None:
    properties = cast("JsonObject", action.input_schema.get("properties"))
    schema = properties.get(name)
    if not isinstance(schema, dict):
        return None
    branches = [schema, *(one for one in schema.get("anyOf") or [] if isinstance(one, dict))]
    for bound in ("maximum", "default"):
        for branch in branches:
            value = branch.get(bound)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    return None


def _takes_numbers(action: Action, pages: Pages) -> bool:
    schema = cast("JsonObject", action.output_schema["properties"])[NEXT_PAGE]
    kinds = cast("JsonObject", schema)["type"]
    return isinstance(kinds, list) and bool({"integer", "number"} & set(kinds))


def _number(value: object, first: int) -> int:
    value = as_whole(value)
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 18 else first


def _growth(page: JsonObject, items: list[object]) -> int:
    """Return the bytes by which a page's items, and its way to the next page, make an answer longer."""
    return len(orjson.dumps(items)) + len(orjson.dumps(page.get(NEXT_PAGE)))


def _key(value: object) -> str:
    return "" if value is None else str(value)
