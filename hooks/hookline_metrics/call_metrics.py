"""Numbers of calls: how many, how they ended, how long they took, and what was used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram

if TYPE_CHECKING:
    from hookline import Call, Usage

_INSIDE = "inside"
"""Door of a call that another call ran."""


class CallMetrics:
    """Counts calls that are over.

    Labels are actions of the catalog, doors and statuses: nothing that a caller can make up.

    Args:
        buckets: Upper bounds of the histogram of times, in seconds.

    Attributes:
        registry: Holds the numbers.
    """

    def __init__(self, *, buckets: tuple[float, ...]) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "hookline_calls",
            "Calls that are over, by action, door and HTTP status.",
            ["action", "door", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "hookline_call_seconds",
            "Time from the opening of a call to its end.",
            ["action"],
            buckets=buckets,
            registry=self.registry,
        )
        self._attempts = Counter(
            "hookline_upstream_attempts",
            "Requests that were sent to services.",
            ["action"],
            registry=self.registry,
        )
        self._tokens = Counter(
            "hookline_tokens",
            "Tokens of calls that are over, by direction.",
            ["action", "direction"],
            registry=self.registry,
        )
        self._cost = Counter(
            "hookline_cost_usd",
            "Cost of calls that are over, in dollars.",
            ["action"],
            registry=self.registry,
        )
        # Finding a child by its labels takes longer than counting with it.
        self._by_outcome: dict[tuple[str, str, int], Counter] = {}
        self._by_action: dict[str, tuple[Histogram, Counter]] = {}

    def record(self, call: Call, usage: Usage | None) -> None:
        """Count one call.

        Args:
            call: The call; it is over.
            usage: What it took.
        """
        record, action = call.record, call.action.id
        outcome = (action, _INSIDE if call.parent is not None else call.door, record.status or 0)
        counter = self._by_outcome.get(outcome)
        if counter is None:
            counter = self._by_outcome[outcome] = self._calls.labels(*outcome)
        counter.inc()
        children = self._by_action.get(action)
        if children is None:
            children = self._seconds.labels(action), self._attempts.labels(action)
            self._by_action[action] = children
        if record.ended_at is not None:
            children[0].observe(max(0.0, record.ended_at - record.began_at))
        if record.attempts:
            children[1].inc(record.attempts)
        if usage is not None and not call.connection.is_simulated:
            self._add_usage(action, usage)

    def _add_usage(self, action: str, usage: Usage) -> None:
        for direction, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if count:
                self._tokens.labels(action, direction).inc(count)
        if usage.cost_nano_usd:
            self._cost.labels(action).inc(usage.cost_nano_usd / 1e9)
