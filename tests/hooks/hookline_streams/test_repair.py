"""Mending streams that broke: what the caller reads, and how often the upstream was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hookline import hookimpl
from hookline.attempt import RetryDecision
from hookline.errors import (
    ContentBlockedError,
    StreamInterruptedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from hookline.streaming import StreamEvent, StreamTransform
from hookline_openai.stream_resume import GO_ON
from small_service import Body, streamed, whole
from streams_lab import DONE, END, ROLE, Answer, Chunks, Lab, delta, encode, say, usage, whole_stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline import UpstreamRequest, UpstreamResponse
    from hookline.action import JsonObject
    from hookline.attempt import Attempt

DOORS = pytest.mark.parametrize("door", ["action", "wire"])
CUT = StreamInterruptedError("The upstream broke the connection in the middle of its answer.")
OVERLOADED = encode(
    {"error": {"message": "Overloaded.", "type": "server_error", "code": "server_is_overloaded"}}
)
REST: dict[str, Any] = {"id": "chatcmpl-2", "created": 2, "model": "m-2"}
STORY = "Once upon a time there was a gateway, and it never lost a word."


def cut_after(*texts: str) -> Chunks:
    return [ROLE, *map(say, texts), CUT]


def go_on(*texts: str) -> list[bytes]:
    """Return the stream of another answer."""
    role = delta({"role": "assistant", "content": ""}, **REST)
    end = [delta({}, "stop", **REST), usage(20, 9), DONE]
    return [role, *[say(text, **REST) for text in texts], *end]


def refused(status: int, code: str = "server_error", **headers: str) -> Answer:
    body = {"error": {"message": "No.", "type": "server_error", "code": code, "param": None}}
    return lambda request: whole(body, status=status, **headers)


def continue_honestly(request: UpstreamRequest) -> str:
    """Return what is left of the story for a model that was asked to go on."""
    messages = orjson.loads(request.content or b"")["messages"]
    said = messages[-2]["content"] if messages[-1]["content"] == GO_ON else ""
    assert STORY.startswith(said)
    return STORY[len(said) :]


# ---------------------------------------------------------------- error, the default


@DOORS
@pytest.mark.parametrize("chunks", [[CUT], [ROLE, CUT], cut_after("Hel")])
def test_by_default_nothing_is_asked_again(door: str, chunks: Chunks) -> None:
    lab = Lab(chunks, whole_stream("Hello"))

    result = lab.run(door)

    assert (result.error["code"], lab.attempts, lab.warnings) == ("stream_interrupted", 1, [])


# ---------------------------------------------------------------- restart


@DOORS
@pytest.mark.parametrize(
    "first",
    [
        [CUT],
        [],
        [ROLE, CUT],
        [ROLE[:20], CUT],
        [ROLE, UpstreamTimeoutError("Silent.")],
        [ROLE, b"data: garbage\n\n"],
        [ROLE, OVERLOADED],
        [DONE],
        [ROLE, DONE],
    ],
    ids=["cut", "empty", "role", "half", "stall", "garbage", "error", "only the mark", "no end"],
)
@pytest.mark.parametrize("policy", ["restart", "continue"])
def test_stream_that_delivered_nothing_is_asked_for_again(door: str, first: Chunks, policy: str) -> None:
    lab = Lab(first, whole_stream("Hel", "lo"), on_interrupt=policy)

    result = lab.run(door)

    assert (result.text, result.is_done, lab.attempts) == ("Hello", True, 2)
    assert lab.sent[0] == lab.sent[1]
    assert lab.warnings == ["stream_restarted"]
    assert lab.bodies[0].is_closed_soon()
    if door == "wire":
        assert result.content == b"".join(whole_stream("Hel", "lo"))


@DOORS
def test_stream_that_delivered_something_is_not_started_again(door: str) -> None:
    lab = Lab(cut_after("Hel"), whole_stream("Hello"), on_interrupt="restart")

    result = lab.run(door)

    assert (result.text, result.error["code"], lab.attempts) == ("Hel", "stream_interrupted", 1)


def test_tool_call_that_begun_is_delivered_at_once_and_not_started_again() -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    lab = Lab([ROLE, delta({"tool_calls": [call]}), CUT], whole_stream("Hello"), on_interrupt="restart")

    result = lab.run()

    assert (result.events[1]["choices"][0]["delta"], lab.attempts) == ({"tool_calls": [call]}, 1)  # type: ignore[index]


def test_no_more_than_a_few_empty_events_are_held_back() -> None:
    lab = Lab([*[ROLE] * 30, CUT], on_interrupt="restart")

    result = lab.run()

    assert len(result.events) == 31


@DOORS
@pytest.mark.parametrize(("most", "attempts"), [(0, 1), (1, 2), (2, 3), (3, 4)])
@pytest.mark.parametrize("policy", ["restart", "continue"])
def test_how_often_is_asked_is_bounded(door: str, most: int, attempts: int, policy: str) -> None:
    lab = Lab([CUT], on_interrupt=policy, max_resumes=most)

    result = lab.run(door)

    assert (result.error["code"], lab.attempts) == ("stream_interrupted", attempts)


def test_waits_grow_from_one_attempt_to_the_next() -> None:
    lab = Lab([CUT], on_interrupt="restart", max_resumes=6)

    lab.run()

    assert lab.clock.waits == [0.25, 0.5, 1, 2, 4, 4]


def test_service_s_own_wait_is_obeyed() -> None:
    limited = encode(
        {
            "error": {
                "message": "Limit. Please try again in 7s.",
                "code": "rate_limit_exceeded",
                "type": "tokens",
            }
        }
    )
    lab = Lab([ROLE, limited], whole_stream("Hello"), on_interrupt="restart")

    assert lab.run().is_done
    assert lab.clock.waits == [7]


def test_wait_that_does_not_fit_is_not_begun() -> None:
    lab = Lab([CUT], on_interrupt="restart", limits={"timeout_s": 0.2})

    assert lab.run().error["code"] == "stream_interrupted"
    assert (lab.attempts, lab.clock.waits) == (1, [])


# ---------------------------------------------------------------- continue


@DOORS
def test_stream_goes_on_where_it_broke(door: str) -> None:
    lab = Lab(cut_after("Once", " upon"), go_on(" a", " time."), on_interrupt="continue", max_resumes=1)

    result = lab.run(door, max_tokens=100)

    assert (result.text, result.is_done, lab.attempts) == ("Once upon a time.", True, 2)
    assert lab.sent[1] == {
        **lab.sent[0],
        "max_tokens": 98,
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Once upon"},
            {"role": "user", "content": GO_ON},
        ],
    }
    assert lab.warnings == ["stream_continued"]
    assert lab.clock.waits == [0.25]


def test_joined_stream_of_the_wire_looks_like_one_and_is_marked() -> None:
    lab = Lab(cut_after("Once"), go_on(" upon", " a"), on_interrupt="continue")

    events = lab.run().events

    assert {event["id"] for event in events} == {"chatcmpl-1"}
    assert {event["model"] for event in events} == {"m-1"}
    assert [event.get("hookline") for event in events] == [None, None, {"stitched": True}, None, None, None]
    assert str(events).count("assistant") == 1


def test_joined_output_of_the_action_door_has_all_the_text_and_says_so() -> None:
    lab = Lab(cut_after("Once"), go_on(" upon"), on_interrupt="continue")

    output = lab.run("action").events[-1]["output"]

    assert isinstance(output, dict)
    assert (output["text"], output["finish_reason"], output["id"]) == ("Once upon", "stop", "chatcmpl-1")
    assert [warning["code"] for warning in output["warnings"]] == ["stream_continued"]
    assert "incomplete" not in output


@DOORS
def test_words_that_the_model_repeats_are_delivered_once(door: str) -> None:
    first = cut_after("The quick", " brown fox jum")
    lab = Lab(first, go_on("quick", " brown fox", " jumps over."), on_interrupt="continue")

    assert lab.run(door).text == "The quick brown fox jumps over."


@DOORS
def test_cut_at_any_byte_gives_the_whole_text_in_the_end(door: str) -> None:
    def stream(text: str) -> bytes:
        words = [text[start : start + 9] for start in range(0, len(text), 9)]
        return b"".join([ROLE, *map(say, words), END, usage(3, 4), DONE])

    everything = stream(STORY)
    until_end = everything.index(END) + len(END)  # behind that nothing is left to be asked for
    lab = Lab(on_interrupt="continue")
    for position in range(until_end):

        def answer(request: UpstreamRequest, position: int = position) -> UpstreamResponse:
            rest = stream(continue_honestly(request))
            return streamed(Body([rest[:position], CUT] if lab.attempts == 1 else [rest]))

        result = lab.follow(answer).run(door)

        assert (result.text, result.is_done, lab.attempts) == (STORY, True, 2)


@DOORS
def test_stream_that_breaks_again_and_again_goes_on_each_time_from_all_that_came(door: str) -> None:
    def answer(request: UpstreamRequest) -> UpstreamResponse:
        rest = continue_honestly(request)
        return streamed(Body([ROLE, say(rest[:10]), CUT] if len(rest) > 10 else whole_stream(rest)))

    lab = Lab(answer, on_interrupt="continue", max_resumes=10)

    result = lab.run(door)

    assert (result.text, result.is_done, lab.attempts) == (STORY, True, 7)
    assert [len(sent["messages"]) for sent in lab.sent] == [1, 3, 3, 3, 3, 3, 3]  # type: ignore[arg-type]


@DOORS
def test_end_that_is_missing_behind_the_mark_is_asked_for(door: str) -> None:
    lab = Lab([ROLE, say("Once"), DONE], go_on(" upon"), on_interrupt="continue")

    result = lab.run(door)

    assert (result.text, result.is_done, lab.attempts) == ("Once upon", True, 2)


@DOORS
@pytest.mark.parametrize(
    "fields",
    [
        {"n": 2},
        {"response_format": {"type": "json_object"}},
        {"logprobs": True},
    ],
)
def test_what_cannot_be_joined_soundly_is_an_error(door: str, fields: dict[str, Any]) -> None:
    lab = Lab(cut_after("Once"), go_on(" upon"), on_interrupt="continue")

    result = lab.run(door, **fields)

    assert (result.text, result.error["code"], lab.attempts) == ("Once", "stream_interrupted", 1)


@DOORS
@pytest.mark.parametrize(
    "event",
    [
        {"refusal": "No"},
        {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}]},
    ],
)
def test_answer_that_is_more_than_text_is_an_error(door: str, event: JsonObject) -> None:
    lab = Lab([ROLE, say("Once"), delta(event), CUT], go_on(" upon"), on_interrupt="continue")

    result = lab.run(door)

    assert (result.error["code"], lab.attempts) == ("stream_interrupted", 1)


@DOORS
@pytest.mark.parametrize("last", [[CUT], []])
def test_answer_that_lacks_only_the_mark_of_the_end_is_an_error(door: str, last: list[Exception]) -> None:
    lab = Lab([ROLE, say("Once"), END, *last], go_on(" upon"), on_interrupt="continue")

    result = lab.run(door)

    assert (result.error["code"], lab.attempts) == ("stream_interrupted", 1)


@DOORS
def test_request_to_go_on_that_fails_is_made_again_and_counted(door: str) -> None:
    lab = Lab(cut_after("Once"), refused(503), go_on(" upon"), on_interrupt="continue")

    result = lab.run(door)

    assert (result.text, result.is_done, lab.attempts) == ("Once upon", True, 3)
    assert lab.sent[1] == lab.sent[2]
    assert lab.clock.waits == [0.25, 0.5]


@DOORS
@pytest.mark.parametrize(
    ("status", "code", "attempts"), [(503, "server_error", 3), (400, "context_length_exceeded", 2)]
)
def test_caller_is_told_that_going_on_failed(door: str, status: int, code: str, attempts: int) -> None:
    lab = Lab(cut_after("Once"), refused(status, code), on_interrupt="continue")

    result = lab.run(door)

    assert (result.text, result.error["code"], lab.attempts) == ("Once", "stream_interrupted", attempts)
    assert "asking to go on with it failed" in str(result.error["message"])


def test_whole_answer_where_a_stream_was_to_go_on_is_not_joined() -> None:
    lab = Lab(cut_after("Once"), lambda request: whole({"id": "x"}), on_interrupt="continue")

    result = lab.run()

    assert (result.text, result.error["code"], lab.attempts) == ("Once", "stream_interrupted", 3)


@DOORS
@pytest.mark.parametrize(
    "event",
    [
        encode({"error": {"message": "Bad.", "type": "invalid_request_error", "code": "invalid_prompt"}}),
        encode({"error": {"message": "Money.", "type": "insufficient_quota", "code": "insufficient_quota"}}),
    ],
)
@pytest.mark.parametrize("texts", [[], [say("Once")]])
def test_what_will_fail_again_is_not_asked_again(door: str, event: bytes, texts: list[bytes]) -> None:
    lab = Lab([ROLE, *texts, event], whole_stream("Hello"), on_interrupt="continue")

    result = lab.run(door)

    assert (bool(result.error["code"]), lab.attempts) == (True, 1)


@DOORS
@pytest.mark.parametrize("policy", ["restart", "continue"])
def test_refusal_before_the_stream_is_for_others(door: str, policy: str) -> None:
    lab = Lab(refused(503), whole_stream("Hello"), on_interrupt=policy)

    result = lab.run(door)

    assert result.status in (502, 503)
    assert (lab.attempts, lab.warnings) == (1, [])


class Hold(StreamTransform):
    """Another plugin's transform: keeps all until the end, or stops the stream."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error
        self._held: list[StreamEvent] = []

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        self._held.append(event)
        if self._error is not None and b"Once" in event.data:
            raise self._error
        return ()

    def finish(self, outcome: object) -> Iterable[StreamEvent]:
        return self._held


class Holding:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    @hookimpl
    def hookline_open_stream(self) -> StreamTransform:
        return Hold(self.error)


@DOORS
def test_what_another_plugin_holds_back_is_joined_too(door: str) -> None:
    lab = Lab(cut_after("Once"), go_on(" upon"), plugins=[Holding()], on_interrupt="continue")

    result = lab.run(door)

    assert (result.text, result.is_done, lab.attempts) == ("Once upon", True, 2)


@DOORS
@pytest.mark.parametrize(
    "error",
    [
        ContentBlockedError("Blocked."),
        UpstreamUnavailableError("The check failed.", code="check_failed"),
        ValueError("a bug"),
    ],
    ids=["blocked", "a check that failed", "a bug"],
)
@pytest.mark.parametrize("fields", [{}, {"stream": None}])
def test_stream_that_another_plugin_stopped_is_neither_mended_nor_answered_in_part(
    door: str, error: Exception, fields: dict[str, Any]
) -> None:
    lab = Lab(whole_stream("Once", " upon"), plugins=[Holding(error)], on_interrupt="continue", internal=True)

    result = lab.run(door, **fields)

    assert lab.attempts == 1
    assert b"Once" not in result.content
    assert b'"error"' in result.content


@DOORS
@pytest.mark.parametrize(
    ("begun", "second"), [([say("Once")], go_on(" upon")), ([], whole_stream("Once upon"))]
)
def test_what_another_plugin_made_of_the_request_is_what_is_asked_again(
    door: str, begun: list[bytes], second: Chunks
) -> None:
    class Replace:
        @hookimpl(tryfirst=True)
        def hookline_retry(self, attempt: Attempt) -> RetryDecision | None:
            if attempt.number > 1:
                return None
            request = attempt.request.copy()
            request.body = {**(request.body or {}), "model": "other"}
            return RetryDecision(again=True, request=request)

    lab = Lab(refused(404), [ROLE, *begun, CUT], second, plugins=[Replace()], on_interrupt="continue")

    result = lab.run(door)

    assert (result.text, result.is_done) == ("Once upon", True)
    assert [sent["model"] for sent in lab.sent] == ["m", "other", "other"]


# ---------------------------------------------------------------- per action and key


def test_options_may_differ_per_action_and_key() -> None:
    lab = Lab(
        [CUT],
        whole_stream("Hello"),
        actions={"openai.chat": {"on_interrupt": "restart"}},
        keys={"somebody-else": {"on_interrupt": "error"}},
    )

    assert lab.run().is_done
    assert lab.follow([CUT]).run(verb="complete").error["code"] == "stream_interrupted"
    assert lab.attempts == 1
    other = Lab([CUT], on_interrupt="restart", keys={"caller": {"on_interrupt": "error"}})
    other.run()
    assert other.attempts == 1
