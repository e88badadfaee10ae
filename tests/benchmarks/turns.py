"""Processor time of steps that take turns, so that a busy moment of the machine hits all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Step = Callable[[], object]


def cpu_us(
    steps: Mapping[str, Step],
    *,
    rounds: int,
    calls: int,
    finish: Mapping[str, Step] | None = None,
    warm_up: bool = True,
) -> dict[str, float]:
    """Return the median processor time of one call of each step, in microseconds.

    It is that of the whole process, so what other threads do for a call counts too.

    Args:
        steps: What is measured, by name.
        rounds: How often each has its turn.
        calls: Calls in a turn.
        finish: Waits, by name, until nothing that a turn began is left to do.
        warm_up: Whether there is a turn before those that count.
    """
    took: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + warm_up):
        for name, step in steps.items():
            started = time.process_time_ns()
            for _ in range(calls):
                step()
            if finish is not None:
                finish[name]()
            if number >= warm_up:
                took[name].append((time.process_time_ns() - started) / calls / 1000)
    return {name: statistics.median(values) for name, values in took.items()}
