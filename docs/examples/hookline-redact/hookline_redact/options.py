"""What can be set for the plugin, for all calls, per key and per action."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from hookline import PluginOptions
from hookline_redact.finding import Finder
from hookline_redact.placeholders import KINDS, Kind

Word = Annotated[str, Field(min_length=2, max_length=100)]
Pattern = Annotated[str, Field(min_length=1, max_length=100)]

# Members that hold an id, an address or a name out of a list of names, and never what somebody wrote.
SKIPPED_FIELDS = (
    "$id",
    "$ref",
    "$schema",
    "call_id",
    "data",
    "encoding_format",
    "file_data",
    "file_id",
    "format",
    "id",
    "image_url",
    "model",
    "name",
    "object",
    "pattern",
    "prompt_cache_key",
    "required",
    "role",
    "safety_identifier",
    "service_tier",
    "tool_call_id",
    "type",
    "url",
    "user",
)


class RedactOptions(PluginOptions):
    """What is hidden, where, and what happens when it cannot be put back."""

    applies_to: tuple[Pattern, ...] = Field(
        default=("openai.*",),
        description="Actions whose requests are redacted; `*` stands for any text. None switches it off.",
        max_length=100,
    )
    kinds: tuple[Kind, ...] = Field(
        default=KINDS,
        description="What is hidden: email, phone, iban, card, ip, name.",
    )
    names: tuple[Word, ...] = Field(
        default=(),
        description="Names to hide, found as whole words in any case.",
        max_length=10_000,
        repr=False,
    )
    keep: tuple[Word, ...] = Field(
        default=(),
        description="Values that are never hidden, such as the address of your own support.",
        max_length=1_000,
        repr=False,
    )
    skip_fields: tuple[Pattern, ...] = Field(
        default=SKIPPED_FIELDS,
        description="Members of a request that are left as they are, with all that is in them.",
        max_length=1_000,
    )
    on_unknown: Literal["keep", "warn", "fail"] = Field(
        default="warn",
        description="What to do with a placeholder in an answer that stands for nothing.",
    )
    max_values: int = Field(
        default=10_000,
        description="Most different values that one call may hide; a call with more is refused.",
        ge=1,
        le=100_000,
    )

    @cached_property
    def finder(self) -> Finder:
        """What finds personal data by these options; made once."""
        return Finder(kinds=self.kinds, names=self.names, keep=self.keep)

    @cached_property
    def skipped(self) -> frozenset[str]:
        """The members that are left as they are."""
        return frozenset(self.skip_fields)

    def is_for(self, action_id: str) -> bool:
        """Tell whether requests of an action are redacted."""
        return any(fnmatchcase(action_id, pattern) for pattern in self.applies_to)
