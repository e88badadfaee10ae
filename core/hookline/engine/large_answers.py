"""Large answers that are passed on as they came: all of one is checked to be JSON, little made into objects.

A hundred embeddings are 150,000 numbers. To make objects of them takes most of such a call's time, and of
all that is made the gateway wants to know what the call took.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError, create_model

from hookline.upstream import Response

if TYPE_CHECKING:
    from hookline.engine.order import PreparedCall
    from hookline.upstream import UpstreamResponse

_LARGE_BYTES = 64 * 1024
_WITHOUT_BODY = frozenset({204, 205})
# What pydantic takes for numbers, and a byte of it, for which texts are searched much faster.
_NO_JSON = ((b"N", b"NaN"), (b"I", b"Infinity"))


class UnreadAnswer:
    """An answer of which some members are known.

    Args:
        told: Those of them that there are.
        read: Makes objects of the whole answer.

    Attributes:
        told: The same.
    """

    __slots__ = ("_answer", "_read", "told")

    def __init__(self, told: dict[str, object], read: Callable[[], object]) -> None:
        self.told = told
        self._read: Callable[[], object] | None = read
        self._answer: object = None

    def read(self) -> object:
        """Return the whole answer; made once."""
        if self._read is not None:
            self._answer, self._read = self._read(), None
        return self._answer


class UnreadResponse(Response):
    """What hooks see of such an answer; it is read when one of them looks.

    Args:
        answer: The answer.
        output: Makes the action's output.
    """

    __slots__ = ("_answer",)

    def __init__(self, answer: UnreadAnswer, *, output: Callable[[], dict[str, object]]) -> None:
        self._answer = answer
        super().__init__(output=output)

    @property
    def raw(self) -> object:
        """The upstream's own JSON."""
        return self._answer.read()

    @raw.setter
    def raw(self, value: object) -> None:
        if value is not None:
            self._answer = UnreadAnswer({}, lambda: value)


def told_apart(
    prepared: PreparedCall, response: UpstreamResponse, content: bytes
) -> dict[str, object] | None:
    """Return what has to be known of an answer that can be passed on unread; None if it has to be read.

    Args:
        prepared: The call.
        response: Status and headers of the answer.
        content: Its body.
    """
    if len(content) < _LARGE_BYTES or prepared.endpoint is None or prepared.endpoint.present is not None:
        return None
    action = prepared.call.action
    if action.answers != "json" or response.is_output or response.status in _WITHOUT_BODY:
        return None
    names = () if action.meter is None else getattr(action.meter, "reads", None)
    return None if names is None else read_members(content, names)


def read_members(content: bytes, names: Collection[str]) -> dict[str, object] | None:
    """Return some members of a JSON object, of all of which it is checked that it is JSON.

    Args:
        content: The text.
        names: Which members; those that are missing are left out.

    Returns:
        Their values, the last one where a name comes twice; None where anything is in doubt: what is not
        JSON or no object, and some of what is.
    """
    for byte, word in _NO_JSON:
        if byte in content and word in content:  # perhaps in a text
            return None
    try:
        found = _reader_of(tuple(names)).model_validate_json(content)
    except ValidationError:
        return None
    members = zip(names, found, strict=True)
    return {name: value for name, (place, value) in members if place in found.model_fields_set}


@cache
def _reader_of(names: tuple[str, ...]) -> type[BaseModel]:
    # Fields of a model may not have every name that a member may have, such as `_meta`.
    fields: dict[str, Any] = {
        f"member_{number}": (object, Field(None, alias=name)) for number, name in enumerate(names)
    }
    return create_model("Members", **fields)
