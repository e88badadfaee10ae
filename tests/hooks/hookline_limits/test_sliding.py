"""The sliding window against a model that remembers every single take."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from hookline_limits.store import Hold, Refusal
from limits_lab import LabClock, RedisClock, StoreLab, counter, follow_clock, take

if TYPE_CHECKING:
    import pytest

    from servers import RedisServer

WINDOW_S = 60
LIMIT = 20
LIMITED = counter(f"{LIMIT} tokens / minute")

# Each step: seconds that pass, how much is asked for, and which open call is settled to which share of it.
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.001, 1.0, 5.999, 6.0, 7.5, 30.0, 59.999, 60.0, 66.0, 200.0])
        | st.floats(0, 70, allow_nan=False).map(lambda number: round(number, 3)),
        st.integers(0, LIMIT),
        st.integers(0, 5),
        st.integers(0, 100),
    ),
    max_size=40,
)


@dataclass
class Model:
    """Remembers what was admitted when, and what it has come to."""

    taken: list[list[float]] = field(default_factory=list)  # at, amount

    def most_in_any_window(self) -> float:
        """Return the most that any stretch as long as the window holds."""
        starts = [at for at, _ in self.taken]
        return max(
            (sum(amount for at, amount in self.taken if start <= at < start + WINDOW_S) for start in starts),
            default=0,
        )

    def within(self, now_s: float, length_s: float) -> float:
        """Return what counts of the last so many seconds."""
        return sum(amount for at, amount in self.taken if at > now_s - length_s)


def _follow(lab: StoreLab, steps: list[tuple[float, int, int, int]]) -> None:
    store, model = lab.open(), Model()
    open_calls: list[tuple[Hold, list[float], int]] = []
    try:
        for passed_s, amount, which, share in steps:
            lab.clock.advance(passed_s)
            now_s = lab.clock.monotonic()
            answer = take(store, (LIMITED, amount))
            if isinstance(answer, Refusal):
                # Never refused for what is further back than the window and a slot.
                assert model.within(now_s, WINDOW_S * 1.1 + 0.001) + amount > LIMIT
                assert answer.wait_s is not None
                assert 0 <= answer.wait_s <= WINDOW_S * 1.1 + 0.001
            else:
                entry = [now_s, float(amount)]
                model.taken.append(entry)
                open_calls.append((answer, entry, amount))
            if which < len(open_calls):
                hold, entry, asked = open_calls.pop(which)
                actual = asked * share // 100
                hold.settle([actual])
                entry[1] = actual
            assert model.most_in_any_window() <= LIMIT
    finally:
        store.close()


@given(steps=STEPS)
@settings(max_examples=300)
def test_no_stretch_as_long_as_the_window_holds_more_than_the_limit_in_memory(
    steps: list[tuple[float, int, int, int]],
) -> None:
    _follow(StoreLab(kind="memory", clock=LabClock(), folder=Path()), steps)


@given(steps=STEPS)
@settings(max_examples=60)
def test_no_stretch_as_long_as_the_window_holds_more_than_the_limit_in_sqlite(
    steps: list[tuple[float, int, int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _follow(StoreLab(kind="sqlite", clock=LabClock(), folder=Path(folder), lease_s=3600), steps)


def test_no_stretch_as_long_as_the_window_holds_more_than_the_limit_in_redis(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow_clock(monkeypatch)

    @given(steps=STEPS)
    @settings(max_examples=60)
    def follow(steps: list[tuple[float, int, int, int]]) -> None:
        redis_server.flush()
        clock = RedisClock(redis_server.url)
        _follow(StoreLab(kind="redis", clock=clock, folder=Path(), url=redis_server.url), steps)
        clock.close()

    follow()
