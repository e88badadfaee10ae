"""What a caller sends is checked before it is sent on."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.hooks.hookline_moderation.conftest import MakeWorld, body_of, bytes_of, completion, question

from hookline import Call, Connector, hookimpl
from hookline.attempt import RetryDecision
from hookline.errors import UpstreamUnavailableError
from hookline.upstream import UpstreamRequest, UpstreamResponse
from small_service import whole

if TYPE_CHECKING:
    from hookline.action import JsonObject

BAD = "a forbidden thing"
DOORS = ("action", "wire")


def with_message(**message: object) -> JsonObject:
    return {"model": "gpt-test", "messages": [{"role": "user", "content": "Hello"}, message]}


def with_part(**part: object) -> JsonObject:
    return question([{"type": "text", "text": "Hello"}, part])


@pytest.mark.parametrize("door", DOORS)
def test_clean_input_is_sent_on_after_one_check(make_world: MakeWorld, door: str) -> None:
    world = make_world(check_input=True)

    reply = world.run(question("Hello"), door=door)

    assert reply.status == 200
    assert world.texts == ["Hello"]
    assert (len(world.asked), len(world.moderated)) == (1, 1)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("door", DOORS)
def test_harmful_input_is_not_sent(make_world: MakeWorld, door: str, stream: bool) -> None:
    world = make_world(check_input=True)

    reply = world.run(question(BAD, stream=stream), door=door)

    body = orjson.loads(bytes_of(reply))
    assert reply.status == 400
    assert body["error"]["code"] == "content_blocked"
    assert "violence" in body["error"]["message"]
    assert BAD not in bytes_of(reply).decode()
    assert (len(world.asked), len(world.moderated)) == (0, 1)


def test_a_builder_reads_what_was_found_and_where(make_world: MakeWorld) -> None:
    world = make_world(check_input=True)

    body = body_of(world.run(question("forbidden, in two words")))

    assert body["categories"] == ["hate", "violence"]
    assert body["source"] == "input"
    assert body["retryable"] is False
    assert body["detail"] == (
        "This request was not sent because its content was found to be harmful: hate, violence."
    )
    assert body["hint"] == "Change the text: the same text will be blocked again."


@pytest.mark.parametrize(
    "fields",
    [
        with_message(role="system", content=BAD),
        with_message(role="developer", content=BAD),
        with_message(role="assistant", content=BAD),
        with_message(role="assistant", content=None, refusal=BAD),
        with_message(role="assistant", content=[{"type": "refusal", "refusal": BAD}]),
        with_message(role="tool", tool_call_id="call_1", content=BAD),
        with_message(role="tool", tool_call_id="call_1", content=[{"type": "text", "text": BAD}]),
        with_message(role="function", name="look", content=BAD),
        with_message(role="user", content="Hi", name="forbidden"),
        with_message(
            role="assistant",
            tool_calls=[
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": "forbidden"}'}}
            ],
        ),
        with_message(
            role="assistant",
            tool_calls=[
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": r'"\u0066orbidden"'}}
            ],
        ),
        with_message(
            role="assistant",
            tool_calls=[{"id": "c", "type": "custom", "custom": {"name": "f", "input": BAD}}],
        ),
        with_message(role="assistant", function_call={"name": "f", "arguments": BAD}),
        with_part(type="text", text=BAD),
        question([{"type": "text", "text": "forb"}, {"type": "text", "text": "idden"}]),
        question(prediction={"type": "content", "content": BAD}),
        question(prediction={"type": "content", "content": [{"type": "text", "text": BAD}]}),
        question(stop=["forbidden"]),
        question(tools=[{"type": "function", "function": {"name": "f", "description": BAD}}]),
        question(
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "s", "schema": {"type": "object", "description": BAD}},
            }
        ),
        question(user=BAD),
    ],
)
@pytest.mark.parametrize("door", DOORS)
def test_every_text_of_a_chat_is_looked_at(make_world: MakeWorld, fields: JsonObject, door: str) -> None:
    world = make_world(check_input=True)

    reply = world.run(fields, door=door)

    assert reply.status == 400
    assert b'"content_blocked"' in bytes_of(reply)
    assert world.asked == []


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("openai.complete", {"prompt": BAD}),
        ("openai.complete", {"prompt": ["Hello", BAD]}),
        ("openai.complete", {"prompt": "Hello", "suffix": BAD}),
        ("openai.edit", {"instruction": BAD}),
        ("openai.edit", {"instruction": "Correct this", "input": BAD}),
        ("openai.embed", {"input": BAD}),
        ("openai.embed", {"input": ["Hello", BAD]}),
    ],
)
@pytest.mark.parametrize("door", DOORS)
def test_every_text_of_the_other_actions_is_looked_at(
    make_world: MakeWorld, action: str, fields: JsonObject, door: str
) -> None:
    world = make_world(check_input=True)

    reply = world.run({"model": "gpt-test", **fields}, action=action, door=door)

    assert reply.status == 400
    assert b'"content_blocked"' in bytes_of(reply)
    assert world.asked == []


@pytest.mark.parametrize("door", DOORS)
def test_ids_and_settings_are_not_taken_for_texts(make_world: MakeWorld, door: str) -> None:
    world = make_world(check_input=True)

    world.run(
        question("Hello", user="ada@example.com", service_tier="flex", metadata={"ticket": "forbidden-7"}),
        door=door,
    )

    assert world.texts == ["Hello"]
    assert len(world.asked) == 1


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("openai.complete", {"prompt": [1, 2, 3]}),
        ("openai.complete", {"prompt": [[1, 2], [3]]}),
        ("openai.embed", {"input": [1, 2, 3]}),
        ("openai.embed", {"input": [[1, 2], [3]]}),
        ("openai.chat", with_part(type="input_audio", input_audio={"data": "AAAA", "format": "wav"})),
        ("openai.chat", with_part(type="file", file={"file_id": "file-1"})),
    ],
)
@pytest.mark.parametrize("door", DOORS)
def test_what_cannot_be_read_is_a_failed_check(
    make_world: MakeWorld, action: str, fields: JsonObject, door: str
) -> None:
    world = make_world(check_input=True)

    reply = world.run({"model": "gpt-test", **fields}, action=action, door=door)

    error = cast("JsonObject", body_of(reply)["error"])
    assert reply.status == (422 if door == "action" else 400)
    assert error["code"] == "moderation_unavailable"
    assert "cannot read" in cast("str", error["message"])
    assert (world.asked, world.moderated) == ([], [])


def test_where_failures_are_allowed_the_readable_part_is_still_checked(make_world: MakeWorld) -> None:
    audio: JsonObject = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    world = make_world(check_input=True, on_failure="allow")

    clean = body_of(world.run(question([audio, {"type": "text", "text": "Hello"}])))
    harmful = world.run(question([audio, {"type": "text", "text": BAD}]))

    said = "The input was not checked, or only in part: `openai.moderate` cannot read a recording."
    assert clean["warnings"] == [{"code": "moderation_skipped", "message": said}]
    assert harmful.status == 400
    assert (len(world.asked), len(world.moderated)) == (1, 2)


def test_each_image_is_checked_on_its_own_as_the_service_takes_only_one(make_world: MakeWorld) -> None:
    images = [
        {"type": "image_url", "image_url": {"url": f"https://pictures.example/{name}.png", "detail": "low"}}
        for name in ("cat", "dog")
    ]
    world = make_world(check_input=True)

    assert world.run(question([{"type": "text", "text": "Hello"}, *images])).status == 200

    assert [body["input"] for body in world.moderated] == [
        ["Hello"],
        [{"type": "image_url", "image_url": {"url": "https://pictures.example/cat.png"}}],
        [{"type": "image_url", "image_url": {"url": "https://pictures.example/dog.png"}}],
    ]


def test_a_harmful_image_is_not_sent(make_world: MakeWorld) -> None:
    world = make_world(check_input=True)
    url = "https://pictures.example/forbidden.png"

    reply = world.run(with_part(type="image_url", image_url={"url": url}))

    assert (reply.status, len(world.asked)) == (400, 0)


def test_an_image_is_a_failed_check_where_the_model_reads_only_text(make_world: MakeWorld) -> None:
    world = make_world(check_input=True, model="text-moderation-latest")

    reply = world.run(with_part(type="image_url", image_url={"url": "https://pictures.example/cat.png"}))

    assert reply.status == 422
    assert "cannot read an image" in cast("str", body_of(reply)["detail"])
    assert world.asked == []


def test_the_model_that_is_set_is_asked(make_world: MakeWorld) -> None:
    world = make_world(check_input=True, model="omni-moderation-2024-09-26")

    world.run(question())

    assert world.moderated == [{"input": ["Hello"], "model": "omni-moderation-2024-09-26"}]


def test_a_long_text_is_checked_in_pieces_that_overlap(make_world: MakeWorld) -> None:
    world = make_world(check_input=True, max_text_chars=100, overlap_chars=20)
    phrase_on_the_border = "x" * 95 + "forbidden" + "y" * 300

    assert world.run(question("z" * 500)).status == 200
    sizes = [sum(map(len, cast("list[str]", body["input"]))) for body in world.moderated]
    assert world.run(question(phrase_on_the_border)).status == 400

    assert max(sizes) <= 100
    assert len(sizes) == 6
    assert len(world.asked) == 1


@pytest.mark.parametrize("on_failure", ["block", "allow"])
def test_a_text_that_takes_too_many_requests_is_a_failed_check(
    make_world: MakeWorld, on_failure: str
) -> None:
    world = make_world(
        check_input=True, max_text_chars=100, overlap_chars=0, max_requests=3, on_failure=on_failure
    )

    reply = world.run(question("z" * 301))

    if on_failure == "block":
        assert (reply.status, len(world.moderated), len(world.asked)) == (422, 0, 0)
        assert "more than 3 requests" in cast("str", body_of(reply)["detail"])
    else:
        assert (reply.status, len(world.moderated), len(world.asked)) == (200, 3, 1)
        assert b"moderation_skipped" in bytes_of(reply)


def test_very_many_messages_take_few_requests(make_world: MakeWorld) -> None:
    world = make_world(check_input=True)
    messages: list[JsonObject] = [{"role": "user", "content": f"Number {at}"} for at in range(50_000)]

    assert world.run({"model": "gpt-test", "messages": messages}, door="wire").status == 200
    assert len(world.moderated) <= 50
    messages[31_415]["content"] = BAD
    assert world.run({"model": "gpt-test", "messages": messages}, door="wire").status == 400

    assert len(world.asked) == 1


def test_a_prompt_of_ten_megabytes_is_refused_without_asking_anybody(make_world: MakeWorld) -> None:
    world = make_world(check_input=True)

    reply = world.run(question("word " * 2_000_000), door="wire")

    assert reply.status == 400
    assert (world.moderated, world.asked) == ([], [])


class Again:
    """A plugin that has every failed attempt repeated twice."""

    @hookimpl
    def hookline_retry(self) -> RetryDecision:
        return RetryDecision(again=True)


def test_several_attempts_take_one_check(make_world: MakeWorld) -> None:
    answers = [whole({"error": {"message": "No."}}, status=503), whole(completion())]
    world = make_world(lambda request: answers.pop(0), check_input=True, plugins={"again": Again()})

    assert world.run(question()).status == 200

    assert (len(world.asked), len(world.moderated)) == (2, 1)


def test_nobody_repeats_what_was_blocked(make_world: MakeWorld) -> None:
    world = make_world(check_input=True, plugins={"again": Again()})

    assert world.run(question(BAD)).status == 400

    assert (len(world.asked), len(world.moderated)) == (0, 1)


def test_nobody_repeats_a_check_that_failed(make_world: MakeWorld) -> None:
    wrong: JsonObject = {"results": []}
    world = make_world(check_input=True, moderation=lambda body: wrong)
    again = make_world(check_input=True, moderation=lambda body: wrong, plugins={"once": OnceMore()})

    assert world.run(question()).status == 503
    assert again.run(question()).status == 503

    assert (len(world.moderated), len(again.moderated)) == (1, 2)
    assert again.asked == []


class OnceMore:
    """A plugin that has a failed attempt repeated once, whatever the call is."""

    @hookimpl
    def hookline_retry(self, attempt: object) -> RetryDecision:
        return RetryDecision(again=getattr(attempt, "number", 0) < 2)


class Nested:
    """A plugin whose action asks a model, with what its caller says turned around."""

    def __init__(self) -> None:
        self.connector = Connector("acme", title="Acme", base_url="https://acme.example", credential=None)
        self.connector.endpoint(
            "mirror", "POST", "/mirror", input={"type": "object"}, output={"type": "object"}
        )

    @hookimpl
    def hookline_execute(self, call: Call, request: UpstreamRequest) -> UpstreamResponse | None:
        if call.action.id != "acme.mirror":
            return None
        text = str(call.input["text"])[::-1]
        return UpstreamResponse.of_json(call.run("openai.chat", {"model": "gpt-test", "prompt": text}))


def test_a_call_inside_a_checked_call_is_not_checked_again(make_world: MakeWorld) -> None:
    world = make_world(check_input=True, check_output=True, plugins={"nested": Nested()})

    assert world.run({"text": "olleH"}, action="acme.mirror").status == 200

    assert [message["content"] for message in cast("list[JsonObject]", world.asked[0]["messages"])] == [
        "Hello"
    ]
    assert world.texts == ["olleH", "Fine."]


@pytest.mark.parametrize("door", DOORS)
def test_the_classifier_itself_is_not_checked(make_world: MakeWorld, door: str) -> None:
    world = make_world(check_input=True, check_output=True)

    reply = world.run({"input": BAD}, action="openai.moderate", door=door)

    assert reply.status == 200
    assert world.moderated == [{"input": BAD}]


def test_every_text_for_another_service_is_looked_at(make_world: MakeWorld) -> None:
    world = make_world(check_input=True, plugins={"nested": Nested()})

    bodies: tuple[JsonObject, ...] = (
        {"text": "x", "deep": [{"er": [[BAD]]}]},
        {"text": "x", "a forbidden name": 1},
    )
    for fields in bodies:
        assert world.run(fields, action="acme.mirror").status == 400

    assert world.asked == []


def test_what_goes_into_an_address_is_looked_at(make_world: MakeWorld) -> None:
    class Finder:
        def __init__(self) -> None:
            self.connector = Connector("acme", title="Acme", base_url="https://acme.example", credential=None)
            self.connector.endpoint("find", "GET", "/find", input={"type": "object"}, output={})

    world = make_world(check_input=True, plugins={"finder": Finder()})

    assert world.run({"q": BAD}, action="acme.find").status == 400
    assert world.run({"q": "cats"}, action="acme.find").status == 200

    assert len(world.asked) == 1


def test_a_list_of_models_takes_no_check(make_world: MakeWorld) -> None:
    world = make_world({"object": "list", "data": []}, check_input=True, check_output=True)

    assert world.run({}, action="openai.list_models").status == 200

    assert (len(world.asked), world.moderated) == (1, [])


def test_keys_and_actions_may_differ(make_world: MakeWorld) -> None:
    world = make_world(
        check_input=True,
        actions={"openai.embed": {"check_input": False}},
        keys={"caller": {"actions": {"openai.complete": {"check_input": False}}}, "other": {}},
    )
    embedding = {"data": [{"embedding": [0.5], "index": 0}], "model": "m"}
    world.chat = lambda request: whole(embedding if request.path == "/embeddings" else completion())

    assert world.run({"model": "m", "input": BAD}, action="openai.embed").status == 200
    assert world.moderated == []
    assert world.run(question(BAD)).status == 400


def test_a_failing_upstream_is_reported_as_ever(make_world: MakeWorld) -> None:
    def fail(request: UpstreamRequest) -> UpstreamResponse:
        raise UpstreamUnavailableError("The service cannot be reached.", reached_upstream=False)

    world = make_world(fail, check_input=True)

    reply = world.run(question())

    assert (reply.status, body_of(reply)["detail"]) == (502, "The service cannot be reached.")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
WORDS = "role text type image_url input_audio file prompt input tools tool_calls function arguments"
MORE_WORDS = "messages content logprobs token tokens finish_reason audio data stop parsed choices"
MEMBERS = st.sampled_from([*WORDS.split(), *MORE_WORDS.split()])
ODD = st.recursive(
    JSON | st.sampled_from(["text", "image_url", "input_audio", "file", "user", "forbidden"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MEMBERS, inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.dictionaries(MEMBERS, ODD, max_size=5), action=st.sampled_from(["openai.chat", "openai.embed"])
)
def test_no_json_makes_the_check_fall_over(make_world: MakeWorld, body: JsonObject, action: str) -> None:
    world = make_world(check_input=True)

    reply = world.run(body, action=action, door="wire")

    if reply.status == 200:
        assert len(world.asked) == 1
    elif reply.status != 502:  # a chat's answer is no embedding
        assert body_of(reply)["error"] is not None
        assert cast("JsonObject", body_of(reply)["error"])["code"] in (
            "content_blocked",
            "moderation_unavailable",
        )
        assert world.asked == []


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(around=ODD, key=MEMBERS, is_listed=st.booleans())
def test_a_harmful_text_is_found_wherever_it_stands(
    make_world: MakeWorld, around: object, key: str, is_listed: bool
) -> None:
    world = make_world(check_input=True)
    place: object = [around, {"text": BAD}] if is_listed else {"content": {"x": BAD}, "y": around}

    reply = world.run({"messages": [{key: place}]}, door="wire")

    assert reply.status == 400
    assert world.asked == []


class RunsAChat:
    """Runs a chat of its own for every embedding."""

    @hookimpl
    def hookline_execute(self, call: Call) -> None:
        if call.action.id == "openai.embed":
            call.run("openai.chat", question(BAD))


def embedding_or_chat(request: UpstreamRequest) -> UpstreamResponse:
    if request.path != "/embeddings":
        return whole(completion())
    vector = {"object": "embedding", "index": 0, "embedding": [1.0]}
    return whole({"object": "list", "model": "e", "data": [vector]})


def test_a_call_inside_one_that_is_not_checked_is_checked(make_world: MakeWorld) -> None:
    world = make_world(
        embedding_or_chat,
        plugins={"runs_a_chat": RunsAChat()},
        actions={"openai.chat": {"check_input": True}},
    )

    reply = world.run({"model": "e", "input": "Hello"}, action="openai.embed")

    assert (reply.status, body_of(reply)["error"]["code"]) == (400, "content_blocked")  # type: ignore[index]  # an object
    assert (world.texts, len(world.asked)) == ([BAD], 0)


def test_a_call_inside_one_that_is_checked_belongs_to_it(make_world: MakeWorld) -> None:
    world = make_world(embedding_or_chat, plugins={"runs_a_chat": RunsAChat()}, check_input=True)

    assert world.run({"model": "e", "input": "Hello"}, action="openai.embed").status == 200
    assert (world.texts, len(world.asked)) == (["Hello"], 2)
