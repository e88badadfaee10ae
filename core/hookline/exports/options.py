"""What can be set for the plugin ``exports``."""

from __future__ import annotations

from pydantic import Field

from hookline.options import PluginOptions


class ExportsOptions(PluginOptions):
    """Who may fetch exports."""

    public: bool = Field(
        False,
        description="Whether `/openapi.json` and `/exports` need no key, for platforms that import by "
        "address alone. They then show every action to everybody; running one needs a key all the same.",
    )
