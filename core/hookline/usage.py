"""What a call took from its upstream account."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens of one call, all attempts that were answered together.

    Attributes:
        input_tokens: Tokens that were sent.
        output_tokens: Tokens that were made.
        is_estimated: Whether the upstream did not say, so that this is worked out from the texts.
    """

    input_tokens: int
    output_tokens: int
    is_estimated: bool = False
