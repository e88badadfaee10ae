"""The sliding window against a model that remembers every single take."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookline_limits.store import Hold, Refusal
from limits_lab import LabClock, RedisClock, StoreLab, counter, follow_clock, take

if TYPE_CHECKING:
    from hookline_limits.rules import Counter
    from servers import RedisServer

LIMIT = 20
# Redis keeps a counter a minute longer than it counts, so that a longer window shows more there.
WINDOWS = [(60, counter(f"{LIMIT} tokens / minute")), (600, counter(f"{LIMIT} tokens / 10m"))]

# Each step: sixtieths of the window that pass, how much is asked for, which open call is settled if there are
# so many, to which share of it, and whether before the step or after it.
Step = tuple[float, int, int, int, bool]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.001, 1.0, 5.999, 6.0, 7.5, 30.0, 54.0, 59.999, 60.0, 66.0, 200.0])
        | st.floats(0, 70, allow_nan=False).map(lambda number: round(number, 3)),
        st.integers(0, LIMIT),
        st.integers(0, 12),
        st.integers(0, 100),
        st.booleans(),
    ),
    max_size=40,
)
NONE = 12  # more calls than are open
LATE: list[Step] = [  # a call that is settled long after a newer one was taken and settled
    (0.0, 1, NONE, 0, False),
    (54.0, 19, 1, 100, False),
    (2.0, 0, 0, 100, False),
    (17.0, 20, NONE, 0, False),
]


@dataclass
class Model:
    """Remembers what was admitted when, and what it has come to."""

    window_s: float
    taken: list[list[float]] = field(default_factory=list)  # at, amount

    def most_in_any_window(self) -> float:
        """Return the most that any stretch as long as the window holds."""
        starts = [at for at, _ in self.taken]
        return max(
            (
                sum(amount for at, amount in self.taken if start <= at < start + self.window_s)
                for start in starts
            ),
            default=0,
        )

    def within(self, now_s: float, length_s: float) -> float:
        """Return what counts of the last so many seconds."""
        return sum(amount for at, amount in self.taken if at > now_s - length_s)


def _follow(lab: StoreLab, steps: list[Step], window: tuple[int, Counter]) -> None:
    window_s, limited = window
    longest_s = window_s * 1.1 + 0.001
    store, model = lab.open(), Model(window_s)
    lab.clock.lapses = True
    open_calls: list[tuple[Hold, list[float], int]] = []

    def settle(which: int, share: int) -> None:
        if which < len(open_calls):
            hold, entry, asked = open_calls.pop(which)
            actual = asked * share // 100
            hold.settle([actual])
            entry[1] = actual

    try:
        for passed, amount, which, share, is_before in steps:
            lab.clock.advance(round(passed * window_s / 60, 3))
            now_s = lab.clock.monotonic()
            if is_before:
                settle(which, share)
            answer = take(store, (limited, amount))
            if isinstance(answer, Refusal):
                # Never refused for what is further back than the window and a slot.
                assert model.within(now_s, longest_s) + amount > LIMIT
                assert answer.wait_s is not None
                assert 0 <= answer.wait_s <= longest_s
            else:
                entry = [now_s, float(amount)]
                model.taken.append(entry)
                open_calls.append((answer, entry, amount))
            if not is_before:
                settle(which, share)
            assert model.most_in_any_window() <= LIMIT
    finally:
        store.close()


@pytest.mark.parametrize("window", WINDOWS)
@given(steps=STEPS)
@example(steps=LATE)
@settings(max_examples=200)
def test_no_stretch_as_long_as_the_window_holds_more_than_the_limit_in_memory(
    window: tuple[int, Counter], steps: list[Step]
) -> None:
    _follow(StoreLab(kind="memory", clock=LabClock(), folder=Path()), steps, window)


@pytest.mark.parametrize("window", WINDOWS)
@given(steps=STEPS)
@example(steps=LATE)
@settings(max_examples=40)
def test_no_stretch_as_long_as_the_window_holds_more_than_the_limit_in_sqlite(
    window: tuple[int, Counter], steps: list[Step]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _follow(StoreLab(kind="sqlite", clock=LabClock(), folder=Path(folder), lease_s=3600), steps, window)


@pytest.mark.parametrize("window", WINDOWS)
def test_no_stretch_as_long_as_the_window_holds_more_than_the_limit_in_redis(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, window: tuple[int, Counter]
) -> None:
    """Counters lapse there by the clock that the test moves, when the time to live has passed."""
    follow_clock(monkeypatch)

    @given(steps=STEPS)
    @example(steps=LATE)
    @settings(max_examples=60)
    def follow(steps: list[Step]) -> None:
        redis_server.flush()
        clock = RedisClock(redis_server.url)
        _follow(StoreLab(kind="redis", clock=clock, folder=Path(), url=redis_server.url), steps, window)
        clock.close()

    follow()
