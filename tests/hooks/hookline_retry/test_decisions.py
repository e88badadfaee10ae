"""Which failures are repeated, by the number of requests that the upstream gets."""

from __future__ import annotations

from typing import Any

import pytest

from hookline.errors import StreamInterruptedError, UpstreamTimeoutError, UpstreamUnavailableError
from retry_lab import Answer, Lab, failing, refusal, simulated

FATAL = [
    "billing",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_not_active",
    "429-too-large",
    "status-400",
    "status-401",
    "status-402",
    "status-403",
    "status-404",
    "status-405",
    "status-413",
    "status-422",
]
REFUSED = [
    "429",
    "429-retry-after-0.5",
    "429-http-date",
    "429-ms",
    "429-text",
    "429-none",
    "429-slow-down",
    "status-409",
    "status-500",
    "status-503",
    "status-529",
]
UNKNOWN = [
    "status-408",
    "status-502",
    "status-504",
    "html",
    "html-200",
    "empty",
    "empty-504",
    "malformed",
    "cut",
    "cut-event",
]


@pytest.mark.parametrize("action", ["openai.chat", "openai.embed"])
@pytest.mark.parametrize("fault", FATAL)
def test_what_cannot_succeed_is_asked_once(fault: str, action: str) -> None:
    lab = Lab(simulated(fault))

    assert lab.act(action).get_json()["retryable"] is False
    assert (lab.calls, lab.waits) == (1, [])


@pytest.mark.parametrize("action", ["openai.chat", "openai.embed"])
@pytest.mark.parametrize("fault", REFUSED)
def test_what_was_refused_for_now_is_asked_as_often_as_set(fault: str, action: str) -> None:
    lab = Lab(simulated(fault))

    assert lab.act(action).get_json()["retryable"] is True
    assert (lab.calls, len(lab.waits)) == (3, 2)


@pytest.mark.parametrize("fault", UNKNOWN)
@pytest.mark.parametrize(
    ("action", "repeat_unknown", "calls"),
    [
        ("openai.chat", "idempotent", 1),
        ("openai.embed", "idempotent", 3),
        ("openai.chat", "always", 3),
        ("openai.embed", "never", 1),
    ],
)
def test_what_may_have_been_charged_is_repeated_only_where_it_is_safe(
    fault: str, action: str, repeat_unknown: str, calls: int
) -> None:
    lab = Lab(simulated(fault), repeat_unknown=repeat_unknown)

    assert lab.act(action).status_code in (502, 504)
    assert lab.calls == calls


@pytest.mark.parametrize(
    ("answer", "calls"),
    [
        (failing(lambda: UpstreamUnavailableError("No connection.", reached_upstream=False)), 3),
        (failing(lambda: UpstreamTimeoutError("No connection in time.", reached_upstream=False)), 3),
        (failing(lambda: UpstreamUnavailableError("The connection broke.")), 1),
        (failing(lambda: UpstreamTimeoutError("No answer in time.")), 1),
    ],
    ids=["no connection", "no connection in time", "broke", "no answer in time"],
)
def test_a_connection_that_was_never_made_is_tried_again(answer: Answer, calls: int) -> None:
    lab = Lab(answer)

    assert lab.act().status_code in (502, 504)
    assert lab.calls == calls


@pytest.mark.parametrize("fault", REFUSED)
def test_the_answer_of_a_later_attempt_is_the_caller_s(fault: str) -> None:
    lab = Lab(simulated(fault), simulated())

    answer = lab.act()

    assert (answer.status_code, lab.calls) == (200, 2)
    assert answer.headers["x-hookline-attempts"] == "2"


def test_each_attempt_sends_the_same_request_under_the_same_id() -> None:
    lab = Lab(simulated("status-503"), simulated())

    lab.act()

    first, second = lab.upstream.sent
    assert (first.content, first.headers, first.url) == (second.content, second.headers, second.url)


@pytest.mark.parametrize("max_attempts", [1, 2, 5])
def test_the_number_of_attempts_can_be_set(max_attempts: int) -> None:
    lab = Lab(simulated("status-503"), max_attempts=max_attempts)

    assert lab.act().status_code == 502
    assert lab.calls == max_attempts


def test_switched_off_it_repeats_nothing_and_says_nothing() -> None:
    lab = Lab(refusal(retry_after="20"), enabled=False)

    answers = [lab.post() for _ in range(2)]

    assert [answer.headers["x-should-retry"] for answer in answers] == ["true", "true"]
    assert (lab.calls, lab.waits) == (2, [])


def test_options_of_an_action_and_of_a_key_count() -> None:
    lab = Lab(
        simulated("status-503"),
        max_attempts=2,
        actions={"openai.embed": {"max_attempts": 4}},
        keys={"caller": {"actions": {"openai.moderate": {"enabled": False}}}},
    )

    found = []
    for action in ("openai.chat", "openai.embed", "openai.moderate"):
        before = lab.calls
        lab.act(action)
        found.append(lab.calls - before)
    assert found == [2, 4, 1]


# ---------------------------------------------------------------- what the caller is told


@pytest.mark.parametrize(
    ("fault", "options", "should_retry"),
    [
        ("status-503", {}, "false"),
        ("429", {}, "false"),
        ("cut", {}, "false"),
        ("billing", {}, "false"),
        ("429-retry-after-100", {}, "true"),
        ("429-retry-after-100", {"max_attempts": 1}, "false"),
        ("429-none", {"max_total_s": 0.1}, "true"),
        ("status-503", {"max_total_s": 0.1}, "false"),
        ("status-503", {"budget_reserve": 0, "budget_share": 0}, "false"),
    ],
)
def test_a_client_is_told_whether_it_should_try_again(
    fault: str, options: dict[str, Any], should_retry: str
) -> None:
    answer = Lab(simulated(fault), **options).post()

    assert answer.headers["x-should-retry"] == should_retry


@pytest.mark.parametrize("door", ["act", "post"])
def test_a_wait_that_does_not_fit_the_deadline_is_not_begun(door: str) -> None:
    lab = Lab(simulated("429-retry-after-20"), timeout_s=10)

    answer = getattr(lab, door)()

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "20")
    assert (lab.calls, lab.waits) == (1, [])


def test_a_wait_that_is_longer_than_the_total_is_not_begun() -> None:
    lab = Lab(simulated("429-retry-after-20.3"), max_total_s=20)

    answer = lab.act()

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "21")
    assert (lab.calls, lab.waits) == (1, [])


def test_the_total_counts_what_earlier_waits_took() -> None:
    lab = Lab(simulated("429-retry-after-20"), max_total_s=50, max_attempts=10)

    answer = lab.post()

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "20")
    assert answer.headers["x-should-retry"] == "true"
    assert (lab.calls, lab.waits) == (3, [20, 20])


def test_a_service_that_is_down_and_names_a_wait_too_long_keeps_its_error() -> None:
    lab = Lab(refusal(503, retry_after="100"))

    answer = lab.post()

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "100")
    assert (answer.headers["x-should-retry"], lab.calls) == ("true", 1)


# ---------------------------------------------------------------- streams


def test_a_stream_that_was_refused_is_opened_again() -> None:
    lab = Lab(simulated("429-ms"), simulated())

    answer = lab.post(stream=True)

    assert answer.data.endswith(b"data: [DONE]\n\n")
    assert (lab.calls, lab.waits) == (2, [0.05])


@pytest.mark.parametrize("repeat_unknown", ["idempotent", "always"])
def test_a_stream_that_broke_after_its_first_words_is_never_begun_again(repeat_unknown: str) -> None:
    lab = Lab(simulated("cut"), repeat_unknown=repeat_unknown)

    assert b'"code":"stream_interrupted"' in lab.post(stream=True).data
    assert lab.calls == 1


@pytest.mark.parametrize(("repeat_unknown", "calls"), [("idempotent", 1), ("always", 2)])
def test_a_stream_that_broke_before_its_first_words_may_have_been_charged(
    repeat_unknown: str, calls: int
) -> None:
    def cut_at_once() -> Exception:
        return StreamInterruptedError("The upstream broke the connection.")

    lab = Lab(failing(cut_at_once), simulated(), repeat_unknown=repeat_unknown)

    answer = lab.post(stream=True)

    assert (b"[DONE]" in answer.data, lab.calls) == (calls == 2, calls)


def test_no_retry_is_taken_from_the_budget_for_an_answer_that_has_begun() -> None:
    lab = Lab(
        simulated("cut"),
        simulated("status-503"),
        repeat_unknown="always",
        budget_reserve=2,
        budget_share=0,
    )
    assert b'"code":"stream_interrupted"' in lab.post(stream=True).data
    lab.post(stream=True)

    assert lab.calls == 1 + 3
