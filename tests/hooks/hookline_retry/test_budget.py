"""The budget of retries: bounded in an outage, there again after it, the same with many threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hookline_retry.budget import QUIET_S, RetryBudgets


def run_outage(
    budgets: RetryBudgets,
    calls: int,
    *,
    share: float = 0.2,
    reserve: int = 10,
    retries: int = 2,
    begin_s: float = 0.0,
    pace_s: float = 0.1,
) -> int:
    """Return how many retries are made when every one of so many calls fails and wants so many."""
    made = 0
    for number in range(calls):
        budgets.add_call("openai", share=share, reserve=reserve)
        now_s = begin_s + number * pace_s
        wanted = 0
        while wanted < retries and budgets.take("openai", reserve=reserve, now_s=now_s):
            wanted += 1
        made += wanted
    return made


@pytest.mark.parametrize(
    ("share", "reserve", "most"),
    [(0.2, 10, 210), (0.1, 10, 110), (1, 5, 1005), (0.2, 0, 200), (0, 10, 10), (0, 0, 0)],
)
def test_an_outage_has_the_reserve_and_the_share_of_its_calls(share: float, reserve: int, most: int) -> None:
    made = run_outage(RetryBudgets(), 1000, share=share, reserve=reserve)
    assert most - 1 <= made <= most


def test_shares_add_up_to_whole_retries_without_rounding_loss() -> None:
    budgets = RetryBudgets()
    assert run_outage(budgets, 1000, share=0.1, reserve=0) == 100


def test_good_times_are_not_saved_up() -> None:
    budgets = RetryBudgets()
    for _ in range(100_000):
        budgets.add_call("openai", share=0.2, reserve=10)
    assert run_outage(budgets, 1000) <= 210


def test_one_call_never_fills_the_bucket_beyond_the_reserve() -> None:
    budgets = RetryBudgets()
    for _ in range(3):
        assert budgets.take("openai", reserve=3, now_s=0)
    budgets.add_call("openai", share=10, reserve=3)
    assert [budgets.take("openai", reserve=3, now_s=0) for _ in range(4)] == [True] * 3 + [False]


def test_a_long_outage_gets_no_new_reserve() -> None:
    budgets = RetryBudgets()
    assert run_outage(budgets, 1000, pace_s=QUIET_S - 1) <= 210


def test_after_a_quiet_time_the_reserve_is_there_again() -> None:
    budgets = RetryBudgets()
    run_outage(budgets, 100)
    assert run_outage(budgets, 1, begin_s=10 + QUIET_S) == 2
    assert run_outage(budgets, 100, begin_s=11 + QUIET_S) == 10 - 2 + 20


def test_a_connection_with_few_calls_always_has_its_retries() -> None:
    budgets = RetryBudgets()
    assert run_outage(budgets, 1000, pace_s=QUIET_S) == 2000


def test_connections_have_budgets_of_their_own() -> None:
    budgets = RetryBudgets()
    run_outage(budgets, 100)
    assert not budgets.take("openai", reserve=10, now_s=10)
    assert budgets.take("other", reserve=10, now_s=10)


def test_a_call_with_a_small_reserve_takes_nothing_from_the_others() -> None:
    budgets = RetryBudgets()
    budgets.add_call("openai", share=0.2, reserve=10)
    budgets.add_call("openai", share=0.2, reserve=0)
    assert [budgets.take("openai", reserve=10, now_s=0) for _ in range(11)] == [True] * 10 + [False]


def test_threads_together_take_no_more_than_there_is() -> None:
    budgets = RetryBudgets()
    start = threading.Barrier(8)

    def take() -> int:
        start.wait(10)
        return sum(budgets.take("openai", reserve=500, now_s=0) for _ in range(100))

    with ThreadPoolExecutor(8) as pool:
        assert sum(future.result() for future in [pool.submit(take) for _ in range(8)]) == 500
