"""What can be set for the plugin, for all calls, per key and per action."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hookline.options import PluginOptions


class ContextOptions(PluginOptions):
    """What happens to prompts that do not fit into a model's context window."""

    on_overflow: Literal["error", "truncate", "chunk"] = Field(
        "error",
        description="What happens: the call is refused and told what weighs most; the oldest messages are "
        "left out; or, at the action door, a long text is split and its parts are run.",
    )
    count: Literal["auto", "estimate", "off"] = Field(
        "auto",
        description="How tokens are counted before a request is sent: exactly if the tokenizer is installed, "
        "by estimate only, or not at all, so that only the service's own refusal is acted on.",
    )
    reserve_output_tokens: int | None = Field(
        None,
        ge=0,
        le=10_000_000,
        description="Tokens kept free for the answer when the caller sets no limit for it. When not set, the "
        "check keeps none free, and shortening or splitting keeps a quarter of the window free.",
    )
    margin_tokens: int = Field(
        0, ge=0, le=10_000_000, description="Tokens of the window that are never used, for safety."
    )
    chunk_tokens: int | None = Field(
        None, ge=16, le=10_000_000, description="Most tokens of one part; when not set, as many as fit."
    )
    chunk_overlap_tokens: int = Field(
        0,
        ge=0,
        le=100_000,
        description="Tokens from the end of a part that the next one begins with; chat only.",
    )
    max_parts: int = Field(
        20, ge=1, le=1000, description="Most parts that one call may be split into; more are refused."
    )
    parallel_parts: int = Field(4, ge=1, le=64, description="Parts of one call that run at the same time.")
