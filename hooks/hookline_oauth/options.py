"""What can be set for the plugin ``oauth``."""

from __future__ import annotations

from pydantic import Field

from hookline.options import PluginOptions


class OAuthOptions(PluginOptions):
    """How access tokens are fetched and kept."""

    timeout_s: float = Field(
        10.0,
        gt=0,
        le=60,
        description="Longest wait for a token service, in seconds. A call that has less time does not wait "
        "so long, but the token is fetched to the end.",
    )
    renew_early_s: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="A token is renewed so many seconds before it ends, but not in the first nine tenths.",
    )
    lifetime_s: float = Field(
        600.0,
        ge=1,
        le=86_400,
        description="How long a token is used if its service does not say how long it holds, in seconds.",
    )
