"""What can be set for the plugin."""

from __future__ import annotations

import re

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from hookline.options import PluginOptions

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")


class IdempotencyOptions(PluginOptions):
    """What counts as a key, and how long replies are kept."""

    enabled: bool = Field(True, description="Whether replies are kept; without it keys are not looked at.")
    keep_s: int = Field(
        86_400,
        ge=60,
        le=30 * 86_400,
        description="For how long a key holds after it was first used, in seconds.",
    )
    max_reply_bytes: int = Field(
        10_000_000,
        ge=0,
        le=1_000_000_000,
        description="Largest reply that is kept; a larger one is given once, and its key is used up.",
    )
    webhook_ids: bool = Field(
        True,
        description="Whether the `webhook-id` of a signed call counts as its key, where it has no other.",
    )
    derive_from: tuple[str, ...] = Field(
        (),
        max_length=8,
        description="Headers whose values together with the input are the key of a call that has no other, "
        "such as run id and step id; a call without all of them has none.",
    )
    lease_s: float = Field(
        30.0,
        ge=5,
        le=600,
        description="Seconds without a sign of a process after which its calls count as lost.",
    )

    @field_validator("derive_from")
    @classmethod
    def _check_headers(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_HEADER.fullmatch(name) for name in names):
            raise PydanticCustomError("header", "each must be the name of a header")
        return tuple(name.lower() for name in names)
