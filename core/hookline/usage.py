"""What a call took from its upstream account: tokens, and money where the price is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hookline.making import maker_of

NANO_USD = 1_000_000_000
"""Nano-dollars of one US dollar. Money is counted in whole ones, so that sums are exact."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What was taken. Two of them can be added.

    Attributes:
        input_tokens: Tokens that were sent.
        output_tokens: Tokens that were made, hidden ones included.
        cached_tokens: Those of the sent that were read from the service's cache; None if it did not say.
        reasoning_tokens: Those of the made that were thought and not shown; None if it did not say.
        cost_nano_usd: Cost in nano-dollars; None where no price is known, which is not the same as free.
        is_estimated: Whether the upstream did not say, so that this is worked out from the texts.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_nano_usd: int | None = None
    is_estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        """Return the sum; its cost is known only if both are."""
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=_known_sum(self.cached_tokens, other.cached_tokens),
            reasoning_tokens=_known_sum(self.reasoning_tokens, other.reasoning_tokens),
            cost_nano_usd=None
            if self.cost_nano_usd is None or other.cost_nano_usd is None
            else self.cost_nano_usd + other.cost_nano_usd,
            is_estimated=self.is_estimated or other.is_estimated,
        )

    def with_cost(self, cost_nano_usd: int | None) -> Usage:
        """Return the same with a cost, as what it is: a kind of usage with more details keeps them."""
        if type(self) is not Usage:
            return replace(self, cost_nano_usd=cost_nano_usd)
        return make_usage(  # `replace` takes ten times as long
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cached_tokens=self.cached_tokens,
            reasoning_tokens=self.reasoning_tokens,
            cost_nano_usd=cost_nano_usd,
            is_estimated=self.is_estimated,
        )

    @property
    def tokens(self) -> int:
        """Tokens that were sent and made."""
        return self.input_tokens + self.output_tokens

    @property
    def cost_usd(self) -> float | None:
        """Cost in US dollars, for people; None where no price is known."""
        return None if self.cost_nano_usd is None else self.cost_nano_usd / NANO_USD


make_usage = maker_of(Usage)
"""Make a usage of no special kind; what every call needs."""


def _known_sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other
