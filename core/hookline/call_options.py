"""What every call of an action may say besides the action's own input; plugins add what they listen to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hookline.connector import JsonObject

Place = Literal["header", "query", "field"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CallOption:
    """One thing that a call may say, such as the header ``Idempotency-Key``.

    Attributes:
        name: Name of the header, query parameter or field of the body.
        place: Which of these it is.
        title: What people call it.
        description: What it does, in a sentence.
        schema: JSON Schema of its value.
        example: A value that fits; None if none helps.
    """

    name: str
    place: Place
    title: str
    description: str
    schema: JsonObject = field(default_factory=lambda: {"type": "string"})
    example: object = None
