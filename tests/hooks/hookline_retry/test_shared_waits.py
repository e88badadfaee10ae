"""When the service asks one call to wait, the others of its connection and model wait, too."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hookline import hookimpl
from hookline.attempt import Attempt, RetryDecision
from hookline.errors import RateLimitedError, StreamInterruptedError
from hookline.order import Order
from hookline_retry.gate import MOST_MODELS
from retry_lab import INPUTS, Answer, Lab, ManualClock, refusal, simulated
from small_service import CALLER, Body, streamed

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest, UpstreamResponse

ASKS_20_S = refusal(retry_after="20")


def closed_lab(**options: Any) -> Lab:
    """Return a gateway whose upstream has asked to wait 20 s, and would answer now."""
    lab = Lab(ASKS_20_S, max_attempts=1, **options)
    assert lab.act().status_code == 429
    lab.follow(simulated())
    assert (lab.calls, lab.waits) == (1, [])
    return lab


def test_another_call_waits_until_the_gate_opens() -> None:
    lab = closed_lab()

    assert lab.act().status_code == 200
    assert (lab.waits, lab.calls) == ([20], 2)


def test_the_time_that_has_passed_counts() -> None:
    lab = closed_lab()
    lab.fake_clock.advance(15)

    assert lab.act().status_code == 200
    assert lab.waits == [5]


def test_after_the_wait_nobody_waits() -> None:
    lab = closed_lab()
    lab.fake_clock.advance(20)

    assert lab.act().status_code == 200
    assert lab.waits == []


@pytest.mark.parametrize("more", [{"timeout_s": 10}, {"max_total_s": 10}])
@pytest.mark.parametrize("door", ["act", "post"])
def test_a_call_that_cannot_wait_so_long_is_told_at_once_and_never_sent(
    door: str, more: dict[str, Any]
) -> None:
    lab = closed_lab(**more)
    lab.fake_clock.advance(0.5)

    answer = getattr(lab, door)()

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "20")
    assert (lab.calls, lab.waits) == (1, [])


def test_a_client_that_was_told_to_wait_may_come_back() -> None:
    lab = closed_lab(max_total_s=10)

    answer = lab.post()

    assert (answer.status_code, answer.headers["x-should-retry"]) == (429, "true")
    assert answer.get_json()["error"]["code"] == "rate_limit_exceeded"
    lab.fake_clock.advance(int(answer.headers["retry-after"]))
    assert lab.post().status_code == 200


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("openai.chat", {"model": "gpt-5.4-mini"}),
        ("openai.embed", {}),
        ("openai.moderate", {}),
    ],
)
def test_other_models_do_not_wait(action: str, fields: dict[str, object]) -> None:
    lab = closed_lab()

    assert lab.act(action, **fields).status_code == 200
    assert lab.waits == []


def test_a_call_that_waits_waits_on_when_the_wait_is_extended() -> None:
    clock = ManualClock()
    is_sent, may_answer = threading.Event(), threading.Event()

    def answer_late(request: UpstreamRequest) -> UpstreamResponse:
        is_sent.set()
        assert may_answer.wait(20)
        return refusal(retry_after="30")(request)

    lab = Lab(answer_late, ASKS_20_S, simulated(), clock=clock, max_attempts=1)
    with ThreadPoolExecutor(2) as pool:
        late = pool.submit(lab.act)
        assert is_sent.wait(20)
        assert lab.act().status_code == 429
        waiting = pool.submit(lab.act)
        assert clock.until_waiting(1) == [20]
        may_answer.set()
        assert late.result(timeout=20).status_code == 429
        clock.advance(20)
        assert clock.until_waiting(1) == [30]
        assert lab.calls == 2
        clock.advance(10)
        assert waiting.result(timeout=20).status_code == 200


def test_a_service_that_is_down_for_a_while_is_left_alone_too() -> None:
    lab = Lab(refusal(503, retry_after="20"), max_attempts=1)
    lab.act()

    assert lab.act().status_code == 502
    assert lab.waits == [20]


@pytest.mark.parametrize(
    "answer",
    [
        simulated("status-503"),
        simulated("429-none"),
        refusal(500, retry_after="20"),
        refusal(409, retry_after="20"),
    ],
    ids=["503", "429 without a wait", "500 with a wait", "409 with a wait"],
)
def test_a_failure_that_asks_nobody_else_to_wait_keeps_nobody_waiting(answer: Answer) -> None:
    lab = Lab(answer, max_attempts=1)
    lab.act()
    lab.act()

    assert (lab.calls, lab.waits) == (2, [])


def test_a_limit_that_is_told_inside_a_stream_keeps_the_others_waiting() -> None:
    limit = {"message": "Rate limit reached. Please try again in 20s.", "code": "rate_limit_exceeded"}

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        events = list(simulated()(request).chunks)[:3]
        return streamed(Body([*events, b"data: " + orjson.dumps({"error": limit}) + b"\n\n"]))

    lab = Lab(answer, simulated())
    assert b'"code":"rate_limit_exceeded"' in lab.act(stream=True).data
    assert (lab.calls, lab.waits) == (1, [])

    assert lab.act().status_code == 200
    assert lab.waits == [20]


def test_a_gate_that_closes_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "hookline.retry")
    closed_lab().act()

    assert [record.message for record in caplog.records] == [
        "connection openai, model 'gpt-4o': asked to wait 20.000 s"
    ]


class LimitsItself:
    """Refuses the first attempt of all, before anything is sent."""

    def __init__(self) -> None:
        self.has_refused = False

    @hookimpl(tryfirst=True)
    def hookline_execute(self) -> None:
        if not self.has_refused:
            self.has_refused = True
            raise RateLimitedError("Too many.", retry_after_s=20, reached_upstream=False)


def test_a_limit_of_the_gateway_s_own_keeps_no_other_call_waiting() -> None:
    lab = Lab(simulated(), plugins=(LimitsItself(),), max_attempts=1)
    assert lab.act().status_code == 429

    assert lab.act().status_code == 200
    assert (lab.calls, lab.waits) == (1, [])


class Insists:
    """Asks once for another attempt, ten seconds later, whatever has happened."""

    def __init__(self) -> None:
        self.has_asked = True

    @hookimpl
    def hookline_retry(self) -> RetryDecision | None:
        if self.has_asked:
            return None
        self.has_asked = True
        return RetryDecision(again=True, after_s=10)


def test_an_attempt_after_one_that_was_held_back_is_judged_like_any_other() -> None:
    insists = Insists()
    lab = Lab(refusal(retry_after="9"), simulated("status-503"), plugins=(insists,), max_total_s=5)
    assert lab.post().headers["x-should-retry"] == "true"
    insists.has_asked = False

    answer = lab.post()

    assert (answer.status_code, answer.headers["x-should-retry"]) == (503, "false")
    assert (lab.calls, lab.waits) == (2, [10])


def test_waits_need_not_be_shared() -> None:
    lab = closed_lab(share_waits=False)

    assert lab.act().status_code == 200
    assert lab.waits == []


def test_a_call_whose_caller_has_left_is_not_sent() -> None:
    lab = closed_lab()
    prepared = lab.gateway.pipeline.prepare(
        CALLER, Order(action_id="openai.chat", fields=dict(INPUTS["openai.chat"]))
    )
    prepared.call.cancellation.cancel()

    with pytest.raises(StreamInterruptedError, match="left while the call waited"):
        lab.gateway.pipeline.perform(prepared)
    assert lab.calls == 1


def test_fifty_calls_wait_for_one_refusal_and_then_go_one_after_another() -> None:
    clock = ManualClock()
    lab = Lab(ASKS_20_S, simulated(), clock=clock, random=random.Random(7).random, budget_reserve=100)
    with ThreadPoolExecutor(50) as pool:
        first = pool.submit(lab.act)
        clock.until_waiting(1)
        others = [pool.submit(lab.act) for _ in range(49)]
        turns = clock.until_waiting(50)
        clock.advance(19.999)
        assert clock.until_waiting(50) == turns
        assert lab.calls == 1
        clock.advance(6)
        assert {future.result(timeout=20).status_code for future in [first, *others]} == {200}

    assert lab.calls == 51
    assert turns[0] == 20
    assert turns[-1] <= 25
    assert all(second - first < 1 for first, second in pairwise(turns))
    assert max(sum(begin <= turn < begin + 0.5 for turn in turns) for begin in turns) <= 12


def test_calls_that_were_refused_together_do_not_come_back_together() -> None:
    clock = ManualClock()
    arrived = threading.Barrier(20)

    def refuse(request: UpstreamRequest) -> UpstreamResponse:
        arrived.wait(20)
        return ASKS_20_S(request)

    lab = Lab(refuse, clock=clock, random=random.Random(7).random, budget_reserve=100)
    with ThreadPoolExecutor(20) as pool:
        calls = [pool.submit(lab.act) for _ in range(20)]
        turns = clock.until_waiting(20)
        lab.follow(simulated())
        clock.advance(25)
        assert {future.result(timeout=20).status_code for future in calls} == {200}

    assert turns[0] == 20
    assert len(set(turns)) == 20
    assert turns[-1] > 23


def test_names_of_models_that_are_made_up_do_not_get_past_a_pause() -> None:
    lab = Lab(ASKS_20_S, max_attempts=1, max_total_s=1)
    for number in range(1100):
        assert lab.act(model=f"model-{number}").status_code == 429

    assert lab.calls == MOST_MODELS


def test_only_so_many_calls_wait_and_others_are_told_at_once() -> None:
    lab = Lab(ASKS_20_S, simulated(), max_attempts=1, max_waiting=0)
    lab.act()

    answer = lab.act()

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "20")
    assert (lab.calls, lab.waits) == (1, [])


class Repeats:
    """A plugin that wants everything again at once."""

    @hookimpl
    def hookline_retry(self, attempt: Attempt) -> RetryDecision:
        return RetryDecision(again=True)


def test_what_other_plugins_repeat_comes_out_of_the_same_budget() -> None:
    lab = Lab(refusal(500), plugins=(Repeats(),), budget_share=0, budget_reserve=4)

    for _ in range(3):
        assert lab.act().status_code == 502

    assert lab.calls == 3 + 4


def test_a_pause_is_kept_whoever_decides() -> None:
    lab = Lab(ASKS_20_S, simulated(), plugins=(Repeats(),))

    assert lab.act().status_code == 200
    assert (lab.calls, lab.waits) == (2, [20.0])
