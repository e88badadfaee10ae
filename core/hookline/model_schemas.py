"""How the JSON Schema of a pydantic model is made. Importing this loads pydantic."""

from __future__ import annotations

from pydantic.json_schema import GenerateJsonSchema


class ModelSchemas(GenerateJsonSchema):
    """Writes what pydantic writes, without building a serializer for each field that is null by default."""

    def encode_default(self, dft: object) -> object:
        """Return a default value as JSON has it."""
        return None if dft is None else super().encode_default(dft)
