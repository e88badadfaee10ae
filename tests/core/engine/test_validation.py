"""Checking against a schema: the verdict, the words, and what a hostile schema or value cannot do."""

from __future__ import annotations

import socketserver
import threading
import time
from typing import TYPE_CHECKING

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.engine.validation import SchemaValidator
from hookline.errors import ConfigurationError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookline.engine.coercion import JsonObject

TEXT_PART: JsonObject = {
    "type": "object",
    "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
    "required": ["type", "text"],
    "additionalProperties": False,
}
IMAGE_PART: JsonObject = {
    "type": "object",
    "properties": {"type": {"const": "image"}, "url": {"type": "string", "pattern": "^https://"}},
    "required": ["type", "url"],
    "additionalProperties": False,
}
CHAT: JsonObject = {
    "$defs": {
        "message": {
            "type": "object",
            "properties": {
                "role": {"enum": ["system", "user", "assistant"]},
                "content": {
                    "anyOf": [
                        {"type": "string"},
                        {"type": "array", "items": {"oneOf": [TEXT_PART, IMAGE_PART]}, "minItems": 1},
                    ]
                },
            },
            "required": ["role", "content"],
            "additionalProperties": False,
        }
    },
    "type": "object",
    "properties": {
        "model": {"type": "string", "minLength": 1},
        "messages": {"type": "array", "items": {"$ref": "#/$defs/message"}, "minItems": 1, "maxItems": 3},
        "temperature": {"anyOf": [{"type": "number", "minimum": 0, "maximum": 2}, {"type": "null"}]},
        "n": {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 5},
        "stop": {"type": ["string", "null"], "maxLength": 4},
        "metadata": {"type": "object", "minProperties": 1, "maxProperties": 2},
        "mode": {"const": "fast"},
    },
    "required": ["model"],
    "additionalProperties": False,
}
EITHER: JsonObject = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}, "messages": {"type": "array"}},
    "anyOf": [{"required": ["prompt"]}, {"required": ["messages"]}],
}


def problems(value: object, schema: JsonObject = CHAT) -> list[str]:
    return [str(problem) for problem in SchemaValidator(schema, name="the input").problems(value)]


def message(**fields: object) -> JsonObject:
    return {"model": "m", "messages": [{"role": "user", "content": "hi"} | fields]}


EXPLAINED: list[tuple[object, list[str]]] = [
    ({}, ["`model` is required"]),
    ({"model": 1}, ["`model` must be text, not 1"]),
    ({"model": ""}, ["`model` must not be empty"]),
    ({"model": "m", "metdata": {}}, ["`metdata` is not a field here; did you mean `metadata`?"]),
    ({"model": "m", "zzz": 1}, ["`zzz` is not a field here"]),
    ({"model": "m", "messages": []}, ["`messages` must not be an empty list"]),
    ({"model": "m", "messages": "hi"}, ['`messages` must be a list, not "hi"']),
    (
        {"model": "m", "messages": [{"role": "user", "content": ""}] * 4},
        ["`messages` must have at most 3 items, not 4"],
    ),
    (
        message(role="usr"),
        ['`messages[0].role` must be one of "system", "user", "assistant", not "usr"'],
    ),
    (message(contnt="x"), ["`messages[0].contnt` is not a field here; did you mean `content`?"]),
    (message(content=7), ["`messages[0].content` must be text or a list, not 7"]),
    (message(content=[]), ["`messages[0].content` must not be an empty list"]),
    (
        message(content=[{"type": "text", "txt": "x"}]),
        [
            "`messages[0].content[0].txt` is not a field here; did you mean `text`?",
            "`messages[0].content[0].text` is required",
        ],
    ),
    (
        message(content=[{"type": "image", "url": "http://x"}]),
        ['`messages[0].content[0].url` must match ^https://, which "http://x" does not'],
    ),
    (
        message(content=[{"type": "sound"}]),
        ['`messages[0].content[0].type` must be one of "text", "image"'],
    ),
    ({"model": "m", "temperature": 3}, ["`temperature` must be at most 2, not 3"]),
    ({"model": "m", "temperature": -1}, ["`temperature` must be at least 0, not -1"]),
    ({"model": "m", "temperature": "hot"}, ['`temperature` must be a number or null, not "hot"']),
    ({"model": "m", "n": 0}, ["`n` must be more than 0, not 0"]),
    ({"model": "m", "n": 5}, ["`n` must be less than 5, not 5"]),
    ({"model": "m", "n": 1.5}, ["`n` must be a whole number, not 1.5"]),
    ({"model": "m", "n": True}, ["`n` must be a whole number, not true"]),
    ({"model": "m", "stop": "12345"}, ["`stop` must have at most 4 characters, not 5"]),
    ({"model": "m", "stop": {}}, ["`stop` must be null or text, not an object"]),
    ({"model": "m", "metadata": {}}, ["`metadata` must have at least 1 members"]),
    ({"model": "m", "metadata": {"a": 1, "b": 1, "c": 1}}, ["`metadata` must have at most 2 members"]),
    ({"model": "m", "mode": "slow"}, ['`mode` must be "fast", not "slow"']),
]


@pytest.mark.parametrize(("value", "expected"), EXPLAINED)
def test_a_problem_names_the_field_and_what_would_be_right(value: object, expected: list[str]) -> None:
    assert sorted(problems(value)) == sorted(expected)


def test_one_of_two_required_fields_is_explained_as_such() -> None:
    assert problems({}, EITHER) == ["`prompt` is required, or `messages`"]


def test_the_error_carries_field_status_and_every_problem() -> None:
    validator = SchemaValidator(CHAT, name="the input")

    with pytest.raises(InvalidInputError) as caught:
        validator.check({"n": 9, "stop": 1, "mode": 2, "metadata": 3})

    error = caught.value
    assert (error.status, error.code) == (422, "invalid_input")
    listed = error.details["problems"]
    assert isinstance(listed, list)
    assert {problem["field"] for problem in listed} == {"model", "n", "stop", "mode", "metadata"}
    assert error.field == listed[0]["field"]
    assert error.message.endswith(" And 2 more.")
    assert error.message.startswith(f"`{error.field}` {listed[0]['message']}. ")


def test_a_valid_value_raises_nothing_and_has_no_problems() -> None:
    validator = SchemaValidator(CHAT, name="the input")
    value = message(content=[{"type": "text", "text": "hi"}])

    validator.check(value)

    assert validator.problems(value) == []


def test_at_most_ten_problems_are_listed_and_no_value_is_shown_at_full_length() -> None:
    many = problems({"model": "m"} | {f"wrong{number}": 1 for number in range(50)})
    long = problems({"model": "m", "mode": "x" * 10_000, "y" * 10_000: 1})

    assert len(many) == 10
    assert len(long) == 2
    assert max(len(text) for text in long) < 200


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 6),
    st.sampled_from([0.5, 1.0, 2.5, -1.5]),
    st.sampled_from(["", "m", "user", "fast", "text", "image", "https://x", "12345"]),
)
names = st.sampled_from(
    [
        "model",
        "messages",
        "temperature",
        "n",
        "stop",
        "metadata",
        "mode",
        "role",
        "content",
        "type",
        "text",
        "url",
    ]
)
instances = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)
parts = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": scalars}),
    st.fixed_dictionaries({"type": st.just("image"), "url": scalars}),
    instances,
)
chats = st.fixed_dictionaries(
    {"model": st.sampled_from(["m", "", 1])},
    optional={
        "messages": st.lists(
            st.one_of(
                st.fixed_dictionaries(
                    {
                        "role": st.sampled_from(["user", "system", "other"]),
                        "content": st.one_of(st.just("hi"), st.lists(parts, max_size=2)),
                    }
                ),
                instances,
            ),
            max_size=4,
        ),
        "temperature": scalars,
        "n": scalars,
        "stop": scalars,
        "metadata": instances,
        "mode": scalars,
    },
)


@pytest.mark.parametrize("schema", [CHAT, EITHER, TEXT_PART, {"oneOf": [TEXT_PART, IMAGE_PART]}])
@given(value=st.one_of(chats, parts))
def test_the_verdict_is_that_of_the_reference_library(schema: JsonObject, value: object) -> None:
    is_valid = jsonschema.Draft202012Validator(schema).is_valid(value)

    found = problems(value, schema)

    assert (found == []) is is_valid
    assert len(found) <= 10


class Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.requests = 0
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)

    def verify_request(self, request: object, client_address: object) -> bool:
        self.requests += 1
        return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/schema"


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("keyword", ["$ref", "$schema", "$dynamicRef"])
def test_a_schema_that_refers_to_another_place_is_refused_without_asking_there(
    keyword: str, listener: Listener
) -> None:
    with pytest.raises(ConfigurationError, match=r"The schema of the input of acme\.find is not valid"):
        SchemaValidator({keyword: listener.url}, name="the input of acme.find")

    assert listener.requests == 0


@pytest.mark.parametrize("keyword", ["$schema", "$recursiveRef"])
def test_a_schema_inside_another_makes_no_request_either(keyword: str, listener: Listener) -> None:
    SchemaValidator({"properties": {"x": {keyword: listener.url}}}, name="the input")

    assert listener.requests == 0


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nope"},
        {"properties": []},
        {"pattern": "("},
        {"$ref": "#/$defs/none"},
        {"$ref": "file:///etc/hostname"},
        {"$ref": "other.json"},
        {"$schema": "http://json-schema.org/draft-07/schema#"},
        {"minimum": "1"},
    ],
)
def test_an_unsound_schema_is_refused_by_name(schema: JsonObject) -> None:
    with pytest.raises(ConfigurationError, match=r"^The schema of the output of acme\.find is not valid: "):
        SchemaValidator(schema, name="the output of acme.find")


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|aa)+$", "^(?=(a+)+$)b"])
def test_no_pattern_makes_a_check_hang(pattern: str) -> None:
    started = time.thread_time()

    found = problems({"x": "a" * 50_000 + "!"}, {"properties": {"x": {"pattern": pattern}}})

    assert len(found) == 1
    assert time.thread_time() - started < 2


UNION: JsonObject = {
    "type": "object",
    "properties": {
        "x": {
            "type": "array",
            "items": {
                "anyOf": [
                    {
                        "type": "object",
                        "properties": {"role": {"const": role}, "content": {"type": "string"}},
                        "required": ["role"],
                        "additionalProperties": False,
                    }
                    for role in "abcdefgh"
                ]
            },
        }
    },
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "value",
    [
        {"x": [{"role": "z", "content": 1}] * 100_000},
        {"x": [1] * 100_000},
        {"x": [{"role": "a"}] * 100_000 + [1]},
        {"x": [{"role": "z", "content": "a" * 1_000_000}] * 20},
        {str(number): 1 for number in range(100_000)},
        {"x": "a" * 20_000_000},
        {"a" * 20_000_000: 1},
    ],
    ids=["constants", "types", "the last item", "long texts", "unknown fields", "a text", "a key"],
)
def test_a_huge_value_is_refused_as_fast_as_it_is_read(value: JsonObject) -> None:
    validator = SchemaValidator(UNION, name="the input")
    started = time.thread_time()

    found = validator.problems(value)

    assert time.thread_time() - started < 2
    assert found
    assert len(str(found[0])) < 200


def test_a_validator_is_shared_by_threads() -> None:
    validator = SchemaValidator(CHAT, name="the input")
    verdicts: list[bool] = []

    def work() -> None:
        for number in range(200):
            found = validator.problems({"model": "m", "n": number % 8})
            verdicts.append((found == []) is (0 < number % 8 < 5))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert verdicts == [True] * 1600
