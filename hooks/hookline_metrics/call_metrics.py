"""Numbers of calls: how many, how they ended, how long they took, and what was used.

A call is added to plain numbers; what Prometheus makes of them is worked out when somebody asks.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from itertools import accumulate
from math import isinf
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from hookline import Call, Usage

_INSIDE = "inside"
"""Door of a call that another call ran."""
_NANO = 1_000_000_000


class _ActionNumbers:
    """What all calls of one action add up to."""

    __slots__ = ("attempts", "cost_nano_usd", "input_tokens", "outcomes", "output_tokens", "seconds", "times")

    def __init__(self, buckets: int) -> None:
        self.outcomes: dict[tuple[str, int], int] = {}
        self.times = [0] * buckets
        self.seconds = 0.0
        self.attempts = 0
        self.input_tokens = 0
        self.output_tokens = 0
        self.cost_nano_usd = 0


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
        self._bounds = (*buckets, float("inf")) if buckets[-1:] != (float("inf"),) else buckets
        self._lock = threading.Lock()
        self._by_action: dict[str, _ActionNumbers] = {}
        self.registry.register(self)

    def record(self, call: Call, usage: Usage | None) -> None:
        """Count one call.

        Args:
            call: The call; it is over.
            usage: What it took.
        """
        record, action = call.record, call.action.id
        outcome = _INSIDE if call.parent is not None else call.door, record.status or 0
        took_s = None if record.ended_at is None else max(0.0, record.ended_at - record.began_at)
        with self._lock:
            numbers = self._by_action.get(action)
            if numbers is None:
                numbers = self._by_action[action] = _ActionNumbers(len(self._bounds))
            numbers.outcomes[outcome] = numbers.outcomes.get(outcome, 0) + 1
            if took_s is not None:
                numbers.times[bisect_left(self._bounds, took_s)] += 1
                numbers.seconds += took_s
            numbers.attempts += record.attempts
            if usage is not None and not call.connection.is_simulated:
                numbers.input_tokens += usage.input_tokens
                numbers.output_tokens += usage.output_tokens
                numbers.cost_nano_usd += usage.cost_nano_usd or 0

    def collect(self) -> Iterator[Metric]:
        """Yield what holds now, as Prometheus wants it."""
        calls = CounterMetricFamily(
            "hookline_calls",
            "Calls that are over, by action, door and HTTP status.",
            labels=["action", "door", "status"],
        )
        seconds = HistogramMetricFamily(
            "hookline_call_seconds", "Time from the opening of a call to its end.", labels=["action"]
        )
        attempts = CounterMetricFamily(
            "hookline_upstream_attempts", "Requests that were sent to services.", labels=["action"]
        )
        tokens = CounterMetricFamily(
            "hookline_tokens", "Tokens of calls that are over, by direction.", labels=["action", "direction"]
        )
        cost = CounterMetricFamily(
            "hookline_cost_usd", "Cost of calls that are over, in dollars.", labels=["action"]
        )
        bounds = ["+Inf" if isinf(bound) else repr(float(bound)) for bound in self._bounds]
        with self._lock:
            for action, numbers in self._by_action.items():
                for (door, status), count in numbers.outcomes.items():
                    calls.add_metric([action, door, str(status)], count)
                times = list(zip(bounds, accumulate(numbers.times), strict=True))
                seconds.add_metric([action], times, numbers.seconds)
                attempts.add_metric([action], numbers.attempts)
                for direction, count in (("input", numbers.input_tokens), ("output", numbers.output_tokens)):
                    if count:
                        tokens.add_metric([action, direction], count)
                if numbers.cost_nano_usd:
                    cost.add_metric([action], numbers.cost_nano_usd / _NANO)
        yield from (calls, seconds, attempts, tokens, cost)
