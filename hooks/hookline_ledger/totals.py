"""Sums over calls, and how programs are told of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, get_args

from hookline.usage import NANO_USD

if TYPE_CHECKING:
    from hookline.action import JsonObject

Grouping = Literal["user", "key", "tenant", "model", "flow", "action", "day", "connection"]
GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """Sums over some rows.

    Attributes:
        calls: Calls from outside.
        inner_calls: Calls that those calls ran, such as checks and parts of a long text.
        errors: Calls from outside that ended with an error.
        input_tokens: Tokens that were sent, by all of them.
        output_tokens: Tokens that were made.
        cached_tokens: Those of the sent that came from the service's cache, as far as it said.
        reasoning_tokens: Those of the made that were not shown, as far as the service said.
        cost_nano_usd: Cost of those whose cost is known; None if no cost is known at all.
        without_cost: Calls of either kind whose cost is not known.
        estimated: Calls of either kind whose tokens are an estimate.
        estimated_costs: Those of them whose cost is known, and so an estimate as well.
    """

    calls: int = 0
    inner_calls: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano_usd: int | None = 0
    without_cost: int = 0
    estimated: int = 0
    estimated_costs: int = 0

    @property
    def tokens(self) -> int:
        """Tokens that were sent and made."""
        return self.input_tokens + self.output_tokens

    @property
    def cost_usd(self) -> float | None:
        """The known cost in US dollars; None if no cost is known at all."""
        return None if self.cost_nano_usd is None else self.cost_nano_usd / NANO_USD

    def as_json(self) -> JsonObject:
        """Return the sums for programs."""
        return {
            "calls": self.calls,
            "inner_calls": self.inner_calls,
            "errors": self.errors,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cached_tokens": self.cached_tokens,
            "reasoning_tokens": self.reasoning_tokens,
            "cost_usd": self.cost_usd,
            "without_cost": self.without_cost,
            "estimated": self.estimated,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The rows that have something in common.

    Attributes:
        name: What that is, such as a model; None for rows that name none. A day is written 2026-11-22.
        totals: Their sums.
    """

    name: str | None
    totals: Totals


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Which rows to sum, and how.

    Attributes:
        by: What the groups have in common.
        since: Calls that began earlier are left out.
        until: So are those that began then or later.
        tenant: Only this tenant's, as it is kept; None for all.
        key_id: Only this key's, as it is kept; None for all.
        max_groups: Most groups; the sums of all rows count those that are left out, too.
    """

    by: Grouping
    since: datetime
    until: datetime
    tenant: str | None = None
    key_id: str | None = None
    max_groups: int = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The answer to a question.

    Attributes:
        question: What was asked.
        groups: Days in their order; anything else with what cost most first.
        total: Sums of all rows.
        is_truncated: Whether there are more groups than were asked for.
    """

    question: Question
    groups: tuple[Group, ...]
    total: Totals
    is_truncated: bool = False

    def as_json(self) -> JsonObject:
        """Return the report for programs."""
        by = self.question.by
        return {
            "by": by,
            "since": _iso(self.question.since),
            "until": _iso(self.question.until),
            "groups": [{by: group.name, **group.totals.as_json()} for group in self.groups],
            "total": self.total.as_json(),
            "truncated": self.is_truncated,
        }


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
