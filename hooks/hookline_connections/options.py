"""What can be set for the plugin ``connections``."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

from hookline.options import PluginOptions


class ConnectionsOptions(PluginOptions):
    """How stored connections are chosen, and what tenants may store."""

    key: SecretStr | None = Field(
        None,
        description="Keys that seal credentials, in place of the file `connections.key`: base64 of 32 bytes, "
        "several with a comma between them. The first seals, all of them open.",
    )
    allowed_origins: tuple[str, ...] = Field(
        (),
        description="Where connections that tenants store themselves may lead, besides the connector's own "
        "address: origins such as `https://llm.example.com`; `https://*.example.com` stands for every name "
        "below it.",
    )
    max_per_tenant: int = Field(
        50, ge=0, le=10_000, description="Most connections that a tenant may store by itself."
    )
    fall_back_to_shared: bool = Field(
        False,
        description="Whether a tenant with connections of its own may also use the shared ones, after them.",
    )
    show_name: bool = Field(
        True, description="Whether answers name the connection in the header `x-hookline-connection`."
    )
    cache_s: float = Field(
        5.0, gt=0, le=300, description="How old what is known of the stored connections may grow, in seconds."
    )
    max_stale_s: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="How old it may be while the database does not answer; after that, calls get 503.",
    )
    wait_s: float = Field(
        2.0, gt=0, le=60, description="Longest time that a call waits for the stored connections to be read."
    )
    fall_back: bool = Field(
        True, description="Whether a call goes on with the next connection when one fails before it ran."
    )
    avoid_down_s: float = Field(
        10.0, ge=0, le=3600, description="For how long other connections go before one that is down."
    )
    avoid_limited_s: float = Field(
        10.0,
        ge=0,
        le=3600,
        description="The same for one that is rate-limited and does not say for how long.",
    )
    avoid_refused_s: float = Field(
        300.0,
        ge=0,
        le=86_400,
        description="The same for one that is out of credit or whose credential was refused.",
    )

    @field_validator("allowed_origins")
    @classmethod
    def _check_origins(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        from hookline_connections.origins import check_pattern

        try:
            return tuple(check_pattern(pattern) for pattern in patterns)
        except ValueError as exc:  # without words of the library in front
            raise PydanticCustomError("origin", "{reason}", {"reason": str(exc)}) from None
