"""The numbers of tokens that OpenAI tells, for whoever adds up what a call took."""

from __future__ import annotations

from dataclasses import dataclass, fields

from hookline.usage import Usage, make_usage

MOST_TOKENS = 10**9
"""No call takes more; a larger number is nonsense."""

# Tiers that cost what the table says, or less. What the others cost is not in the table.
_AT_MOST_STANDARD = frozenset({"auto", "default", "standard", "flex", "batch"})


@dataclass(frozen=True, kw_only=True, slots=True)
class DetailedUsage(Usage):
    """What was taken, with what has prices of its own.

    Attributes:
        cache_write_tokens: Those of the sent that were written to the service's cache.
        audio_input_tokens: Those of the sent that are sound.
        audio_output_tokens: Those of the made that are sound.
        has_own_price: Whether another tier than the standard one served it, at a price that is not known.
    """

    cache_write_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    has_own_price: bool = False

    def __add__(self, other: Usage) -> DetailedUsage:
        """Return the sum, details included."""
        plain = Usage.__add__(self, other)
        more = other if isinstance(other, DetailedUsage) else _NO_DETAILS
        return DetailedUsage(
            **{field.name: getattr(plain, field.name) for field in fields(Usage)},
            cache_write_tokens=self.cache_write_tokens + more.cache_write_tokens,
            audio_input_tokens=self.audio_input_tokens + more.audio_input_tokens,
            audio_output_tokens=self.audio_output_tokens + more.audio_output_tokens,
            has_own_price=self.has_own_price or more.has_own_price,
        )

    __radd__ = __add__


_NO_DETAILS = DetailedUsage(input_tokens=0, output_tokens=0)


MEMBERS_TOLD = ("usage", "service_tier")
"""What `read_told` looks at."""


def read_told(answer: object) -> Usage | None:
    """Return what a whole answer, or the last chunk of a stream, says that it took.

    None if it does not say, or says something that cannot be: then an estimate is better.
    """
    if not isinstance(answer, dict):
        return None
    told = answer.get("usage")
    if not isinstance(told, dict):
        return None
    sent = _number(told.get("prompt_tokens"), MOST_TOKENS)
    if sent is None:
        return None
    answered = told.get("completion_tokens")
    made = _rest_of_total(told, sent) if answered is None else _number(answered, MOST_TOKENS)
    if made is None:
        return None
    of_sent, of_made = told.get("prompt_tokens_details"), told.get("completion_tokens_details")
    cached = reasoned = None
    written = heard = said = 0
    if isinstance(of_sent, dict):
        cached = _number(of_sent.get("cached_tokens"), sent)
        if number := of_sent.get("cache_write_tokens"):
            written = _number(number, sent) or 0
        if number := of_sent.get("audio_tokens"):
            heard = _number(number, sent) or 0
    if isinstance(of_made, dict):
        reasoned = _number(of_made.get("reasoning_tokens"), made)
        if number := of_made.get("audio_tokens"):
            said = _number(number, made) or 0
    tier = answer.get("service_tier")
    is_apart = tier not in (None, "default") and is_priced_apart(tier)
    if not (written or heard or said or is_apart):
        return make_usage(
            input_tokens=sent, output_tokens=made, cached_tokens=cached, reasoning_tokens=reasoned
        )
    return DetailedUsage(
        input_tokens=sent,
        output_tokens=made,
        cached_tokens=cached,
        reasoning_tokens=reasoned,
        cache_write_tokens=written,
        audio_input_tokens=heard,
        audio_output_tokens=said,
        has_own_price=is_apart,
    )


def is_priced_apart(tier: object) -> bool:
    """Tell whether a service tier may cost more than the table says."""
    return tier is not None and not (isinstance(tier, str) and tier in _AT_MOST_STANDARD)


def _rest_of_total(told: dict[str, object], sent: int) -> int | None:
    """Return the tokens of an answer of which only the total was told, as embeddings do."""
    total = _number(told.get("total_tokens"), MOST_TOKENS)
    return None if total is None or total < sent else total - sent


def _number(value: object, most: int) -> int | None:
    return value if type(value) is int and 0 <= value <= most else None
