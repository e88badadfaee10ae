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
    """

    __slots__ = ("_body", "_snapshot", "_text")

    def __init__(self, request: UpstreamRequest) -> None:
        self._body = request.body
        is_large = request.content is not None and len(request.content) > _LARGE_BYTES
        self._snapshot = _look_at(self._body) if is_large else None
        self._text = None if self._snapshot is not None else _written(self._body)

    def is_changed(self, request: UpstreamRequest) -> bool:
        """Tell whether the body is another now.

        Raises:
            TypeError: If it holds something that is not JSON.
        """
        if self._snapshot is None:
            return _written(request.body) != self._text
        if request.body is self._body and self._snapshot == _look_at(self._body):
            return False
        _written(request.body)
        return True


def _written(body: dict[str, object] | None) -> bytes | None:
    return None if body is None else orjson.dumps(body)


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
