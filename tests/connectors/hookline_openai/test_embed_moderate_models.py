from __future__ import annotations

import base64
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import jsonschema_rs
import pytest

from hookline.errors import InvalidUpstreamAnswerError
from hookline.upstream import UpstreamRequest
from hookline_openai.connector import connector
from hookline_openai.strict_schema import fits_strict_rules

if TYPE_CHECKING:
    from tests.connectors.hookline_openai.conftest import MakeCall

    from hookline.action import JsonObject

EMBED = connector.actions["openai.embed"]
MODERATE = connector.actions["openai.moderate"]
MODELS = connector.actions["openai.list_models"]
PACKED = base64.b64encode(struct.pack("<3f", 0.5, -1, 2)).decode()
USAGE: JsonObject = {
    "input_tokens": 4,
    "output_tokens": 0,
    "total_tokens": 4,
    "cached_tokens": None,
    "reasoning_tokens": None,
}


def embeddings(*vectors: object) -> JsonObject:
    data = [{"object": "embedding", "index": index, "embedding": item} for index, item in enumerate(vectors)]
    return {"object": "list", "data": data, "model": "e-1", "usage": {"prompt_tokens": 4, "total_tokens": 4}}


@pytest.mark.parametrize(
    ("given", "raw", "first", "all", "dimensions"),
    [
        ({}, embeddings([0.5, -1, 2]), [0.5, -1, 2], [[0.5, -1, 2]], 3),
        ({}, embeddings(PACKED), [0.5, -1, 2], [[0.5, -1, 2]], 3),
        ({"encoding_format": "base64"}, embeddings(PACKED, PACKED), PACKED, [PACKED, PACKED], 3),
        (
            {},
            embeddings([1], [2]) | {"data": embeddings([1], [2])["data"][::-1]},  # type: ignore[index]  # a list
            [1],
            [[1], [2]],
            1,
        ),
    ],
)
def test_embeddings_come_in_order_and_as_numbers_unless_asked_otherwise(
    make_call: MakeCall, given: JsonObject, raw: JsonObject, first: object, all: object, dimensions: int
) -> None:
    output = EMBED.present(make_call("embed", given), raw)
    assert output == {
        "embedding": first,
        "embeddings": all,
        "dimensions": dimensions,
        "model": "e-1",
        "usage": USAGE,
    }
    jsonschema_rs.Draft202012Validator(EMBED.output_schema).validate(output)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 1536])
def test_dimensions_of_packed_numbers_are_counted_without_unpacking(make_call: MakeCall, size: int) -> None:
    packed = base64.b64encode(struct.pack(f"<{size}f", *range(size))).decode()
    output = EMBED.present(make_call("embed", {"encoding_format": "base64"}), embeddings(packed))
    assert output["dimensions"] == size


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"data": []},
        {"data": [{}]},
        embeddings(["a"]),
        embeddings([True]),
        embeddings("a"),
        embeddings("!!!!"),
    ],
)
def test_embeddings_of_another_shape_are_an_invalid_upstream_answer(make_call: MakeCall, raw: object) -> None:
    with pytest.raises(InvalidUpstreamAnswerError):
        EMBED.present(make_call("embed"), raw)


def result(flagged: bool, categories: JsonObject, scores: JsonObject) -> JsonObject:
    return {"flagged": flagged, "categories": categories, "category_scores": scores}


def test_moderation_is_summed_up_over_all_inputs(make_call: MakeCall) -> None:
    raw: JsonObject = {
        "id": "modr-1",
        "model": "o-1",
        "results": [
            result(False, {"hate": False, "illicit": None}, {"hate": 0.2, "illicit": None}),
            result(True, {"hate": False, "violence": True}, {"hate": 0.1, "violence": 1}),
        ],
    }
    output = MODERATE.present(make_call("moderate", {"raw": True}), raw)
    assert output == {
        "flagged": True,
        "categories": ["violence"],
        "scores": {"hate": 0.2, "violence": 1},
        "results": [
            {"flagged": False, "categories": {"hate": False, "illicit": None}, "scores": {"hate": 0.2}},
            {
                "flagged": True,
                "categories": {"hate": False, "violence": True},
                "scores": {"hate": 0.1, "violence": 1},
            },
        ],
        "model": "o-1",
        "id": "modr-1",
        "raw": raw,
    }
    jsonschema_rs.Draft202012Validator(MODERATE.output_schema).validate(output)


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"results": []},
        {"results": [{"flagged": True}]},
        {"results": [result(True, {"hate": 1}, {})]},
        {"results": [result(True, {}, {"hate": "1"})]},
        {"results": [result(True, {}, {"hate": 2})]},
        {"results": [{**result(True, {}, {}), "flagged": None}]},
    ],
)
def test_moderation_of_another_shape_is_an_invalid_upstream_answer(make_call: MakeCall, raw: object) -> None:
    with pytest.raises(InvalidUpstreamAnswerError):
        MODERATE.present(make_call("moderate"), raw)


LISTED: JsonObject = {
    "object": "list",
    "data": [
        {
            "id": "gpt-4o-mini",
            "object": "model",
            "created": 5,
            "owned_by": "system",
            "shutdown_date": "2027-01-15",
        },
        {"id": "text-embedding-3-small", "object": "model", "created": 4, "owned_by": "system"},
        {"id": "my-mini", "object": "model", "created": 9, "owned_by": "me", "shutdown_date": None},
    ],
}
MINI: JsonObject = {
    "id": "gpt-4o-mini",
    "name": "gpt-4o-mini (ends 2027-01-15)",
    "created": 5,
    "owned_by": "system",
    "shutdown_date": "2027-01-15",
}
SMALL: JsonObject = {
    "id": "text-embedding-3-small",
    "name": "text-embedding-3-small",
    "created": 4,
    "owned_by": "system",
    "shutdown_date": None,
}
MINE: JsonObject = {"id": "my-mini", "name": "my-mini", "created": 9, "owned_by": "me", "shutdown_date": None}


@pytest.mark.parametrize(
    ("given", "models"),
    [
        ({}, [MINE, MINI, SMALL]),
        ({"search": " MINI"}, [MINE, MINI]),
        ({"search": "mini", "kind": "embedding"}, [MINE]),
        ({"kind": "chat"}, [MINE, MINI]),
        ({"search": "none"}, []),
    ],
)
def test_models_are_listed_newest_first_and_picked_here(
    make_call: MakeCall, given: JsonObject, models: list[JsonObject]
) -> None:
    request = UpstreamRequest(method="GET", base_url="https://x.example", path="/models")
    call = make_call("list_models", given)
    MODELS.prepare(call, request)
    assert (request.path, request.body) == ("/models", None)
    output = MODELS.present(call, LISTED)
    assert output == {"models": models, "count": len(models)}
    jsonschema_rs.Draft202012Validator(MODELS.output_schema).validate(output)


def test_one_model_is_a_list_of_one(make_call: MakeCall) -> None:
    single = LISTED["data"][0]  # type: ignore[index]  # a list
    assert MODELS.present(make_call("list_models", door="wire"), single) == {"models": [MINI], "count": 1}


def test_models_taken_out_of_the_output_are_taken_out_of_the_wire_answer(make_call: MakeCall) -> None:
    call = make_call("list_models", {"search": "x"}, door="wire")
    output = MODELS.present(call, LISTED)
    assert output["count"] == 3
    changed: JsonObject = {"models": [MINE, SMALL], "count": 2}
    assert MODELS.restore is not None
    restored = MODELS.restore(LISTED, changed)
    assert restored == {**LISTED, "data": LISTED["data"][1:]}  # type: ignore[index]  # a list
    assert MODELS.present(call, restored) == changed


@pytest.mark.parametrize(
    "raw", [{}, [], {"data": {}}, {"data": [{}]}, {"data": [{"id": "a", "created": "now"}]}]
)
def test_models_of_another_shape_are_an_invalid_upstream_answer(make_call: MakeCall, raw: object) -> None:
    with pytest.raises(InvalidUpstreamAnswerError):
        MODELS.present(make_call("list_models"), raw)


def strict(**properties: object) -> JsonObject:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def nested(depth: int) -> JsonObject:
    schema = strict(end={"type": "string"})
    for _ in range(depth):
        schema = strict(next=schema)
    return schema


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (strict(), True),
        (strict(a={"type": ["string", "null"], "description": "x"}, b={"enum": [1, 2]}), True),
        (strict(a={"type": "array", "items": strict(b={"type": "number", "minimum": 0})}), True),
        (strict(a={"anyOf": [{"type": "string", "format": "date"}, strict()]}), True),
        ({**strict(a={"$ref": "#/$defs/b"}), "$defs": {"b": strict()}}, True),
        (nested(7), True),
        (nested(12), False),
        ({}, False),
        ({"type": "array", "items": {"type": "string"}}, False),
        ({"type": "object"}, False),
        ({**strict(a={"type": "string"}), "required": []}, False),
        ({**strict(), "additionalProperties": True}, False),
        ({**strict(), "anyOf": [strict()]}, False),
        ({**strict(), "patternProperties": {}}, False),
        (strict(a={"type": "object"}), False),
        (strict(a={"type": "array"}), False),
        (strict(a={"type": "string", "minLength": 1}), False),
        (strict(a={"type": "string", "format": "uri"}), False),
        (strict(a={"type": "string", "default": "x"}), False),
        (strict(a={"type": "text"}), False),
        (strict(a={"allOf": []}), False),
        (strict(a={"anyOf": []}), False),
        (strict(a={"$ref": "https://x.example/s"}), False),
        (strict(a=True), False),
        (strict(a={}), False),
        ({**strict(), "required": "a"}, False),
        ({**strict(), "$defs": []}, False),
        (strict(**{f"p{i}": {"type": "string"} for i in range(5001)}), False),
    ],
)
def test_strict_is_asked_for_only_where_it_is_sure_to_be_taken(schema: JsonObject, expected: bool) -> None:
    assert fits_strict_rules(schema) is expected


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    heavy = {"pydantic", "orjson", "hookline_openai.connector"}
    code = f"import sys, hookline_openai; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
