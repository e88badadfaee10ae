"""Schemas in a manifest: JSON Schema as it is, or a short form that is pleasant to write by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Discriminator, Field, GetJsonSchemaHandler, Tag, model_validator

from hookline.manifest.parts import AnyJson, Part, PlacePart, PlaceValue
from hookline.manifest.patterns import LIST_OF, SCHEMA_PATTERN, SIMPLE_TYPES, TYPE_PATTERN

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

JsonObject = dict[str, object]

_KEYWORDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
}
_LIST_KEYWORDS = {"min_items": "minItems", "max_items": "maxItems"}


class FieldPart(Part):
    """One field in the short form."""

    type: str | None = Field(
        None,
        pattern=TYPE_PATTERN,
        description=f"One of {', '.join(f'`{name}`' for name in SIMPLE_TYPES)}, or `{LIST_OF}` one of them; "
        "`string` if neither this nor `schema` is given.",
    )
    schema_: str | None = Field(
        None,
        alias="schema",
        pattern=SCHEMA_PATTERN,
        description=f"Name of one of the manifest's `schemas`, or `{LIST_OF}` and the name.",
    )
    title: str | None = Field(None, description="Label of the field.")
    description: str | None = Field(None, description="Help text of the field.")
    required: bool = Field(False, description="Whether it must be given; a field of the path always must.")
    default: AnyJson = Field(None, description="What a form begins with, and what the service takes it for.")
    example: AnyJson = Field(None, description="A value that shows what is meant.")
    choices: list[AnyJson] | None = Field(None, min_length=1, description="The values that it may have.")
    minimum: int | float | None = Field(None, description="Least number.")
    maximum: int | float | None = Field(None, description="Greatest number.")
    min_length: int | None = Field(None, ge=0, description="Least number of characters.")
    max_length: int | None = Field(None, ge=0, description="Most characters.")
    min_items: int | None = Field(None, ge=0, description="Least number of items of a list.")
    max_items: int | None = Field(None, ge=0, description="Most items of a list.")
    pattern: str | None = Field(None, description="Regular expression that a text must match.")
    nullable: bool = Field(False, description="Whether it may be null.")
    fields: dict[str, FieldValue] | None = Field(
        None, description="Fields of an object, or of each object of a list; other members may be there too."
    )
    place: PlaceValue | None = Field(
        None, description="Where it goes, as in `places`; only for fields of an action's input itself."
    )

    @model_validator(mode="after")
    def _check(self) -> FieldPart:
        if self.type is not None and self.schema_ is not None:
            raise ValueError("has `type` and `schema`; give one of them")
        if self.fields is not None and (
            self.schema_ is not None or self.type not in (None, "object", f"{LIST_OF}object")
        ):
            raise ValueError("has `fields`, so its type must be `object` or `list of object`")
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except (re.error, RecursionError, OverflowError) as exc:
                raise ValueError(f"`pattern` is no regular expression: {exc}") from None
        return self

    def to_schema(self) -> JsonObject:
        """Return the field's JSON Schema; a reference to shared ones begins with ``#/$defs/``."""
        one = self._to_item()
        kind = self.schema_ or self.type or ""
        if kind.startswith(LIST_OF):
            one = {"type": "array", "items": one}
            one |= {
                name: getattr(self, key)
                for key, name in _LIST_KEYWORDS.items()
                if getattr(self, key) is not None
            }
        if self.nullable:
            one = {"anyOf": [one, {"type": "null"}]}
        told: JsonObject = {"title": self.title, "description": self.description, "default": self.default}
        told = {name: value for name, value in told.items() if value is not None}
        if self.example is not None:
            told["examples"] = [self.example]
        return {**told, **one}

    def _to_item(self) -> JsonObject:
        if self.schema_ is not None:
            return {"$ref": f"#/$defs/{self.schema_.removeprefix(LIST_OF)}"}
        if self.fields is not None:
            return fields_schema(self.fields)
        one = dict(SIMPLE_TYPES[(self.type or "string").removeprefix(LIST_OF)])
        one |= {name: getattr(self, key) for key, name in _KEYWORDS.items() if getattr(self, key) is not None}
        if self.choices is not None:
            one["enum"] = list(self.choices)
        return one


FieldValue = Annotated[
    FieldPart,
    BeforeValidator(
        lambda value: {"type": value} if isinstance(value, str) else value,
        json_schema_input_type=FieldPart | Annotated[str, Field(pattern=TYPE_PATTERN)],
    ),
]


class FieldsPart(Part):
    """An object in the short form."""

    description: str | None = Field(None, description="What it is.")
    fields: dict[str, FieldValue] = Field(description="Its fields by name.")

    def places(self) -> dict[str, PlacePart]:
        """Return where fields go that say so themselves."""
        return {name: one.place for name, one in self.fields.items() if one.place is not None}


def fields_schema(fields: dict[str, FieldPart]) -> JsonObject:
    """Return the JSON Schema of an object with these fields."""
    schema: JsonObject = {
        "type": "object",
        "properties": {name: one.to_schema() for name, one in fields.items()},
    }
    if needed := [name for name, one in fields.items() if one.required]:
        schema["required"] = needed
    return schema


class _EitherForm:
    """Makes the JSON Schema of both forms exclude each other."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonObject:
        branches = handler(core)["oneOf"]
        return {"anyOf": [branches[0], {"type": "object", "not": {"required": ["fields"]}}]}


SchemaValue = Annotated[
    Annotated[FieldsPart, Tag("(fields)")] | Annotated[dict[str, object], Tag("(schema)")],
    Discriminator(
        lambda value: (
            "(fields)"
            if isinstance(value, FieldsPart) or (isinstance(value, dict) and "fields" in value)
            else "(schema)"
        )
    ),
    _EitherForm(),
]
"""A JSON Schema 2020-12, or the short form: an object whose key ``fields`` says so."""
