"""What only the store in memory has to show: that it stays small, and quick."""

from __future__ import annotations

import tracemalloc
from time import perf_counter

from hookline_limits.memory_store import MemoryStore
from limits_lab import LabClock, counter, must_refuse, must_take, take

MOST = 1000


def test_s30_a_million_different_users_take_no_more_memory_than_some() -> None:
    store = MemoryStore(LabClock(), most_holders=20_000)
    rule = counter("5 requests / hour per user").rule
    for number in range(950_000):
        take(store, (rule.counter(f"user-{number}"), 1))
    assert len(store) == 20_001

    tracemalloc.start()
    for number in range(950_000, 1_000_000):
        take(store, (rule.counter(f"user-{number}"), 1))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(store) == 20_001
    assert peak_bytes < 100_000


def test_idle_users_make_room_for_new_ones() -> None:
    clock = LabClock()
    store = MemoryStore(clock, most_holders=MOST)
    rule = counter("5 requests / minute per user").rule
    for number in range(10 * MOST):
        clock.advance(0.1)
        must_take(store, (rule.counter(f"user-{number}"), 5))
        must_refuse(store, (rule.counter(f"user-{number}"), 1))

    assert len(store) <= MOST


def test_what_runs_no_more_is_forgotten_at_once() -> None:
    store = MemoryStore(LabClock())
    rule, limited = counter("2 concurrent per user").rule, counter("1 requests / minute")
    for number in range(MOST):
        must_take(store, (rule.counter(f"user-{number}"), 1)).settle([0])
    must_take(store, (limited, 1))
    for number in range(MOST):
        must_refuse(store, (rule.counter(f"refused-{number}"), 1), (limited, 1))

    assert len(store) == 1


def test_users_beyond_the_most_count_together_and_those_of_other_tenants_do_not() -> None:
    store = MemoryStore(LabClock(), most_holders=MOST)
    text = "5 requests / hour per user"
    for number in range(MOST):
        must_take(store, (counter(text, f"user-{number}"), 1))

    must_take(store, (counter(text, "one more"), 3))
    must_take(store, (counter(text, "and another"), 2))
    must_refuse(store, (counter(text, "a third"), 1))
    must_take(store, (counter(text, "user-7"), 4))
    must_refuse(store, (counter(text, "user-7"), 1))
    must_take(store, (counter(text, "a third", tenant="t2"), 5))


def test_users_of_one_call_beyond_the_most_must_fit_together() -> None:
    store = MemoryStore(LabClock(), most_holders=1)
    limited, wide = counter("10 tokens / 10m"), counter("100 tokens / 10m").rule
    must_take(store, (limited.rule.counter("first"), 1))
    one, other, wider = limited.rule.counter("a"), limited.rule.counter("b"), wide.counter("c")

    refusal = must_refuse(store, (one, 6), (other, 6))
    must_refuse(store, (one, 6), (wider, 6))
    must_refuse(store, (wider, 6), (one, 6))
    hold = must_take(store, (one, 6), (other, 4))

    assert refusal.used == 0
    assert list(hold.used) == [10, 10]
    must_refuse(store, (counter("10 tokens / 10m", "c"), 1))
    hold.settle([2, 3])
    must_take(store, (counter("10 tokens / 10m", "c"), 5))
    must_refuse(store, (counter("10 tokens / 10m", "c"), 1))


def test_s30_users_of_many_tenants_have_no_more_room_than_there_is() -> None:
    store = MemoryStore(LabClock(), most_holders=MOST, most_counters=3 * MOST, own_share=10)
    text = "5 requests / hour per user"
    for tenant in range(20):
        rule = counter(text, tenant=f"t{tenant}").rule
        for number in range(2 * MOST):
            take(store, (rule.counter(f"user-{number}"), 1))

    assert len(store) <= 3 * MOST + 20 * 11
    last = counter(text, tenant="the last").rule
    for number in range(10):  # nobody takes the room of others
        must_take(store, (last.counter(f"user-{number}"), 5))
        must_refuse(store, (last.counter(f"user-{number}"), 1))
    must_take(store, (last.counter("one more"), 3))
    must_refuse(store, (last.counter("another"), 3))


def test_users_of_a_tenant_that_is_gone_make_room_for_those_of_others() -> None:
    clock = LabClock()
    store = MemoryStore(clock, most_holders=MOST)
    text = "5 requests / minute per user"
    for tenant in range(5):
        for number in range(MOST):
            must_take(store, (counter(text, f"user-{number}", tenant=f"t{tenant}"), 1))
    clock.advance(67)
    assert len(store) == 5 * MOST

    for number in range(5 * MOST):
        clock.advance(0.1)
        must_take(store, (counter(text, f"user-{number}", tenant="new"), 1))

    assert len(store) <= MOST


def test_what_runs_is_not_forgotten_for_others() -> None:
    clock = LabClock()
    store = MemoryStore(clock, most_holders=2, most_counters=2, own_share=1)
    running = [counter("1 concurrent per user", f"u{number}") for number in range(3)]
    holds = [must_take(store, (one, 1)) for one in running]
    clock.advance(24 * 3600)
    for number in range(20):
        take(store, (counter("1 requests / second per user", f"u{number}"), 1))

    for one in running:
        must_refuse(store, (one, 1))
    for hold in holds:
        hold.settle([0])
    clock.advance(10)
    for number in range(5):
        take(store, (counter("1 requests / second per user", f"v{number}"), 1))
    assert len(store) <= 3  # two, and that of all others


def test_two_limits_cost_some_microseconds_a_call() -> None:
    """It takes about 4 µs; only work that grows with what is counted would break this bound."""
    store = MemoryStore(LabClock())
    takes = ((counter("100000000 requests / minute"), 1), (counter("100000000 tokens / hour"), 100))
    for number in range(10_000):
        must_take(store, (counter("5 requests / day per user", f"user-{number}"), 1))
    best_s = min(_seconds_of_100(store, takes) for _ in range(20))

    assert best_s / 100 < 100e-6


def _seconds_of_100(store: MemoryStore, takes: tuple[tuple[object, int], ...]) -> float:
    began_at = perf_counter()
    for _ in range(100):
        must_take(store, *takes).settle([1, 80])  # type: ignore[arg-type]  # counters
    return perf_counter() - began_at
