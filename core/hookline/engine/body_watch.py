"""Telling whether plugins changed a body, which they get to change in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest

_LARGE_BYTES = 16 * 1024
_MOST_CONTAINERS = 1000
_FIXED = frozenset({str, int, float, bool, type(None)})
"""Types of what cannot be changed in place."""


class BodyWatch:
    """Knows what the body of a request was.

    A small body is written out before and after. Of a large one with few parts, such as a long prompt, it is
    remembered which objects its objects and lists hold: texts and numbers cannot be changed in place.

    Args:
        request: The request.

    Attributes:
        text: The body as JSON, as it was when it was last looked at; None if it was not written out.
    """

    __slots__ = ("_before", "_body", "_snapshot", "text")

    def __init__(self, request: UpstreamRequest) -> None:
        body, content = request.body, request.content
        self._body = body
        self._snapshot = None
        self.text: bytes | None = None
        if content is not None and len(content) > _LARGE_BYTES:
            self._snapshot = _look_at(body)
        if self._snapshot is None and body is not None:
            self.text = orjson.dumps(body)
        self._before = self.text

    def is_changed(self, request: UpstreamRequest) -> bool:
        """Tell whether the body is another now.

        Raises:
            TypeError: If it holds something that is not JSON.
        """
        body = request.body
        if self._snapshot is not None and body is self._body and self._snapshot == _look_at(body):
            return False
        self.text = None if body is None else orjson.dumps(body)
        return self._snapshot is not None or self.text != self._before


class _Same:
    """Equal to what holds the very same object, and keeps that alive so that no other takes its place."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._value is self._value

    def __hash__(self) -> int:
        return id(self._value)


def _look_at(body: object) -> list[tuple[_Same, ...]] | None:
    """Return what every object and list in a body holds, in order; None if there are too many, or others."""
    found: list[tuple[_Same, ...]] = []
    rest = [body]
    while rest:
        node = rest.pop()
        values: list[object]
        if isinstance(node, dict):
            values = [*node.values()]
            found.append(tuple(map(_Same, (node, *node, *values))))
        elif isinstance(node, list):
            values = node
            found.append(tuple(map(_Same, (node, *values))))
        elif type(node) in _FIXED:
            continue
        else:  # such as a tuple, which may hold what can be changed
            return None
        if len(found) + len(rest) + len(values) > _MOST_CONTAINERS:
            return None
        rest += values
    return found
