"""What tokens cost: exact sums, from the table's dollars per million to whole nano-dollars."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING

from hookline.usage import NANO_USD
from hookline_openai.token_usage import DetailedUsage

if TYPE_CHECKING:
    from hookline.usage import Usage
    from hookline_openai.model_table import ModelPrice

_PARTS = 10**9
"""Rates are whole billionths of a nano-dollar, so that a price of up to twelve decimals is exact."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What one token costs, in billionths of a nano-dollar; None is unknown.

    Attributes:
        input: Of the prompt.
        output: Of the answer.
        cached: Of the prompt, read from the cache.
        cache_write: Of the prompt, written to the cache.
        audio_input: Of the prompt, spoken.
        audio_output: Of the answer, spoken.
        above_input_tokens: Prompts longer than this are charged by ``long_context``.
        long_context: The rates of long prompts.
    """

    input: int | None
    output: int | None
    cached: int | None
    cache_write: int | None
    audio_input: int | None
    audio_output: int | None
    above_input_tokens: int | None = None
    long_context: Rates | None = None

    def at(self, input_tokens: int) -> Rates:
        """Return the rates that hold for a prompt of this length."""
        above = self.above_input_tokens
        return self if above is None or input_tokens <= above else self.long_context or self

    @cached_property
    def most_sent(self) -> int | None:
        """The highest that a token of a written prompt may cost; None if one such rate is not known."""
        return _highest(self.input, self.cache_write)

    @cached_property
    def most_heard(self) -> int | None:
        """The highest that a token of a prompt may cost, a spoken one too."""
        return _highest(self.most_sent, self.audio_input)

    @cached_property
    def most_said(self) -> int | None:
        """The highest that a token of an answer may cost, a spoken one too."""
        return _highest(self.output, self.audio_output)


def rates_of(price: ModelPrice) -> Rates:
    """Return a price as whole numbers; what only sometimes has a price of its own gets one here.

    Cached tokens without a price cost what others cost, because no service takes more for them. Where long
    prompts have no price for writing to the cache, it grows as that of the prompt does.
    """
    long = price.long_context
    if long is not None and long.cache_write is None and price.cache_write and price.input and long.input:
        grown = Fraction(repr(price.cache_write)) * Fraction(repr(long.input)) / Fraction(repr(price.input))
        long = replace(long, cache_write=float(grown))
    return Rates(
        input=_whole(price.input),
        output=_whole(price.output),
        cached=_whole(price.input if price.cached_input is None else price.cached_input),
        cache_write=_whole(price.input if price.cache_write is None else price.cache_write),
        audio_input=_whole(price.audio_input),
        audio_output=_whole(price.audio_output),
        above_input_tokens=price.above_input_tokens,
        long_context=None if long is None else rates_of(long),
    )


def cost_of(price: ModelPrice | None, usage: Usage) -> int | None:
    """Return what tokens cost in nano-dollars, rounded up; None if a price that is needed is not known."""
    if price is None:
        return None
    rates = price.rates.at(usage.input_tokens)
    cached = min(usage.cached_tokens or 0, usage.input_tokens)
    if type(usage) is not DetailedUsage:
        return total(
            (usage.input_tokens - cached, rates.input),
            (cached, rates.cached),
            (usage.output_tokens, rates.output),
        )
    if usage.has_own_price:
        return None
    rest = usage.input_tokens - cached
    spoken = min(usage.audio_input_tokens, rest)
    written = min(usage.cache_write_tokens, rest - spoken)
    said = min(usage.audio_output_tokens, usage.output_tokens)
    return total(
        (rest - spoken - written, rates.input),
        (cached, rates.cached),
        (written, rates.cache_write),
        (spoken, rates.audio_input),
        (usage.output_tokens - said, rates.output),
        (said, rates.audio_output),
    )


def total(*parts: tuple[int, int | None]) -> int | None:
    """Return the sum of numbers of tokens times their rates in nano-dollars, rounded up.

    None if the rate of a part is not known that is not zero.
    """
    sum_parts = 0
    for tokens, rate in parts:
        if tokens:
            if rate is None:
                return None
            sum_parts += tokens * rate
    return -(-sum_parts // _PARTS)


def _highest(one: int | None, other: int | None) -> int | None:
    """Return the higher rate; None if either is not known."""
    return None if one is None or other is None else max(one, other)


def _whole(usd_per_million: float | None) -> int | None:
    """Return dollars for a million tokens as billionths of a nano-dollar for one, rounded up.

    ``repr`` gives the decimal number that stands in the table, which the binary one only comes close to.
    """
    if usd_per_million is None:
        return None
    return ceil(Fraction(repr(usd_per_million)) * NANO_USD * _PARTS / 1_000_000)
