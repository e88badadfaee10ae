"""What can be set for the plugin, for all calls, per key and per action."""

from __future__ import annotations

import difflib
from typing import Annotated, Literal

from pydantic import Field, model_validator

from hookline.options import PluginOptions

OPENAI_CLASSIFIER = "openai.moderate"

# The categories of OpenAI's moderation models. A name that is not among them would never be found.
OPENAI_CATEGORIES = frozenset(
    {
        "harassment",
        "harassment/threatening",
        "hate",
        "hate/threatening",
        "illicit",
        "illicit/violent",
        "self-harm",
        "self-harm/instructions",
        "self-harm/intent",
        "sexual",
        "sexual/minors",
        "violence",
        "violence/graphic",
    }
)

Category = Annotated[str, Field(min_length=1, max_length=100)]
Score = Annotated[float, Field(ge=0, le=1)]


class ModerationOptions(PluginOptions):
    """What is checked, by whom, and what happens then."""

    check_input: bool = Field(
        False, description="Whether what a caller sends is checked before it is sent on."
    )
    check_output: bool = Field(False, description="Whether answers are checked before they are delivered.")
    classifier: str = Field(
        OPENAI_CLASSIFIER,
        pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$",
        description="Action that checks; takes and answers what `openai.moderate` does.",
    )
    model: str | None = Field(
        None, min_length=1, description="Model that checks; the classifier's own choice if not set."
    )
    categories: tuple[Category, ...] = Field(
        (), description="Categories that block where the classifier flags them; all if empty."
    )
    thresholds: dict[Category, Score] = Field(
        {},
        description="Score from which a category blocks, 0 to 1; for these the score decides, not the flag.",
    )
    on_failure: Literal["block", "allow"] = Field(
        "block",
        description="What happens if a check fails: the call fails, or it goes on with a warning.",
    )
    stream_mode: Literal["hold", "inspect"] = Field(
        "hold",
        description="Whether a stream's events wait until they were checked, or pass at once and the stream "
        "is stopped when something is found.",
    )
    hold_chars: int = Field(
        400, ge=1, le=100_000, description="New characters of a choice that are gathered for one check."
    )
    overlap_chars: int = Field(
        200,
        ge=0,
        le=10_000,
        description="Earlier characters that are checked again with them, so that a phrase is found across "
        "two pieces.",
    )
    refusals: Literal["error", "pass"] = Field(
        "error",
        description="Whether the service's own refusals become `content_blocked` on the action door.",
    )
    max_text_chars: int = Field(
        20_000, ge=100, le=1_000_000, description="Most characters in one request to the classifier."
    )
    max_requests: int = Field(
        50, ge=1, le=1_000, description="Most requests for one check; what would take more is a failed check."
    )

    @model_validator(mode="after")
    def _check(self) -> ModerationOptions:
        if self.overlap_chars >= self.max_text_chars:
            raise ValueError("`overlap_chars` must be less than `max_text_chars`")
        if self.classifier == OPENAI_CLASSIFIER:
            for name in (*self.categories, *self.thresholds):
                if name not in OPENAI_CATEGORIES:
                    near = difflib.get_close_matches(name, OPENAI_CATEGORIES, n=1)
                    also = f"; did you mean {near[0]!r}?" if near else ""
                    raise ValueError(f"{OPENAI_CLASSIFIER} has no category {name!r}{also}")
        return self
