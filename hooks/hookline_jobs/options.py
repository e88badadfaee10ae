"""What can be set for the plugin ``jobs``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from hookline.options import PluginOptions
from hookline_jobs.profiles import PROFILES

Priority = Literal["high", "normal", "low"]


class JobsOptions(PluginOptions):
    """How long callers wait, and how jobs run. Those marked with (base) hold for the whole gateway."""

    profile: str | None = Field(
        None, description="Platform that calls come from, for callers who do not say: one of the profiles."
    )
    wait_s: float | None = Field(
        None,
        gt=0,
        le=86_400,
        description="Longest time that callers wait who do not say; else as long as a call may take.",
    )
    priority: Priority = Field(
        "normal", description="Which jobs go first; a caller may lower its own with `X-Hookline-Priority`."
    )
    keep_s: int = Field(
        86_400, ge=60, le=31_536_000, description="How long the result of a job is kept, in seconds."
    )
    max_age_s: int = Field(
        86_400,
        ge=1,
        le=31_536_000,
        description="How long a job may wait before it runs, also for limits; after that it fails.",
    )
    items_before_job: int = Field(
        100, ge=1, le=1_000_000, description="Calls with more `items` than this become jobs at once."
    )
    max_waiting: int = Field(
        10_000, ge=1, le=10_000_000, description="Most jobs that wait; further ones get 503. (base)"
    )
    max_waiting_per_tenant: int = Field(
        2_000, ge=1, le=10_000_000, description="The same of one tenant. (base)"
    )
    running: int = Field(
        20, ge=0, le=1_000, description="Jobs that one process runs at the same time; 0 for none. (base)"
    )
    running_per_connection: int = Field(
        50,
        ge=1,
        le=10_000,
        description="Jobs that run at the same time on one upstream account, over all processes. (base)",
    )
    max_reply_mb: int = Field(
        64, ge=1, le=512, description="Largest reply that a job keeps, in megabytes. (base)"
    )
    dead_after_s: float = Field(
        15.0,
        ge=1,
        le=3_600,
        description="How long a process gives no sign of life until its jobs are taken from it. (base)",
    )
    grace_s: float = Field(
        10.0, ge=0, le=3_600, description="How long a process that ends waits for its jobs. (base)"
    )

    @field_validator("profile")
    @classmethod
    def _check_profile(cls, name: str | None) -> str | None:
        if name is not None and name not in PROFILES:
            raise ValueError(f"is one of {', '.join(PROFILES)}")
        return name
