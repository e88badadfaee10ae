"""Retries never multiply an outage, and calls that run other calls do not multiply theirs."""

from __future__ import annotations

import pytest

from hookline import Call, UpstreamRequest, hookimpl
from hookline.errors import UpstreamUnavailableError
from retry_lab import Lab, failing, refusal, simulated


@pytest.mark.parametrize(("share", "reserve"), [(0.2, 10), (0.05, 30), (0, 0), (1, 1)])
def test_an_outage_of_a_thousand_calls_gets_a_bounded_number_of_retries(share: float, reserve: int) -> None:
    lab = Lab(simulated("status-503"), budget_share=share, budget_reserve=reserve)

    for _ in range(1000):
        assert lab.act().status_code == 502

    most = (1 + share) * 1000 + reserve
    assert most - 2 <= lab.calls <= most


def test_a_call_without_a_retry_left_is_answered_at_once_and_for_good() -> None:
    lab = Lab(simulated("429-retry-after-1"), budget_reserve=1, budget_share=0)
    lab.act()
    waits = list(lab.waits)

    answer = lab.post()

    assert (answer.status_code, answer.headers["x-should-retry"]) == (429, "false")
    assert lab.calls == 3
    assert lab.waits == [*waits, 1]  # before its first attempt, at the gate


def test_a_minute_after_an_outage_the_retries_are_there_again() -> None:
    lab = Lab(simulated("status-503"), budget_share=0)
    for _ in range(6):
        lab.act()
    before = lab.calls

    lab.act()
    lab.fake_clock.advance(60)
    lab.act()

    assert lab.calls == before + 1 + 3


class Checks:
    """Asks the upstream about every chat before it is sent."""

    def __init__(self) -> None:
        self.is_on = True

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call, request: UpstreamRequest) -> None:
        if self.is_on and call.action.id == "openai.chat":
            call.run("openai.moderate", {"input": "Hi", "model": "omni-moderation-latest"}, as_gateway=True)


@pytest.mark.parametrize(
    ("fault", "calls"), [("status-503", 3), ("429-ms", 3), ("429-retry-after-100", 1), ("billing", 1)]
)
def test_what_a_part_of_a_call_has_tried_is_not_tried_again_by_the_whole(fault: str, calls: int) -> None:
    lab = Lab(simulated(fault), plugins=(Checks(),))

    answer = lab.post()

    assert [request.path for request in lab.upstream.sent] == ["/moderations"] * calls
    assert answer.headers["x-should-retry"] == ("true" if fault == "429-retry-after-100" else "false")


def test_a_part_that_is_not_to_be_repeated_is_not_repeated_by_the_whole() -> None:
    lab = Lab(simulated("status-503"), plugins=(Checks(),), actions={"openai.moderate": {"enabled": False}})

    lab.act()

    assert [request.path for request in lab.upstream.sent] == ["/moderations"]


def test_the_limit_of_a_part_keeps_only_calls_like_that_part_waiting() -> None:
    checks = Checks()
    lab = Lab(refusal(retry_after="100"), plugins=(checks,))
    assert lab.act().headers["retry-after"] == "100"
    lab.follow(simulated())
    checks.is_on = False

    assert lab.act().status_code == 200
    assert lab.act("openai.moderate", model="omni-moderation-latest").status_code == 429
    assert [request.path for request in lab.upstream.sent] == ["/moderations", "/chat/completions"]


def test_the_whole_is_not_sent_again_where_a_part_had_no_connection() -> None:
    def break_off() -> Exception:
        return UpstreamUnavailableError("No connection.", reached_upstream=False)

    lab = Lab(failing(break_off), plugins=(Checks(),))

    assert lab.post().headers["x-should-retry"] == "false"
    assert lab.calls == 3
