"""What can be set for the plugin ``structured``."""

from __future__ import annotations

from pydantic import Field

from hookline.options import PluginOptions


class StructuredOptions(PluginOptions):
    """How answers that have to fit a schema are checked."""

    check: bool = Field(
        True,
        description="Whether an answer is checked against the schema that was asked for. Without it `parsed` "
        "is whatever JSON the model wrote.",
    )
    repair: bool = Field(
        True,
        description="Whether the model is asked once more when its answer does not fit; that costs a second "
        "call.",
    )
    max_schema_bytes: int = Field(
        65_536, ge=1, le=1_000_000, description="Largest schema that a caller may send, as JSON text."
    )
