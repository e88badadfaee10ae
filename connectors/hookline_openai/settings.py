"""What a connection to OpenAI may set besides its base URL and credential."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, field_validator

if TYPE_CHECKING:
    from hookline.connection import Connection

OWN_ORIGIN = "https://api.openai.com:443"
"""Where OpenAI itself answers."""


def is_official(connection: Connection) -> bool:
    """Tell whether an account is one of OpenAI itself, where a name says what a model is."""
    return connection.origin == OWN_ORIGIN


class OpenAIOptions(BaseModel):
    """Options of one connection."""

    model_config = ConfigDict(extra="forbid")

    native_edits: bool = Field(
        default=False,
        title="Native edits",
        description=(
            "Send edits to the server's own /edits endpoint. OpenAI closed it in 2024, so edits run as chat "
            "unless this is on."
        ),
    )
    stream_usage: bool = Field(
        default=True,
        title="Count streams",
        description=(
            "Ask for the number of tokens at the end of every stream, also where the caller did not. Switch "
            "it off for a server that refuses `stream_options`; its streams are then estimated."
        ),
    )
    models_file: str | None = Field(
        default=None,
        min_length=1,
        title="File of models",
        description=(
            "JSON file whose rows are laid over the bundled table of models: new models, dates and "
            "replacements without a new release. Read when the gateway starts."
        ),
    )

    @field_validator("models_file")
    @classmethod
    def _read_models_file(cls, path: str | None) -> str | None:
        from hookline_openai.model_table import read_table

        if path is not None:
            read_table(path)
        return path
