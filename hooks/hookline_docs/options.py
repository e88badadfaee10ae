"""What can be set for the plugin ``docs``."""

from __future__ import annotations

from pydantic import Field

from hookline.options import PluginOptions


class DocsOptions(PluginOptions):
    """What the page offers."""

    can_run: bool = Field(
        True,
        description="Whether the page offers to run actions: real calls, with the reader's own key. "
        "Without it the page is for reading.",
    )
