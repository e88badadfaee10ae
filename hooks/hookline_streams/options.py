"""What can be set for the plugin, for all calls, per key and per action."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hookline.options import PluginOptions


class StreamsOptions(PluginOptions):
    """What is done about streams that break off."""

    check: bool = Field(
        True,
        description="Whether every event of a stream is read, so that garbage and an answer without its end "
        "are noticed.",
    )
    on_interrupt: Literal["error", "restart", "continue"] = Field(
        "error",
        description="What is done when a stream breaks off: the caller is told; the request is sent again, "
        "if nothing was delivered; or the model is also asked to go on from what was delivered. The last two "
        "may be charged twice.",
    )
    max_resumes: int = Field(
        2,
        ge=0,
        le=10,
        description="How often one call is sent again or continued after its stream broke off.",
    )
    first_event_s: float | None = Field(
        None,
        gt=0,
        le=86_400,
        description="Longest silence of a stream before its first content; not set for the gateway's "
        "`read_timeout_s`. Reasoning models are silent for minutes before they write.",
    )
    stall_s: float | None = Field(
        120.0,
        gt=0,
        le=86_400,
        description="Longest silence of a stream after its first content; not set for `first_event_s`.",
    )
    internal: bool = Field(
        False,
        description="Whether callers who did not ask for a stream are served from one, so that no idle "
        "timeout cuts a long answer; what has arrived when time is up is answered, marked as incomplete.",
    )
