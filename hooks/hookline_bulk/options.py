"""What can be set for the plugin."""

from __future__ import annotations

from pydantic import Field

from hookline.options import PluginOptions


class BulkOptions(PluginOptions):
    """How many items may be sent, and how many of them run at the same time."""

    concurrency: int = Field(
        8,
        ge=1,
        le=256,
        description="Most items of one call that run at the same time; a caller may ask for fewer.",
    )
    max_running: int = Field(
        64,
        ge=1,
        le=1024,
        description="Most items that run at the same time in one worker, those of all calls together.",
    )
    max_items: int = Field(
        1000, ge=1, le=100_000, description="Most items of a call that somebody waits for."
    )
    max_job_items: int = Field(
        10_000, ge=1, le=1_000_000, description="Most items of a call that runs as a job."
    )
    job_timeout_s: float = Field(
        14_400.0,
        gt=0,
        le=604_800,
        description="Longest time that all items of a job may take together; where somebody waits, "
        "`timeout_s` of the limits holds.",
    )
    pack: bool = Field(
        True, description="Whether items are sent to the service together where the action can do that."
    )
