"""Limits, as people write them: ``60 requests / minute``, ``5 usd / day per tenant``, ``8 concurrent``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal, cast, get_args

from hookline.usage import NANO_USD

Resource = Literal["requests", "tokens", "concurrent", "usd"]
Subject = Literal["key", "tenant", "user", "flow"]
Period = Literal["day", "month"]

_UNITS_S = {"second": 1, "s": 1, "minute": 60, "min": 60, "m": 60, "hour": 3600, "h": 3600}
_PERIODS: dict[str, Period] = {"day": "day", "d": "day", "month": "month"}
_TEXT = re.compile(
    r"(?P<amount>[0-9][0-9_,]*(?:\.[0-9]+)?)\s*(?P<resource>[a-z]+)"
    r"(?:\s*(?:/|per\s(?=\s*(?:[0-9]|second|minute|hour|day|month)))\s*(?P<count>[0-9]{1,6})?\s*(?P<unit>[a-z]+))?"
    r"(?:\s+per\s+(?P<subject>[a-z]+))?"
    r"(?:\s+warn\s+(?P<warn>[0-9]{1,3})\s*%)?"
)
_RESOURCES = {
    "request": "requests",
    "call": "requests",
    "calls": "requests",
    "token": "tokens",
    "dollar": "usd",
    "dollars": "usd",
}
_MAX_AMOUNT = 10**15
_MAX_USD = 10**8
_MAX_WINDOW_S = 7 * 24 * 3600
_EXAMPLES = (
    "`60 requests / minute`, `100000 tokens / hour per user`, `8 concurrent`, `5 usd / day per tenant`"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """How much of something may be taken.

    Attributes:
        resource: What is counted.
        amount: How much of it; nano-dollars for ``usd``.
        window_s: Length in seconds of the window that slides; None for a period and for ``concurrent``.
        period: Calendar day or month in UTC, instead of a window.
        subject: For whom it is counted apart.
        warn_at: Share, from 0 to 1, from which the caller is warned; None for never.
    """

    resource: Resource
    amount: int
    window_s: int | None = None
    period: Period | None = None
    subject: Subject = "key"
    warn_at: float | None = None

    def __str__(self) -> str:
        """Return the limit as `parse_limit` reads it."""
        amount = str(self.amount)
        if self.resource == "usd":
            amount = f"{Decimal(self.amount) / NANO_USD:f}"
        text = f"{amount} {self.resource}"
        if self.window_s is not None:
            text += f" / {_window_text(self.window_s)}"
        elif self.period is not None:
            text += f" / {self.period}"
        if self.subject != "key":
            text += f" per {self.subject}"
        return text if self.warn_at is None else f"{text} warn {round(self.warn_at * 100)}%"

    @property
    def kind(self) -> tuple[str, int | str | None, str]:
        """What two limits must have in common so that one can be held against the other."""
        return self.resource, self.window_s or self.period, self.subject


def parse_limit(text: str) -> Limit:
    """Return the limit that a text says.

    Raises:
        ValueError: If it says none; the message shows how to write one.
    """
    if len(text) > 200 or (match := _TEXT.fullmatch(text.strip().lower())) is None:
        raise ValueError(f"{text[:80]!r} is no limit; write one like {_EXAMPLES}.")
    resource = _RESOURCES.get(match["resource"], match["resource"])
    if resource not in get_args(Resource):
        raise ValueError(
            f"{match['resource'][:40]!r} cannot be limited; take `requests`, `tokens`, `concurrent` or `usd`."
        )
    subject = match["subject"] or "key"
    if subject not in get_args(Subject):
        raise ValueError(f"There are no limits per {subject[:40]!r}; take `key`, `tenant`, `user` or `flow`.")
    window_s, period = _window(match["count"], match["unit"], resource=resource)
    warn = match["warn"]
    if warn is not None and not 1 <= int(warn) <= 100:
        raise ValueError(f"A warning comes at 1 to 100 %, not at {warn} %.")
    return Limit(
        resource=cast("Resource", resource),
        amount=_amount(match["amount"], resource=resource),
        window_s=window_s,
        period=period,
        subject=cast("Subject", subject),
        warn_at=None if warn is None else int(warn) / 100,
    )


def _amount(text: str, *, resource: str) -> int:
    try:
        number = Decimal(text.replace("_", "").replace(",", ""))
    except InvalidOperation:  # pragma: no cover - the pattern lets only numbers through
        raise ValueError(f"{text!r} is no number.") from None
    if resource == "usd":
        nano = number * NANO_USD
        if number > _MAX_USD or nano != nano.to_integral_value():
            raise ValueError(f"{text} usd is too much, or finer than a billionth of a dollar.")
        return int(nano)
    if number != number.to_integral_value() or number > _MAX_AMOUNT:
        raise ValueError(f"A limit of {resource} is a whole number of at most {_MAX_AMOUNT:,}, not {text}.")
    return int(number)


def _window(count: str | None, unit: str | None, *, resource: str) -> tuple[int | None, Period | None]:
    if resource == "concurrent":
        if unit is not None:
            raise ValueError("`concurrent` counts calls that run now, so it has no window: `8 concurrent`.")
        return None, None
    if unit is None:
        raise ValueError(f"Say in which time: `{resource} / minute`, or second, hour, day or month.")
    if count is not None and int(count) == 0:
        raise ValueError("A window is longer than zero.")
    singular = unit[:-1] if unit.endswith("s") and len(unit) > 1 else unit
    if singular in _PERIODS and int(count or 1) == 1:
        return None, _PERIODS[singular]
    if resource == "usd":
        raise ValueError("Money is limited per day or month.")
    seconds_each = 86_400 if singular in ("day", "d") else _UNITS_S.get(singular)
    if seconds_each is None:
        raise ValueError(f"{unit[:40]!r} is no time; take second, minute, hour, day or month.")
    seconds = int(count or 1) * seconds_each
    if seconds > _MAX_WINDOW_S:
        raise ValueError("A window is at most 7 days long; take `day` or `month` for a calendar period.")
    return seconds, None


def _window_text(seconds: int) -> str:
    for name, each in (("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds % each == 0:
            count = seconds // each
            return name if count == 1 else f"{count} {name}s"
    raise AssertionError("every number of seconds is a multiple of one")
