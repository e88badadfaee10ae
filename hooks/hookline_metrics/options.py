"""What can be set for the plugin ``metrics``."""

from __future__ import annotations

from pydantic import Field, field_validator

from hookline import PluginOptions


class MetricsOptions(PluginOptions):
    """Options of the plugin ``metrics``; they hold for all keys and actions."""

    public: bool = Field(
        False, description="Whether anybody may read them; if not, a key with the scope `metrics:read`."
    )
    buckets: tuple[float, ...] = Field(
        (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
        min_length=1,
        max_length=50,
        description="Upper bounds of the histogram of times, in seconds.",
    )

    @field_validator("buckets")
    @classmethod
    def _grow(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(set(value)) or value[0] <= 0:
            raise ValueError("must be numbers above 0, each larger than the one before")
        return value
