"""Schemas that callers write: sound ones check, hostile ones are refused quickly and cost nothing."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import orjson
import pytest

from forms_lab import FormsLab
from hookline.errors import InvalidInputError
from hookline_structured.answer_schema import AnswerSchema
from hookline_structured.effort import count_steps


def doubling(levels: int, keyword: str = "anyOf") -> dict[str, Any]:
    """Return a small schema that stands for two to the power of its levels."""
    defs: dict[str, Any] = {
        f"a{n}": {keyword: [{"$ref": f"#/$defs/a{n + 1}"}, {"$ref": f"#/$defs/a{n + 1}"}]}
        for n in range(levels)
    }
    return {"$defs": {**defs, f"a{levels}": {"type": "string"}}, "$ref": "#/$defs/a0"}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


HOSTILE: dict[str, dict[str, Any]] = {
    "remote": {"$ref": "https://example.com/schema.json"},
    "file": {"$ref": "file:///etc/passwd"},
    "nowhere": {"$ref": "#/$defs/missing"},
    "circle": {"$ref": "#"},
    "doubling all": doubling(40, "allOf"),
    "doubling any": doubling(40),
    "doubling one": doubling(40, "oneOf"),
    "no type": {"type": "strng"},
    "bad pattern": {"pattern": "("},
    "looking ahead": {"pattern": "(?=(a+)+$)b"},
    "huge pattern": {"pattern": "((a{1000}){1000}){1000}"},
    "inner id": {"properties": {"a": {"$id": "https://example.com/a"}}},
    "inner dialect": {"properties": {"a": {"$schema": "https://example.com/a"}}},
    "large": {"description": "a" * 70_000},
    "many": {"enum": list(range(40_000))},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_is_refused_quickly_and_costs_nothing(name: str) -> None:
    lab = FormsLab()
    began = time.perf_counter()

    answer = lab.post("/actions/openai.chat", {"model": "m", "prompt": "hi", "json_schema": HOSTILE[name]})

    assert time.perf_counter() - began < 2
    assert (answer.status_code, answer.json["field"]) == (422, "json_schema")
    assert answer.json["message"].startswith("`json_schema` ")
    assert lab.sent == []


def test_a_schema_in_the_service_s_notation_is_named_where_it_stands() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"$ref": "https://example.com"}}}

    answer = FormsLab().post(
        "/actions/openai.chat", {"model": "m", "prompt": "hi", "response_format": wanted}
    )

    assert (answer.status_code, answer.json["field"]) == (422, "response_format.json_schema.schema")


def read(schema: dict[str, Any], value: object) -> tuple[object, list[str]]:
    found, problems = AnswerSchema(schema, field="json_schema", max_bytes=65_536).read(
        orjson.dumps(value).decode()
    )
    return found, [str(one) for one in problems]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}, {"a": 1}),
        ({"$id": "https://example.com/mine", "type": "integer"}, 1),
        ({"definitions": {"a": {"type": "integer"}}, "items": {"$ref": "#/definitions/a"}}, [1, 2]),
        ({"$defs": {"n": {"$anchor": "node", "type": "integer"}}, "items": {"$ref": "#node"}}, [1]),
        ({"properties": {"next": {"$ref": "#"}}, "additionalProperties": False}, {"next": {"next": {}}}),
        ({"properties": {"$id": {"type": "string"}, "$schema": {"type": "string"}}}, {"$id": "x"}),
        ({"pattern": "^(a+)+$"}, "a" * 5000),
        ({"type": "null"}, None),
        (nested(50), []),
        ({"items": {"type": "object", "properties": {"a": {"type": "integer"}}}}, [{"a": 1}] * 20_000),
    ],
)
def test_a_sound_schema_checks_what_it_says(schema: dict[str, Any], value: object) -> None:
    assert read(schema, value) == (value, [])


def test_what_is_wrong_is_told_by_field() -> None:
    schema = {"properties": {"a": {"items": {"type": "integer"}}}, "required": ["b"]}

    assert sorted(read(schema, {"a": [1, "x"]})[1]) == [
        '`a[1]` must be a whole number, not "x"',
        "`b` is required",
    ]


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_an_answer_cannot_make_a_check_hang_that_began_well(keyword: str) -> None:
    """The blow-up hides behind a field that only the answer has."""
    schema = {**doubling(40, keyword), "$ref": "#/$defs/top"}
    schema["$defs"]["top"] = {"properties": {"x": {"$ref": "#/$defs/a0"}}}
    began = time.perf_counter()

    found = read(schema, {"x": 1})

    assert found == (None, ["The answer is too large to be checked."])
    assert time.perf_counter() - began < 2


def test_a_large_answer_that_does_not_fit_is_told_without_its_places() -> None:
    schema = doubling(12)
    began = time.perf_counter()

    assert read(schema, 1) == (None, ["The answer does not fit the schema."])
    assert time.perf_counter() - began < 2


def test_steps_follow_every_branch_and_stop_where_they_should() -> None:
    assert count_steps({"anyOf": [{}, {}], "not": {}, "items": {}}, [1, 2], most=100) == 6
    assert count_steps(doubling(60), 1, most=500) == 500
    assert count_steps({"$ref": "#"}, 1, most=50) == 50


MEMBERS = {f"m{number}": number for number in range(4_000)}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"patternProperties": {f"p{number}": {} for number in range(1_000)}}, MEMBERS),
        ({"allOf": [{"$ref": "#/$defs/a"}] * 1_000, "$defs": {"a": {"additionalProperties": {}}}}, MEMBERS),
        (
            {
                "allOf": [{"$ref": "#/$defs/a"}] * 2_000,
                "$defs": {"a": {"properties": {f"n{number}": {} for number in range(2_000)}}},
            },
            MEMBERS,
        ),
        (
            {"items": {"allOf": [{"$ref": "#/" + "x/" * 20_000}] * 5}},
            [0] * 15_000,
        ),
    ],
    ids=["patterns", "members", "members in vain", "a long reference"],
)
def test_counting_takes_no_more_than_its_bound_allows(schema: dict[str, Any], value: object) -> None:
    tracemalloc.start()
    began = time.process_time()
    assert count_steps(schema, value, most=20_000) == 20_000
    took_s, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert took_s < 5.0  # a tenth of that on a quiet machine
    assert peak < 10_000_000


def test_the_largest_size_can_be_set() -> None:
    with pytest.raises(InvalidInputError, match="larger than 10 bytes"):
        AnswerSchema({"type": "object"}, field="json_schema", max_bytes=10)
