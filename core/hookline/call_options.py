"""What every call of an action may say besides the action's own input; plugins add what they listen to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from hookline.call import FLOW_HEADER
from hookline.order import RAW_JSON

if TYPE_CHECKING:
    from hookline.action import JsonObject

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


CORE_OPTIONS = (
    CallOption(
        name="-".join(part.capitalize() for part in FLOW_HEADER.split("-")),
        place="header",
        title="Flow",
        description="Name of the flow that the call is a step of; usage and limits can be told apart by it.",
        schema={"type": "string", "maxLength": 200},
    ),
    CallOption(
        name=RAW_JSON,
        place="field",
        title="Raw JSON",
        description="More fields of the action as one JSON object, for what a form cannot show; they win "
        "over the fields beside it.",
        schema={"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": True}]},
    ),
)
"""What the core itself listens to."""
