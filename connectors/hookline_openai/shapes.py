"""The base of every shape in this connector, and the one way to describe a field of a form.

The models are read as JSON Schema only: the gateway validates plain JSON against it. So every rule has to
show in the schema, and the schema has to be pleasant to read. ``Shape`` tidies what pydantic writes: no
``default: null``, and ``{"type": ["number", "null"]}`` instead of an ``anyOf`` of two.
"""

import re
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

Group = Literal["basic", "output", "sampling", "tools", "advanced"]

_GROUP_ORDER: dict[Group, int] = {"basic": 0, "output": 100, "sampling": 200, "tools": 300, "advanced": 400}
_SHOWN_AT_ONCE: frozenset[Group] = frozenset({"basic", "output"})
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _title_of(model: type) -> str:
    first, *rest = _WORD_START.split(model.__name__)
    return " ".join([first, *(word if word.isupper() else word.lower() for word in rest)])


def _label_of(name: str, info: object) -> str:
    return name.replace("_", " ").capitalize()


class Shape(BaseModel):
    """An object of the service or of an action's output; further members are allowed."""

    model_config = ConfigDict(model_title_generator=_title_of, field_title_generator=_label_of)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Tidy the properties and put those of a form in the order of their groups."""
        reference = handler(core_schema)
        schema = handler.resolve_ref_schema(reference)
        properties = {name: _tidy(member) for name, member in schema.get("properties", {}).items()}
        for position, member in enumerate(properties.values(), start=1):
            if "x-group" in member:
                member["x-order"] = _GROUP_ORDER[member["x-group"]] + position
        schema["properties"] = dict(sorted(properties.items(), key=lambda item: item[1].get("x-order", 0)))
        return reference


class StrictShape(Shape):
    """An object that takes no other members than those described."""

    model_config = ConfigDict(extra="forbid")


def field(
    title: str,
    description: str,
    *,
    group: Group = "advanced",
    required: bool = False,
    advanced: bool | None = None,
    multiline: bool = False,
    placeholder: str | None = None,
    options: str | None = None,
    deprecated: bool = False,
    examples: list[object] | None = None,
    ge: int | float | None = None,
    le: int | float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
    schema: dict[str, object] | None = None,
) -> Any:  # the type stands in front of the field, as with pydantic's own Field
    """Describe one field of a form; what the caller leaves out is not sent.

    Args:
        title: Label.
        description: One sentence that somebody who never programmed understands.
        group: Part of the form.
        required: Whether it must be given.
        advanced: Whether the form hides it at first; by default all groups but the first two are hidden.
        multiline: Whether the form shows a text area.
        placeholder: What the empty field shows.
        options: Source of the values to choose from.
        deprecated: Whether the service advises against it.
        examples: Values that make sense.
        ge: Smallest number.
        le: Largest number.
        min_length: Fewest characters or items.
        max_length: Most characters or items.
        pattern: Regular expression for the whole text.
        schema: Further JSON Schema keywords.
    """
    extra: dict[str, object] = {
        **(schema or {}),
        "x-group": group,
        "x-order": 0,
        "x-advanced": group not in _SHOWN_AT_ONCE if advanced is None else advanced,
    }
    if multiline:
        extra["x-multiline"] = True
    if placeholder is not None:
        extra["x-placeholder"] = placeholder
    if options is not None:
        extra["x-options"] = options
    return Field(
        default=... if required else None,
        title=title,
        description=description,
        deprecated=True if deprecated else None,
        examples=examples,
        ge=ge,
        le=le,
        min_length=min_length,
        max_length=max_length,
        pattern=pattern,
        json_schema_extra=cast("dict[str, Any]", extra),
    )


def absent(description: str = "", *, alias: str | None = None, **keywords: object) -> Any:  # as above
    """Describe a member of an inner object that may be left out.

    Args:
        description: What it means.
        alias: Its name in JSON, where Python cannot use that.
        **keywords: Further JSON Schema keywords.
    """
    extra = cast("dict[str, Any]", keywords)
    return Field(default=None, alias=alias, description=description or None, json_schema_extra=extra)


def _tidy(member: JsonSchemaValue) -> JsonSchemaValue:
    member = {key: value for key, value in member.items() if key != "default"}
    branches = member.get("anyOf")
    if not isinstance(branches, list) or len(branches) != 2 or branches[1] != {"type": "null"}:
        return member
    value = branches[0]
    if not isinstance(value.get("type"), str):
        return member
    merged = {**value, "type": [value["type"], "null"]}
    if "enum" in value:
        merged["enum"] = [*value["enum"], None]
    return {**merged, **{key: kept for key, kept in member.items() if key != "anyOf"}}
