"""What can be set for the plugin ``mcp``."""

from __future__ import annotations

from pydantic import Field, field_validator

from hookline.options import PluginOptions
from hookline_mcp.origins import read_origin


class McpOptions(PluginOptions):
    """How tools are served. All of it holds for the whole gateway."""

    allowed_origins: tuple[str, ...] = Field(
        (),
        description="Origins of web pages that may call `/mcp`, such as `https://app.example.com`, besides "
        "those of this machine and the gateway's own. (base)",
    )
    page_size: int = Field(
        500, ge=1, le=10_000, description="Most tools in one answer; a client asks for the rest. (base)"
    )
    cache_s: int = Field(
        300, ge=0, le=86_400, description="How long a client may keep the list of tools, in seconds. (base)"
    )

    @field_validator("allowed_origins")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if read_origin(origin) is None:
                raise ValueError(f"{origin!r} is no origin, such as https://app.example.com")
        return origins
