"""The JSON Schema of the format, which is published and which editors read."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from hookline.manifest.model import VERSION, Manifest

if TYPE_CHECKING:
    from pydantic_core import core_schema

    from hookline.action import JsonObject

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """Says what the models mean, without titles that only repeat names."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        made.pop("title", None)
        return made

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        if "patternProperties" in made:  # what matches no pattern is refused, and that must be said
            made["additionalProperties"] = False
        keys = cast("dict[str, object]", schema.get("keys_schema", {}))
        while "schema" in keys:
            keys = cast("dict[str, object]", keys["schema"])
        if "max_length" in keys:
            made["propertyNames"] = {"maxLength": keys["max_length"]}
        return made


def manifest_schema(version: int = VERSION) -> JsonObject:
    """Return the JSON Schema 2020-12 of manifests.

    Args:
        version: Version of the format.

    Raises:
        ValueError: If there is none of that version.
    """
    if version != VERSION:
        raise ValueError(f"There is no version {version} of the format; there is {VERSION}.")
    made = Manifest.model_json_schema(schema_generator=_Generator)
    return {
        "$schema": DIALECT,
        "$id": f"urn:hookline:schema:manifest:v{version}",
        "title": "Hookline manifest: a connector without Python",
        **made,
    }
