"""Whole answers that are put together from a stream which only the gateway asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openai.types.chat import ChatCompletion

from hookline.errors import StreamInterruptedError
from hookline_context import ContextPlugin
from small_service import whole
from streams_lab import DONE, END, ROLE, TOP, Chunks, Lab, delta, encode, say, usage, whole_stream

if TYPE_CHECKING:
    from hookline.action import JsonObject

DOORS = pytest.mark.parametrize("door", ["action", "wire"])
CUT = StreamInterruptedError("The upstream broke the connection in the middle of its answer.")
PLAIN: dict[str, Any] = {"stream": None}


def text_of(answer: JsonObject) -> object:
    """Return the text of a whole answer of either door."""
    return (
        answer["text"]
        if "text" in answer
        else ChatCompletion.model_validate(answer).choices[0].message.content
    )


def reason_of(answer: JsonObject) -> object:
    return (
        answer["finish_reason"]
        if "finish_reason" in answer
        else ChatCompletion.model_validate(answer).choices[0].finish_reason
    )


@DOORS
def test_caller_without_a_stream_is_served_from_one(door: str) -> None:
    lab = Lab(whole_stream("Hel", "lo"), internal=True)

    result = lab.run(door, **PLAIN)

    assert (result.status, result.headers["content-type"]) == (200, "application/json")
    assert (text_of(result.json), reason_of(result.json)) == ("Hello", "stop")
    assert ("incomplete" in result.json, lab.attempts, lab.warnings) == (False, 1, [])
    sent = lab.upstream.sent[0]
    assert (sent.is_stream, sent.headers["accept"]) == (True, "text/event-stream")
    assert (lab.sent[0]["stream"], lab.sent[0]["stream_options"]) == (True, {"include_usage": True})
    assert lab.watcher.calls[0].input.get("stream") is None  # the caller's own input is not changed


@DOORS
def test_answer_is_the_same_as_one_that_came_whole(door: str) -> None:
    message = {"role": "assistant", "content": "Hello", "refusal": None}
    plain = {
        **TOP,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
    }

    streamed = Lab(whole_stream("Hel", "lo"), internal=True).run(door, **PLAIN)
    direct = Lab(lambda request: whole(plain)).run(door, **PLAIN)

    assert streamed.json == direct.json


@DOORS
@pytest.mark.parametrize("options", [{}, {"internal": False}])
def test_by_default_nobody_is(door: str, options: dict[str, Any]) -> None:
    lab = Lab(whole_stream("Hello"), **options)

    lab.run(door, **PLAIN)

    assert lab.sent[0].get("stream") is None
    assert not lab.upstream.sent[0].is_stream


@DOORS
@pytest.mark.parametrize(("action", "is_stream"), [("openai.chat", True), ("openai.complete", False)])
def test_one_action_alone_may_be(door: str, action: str, is_stream: bool) -> None:
    lab = Lab(whole_stream("Hello"), actions={action: {"internal": True}})

    lab.run(door, **PLAIN)

    assert lab.upstream.sent[0].is_stream == is_stream


@DOORS
def test_service_that_answers_whole_all_the_same_is_understood(door: str) -> None:
    message = {"role": "assistant", "content": "Hello", "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    plain = {**TOP, "object": "chat.completion", "choices": [choice]}

    result = Lab(lambda request: whole(plain), internal=True).run(door, **PLAIN)

    assert text_of(result.json) == "Hello"


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        ("complete", {"best_of": 3}),
        ("chat", {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "mp3"}}),
        ("embed", {"messages": None, "input": "a"}),
    ],
)
def test_what_cannot_be_streamed_is_asked_for_whole(verb: str, fields: dict[str, Any]) -> None:
    lab = Lab(lambda request: whole({}), internal=True)

    lab.run(verb=verb, **{**PLAIN, **fields})

    assert lab.sent[0].get("stream") is None


@DOORS
@pytest.mark.parametrize("policy", ["error", "restart", "continue"])
def test_when_time_is_up_the_caller_gets_what_has_arrived(door: str, policy: str) -> None:
    lab = Lab(internal=True, on_interrupt=policy, limits={"timeout_s": 100})

    def slow() -> Chunks:
        yield ROLE
        for word in ["Once", " upon", " a"]:
            yield say(word)
            lab.clock.advance(40)
        yield from [say(" time"), END, DONE]

    result = lab.follow(slow()).run(door, **PLAIN)

    assert (result.status, text_of(result.json)) == (200, "Once upon a")
    assert (reason_of(result.json), result.json["incomplete"]) == ("length", True)
    assert (lab.attempts, lab.warnings) == (1, ["answer_incomplete"])
    assert "answer_incomplete" in result.headers["x-hookline-warnings"]
    assert lab.bodies[0].is_closed_soon()


@DOORS
def test_stream_that_breaks_gives_what_has_arrived(door: str) -> None:
    lab = Lab([ROLE, say("Once"), CUT], internal=True)

    result = lab.run(door, **PLAIN)

    assert (text_of(result.json), result.json["incomplete"], lab.attempts) == ("Once", True, 1)


@DOORS
@pytest.mark.parametrize(
    ("policy", "second", "text", "warning"),
    [
        ("restart", whole_stream("Other"), "Other", "stream_restarted"),
        ("continue", whole_stream(" upon"), "Once upon", "stream_continued"),
    ],
)
def test_stream_that_can_be_mended_gives_the_whole_answer(
    door: str, policy: str, second: Chunks, text: str, warning: str
) -> None:
    lab = Lab([ROLE, say("Once"), CUT], second, internal=True, on_interrupt=policy)

    result = lab.run(door, **PLAIN)

    assert (text_of(result.json), reason_of(result.json), lab.attempts) == (text, "stop", 2)
    assert "incomplete" not in result.json
    assert lab.warnings == [warning]
    assert result.headers["x-hookline-attempts"] == "2"


@DOORS
def test_json_that_cannot_be_continued_is_started_again(door: str) -> None:
    lab = Lab([ROLE, say('{"a":'), CUT], whole_stream('{"a": 1}'), internal=True, on_interrupt="continue")

    result = lab.run(door, response_format={"type": "json_object"}, **PLAIN)

    assert (text_of(result.json), lab.attempts) == ('{"a": 1}', 2)


@DOORS
@pytest.mark.parametrize("policy", ["restart", "continue"])
@pytest.mark.parametrize("status", [503, 400])
def test_what_had_arrived_is_kept_when_mending_fails(door: str, policy: str, status: int) -> None:
    refusal: JsonObject = {"error": {"message": "No.", "type": "server_error", "code": None, "param": None}}
    lab = Lab(
        [ROLE, say("Once"), CUT],
        lambda request: whole(refusal, status=status),
        internal=True,
        on_interrupt=policy,
    )

    result = lab.run(door, **PLAIN)

    assert (result.status, text_of(result.json), result.json["incomplete"]) == (200, "Once", True)
    assert lab.attempts == (3 if status == 503 else 2)


@DOORS
@pytest.mark.parametrize(
    "chunks",
    [
        [CUT],
        [ROLE, CUT],
        [ROLE, delta({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}), CUT],
        [ROLE, say("a"), encode({"error": {"message": "Bad.", "type": "invalid_request_error"}})],
    ],
    ids=["nothing", "role", "half a tool call", "refused"],
)
def test_without_anything_of_use_the_call_fails(door: str, chunks: Chunks) -> None:
    result = Lab(chunks, internal=True).run(door, **PLAIN)

    assert result.status >= 400


@DOORS
def test_only_tool_calls_that_are_whole_are_part_of_a_partial_answer(door: str) -> None:
    def call(index: int, arguments: str) -> bytes:
        tool = {"name": "f", "arguments": arguments}
        return delta(
            {"tool_calls": [{"index": index, "id": f"c{index}", "type": "function", "function": tool}]}
        )

    result = Lab([ROLE, call(0, '{"a": 1}'), call(1, '{"a"'), CUT], internal=True).run(door, **PLAIN)

    answer = result.json
    if door == "action":
        assert answer["tool_calls"] == [{"id": "c0", "name": "f", "arguments": {"a": 1}}]
    else:
        calls = ChatCompletion.model_validate(answer).choices[0].message.tool_calls or []
        assert [found.id for found in calls] == ["c0"]
        assert answer["hookline"] == {"tool_calls_left_out": 1}
    assert answer["incomplete"] is True


@DOORS
def test_answer_that_lacks_only_the_mark_of_its_end_is_whole(door: str) -> None:
    lab = Lab([ROLE, say("Once"), END, usage(7, 5)], internal=True)

    result = lab.run(door, **PLAIN)

    assert (text_of(result.json), reason_of(result.json)) == ("Once", "stop")
    assert ("incomplete" in result.json, lab.attempts, lab.warnings) == (False, 1, [])


def test_answer_beyond_the_bound_is_an_error() -> None:
    lab = Lab([ROLE, *[say("x" * 500)] * 3, END, DONE], internal=True, limits={"max_answer_bytes": 1024})

    result = lab.run(**PLAIN)

    assert result.json["error"]["code"] == "upstream_answer_too_large"  # type: ignore[index]  # an object
    assert lab.attempts == 1


def test_caller_of_a_stream_gets_one_as_before() -> None:
    result = Lab(whole_stream("Hello"), internal=True).run()

    assert result.content == b"".join(whole_stream("Hello"))


@DOORS
def test_what_had_arrived_is_kept_when_the_request_to_go_on_is_too_long(door: str) -> None:
    """The plugin `context` would shorten it, or refuse it; but it is no request of its own."""
    message = "This model's maximum context length is 9 tokens. However, your messages resulted in 12 tokens."
    refusal: JsonObject = {
        "error": {
            "message": message,
            "type": "invalid_request_error",
            "code": "context_length_exceeded",
            "param": "messages",
        }
    }
    lab = Lab(
        [ROLE, say("Once"), CUT],
        lambda request: whole(refusal, status=400),
        plugins=[ContextPlugin()],
        internal=True,
        on_interrupt="continue",
    )

    result = lab.run(door, **PLAIN)

    assert (result.status, text_of(result.json), result.json["incomplete"]) == (200, "Once", True)
    assert lab.attempts == 2
