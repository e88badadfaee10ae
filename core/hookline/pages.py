"""Long lists that a service hands out piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Pages:
    """How one page of an action's output leads to the next.

    The action gets a field ``max_items`` besides its own: with it a call goes through as many pages as it
    takes, each of them a call of its own inside the first. Without it a call brings one page.

    Attributes:
        items: JMESPath of the list in the action's output, such as ``contacts``.
        field: Input field that asks for a page.
        next: JMESPath, in the service's JSON, of what goes into ``field`` for the next page: a cursor, or an
            address whose query has a parameter of that name. Null or an empty text mean that there is none.
        by: What ``field`` holds: the cursor that ``next`` finds; the same parameter of the header
            ``Link: <…>; rel="next"``; the number of a page; or the number of items before it.
        first: Number of the first page, or of its first item.
        size_field: Input field with the number of items on a page, if there is one.
        max_pages: Most pages that one call goes through.
    """

    items: str
    field: str
    next: str | None = None
    by: Literal["cursor", "link", "page", "offset"] = "cursor"
    first: int = 1
    size_field: str | None = None
    max_pages: int = 100
