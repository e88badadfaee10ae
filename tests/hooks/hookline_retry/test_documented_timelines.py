"""The timelines of the how-to page, second by second."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from hookline_retry.budget import RetryBudgets
from retry_lab import Lab, ManualClock, refusal, simulated

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest, UpstreamResponse


def test_one_call_over_three_attempts() -> None:
    lab = Lab(simulated("status-503"), refusal(retry_after="20"), simulated())
    begin = lab.clock.monotonic()

    answer = lab.act()

    assert [round(at - begin, 6) for at in lab.sent_at] == [0, 0.5, 20.5]
    assert (answer.status_code, answer.headers["x-hookline-attempts"]) == (200, "3")


def test_the_same_call_with_a_wait_that_is_too_long() -> None:
    lab = Lab(simulated("status-503"), refusal(retry_after="90"))

    answer = lab.act()

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "90")
    assert (lab.calls, lab.waits) == (2, [0.5])


def test_a_gate_that_is_closed_and_extended() -> None:
    clock = ManualClock()
    is_sent, may_answer = threading.Event(), threading.Event()

    def answer_late(request: UpstreamRequest) -> UpstreamResponse:
        is_sent.set()
        assert may_answer.wait(20)
        return refusal(retry_after="30")(request)

    lab = Lab(
        answer_late,
        refusal(retry_after="20"),
        simulated(),
        clock=clock,
        random=random.Random(3).random,
        actions={"openai.embed": {"max_total_s": 10}},
    )
    with ThreadPoolExecutor(3) as pool:
        late = pool.submit(lab.act)
        assert is_sent.wait(20)
        first = pool.submit(lab.act)
        assert clock.until_waiting(1) == [20]
        clock.advance(2)
        assert lab.act(model="gpt-5.4-mini").status_code == 200
        clock.advance(1)
        second = pool.submit(lab.act)
        turns = clock.until_waiting(2)
        assert turns[0] == 20
        assert 20 < turns[1] <= 25
        clock.advance(2)
        third = lab.act("openai.embed", model="gpt-4o")
        assert third.status_code == 429
        assert 15 <= int(third.headers["retry-after"]) <= 20
        clock.advance(2)
        may_answer.set()
        assert 37 <= clock.until_waiting(3)[-1] <= 44.5
        clock.advance(18)
        turns = clock.until_waiting(3)
        assert 37 <= turns[0] < turns[1] < turns[2] <= 44.5
        assert lab.calls == 3
        clock.advance(19.5)
        assert {call.result(timeout=20).status_code for call in (late, first, second)} == {200}


def test_a_budget_over_a_hundred_seconds() -> None:
    budgets = RetryBudgets()
    retries: list[int] = []
    for second in range(100):
        budgets.add_call("openai", share=0.2, reserve=10)
        moments = (second, second + 0.5)
        retries.append(sum(budgets.take("openai", reserve=10, now_s=now_s) for now_s in moments))

    assert retries[:11] == [2, 2, 2, 2, 2, 1, 0, 0, 0, 0, 1]
    assert [second for second in range(6, 100) if retries[second]] == list(range(10, 100, 5))
    assert 100 + sum(retries) == 129


def test_the_sandbox_of_the_page_answers_after_two_back_offs() -> None:
    lab = Lab(simulated("status-503"), simulated("status-503"), simulated())

    assert lab.act().headers["x-hookline-attempts"] == "3"
    assert sum(lab.waits) == pytest.approx(1.5)
