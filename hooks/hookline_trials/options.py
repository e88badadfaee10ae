"""What can be set for the plugin ``trials``."""

from __future__ import annotations

from functools import cached_property

from pydantic import Field

from hookline.options import PluginOptions


class TrialsOptions(PluginOptions):
    """Whether callers may try actions out on the sandbox."""

    enabled: bool = Field(
        True,
        description="Whether callers may run a call on the sandbox in place of the service: with the header "
        "`X-Hookline-Test`, with `?test=1`, or with one of the models below.",
    )
    models: tuple[str, ...] = Field(
        ("sandbox", "sandbox-*"),
        description="Models whose calls run on the sandbox; a final `*` matches any rest. Empty for none.",
    )

    @cached_property
    def beginnings(self) -> tuple[str, ...]:
        """How the names of these models begin: a quick look tells most others."""
        return tuple(pattern.removesuffix("*") for pattern in self.models)
