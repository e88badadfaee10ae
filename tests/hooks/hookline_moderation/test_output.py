"""Answers are checked before they are delivered: whole ones, and streams from end to end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.hooks.hookline_moderation.conftest import (
    PHRASES,
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

from hookline import Call, Response, hookimpl
from hookline_structured import StructuredPlugin
from small_service import DONE, Acme, Body, event, streamed, whole

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.upstream import UpstreamRequest

BAD = "a forbidden thing"
DOORS = ("action", "wire")


@pytest.mark.parametrize("door", DOORS)
def test_a_clean_answer_is_delivered_after_one_check(make_world: MakeWorld, door: str) -> None:
    answer = completion("Fine.")
    world = make_world(answer, check_output=True)

    reply = world.run(question(), door=door)

    assert reply.status == 200
    assert world.texts == ["Fine."]
    assert (len(world.asked), len(world.moderated)) == (1, 1)
    if door == "wire":
        assert reply.content == orjson.dumps(answer)


@pytest.mark.parametrize(
    "answer",
    [
        completion(BAD),
        completion("Fine.", BAD),
        completion("", refusal=BAD),
        completion(
            "",
            tool_calls=[
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": "forbidden"}'}}
            ],
        ),
        completion(
            "",
            tool_calls=[
                {
                    "id": "c",
                    "type": "function",
                    "function": {"name": "f", "arguments": r'{"a":"\u0066orbidden"}'},
                }
            ],
        ),
        completion("", tool_calls=[{"id": "c", "type": "custom", "custom": {"name": "f", "input": BAD}}]),
        completion("", function_call={"name": "f", "arguments": BAD}),
        completion("", audio={"id": "a", "data": "AAAA", "expires_at": 1, "transcript": BAD}),
        completion(r'{"a": "\u0066orbidden"}'),
    ],
)
@pytest.mark.parametrize("door", DOORS)
def test_every_text_of_an_answer_is_looked_at(make_world: MakeWorld, answer: JsonObject, door: str) -> None:
    world = make_world(answer, check_output=True, refusals="pass")

    reply = world.run(question(), door=door)

    assert reply.status == 400
    error = cast("JsonObject", body_of(reply)["error"])
    assert error["code"] == "content_blocked"
    assert b"thing" not in bytes_of(reply)
    assert (len(world.asked), len(world.moderated)) == (1, 1)


@pytest.mark.parametrize(
    "more",
    [
        {
            "annotations": [
                {"type": "url_citation", "url_citation": {"title": BAD, "url": "https://x.example"}}
            ]
        },
        {"reasoning_content": BAD},
        {"content": "Fine.", "audio": {"id": "a", "data": "AAAA", "transcript": BAD}},
    ],
)
def test_what_only_the_wire_door_hands_on_is_looked_at_there(make_world: MakeWorld, more: JsonObject) -> None:
    world = make_world(completion("Fine.", **more), check_output=True)

    assert world.run(question(), door="wire").status == 400


def test_tokens_that_are_not_the_text_are_looked_at(make_world: MakeWorld) -> None:
    answer = completion("Fine.")
    (choice,) = cast("list[dict[str, Any]]", answer["choices"])
    choice["logprobs"] = {"content": [{"token": "for", "logprob": 0}, {"token": "bidden", "logprob": 0}]}
    world = make_world(answer, check_output=True)

    assert world.run(question(), door="wire").status == 400
    choice["logprobs"] = {"content": [{"token": "Fi", "logprob": 0}, {"token": "ne.", "logprob": 0}]}
    assert world.run(question(), door="wire").status == 200

    assert [set(cast("list[str]", body["input"])) for body in world.moderated] == [
        {"Fine.", "forbidden"},
        {"Fine."},
    ]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("action", ["openai.complete", "openai.edit"])
def test_answers_of_the_older_actions_are_looked_at(make_world: MakeWorld, action: str, door: str) -> None:
    choice = {"text": BAD, "index": 0, "finish_reason": "stop", "logprobs": None}
    answer = completion(BAD) if action == "openai.edit" else {"id": "c", "model": "m", "choices": [choice]}
    world = make_world(answer, check_output=True)
    fields: JsonObject = {"prompt": "Hi"} if action == "openai.complete" else {"instruction": "Hi"}

    assert world.run({"model": "m", **fields}, action=action, door=door).status == 400


@pytest.mark.parametrize("door", DOORS)
def test_numbers_made_of_texts_are_not_checked(make_world: MakeWorld, door: str) -> None:
    world = make_world({"data": [{"embedding": "AACAPw==", "index": 0}], "model": "m"}, check_output=True)

    reply = world.run({"model": "m", "input": "Hi"}, action="openai.embed", door=door)

    assert (reply.status, world.moderated) == (200, [])


class Shout:
    """A plugin that changes answers."""

    @hookimpl
    def hookline_process_response(self, call: Call, response: Response) -> None:
        if "text" in response.output:
            response.output["text"] = "rude " + str(response.output["text"])


@pytest.mark.parametrize("door", DOORS)
def test_what_other_plugins_write_is_checked_too(make_world: MakeWorld, door: str) -> None:
    world = make_world(check_output=True, plugins={"shout": Shout()})

    reply = world.run(question(), door=door)

    assert (reply.status, b"harassment" in bytes_of(reply)) == (400, True)


def test_what_another_plugin_writes_into_the_output_of_a_stream_is_checked_too(make_world: MakeWorld) -> None:
    world = make_world(
        lambda request: stream_of(chunks(["Fine."])), check_output=True, plugins={"shout": Shout()}
    )

    events = events_of(world.run(question(stream=True)))

    assert [one["type"] for one in events] == ["text", "error"]
    assert world.texts == ["Fine.", "rude Fine."]


def test_data_that_stands_in_the_text_is_not_checked_twice(make_world: MakeWorld) -> None:
    world = make_world(
        completion('{"city": "Graz"}'), check_output=True, plugins={"structured": StructuredPlugin()}
    )

    body = body_of(world.run(question(response_format={"type": "json_object"})))

    assert body["parsed"] == {"city": "Graz"}
    assert world.texts == ['{"city": "Graz"}']


def test_a_whole_answer_to_a_request_for_a_stream_is_checked(make_world: MakeWorld) -> None:
    world = make_world(completion(BAD), check_output=True)

    assert world.run(question(stream=True), door="wire").status == 400


class Streamer:
    """A plugin that has whole answers put together from a stream."""

    @hookimpl
    def hookline_shape_request(self, call: Call, request: UpstreamRequest) -> None:
        if call.action.ask_stream is not None and request.body is not None:
            call.action.ask_stream(request.body)
            request.is_stream = True


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("text", "status"), [(BAD, 400), ("Fine.", 200)])
def test_an_answer_put_together_from_a_stream_is_checked_once(
    make_world: MakeWorld, door: str, text: str, status: int
) -> None:
    world = make_world(
        lambda request: stream_of(chunks(text)), check_output=True, plugins={"streamer": Streamer()}
    )

    assert world.run(question(), door=door).status == status

    assert (len(world.asked), world.texts) == (1, [text])


@pytest.mark.parametrize("mode", ["hold", "inspect"])
@pytest.mark.parametrize("door", DOORS)
def test_a_clean_stream_arrives_as_it_was_sent(make_world: MakeWorld, door: str, mode: str) -> None:
    events = chunks([f"word {number} " for number in range(300)])
    world = make_world(lambda request: stream_of(events), check_output=True, stream_mode=mode)

    reply = world.run(question(stream=True), door=door)

    if door == "wire":
        assert bytes_of(reply) == b"".join([*events, DONE])
    else:
        received = events_of(reply)
        assert [one["text"] for one in received[:-1]] == [f"word {number} " for number in range(300)]
        assert received[-1]["type"] == "output"
    assert (len(world.asked), len(world.moderated)) == (1, 7)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("mode", ["hold", "inspect"])
@pytest.mark.parametrize("name", ["content", "refusal"])
@pytest.mark.parametrize("index", [0, 1])
def test_a_harmful_stream_ends_with_an_error(
    make_world: MakeWorld, door: str, mode: str, name: str, index: int
) -> None:
    events = [*chunks(["Fine. "]), *chunks(["two wo", "rds", " more"], index=index, name=name)]
    world = make_world(
        lambda request: stream_of(events), check_output=True, stream_mode=mode, refusals="pass"
    )

    reply = world.run(question(stream=True), door=door)

    received = bytes_of(reply)
    last = events_of_bytes(received)[-1]
    assert cast("JsonObject", last["error"])["code"] == "content_blocked"
    assert DONE not in received
    assert (b"two wo" in received) is (mode == "inspect")
    if door == "action":
        assert (last["categories"], last["source"]) == (["hate"], "output")


def events_of_bytes(received: bytes) -> list[JsonObject]:
    return [
        orjson.loads(part.partition(b"data: ")[2]) for part in received.split(b"\n\n") if b"data: {" in part
    ]


@pytest.mark.parametrize("door", DOORS)
def test_calls_of_tools_in_a_stream_are_checked_before_they_are_delivered(
    make_world: MakeWorld, door: str
) -> None:
    def call(arguments: str, **head: object) -> bytes:
        return chunk({"tool_calls": [{"index": 0, **head, "function": {"arguments": arguments}}]})

    events = [
        chunk({"role": "assistant", "content": None}),
        chunk({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f"}}]}),
        call('{"a": "forb'),
        call('idden"}'),
        chunk({}, finish="tool_calls"),
    ]
    world = make_world(lambda request: stream_of(events), check_output=True)

    received = bytes_of(world.run(question(stream=True), door=door))

    assert b"content_blocked" in received
    assert b"forb" not in received.replace(b"forbidden.", b"")
    assert len(world.moderated) == 1


def test_a_stream_of_tool_calls_is_not_checked_again_with_its_output(make_world: MakeWorld) -> None:
    arguments = '{"city": "Graz", "days": ["Mon", "Tue"]}'
    head = {"index": 0, "id": "c", "type": "function", "function": {"name": "look", "arguments": arguments}}
    events = [chunk({"content": "Well. "}), chunk({"tool_calls": [head]}), chunk({}, finish="tool_calls")]
    world = make_world(lambda request: stream_of(events), check_output=True)

    received = events_of(world.run(question(stream=True)))

    assert [one["type"] for one in received] == ["text", "tool_call", "output"]
    assert len(world.moderated) == 1


def test_a_stream_without_its_end_delivers_nothing_that_was_not_checked(make_world: MakeWorld) -> None:
    world = make_world(lambda request: streamed(Body([chunk({"content": "forbidden"})])), check_output=True)

    received = bytes_of(world.run(question(stream=True), door="wire"))

    assert b"forbidden" not in received
    assert b"stream_interrupted" in received
    assert world.moderated == []


def test_the_stream_of_another_service_is_checked(make_world: MakeWorld) -> None:
    world = make_world(
        lambda request: stream_of([event("forb"), event("idden"), event(".")]),
        check_output=True,
        plugins={"acme": Acme()},
    )

    received = bytes_of(world.run({"text": "Hi", "stream": True}, action="acme.say"))

    assert b"forb" not in received
    assert b"content_blocked" in received


def test_each_call_is_checked_by_itself(make_world: MakeWorld) -> None:
    def answer(request: UpstreamRequest) -> Any:
        body = orjson.loads(request.content or b"")
        return stream_of(chunks([body["messages"][0]["content"]] * 50))

    world = make_world(answer, check_output=True)
    found: dict[str, bytes] = {}

    def ask(text: str) -> None:
        found[text] = bytes_of(world.run(question(text, stream=True), door="wire"))

    texts = [f"{word} {number} " for number in range(8) for word in ("forbidden", "fine")]
    threads = [threading.Thread(target=ask, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert {text: b"content_blocked" in received for text, received in found.items()} == {
        text: text.startswith("forbidden") for text in texts
    }
    assert all(received.count(text.encode()) == 50 for text, received in found.items() if "fine" in text)


PIECES = st.lists(
    st.text(max_size=8) | st.sampled_from(["for", "bidden", "two", " ", "words", "ru", "de"]), max_size=25
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=PIECES, hold_chars=st.integers(1, 50), door=st.sampled_from(DOORS))
def test_any_stream_arrives_whole_or_not_beyond_what_was_found(
    make_world: MakeWorld, pieces: list[str], hold_chars: int, door: str
) -> None:
    events = chunks(pieces)
    world = make_world(
        lambda request: stream_of(events), check_output=True, hold_chars=hold_chars, overlap_chars=10
    )

    received = bytes_of(world.run(question(stream=True), door=door))

    text = "".join(pieces)
    found = [text.index(phrase) for phrase in PHRASES if phrase in text]
    assert (b"content_blocked" in received) is bool(found)
    if not found:
        is_whole = received == b"".join([*events, DONE])
        assert is_whole if door == "wire" else events_of_bytes(received)[-1]["type"] == "output"
        return
    delivered = "".join(text_in(one) for one in events_of_bytes(received))
    assert text.startswith(delivered)
    assert len(delivered) <= min(found)


def text_in(one: JsonObject) -> str:
    if one.get("type") == "text":
        return str(one["text"])
    choices = cast("list[dict[str, Any]]", one.get("choices", []))
    return "".join(choice["delta"].get("content") or "" for choice in choices)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    message=st.dictionaries(
        st.sampled_from(["content", "refusal", "tool_calls", "audio", "annotations", "role", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["id", "type", "function", "data", "text"]), inner, max_size=3
                )
            ),
            max_leaves=10,
        ),
        max_size=4,
    ),
    door=st.sampled_from(DOORS),
)
def test_no_answer_makes_the_check_fall_over(make_world: MakeWorld, message: JsonObject, door: str) -> None:
    answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    world = make_world(whole_of(answer), check_output=True)

    reply = world.run(question(), door=door)

    code = cast("JsonObject", body_of(reply).get("error", {})).get("code")
    assert (reply.status, code) in (
        (200, None),
        (400, "content_blocked"),
        (502, "invalid_upstream_answer"),
        (503, "moderation_unavailable"),
    )


def whole_of(answer: object) -> Any:
    return lambda request: whole(answer)
