"""Attempts: the plugins decide, the core waits, and nothing is repeated that must not be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from fake_clock import FakeClock
from hookline import Call, HooklineError, Reply, Secret, UpstreamRequest, UpstreamResponse, hookimpl
from hookline.attempt import Attempt, RetryDecision
from hookline.engine.attempts import MAX_ATTEMPTS, may_have_run
from hookline.errors import RateLimitedError, UpstreamTimeoutError, UpstreamUnavailableError
from hookline.upstream import ErrorAnswer
from small_service import CALLER, ORIGIN, Sign, Upstream, make_gateway, say, say_on_the_wire, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.order import Order

ORDERS = pytest.mark.parametrize("order", [say(), say_on_the_wire()], ids=["action", "wire"])


class Decider:
    """Decides as a function says, and remembers what it was asked."""

    def __init__(self, decide: Callable[[Attempt], RetryDecision | None]) -> None:
        self.decide = decide
        self.asked: list[Attempt] = []

    @hookimpl
    def hookline_retry(self, call: Call, attempt: Attempt) -> RetryDecision | None:
        self.asked.append(attempt)
        return self.decide(attempt)


def failing(times: int, *, status: int = 503) -> Upstream:
    """Return an upstream that refuses so many requests and then answers."""

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        if len(upstream.sent) <= times:
            return whole({"error": "busy"}, status=status)
        return whole({"text": "hello"})

    upstream = Upstream(answer)
    return upstream


def until(number: int, **more: Any) -> Decider:
    return Decider(lambda attempt: RetryDecision(again=attempt.number < number, **more))


def run(
    upstream: Upstream, *plugins: object, order: Order | None = None, clock: FakeClock | None = None
) -> Reply:
    gateway = make_gateway(*plugins, upstream=upstream, clock=clock or FakeClock())
    return gateway.runner.run(CALLER, order or say())


def body(reply: Reply) -> dict[str, Any]:
    assert isinstance(reply.content, bytes)
    found: dict[str, Any] = orjson.loads(reply.content)
    return found


def test_without_a_plugin_a_failure_is_final() -> None:
    upstream = failing(1)

    reply = run(upstream)

    assert (reply.status, len(upstream.sent)) == (502, 1)


@ORDERS
def test_another_attempt_is_made_as_often_as_a_plugin_says(order: Order) -> None:
    upstream, clock, decider = failing(2), FakeClock(), until(5, after_s=1.5)

    reply = run(upstream, decider, order=order, clock=clock)

    assert (reply.status, body(reply)["text"], len(upstream.sent)) == (200, "hello", 3)
    assert clock.waits == [1.5, 1.5]
    assert [(attempt.number, attempt.elapsed_s, attempt.has_begun) for attempt in decider.asked] == [
        (1, 0.0, False),
        (2, 1.5, False),
    ]
    assert ("x-hookline-attempts", "3") in reply.headers


def test_the_last_failure_is_the_one_that_is_told() -> None:
    upstream = failing(9)

    reply = run(upstream, until(3))

    assert (reply.status, len(upstream.sent), upstream.sent[0] is upstream.sent[1]) == (502, 3, False)
    assert [request.content for request in upstream.sent] == [upstream.sent[0].content] * 3


def test_a_plugin_that_has_given_up_says_so_and_may_tell_another_error() -> None:
    told = RateLimitedError("Come back later.", retry_after_s=7.2)

    reply = run(failing(9), Decider(lambda attempt: RetryDecision(again=False, error=told)))

    assert (reply.status, body(reply)["retry_after"]) == (429, 8)


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    upstream, clock = failing(1, status=429), FakeClock()

    reply = run(upstream, until(5, after_s=901), clock=clock)

    assert (reply.status, dict(reply.headers)["retry-after"]) == (429, "901")
    assert (len(upstream.sent), clock.waits) == (1, [])


@pytest.mark.parametrize("wait", [-1.0, 0.0, float("nan")])
def test_a_wait_that_is_none_is_not_waited(wait: float) -> None:
    upstream, clock = failing(1), FakeClock()

    assert run(upstream, until(5, after_s=wait), clock=clock).status == 200
    assert clock.waits == []


def test_an_endless_wait_is_not_begun() -> None:
    upstream = failing(1)

    assert run(upstream, until(5, after_s=float("inf"))).status == 502
    assert len(upstream.sent) == 1


def test_once_the_deadline_has_passed_there_is_no_other_attempt() -> None:
    clock = FakeClock()

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        clock.advance(1000)
        return whole({}, status=503)

    upstream = Upstream(answer)

    assert run(upstream, until(5), clock=clock).status in (502, 504)
    assert len(upstream.sent) == 1


def test_nobody_is_asked_once_the_caller_has_left() -> None:
    decider = until(5)

    class Leave:
        @hookimpl
        def hookline_execute(self, call: Call) -> None:
            call.cancellation.cancel()

    upstream = failing(9)
    run(upstream, decider, Leave())

    assert (len(upstream.sent), decider.asked) == (1, [])


def test_a_changed_request_is_checked_signed_and_sent() -> None:
    def shorten(attempt: Attempt) -> RetryDecision:
        request = attempt.request.copy()
        assert request.body is not None
        request.body["text"] = "short"
        assert "authorization" not in request.headers
        return RetryDecision(again=True, request=request)

    upstream = failing(1)
    run(upstream, Decider(shorten), Sign())

    assert [request.content for request in upstream.sent] == [b'{"text":"hi"}', b'{"text":"short"}']
    assert [request.headers["authorization"] for request in upstream.sent] == ["Bearer sk-secret"] * 2


def test_every_attempt_asks_for_the_credential_anew() -> None:
    class Rotate(Sign):
        count = 0

        @hookimpl
        def hookline_resolve_credential(self) -> Secret:
            self.count += 1
            return Secret(f"sk-{self.count}", allowed_origins=frozenset({ORIGIN}))

    upstream = failing(1)
    run(upstream, until(5), Rotate())

    assert [request.headers["authorization"] for request in upstream.sent] == ["Bearer sk-1", "Bearer sk-2"]


@pytest.mark.parametrize("where", ["https://elsewhere.example", "http://api.acme.example/v1"])
def test_a_changed_request_goes_nowhere_else(where: str) -> None:
    def divert(attempt: Attempt) -> RetryDecision:
        request = attempt.request.copy()
        request.base_url = where
        return RetryDecision(again=True, request=request)

    upstream = failing(1)

    reply = run(upstream, Decider(divert), Sign())

    assert (reply.status, body(reply)["error"]["code"], len(upstream.sent)) == (500, "plugin_failed", 1)


def test_a_decision_of_another_type_fails_the_call() -> None:
    upstream = failing(1)

    class Wrong:
        @hookimpl
        def hookline_retry(self) -> bool:
            return True

    assert body(run(upstream, Wrong()))["error"]["code"] == "plugin_failed"
    assert len(upstream.sent) == 1


def test_an_attempt_that_reached_nobody_is_not_counted() -> None:
    seen: list[int] = []

    class Gate:
        @hookimpl
        def hookline_execute(self, call: Call) -> None:
            seen.append(call.record.attempts)
            if len(seen) == 1:
                raise UpstreamUnavailableError("Closed.", reached_upstream=False)

    upstream = failing(0)
    reply = run(upstream, until(5), Gate())

    assert (seen, len(upstream.sent)) == ([0, 0], 1)
    assert "x-hookline-attempts" not in dict(reply.headers)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        *(
            (HooklineError("", answer=ErrorAnswer(status=status, headers=(), content=b"")), False)
            for status in (400, 409, 429, 500, 503, 529)
        ),
        *(
            (HooklineError("", answer=ErrorAnswer(status=status, headers=(), content=b"")), True)
            for status in (200, 408, 502, 504, 520)
        ),
        (UpstreamUnavailableError("Refused.", reached_upstream=False), False),
        (UpstreamTimeoutError("Silent."), True),
    ],
)
def test_what_may_have_been_carried_out_is_told_by_status_and_by_connection(
    error: HooklineError, expected: bool
) -> None:
    assert may_have_run(error) is expected


def test_no_plugin_makes_a_call_go_on_for_ever() -> None:
    upstream = failing(10**6)

    reply = run(upstream, Decider(lambda attempt: RetryDecision(again=True)))

    assert (reply.status, len(upstream.sent)) == (502, MAX_ATTEMPTS)


def test_nothing_is_sent_any_more_once_the_deadline_has_passed() -> None:
    clock = FakeClock()

    class Dawdle:
        @hookimpl
        def hookline_execute(self) -> None:
            clock.advance(1000)

    upstream = failing(0)

    assert run(upstream, Dawdle(), clock=clock).status == 504
    assert upstream.sent == []
