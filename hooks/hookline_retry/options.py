"""What can be set for the plugin, for all calls, per key and per action."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hookline.options import PluginOptions


class RetryOptions(PluginOptions):
    """How failed attempts are repeated."""

    enabled: bool = Field(True, description="Whether failed attempts are repeated and waits are shared.")
    max_attempts: int = Field(3, ge=1, le=10, description="Most attempts of one call, the first included.")
    max_total_s: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="No wait is begun that would end later than this after the first attempt began.",
    )
    first_wait_s: float = Field(
        0.5, gt=0, le=600, description="Back-off before the second attempt; each later one is twice as long."
    )
    max_backoff_s: float = Field(8.0, gt=0, le=600, description="Longest back-off.")
    jitter: float = Field(
        0.25,
        ge=0,
        le=1,
        description="Share by which a back-off may be shorter, and a shared wait longer, by chance.",
    )
    budget_share: float = Field(
        0.2, ge=0, le=10, description="Retries for each call of a connection, over many calls."
    )
    budget_reserve: int = Field(
        10,
        ge=0,
        le=1_000_000,
        description="Retries that a connection may make beyond that share in one outage.",
    )
    repeat_unknown: Literal["idempotent", "always", "never"] = Field(
        "idempotent",
        description="What is repeated though the service may have carried it out and charged for it: "
        "actions that may run twice without harm, everything, or nothing.",
    )
    share_waits: bool = Field(
        True,
        description="Whether calls of the same connection and model wait, too, when the service asked one "
        "of them to.",
    )
    max_waiting: int = Field(
        64,
        ge=0,
        le=100_000,
        description="Most calls of a connection that wait for such a pause to end; others are refused at "
        "once and told how long it lasts.",
    )
