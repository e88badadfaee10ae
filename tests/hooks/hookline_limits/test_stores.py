"""What every store of limits does: in memory, in SQLite and in Redis alike."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from hookline_limits.store import MOST_AMOUNT, Refusal, Store
from limits_lab import StoreLab, counter, must_refuse, must_take, take

MINUTE = counter("10 requests / minute")
TOKENS = counter("1000 tokens / hour")
DAY = counter("5 usd / day per tenant", "t1")
RUNNING = counter("2 concurrent")


def test_all_that_applies_is_taken_together_or_not_at_all(store: Store) -> None:
    must_take(store, (MINUTE, 1), (TOKENS, 900), (DAY, 7), (RUNNING, 1))

    refusal = must_refuse(store, (MINUTE, 1), (TOKENS, 101), (DAY, 7), (RUNNING, 1))

    assert refusal.counter is TOKENS
    assert refusal.used == 900
    assert store.look([MINUTE, TOKENS, DAY, RUNNING]) == [1, 900, 7, 1]


def test_exactly_as_much_as_the_limit_is_admitted(store: Store) -> None:
    answers = [take(store, (MINUTE, 1)) for _ in range(15)]

    assert [isinstance(answer, Refusal) for answer in answers] == [False] * 10 + [True] * 5


def test_what_is_used_is_told_with_what_was_set_aside(store: Store) -> None:
    must_take(store, (MINUTE, 1), (TOKENS, 300))

    assert list(must_take(store, (MINUTE, 1), (TOKENS, 50)).used) == [2, 350]


@pytest.mark.parametrize(("actual", "left"), [(0, 1000), (1, 999), (400, 600), (600, 400)])
def test_settling_puts_the_truth_in_the_place_of_the_estimate(store: Store, actual: int, left: int) -> None:
    hold = must_take(store, (TOKENS, 400))

    hold.settle([actual])

    assert store.look([TOKENS]) == [actual]
    must_take(store, (TOKENS, left))
    must_refuse(store, (TOKENS, 1))


def test_more_than_was_set_aside_is_a_debt_that_refuses_the_next(lab: StoreLab, store: Store) -> None:
    must_take(store, (TOKENS, 600)).settle([1500])

    refusal = must_refuse(store, (TOKENS, 0))
    assert refusal.used == 1500
    assert refusal.wait_s is not None
    lab.clock.advance(refusal.wait_s)
    must_take(store, (TOKENS, 1000))


def test_settling_twice_counts_once(store: Store) -> None:
    hold = must_take(store, (TOKENS, 400), (RUNNING, 1))

    for _ in range(3):
        hold.settle([500, 0])

    assert store.look([TOKENS, RUNNING]) == [500, 0]


def test_two_threads_that_settle_the_same_count_once(store: Store) -> None:
    hold = must_take(store, (TOKENS, 400))
    barrier = threading.Barrier(8)

    def settle() -> None:
        barrier.wait(10)
        hold.settle([100])

    threads = [threading.Thread(target=settle) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert store.look([TOKENS]) == [100]


def test_what_runs_now_counts_only_while_it_runs(lab: StoreLab, store: Store) -> None:
    first, _ = must_take(store, (RUNNING, 1)), must_take(store, (RUNNING, 1))
    lab.clock.advance(10 * 24 * 3600)

    assert must_refuse(store, (RUNNING, 1)).wait_s is None
    first.settle([0])

    must_take(store, (RUNNING, 1))


def test_a_window_slides_as_in_the_documented_timeline(lab: StoreLab, store: Store) -> None:
    lab.clock.advance(2 if lab.kind == "memory" else 0)  # to the beginning of a slot of 6 seconds
    lab.clock.advance(2)
    must_take(store, (MINUTE, 4))
    lab.clock.advance(30)
    must_take(store, (MINUTE, 6))
    lab.clock.advance(29)
    assert must_refuse(store, (MINUTE, 1)) == (MINUTE, 10, 5)
    lab.clock.advance(5)
    must_take(store, (MINUTE, 4))
    lab.clock.advance(1)
    assert must_refuse(store, (MINUTE, 1)) == (MINUTE, 10, 29)


def test_setting_aside_and_booking_go_as_in_the_documented_timeline(store: Store) -> None:
    a = must_take(store, (TOKENS, 600))
    must_refuse(store, (TOKENS, 600))
    c = must_take(store, (TOKENS, 300))
    assert store.look([TOKENS]) == [900]
    a.settle([150])
    assert store.look([TOKENS]) == [450]
    d = must_take(store, (TOKENS, 550))
    c.settle([400])
    assert store.look([TOKENS]) == [1100]
    must_refuse(store, (TOKENS, 10))
    d.settle([50])
    assert store.look([TOKENS]) == [600]


@pytest.mark.parametrize("already_s", [0, 0.5, 5.9, 6, 33.3])
@pytest.mark.parametrize("text", ["10 requests / minute", "10 requests / day", "10 requests / month"])
def test_after_the_wait_that_was_named_and_not_before_it_passes(
    lab: StoreLab, store: Store, text: str, already_s: float
) -> None:
    limited = counter(text)
    lab.clock.advance(already_s)
    must_take(store, (limited, 3))
    lab.clock.advance(1)
    must_take(store, (limited, 7))

    wait_s = must_refuse(store, (limited, 2)).wait_s

    assert wait_s is not None
    lab.clock.advance(wait_s - 0.001)
    must_refuse(store, (limited, 2))
    lab.clock.advance(0.002)
    must_take(store, (limited, 2))


def test_the_refusal_that_lasts_longest_is_the_one_that_is_told(store: Store) -> None:
    takes = ((MINUTE, 10), (TOKENS, 1000), (RUNNING, 2))
    must_take(store, *takes)

    assert must_refuse(store, *takes).counter is TOKENS
    assert must_refuse(store, *reversed(takes)).counter is TOKENS


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("5 usd / day", datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC), timedelta(seconds=1)),
        ("5 usd / month", datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), timedelta(seconds=1)),
        ("5 usd / month", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), timedelta(seconds=1)),
        ("5 usd / month", datetime(2028, 2, 28, 12, tzinfo=UTC), timedelta(hours=36)),
    ],
)
def test_a_budget_begins_anew_with_its_day_or_month(
    lab: StoreLab, store: Store, text: str, before: datetime, after: timedelta
) -> None:
    budget = counter(text)
    lab.clock.advance((before - lab.clock.now()).total_seconds())
    must_take(store, (budget, budget.rule.amount))

    refusal = must_refuse(store, (budget, 1))
    assert refusal.wait_s == pytest.approx(after.total_seconds())
    lab.clock.advance(after.total_seconds())

    must_take(store, (budget, budget.rule.amount))


def test_what_was_set_aside_yesterday_is_settled_yesterday(lab: StoreLab, store: Store) -> None:
    hold = must_take(store, (DAY, 100))
    lab.clock.advance(24 * 3600)

    assert store.look([DAY]) == [0]
    hold.settle([5_000_000_000])

    assert store.look([DAY]) == [0]


def test_a_call_that_outlives_its_window_is_settled_where_it_began(lab: StoreLab, store: Store) -> None:
    hold = must_take(store, (MINUTE, 10))
    lab.clock.advance(40)
    hold.settle([8])

    assert store.look([MINUTE]) == [8]
    lab.clock.advance(27)
    assert store.look([MINUTE]) == [0]


def test_the_seconds_until_something_is_free_again_are_told(lab: StoreLab, store: Store) -> None:
    hold = must_take(store, (MINUTE, 1), (RUNNING, 1), (DAY, 1))

    minute, running, day = (hold.free_in_s(index) for index in range(3))

    assert minute is not None
    assert 60 <= minute <= 66
    assert running is None
    assert day == 12 * 3600
    lab.clock.advance(minute)
    assert store.look([MINUTE]) == [0]


@pytest.mark.parametrize("length_s", [61, 120, 300, 540, 599, 659])
def test_a_long_call_that_ends_takes_nothing_from_how_long_newer_ones_count(
    lab: StoreLab, store: Store, length_s: float
) -> None:
    lab.clock.lapses = True
    limited = counter("100 tokens / 10m")
    long = must_take(store, (limited, 1))
    lab.clock.advance(length_s - 1)
    must_take(store, (limited, 99)).settle([99])
    lab.clock.advance(1)

    long.settle([1])

    for _ in range(598):
        lab.clock.advance(1)
        must_refuse(store, (limited, 2))
    lab.clock.advance(62)
    must_take(store, (limited, 100))


@pytest.mark.parametrize(
    ("actual", "booked"), [(10**30, MOST_AMOUNT), (2**63, MOST_AMOUNT), (10**15, 10**15), (-(10**30), 0)]
)
def test_whatever_a_service_says_it_took_is_booked_as_far_as_that_can_be(
    store: Store, actual: int, booked: int
) -> None:
    hold = must_take(store, (TOKENS, 400), (DAY, 7), (RUNNING, 2))

    hold.settle([actual, actual, 0])

    assert store.look([TOKENS, DAY, RUNNING]) == [booked, booked, 0]
    assert store.check() is None


def test_many_who_say_that_they_took_all_there_is_do_not_spoil_the_count(store: Store) -> None:
    holds = [must_take(store, (TOKENS, 50)) for _ in range(20)]

    for hold in holds:
        hold.settle([2**62])

    assert store.look([TOKENS])[0] >= MOST_AMOUNT
    assert store.check() is None
    must_refuse(store, (TOKENS, 0))


@pytest.mark.parametrize("text", ["10 requests / minute", "10 requests / day"])
def test_a_clock_that_is_set_back_lets_nothing_more_pass_and_holds_up_nobody_for_long(
    lab: StoreLab, store: Store, text: str
) -> None:
    limited = counter(text)
    must_take(store, (limited, 6)).settle([6])
    open_hold = must_take(store, (limited, 4))
    lab.set_clock_back(3 * 24 * 3600)

    must_refuse(store, (limited, 1))
    open_hold.settle([3])
    must_take(store, (limited, 1))
    must_refuse(store, (limited, 1))
    lab.clock.advance(24 * 3600 + 66)

    must_take(store, (limited, 10))


def test_another_amount_of_a_limit_does_not_begin_anew(store: Store) -> None:
    must_take(store, (counter("5 usd / month"), 4_000_000_000))

    assert must_refuse(store, (counter("4 usd / month"), 1)).used == 4_000_000_000
    must_take(store, (counter("6 usd / month"), 2_000_000_000))


def test_holders_do_not_count_for_each_other(store: Store) -> None:
    must_take(store, (counter("1 requests / minute", "a"), 1))

    must_take(store, (counter("1 requests / minute", "b"), 1))
    must_take(store, (counter("1 requests / hour", "a"), 1))
    must_take(store, (counter("1 requests / minute per user", "a"), 1))
    must_take(store, (counter("1 requests / minute per user", "a", tenant="t2"), 1))
    must_take(store, (counter("1 requests / minute per flow", "a"), 1))
    must_refuse(store, (counter("1 requests / minute per user", "a"), 1))


HOSTILE = [
    "a/b", "a", "b/a", "", " ", "*", "#", "#" + "0" * 40, "{x}", "}", ":1", "x:1", "a:0", "%", "_",
    "'; DROP TABLE amounts; --", "\u202e", "\ud800", "ä", "a\u0308", "\x00", "a\nb", "a" * 64, "a" * 65,
    "a" * 100_000, "user@example.com", "__proto__",
]  # fmt: skip


def test_s30_hostile_names_of_users_count_each_by_itself(store: Store) -> None:
    counters = [
        counter("1 requests / minute per user", user, tenant=tenant)
        for user in HOSTILE
        for tenant in ("t", "a", "a/b", "#")
    ]
    assert len({one.name for one in counters}) == len(counters)
    assert all(len(one.name) < 200 and one.name.isascii() and one.name.isprintable() for one in counters)

    for one in counters:
        must_take(store, (one, 1))
    for one in counters:
        must_refuse(store, (one, 1))


def test_200_threads_that_start_together_are_admitted_exactly_as_often_as_the_limit_says(
    store: Store,
) -> None:
    limited = [counter("37 requests / hour per user", "new"), counter("100000 tokens / hour")]
    barrier = threading.Barrier(200)
    admitted: list[int] = []

    def call() -> None:
        barrier.wait(30)
        answer = take(store, (limited[0], 1), (limited[1], 100))
        if not isinstance(answer, Refusal):
            answer.settle([1, 60])
            admitted.append(1)

    threads = [threading.Thread(target=call) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(admitted) == 37
    assert store.look(limited) == [37, 37 * 60]


def test_nothing_is_wrong_with_a_store_that_works(store: Store) -> None:
    assert store.check() is None
    must_take(store, (MINUTE, 1))
    assert store.check() is None
