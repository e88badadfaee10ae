"""What a connection to OpenAI may set besides its base URL and credential."""

from pydantic import BaseModel, ConfigDict, Field


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
