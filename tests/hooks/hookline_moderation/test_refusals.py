"""The service's own refusals reach a builder in one form, and who speaks its format as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest
from tests.hooks.hookline_moderation.conftest import (
    MakeWorld,
    body_of,
    bytes_of,
    chunk,
    chunks,
    completion,
    events_of,
    question,
    stream_of,
)

from hookline import ErrorAnswer, hookimpl
from hookline.attempt import RetryDecision
from hookline.errors import ContentBlockedError, RequestRejectedError, UpstreamFault
from hookline_moderation.refusals import refusal_in_error
from small_service import DONE, Body, streamed, whole

if TYPE_CHECKING:
    from hookline.action import JsonObject

AZURE: JsonObject = {
    "message": "The response was filtered. Please modify your prompt and retry.",
    "type": None,
    "param": "prompt",
    "code": "content_filter",
    "status": 400,
    "innererror": {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {
            "hate": {"filtered": False, "severity": "safe"},
            "violence": {"filtered": True, "severity": "high"},
            "jailbreak": {"filtered": True, "detected": True},
            "odd": "yes",
        },
    },
}


def error(code: str, **more: object) -> JsonObject:
    return {
        "message": "It was flagged.",
        "type": "invalid_request_error",
        "param": None,
        "code": code,
        **more,
    }


REFUSALS = [
    (error("invalid_prompt"), []),
    (error("content_policy_violation"), []),
    (error("content_filter"), []),
    (AZURE, ["jailbreak", "violence"]),
    ({**AZURE, "code": None}, ["jailbreak", "violence"]),
    (error("content_filter", innererror={"content_filter_result": ["violence"]}), []),
    (error("content_filter", innererror="violence"), []),
]


@pytest.mark.parametrize(("told", "categories"), REFUSALS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_refused_request_is_blocked_content_for_a_builder(
    make_world: MakeWorld, told: JsonObject, categories: list[str], stream: bool
) -> None:
    world = make_world(lambda request: whole({"error": told}, status=400, x_request_id="req_1"))

    body = orjson.loads(bytes_of(world.run(question(stream=stream))))

    assert (body["status"], body["error"]["code"]) == (400, "content_blocked")
    assert (body["categories"], body["source"]) == (categories, "service")
    assert body["upstream"] == {"status": 400, "request_id": "req_1", "code": told["code"]}
    named = f": {', '.join(categories)}" if categories else ""
    assert body["detail"] == f"The service refused this request because of its content{named}."
    assert body["retryable"] is False
    assert (len(world.asked), world.moderated) == (1, [])


@pytest.mark.parametrize(("told", "categories"), REFUSALS)
def test_who_speaks_the_services_format_reads_the_services_own_refusal(
    make_world: MakeWorld, told: JsonObject, categories: list[str]
) -> None:
    world = make_world(lambda request: whole({"error": told}, status=400))

    reply = world.run(question(), door="wire")

    assert (reply.status, body_of(reply)) == (400, {"error": told})


def test_a_refusal_in_the_middle_of_a_stream_is_blocked_content(make_world: MakeWorld) -> None:
    broken = b"data: " + orjson.dumps({"error": AZURE}) + b"\n\n"
    world = make_world(lambda request: streamed(Body([chunk({"content": "Well, "}), broken])))

    last = events_of(world.run(question(stream=True)))[-1]

    assert (last["status"], last["categories"]) == (400, ["jailbreak", "violence"])
    assert cast("JsonObject", last["error"])["code"] == "content_blocked"


@pytest.mark.parametrize("code", ["context_length_exceeded", None, "content_filters", 7, ["content_filter"]])
def test_other_refusals_stay_what_they_are(make_world: MakeWorld, code: object) -> None:
    told = {**error("x"), "code": code}
    world = make_world(lambda request: whole({"error": told}, status=400))

    body = body_of(world.run(question()))

    assert cast("JsonObject", body["error"])["code"] != "content_blocked"
    assert "source" not in body


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'"x"', b'{"error": []}', b'{"error": null}', b"7"])
def test_a_refusal_that_cannot_be_read_is_left_alone(content: bytes) -> None:
    refused = RequestRejectedError("No.", answer=ErrorAnswer(status=400, headers=(), content=content))

    assert refusal_in_error(refused) is None


def test_the_answer_and_the_particulars_are_kept() -> None:
    answer = ErrorAnswer(status=400, headers=(), content=orjson.dumps({"error": error("invalid_prompt")}))
    upstream = UpstreamFault(status=400, request_id="req_1", code="invalid_prompt")

    found = refusal_in_error(RequestRejectedError("No.", answer=answer, upstream=upstream, field="messages"))

    assert isinstance(found, ContentBlockedError)
    assert (found.answer, found.upstream, found.field) == (answer, upstream, "messages")
    assert refusal_in_error(found) is None


@pytest.mark.parametrize(
    ("answer", "code", "categories"),
    [
        (completion("", refusal="I cannot help with that."), "refusal", []),
        (completion("Fine.", refusal="I cannot help with that."), "refusal", []),
    ],
)
def test_an_answer_that_declines_is_blocked_content(
    make_world: MakeWorld, answer: JsonObject, code: str, categories: list[str]
) -> None:
    world = make_world(answer)

    reply = world.run(question())

    body = body_of(reply)
    assert (reply.status, body["source"], body["categories"]) == (400, "service", categories)
    assert cast("JsonObject", body["upstream"])["code"] == code
    assert b"cannot help" not in bytes_of(reply)
    assert world.moderated == []


def test_an_answer_that_the_services_filter_cut_is_blocked_content(make_world: MakeWorld) -> None:
    answer = completion("Half of a")
    (choice,) = cast("list[dict[str, Any]]", answer["choices"])
    choice["finish_reason"] = "content_filter"
    choice["content_filter_results"] = {"sexual": {"filtered": True}, "hate": {"filtered": False}}
    world = make_world(answer)

    body = body_of(world.run(question()))

    assert (body["status"], body["categories"], body["source"]) == (400, ["sexual"], "service")


def test_one_declined_answer_of_several_is_enough(make_world: MakeWorld) -> None:
    answer = completion("Fine.", "Fine, too.")
    cast("list[dict[str, Any]]", answer["choices"])[1]["finish_reason"] = "content_filter"
    world = make_world(answer)

    assert world.run(question()).status == 400


def test_a_refusal_in_a_stream_ends_it(make_world: MakeWorld) -> None:
    events = [chunk({"role": "assistant", "refusal": ""}), *chunks(["I can", "not"], name="refusal")]
    world = make_world(lambda request: stream_of(events))

    received = events_of(world.run(question(stream=True)))

    assert [one["type"] for one in received] == ["error"]
    assert (received[0]["source"], received[0]["status"]) == ("service", 400)


def test_a_stream_that_the_services_filter_cut_ends_with_an_error(make_world: MakeWorld) -> None:
    events = [chunk({"content": "Half "}), chunk({}, finish="content_filter")]
    world = make_world(lambda request: stream_of(events))

    received = events_of(world.run(question(stream=True)))

    assert [one["type"] for one in received] == ["text", "error"]
    assert received[-1]["source"] == "service"


@pytest.mark.parametrize("answer", [completion("", refusal="No."), completion("Fine.")])
def test_who_speaks_the_services_format_gets_its_answer_untouched(
    make_world: MakeWorld, answer: JsonObject
) -> None:
    events = chunks(["I can", "not"], name="refusal")
    world = make_world(
        lambda request: stream_of(events) if b'"stream":true' in (request.content or b"") else whole(answer)
    )

    plain = world.run(question(), door="wire")
    stream = world.run(question(stream=True), door="wire")

    assert plain.content == orjson.dumps(answer)
    assert bytes_of(stream) == b"".join([*events, DONE])


def test_refusals_pass_where_that_is_wanted(make_world: MakeWorld) -> None:
    events = chunks(["I can", "not"], name="refusal")
    answers = [whole(completion("", refusal="No.")), stream_of(events), whole({"error": AZURE}, status=400)]
    world = make_world(lambda request: answers.pop(0), refusals="pass")

    plain = body_of(world.run(question()))
    stream = events_of(world.run(question(stream=True)))
    refused = body_of(world.run(question()))

    assert (plain["refusal"], plain["text"]) == ("No.", "No.")
    assert [one["type"] for one in stream] == ["refusal", "refusal", "output"]
    assert cast("JsonObject", refused["error"])["code"] == "content_filter"


class Again:
    """A plugin that has failed attempts repeated."""

    @hookimpl
    def hookline_retry(self) -> RetryDecision:
        return RetryDecision(again=True)


def test_nobody_repeats_a_refusal(make_world: MakeWorld) -> None:
    world = make_world(lambda request: whole({"error": AZURE}, status=400), plugins={"again": Again()})

    assert world.run(question()).status == 400

    assert len(world.asked) == 1
