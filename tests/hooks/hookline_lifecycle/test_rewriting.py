"""What the plugin's hooks do with answers and failures that only other plugins bring about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hookline.attempt import Attempt
from hookline.call import Call
from hookline.errors import InvalidUpstreamAnswerError
from hookline.settings import LimitSettings
from hookline.upstream import ErrorAnswer, UpstreamRequest, UpstreamResponse
from hookline_lifecycle.completion_requests import CompletionPlan
from hookline_lifecycle.completion_streams import rewrite_answer
from hookline_lifecycle.lifecycle import STATE, Lifecycle
from hookline_lifecycle.options import LifecycleOptions
from small_service import CALLER, Body

if TYPE_CHECKING:
    from tests.hooks.hookline_lifecycle.conftest import Serve, Served

PLAN = CompletionPlan()
LIMITS = LimitSettings()


def call_of(served: Served, verb: str = "complete") -> Call:
    gateway = served.gateway
    return Call(
        action=gateway.catalog.find(f"openai.{verb}"),
        principal=CALLER,
        connection=gateway.connections["openai"],
        input={},
        deadline=1e12,
    )


def request_to(path: str) -> UpstreamRequest:
    body: dict[str, object] = {"model": "gpt-nobody", "prompt": "hi"}
    return UpstreamRequest(method="POST", base_url="https://api.openai.com/v1", path=path, body=body)


def lifecycle_of(served: Served) -> Lifecycle:
    return Lifecycle(served.gateway.options_of(LifecycleOptions))


def test_headers_about_the_old_body_do_not_stay_with_the_new_one(serve: Serve, chat_answer: Any) -> None:
    response = UpstreamResponse(
        status=200,
        headers=[
            ("content-type", "application/json; charset=utf-8"),
            ("content-length", "5"),
            ("content-encoding", "identity"),
            ("x-request-id", "req_1"),
        ],
        chunks=iter([orjson.dumps(chat_answer)]),
    )
    rewritten = rewrite_answer(call_of(serve()), response, PLAN, LIMITS)
    assert rewritten.headers == [("x-request-id", "req_1"), ("content-type", "application/json")]
    assert orjson.loads(b"".join(rewritten.chunks))["object"] == "text_completion"


def test_a_stream_loses_its_length_and_keeps_its_way_to_be_closed(serve: Serve) -> None:
    body = Body([b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n'])
    response = body.response(content_type="text/event-stream", content_length="7")
    rewritten = rewrite_answer(call_of(serve()), response, PLAN, LIMITS)
    assert rewritten.headers == [("content-type", "text/event-stream")]
    assert not body.is_read
    rewritten.close()
    assert body.closed == 1


def test_events_with_a_name_stay_as_they_are(serve: Serve) -> None:
    event = b'event: other\ndata: {"choices": [{"delta": {"content": "a"}}]}\n\n'
    response = Body([event]).response(content_type="text/event-stream")
    assert list(rewrite_answer(call_of(serve()), response, PLAN, LIMITS).chunks) == [event]


def test_an_event_that_was_begun_and_not_ended_is_still_seen_as_one(serve: Serve) -> None:
    response = Body([b": a\n\n", b'data: {"cho']).response(content_type="text/event-stream")
    assert list(rewrite_answer(call_of(serve()), response, PLAN, LIMITS).chunks) == [b": a\n\n", b": cut"]


def test_an_event_without_end_is_not_collected_for_ever(serve: Serve) -> None:
    limits = LimitSettings(max_event_bytes=1024)
    response = Body([b"data: " + b"x" * 2000]).response(content_type="text/event-stream")
    with pytest.raises(InvalidUpstreamAnswerError) as caught:
        list(rewrite_answer(call_of(serve()), response, PLAN, limits).chunks)
    assert caught.value.code == "stream_event_too_large"


def test_a_refusal_is_not_read(serve: Serve) -> None:
    body = Body([b"no"])
    response = body.response(status=400)
    assert rewrite_answer(call_of(serve()), response, PLAN, LIMITS) is response
    assert not body.is_read


def test_only_an_answer_of_the_chat_is_rewritten(serve: Serve) -> None:
    served = serve()
    call, lifecycle = call_of(served), lifecycle_of(served)
    assert lifecycle.plan_of(call, request_to("/chat/completions")) is None
    call.state[STATE] = PLAN
    assert lifecycle.plan_of(call, request_to("/chat/completions")) is PLAN
    assert lifecycle.plan_of(call, request_to("/completions")) is None


@pytest.mark.parametrize(
    ("verb", "path", "has_begun", "status", "decides"),
    [
        ("complete", "/completions", False, 404, True),
        ("complete", "/completions", True, 404, False),
        ("complete", "/completions", False, 500, False),
        ("complete", "/completions", False, None, False),
        ("complete", "/chat/completions", False, 404, False),
        ("chat", "/completions", False, 404, False),
    ],
)
def test_only_a_first_404_for_a_completion_is_decided_on(
    serve: Serve, verb: str, path: str, has_begun: bool, status: int | None, decides: bool
) -> None:
    served = serve()
    answer = None if status is None else ErrorAnswer(status=status, headers=(), content=b"")
    request = request_to(path)
    attempt = Attempt(
        number=1,
        request=request,
        error=InvalidUpstreamAnswerError("It failed.", answer=answer),
        has_begun=has_begun,
    )
    decision = lifecycle_of(served).decide(call_of(served, verb), attempt)
    assert (decision is not None) is decides
    assert request.path == path
    assert request.body == {"model": "gpt-nobody", "prompt": "hi"}
    if decision is not None:
        assert decision.again
        assert decision.request is not None
        assert (decision.request.path, decision.request.content) == ("/chat/completions", None)
