"""What can be set for the plugin."""

from __future__ import annotations

from pydantic import Field

from hookline.options import PluginOptions


class LedgerOptions(PluginOptions):
    """What is kept of calls, and for how long."""

    enabled: bool = Field(True, description="Whether a row is kept for every call.")
    max_age_days: int = Field(
        90, ge=0, le=36_500, description="Days after which a row is removed; 0 keeps rows of any age."
    )
    max_rows: int = Field(
        5_000_000,
        ge=0,
        le=10**12,
        description="Most rows that are kept, the newest; 0 keeps any number.",
    )
    max_waiting: int = Field(
        20_000,
        ge=200,
        le=1_000_000,
        description="Most rows of a worker that wait to be written, such as while the database is down; "
        "further ones are dropped and counted.",
    )
    shutdown_s: float = Field(
        5.0, ge=0, le=300, description="Longest time that a worker, when it ends, takes to write what waits."
    )
