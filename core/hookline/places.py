"""Where the fields of an action's input go in a request: the words that connectors declare it with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

PlaceKind = Literal["path", "query", "header", "cookie", "body", "content"]
"""``content``: the field is the whole body. The others say which part of the request holds it."""

ListStyle = Literal["repeat", "comma", "brackets"]
"""How lists and objects stand in a query or a form. ``repeat``: ``id=1&id=2``. ``comma``: ``id=1,2``.
``brackets``: ``id[]=1&id[]=2``, and objects as ``filter[name]=Ada``; in the other styles objects are JSON."""

PLACE_KINDS: tuple[str, ...] = get_args(PlaceKind)
LIST_STYLES: tuple[str, ...] = get_args(ListStyle)


@dataclass(frozen=True, kw_only=True, slots=True)
class InPlace:
    """A place in which a field has another name than in the input, or another style.

    Attributes:
        where: Which part of the request.
        name: What the service calls it there; the field's own name if None. In the path it is the name of
            the placeholder, in the body a dot leads into an object: ``customer.email``.
        style: How lists stand in a query or a form.
    """

    where: PlaceKind
    name: str | None = None
    style: ListStyle = "repeat"


Place = PlaceKind | InPlace
