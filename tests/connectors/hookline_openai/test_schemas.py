"""The schemas say everything that OpenAI's reference says, and nothing that is not so."""

from __future__ import annotations

import json
import typing
from typing import TYPE_CHECKING, cast

import jsonschema
import jsonschema_rs
import pytest
from openai.types import completion_create_params, embedding_create_params, moderation_create_params
from openai.types.chat import completion_create_params as chat_create_params

from hookline_openai import model_table
from hookline_openai.connector import connector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookline.action import Action, JsonObject

ACTIONS = list(connector.actions.values())
N = "null"
Row = tuple[object, dict[str, object]]

# Field: JSON types, then the range. One row for each row of OpenAI's reference.
TEMPERATURE: Row = (["number", N], {"minimum": 0, "maximum": 2})
TOP_P: Row = (["number", N], {"minimum": 0, "maximum": 1})
PENALTY: Row = (["number", N], {"minimum": -2, "maximum": 2})
FLAG: Row = (["boolean", N], {})
INT64: dict[str, object] = {"minimum": -(2**63), "maximum": 2**63 - 1}
COMMON: dict[str, Row] = {
    "temperature": TEMPERATURE,
    "top_p": TOP_P,
    "n": (["integer", N], {"minimum": 1, "maximum": 128}),
    "stream": FLAG,
    "stream_options": ({"object", N}, {}),
    "stop": ({"string", "array", N}, {}),
    "presence_penalty": PENALTY,
    "frequency_penalty": PENALTY,
    "logit_bias": (
        ["object", N],
        {"additionalProperties": {"type": "integer", "minimum": -100, "maximum": 100}},
    ),
}
CHAT: dict[str, Row] = {
    **COMMON,
    "model": ("string", {}),
    "messages": ("array", {"minItems": 1}),
    "max_completion_tokens": (["integer", N], {}),
    "max_tokens": (["integer", N], {"deprecated": True}),
    "logprobs": FLAG,
    "top_logprobs": (["integer", N], {"minimum": 0, "maximum": 20}),
    "user": ("string", {"deprecated": True}),
    "safety_identifier": (["string", N], {"maxLength": 64}),
    "prompt_cache_key": (["string", N], {}),
    "prompt_cache_options": ({"object"}, {}),
    "prompt_cache_retention": (["string", N], {"enum": ["in_memory", "24h", None], "deprecated": True}),
    "seed": (["integer", N], {**INT64, "deprecated": True}),
    "response_format": ({"object"}, {}),
    "tools": ("array", {}),
    "tool_choice": ({"string", "object"}, {}),
    "parallel_tool_calls": ("boolean", {}),
    "functions": ("array", {"minItems": 1, "maxItems": 128, "deprecated": True}),
    "function_call": ({"string", "object"}, {"deprecated": True}),
    "modalities": (["array", N], {"items": {"type": "string", "enum": ["text", "audio"]}}),
    "audio": ({"object", N}, {}),
    "prediction": ({"object", N}, {}),
    "reasoning_effort": (
        ["string", N],
        {"enum": ["none", "minimal", "low", "medium", "high", "xhigh", "max", None]},
    ),
    "verbosity": (["string", N], {"enum": ["low", "medium", "high", None]}),
    "web_search_options": ({"object"}, {}),
    "service_tier": (
        ["string", N],
        {"enum": ["auto", "default", "flex", "scale", "priority", "fast", None]},
    ),
    "store": FLAG,
    "metadata": (
        ["object", N],
        {
            "maxProperties": 16,
            "propertyNames": {"maxLength": 64},
            "additionalProperties": {"type": "string", "maxLength": 512},
        },
    ),
    "moderation": ({"object", N}, {}),
}
COMPLETE: dict[str, Row] = {
    **COMMON,
    "model": ("string", {}),
    "prompt": ({"string", "array", N}, {}),
    "best_of": (["integer", N], {"minimum": 0, "maximum": 20}),
    "echo": FLAG,
    "logprobs": (["integer", N], {"minimum": 0, "maximum": 5}),
    "max_tokens": (["integer", N], {"minimum": 0}),
    "seed": (["integer", N], INT64),
    "suffix": (["string", N], {}),
    "user": ("string", {}),
}
EDIT: dict[str, Row] = {
    "model": ("string", {}),
    "instruction": ("string", {}),
    "input": (["string", N], {}),
    "n": (["integer", N], {"minimum": 1, "maximum": 20}),
    "temperature": TEMPERATURE,
    "top_p": TOP_P,
}
EMBED: dict[str, Row] = {
    "model": ("string", {}),
    "input": ({"string", "array"}, {}),
    "encoding_format": ("string", {"enum": ["float", "base64"]}),
    "dimensions": ("integer", {"minimum": 1}),
    "user": ("string", {}),
}
MODERATE: dict[str, Row] = {"input": ({"string", "array"}, {}), "model": ("string", {})}
TABLES = {"chat": CHAT, "complete": COMPLETE, "edit": EDIT, "embed": EMBED, "moderate": MODERATE}
OWN_FIELDS = {
    "chat": {"prompt", "system", "json_schema", "raw"},
    "complete": {"raw"},
    "edit": {"raw"},
    "embed": {"raw"},
    "moderate": {"raw"},
}
HINTS = {
    "title",
    "description",
    "examples",
    "x-group",
    "x-order",
    "x-advanced",
    "x-multiline",
    "x-placeholder",
    "x-options",
}


def request_properties(action: Action) -> JsonObject:
    schema = cast("JsonObject", action.request_schema)
    if action.id == "openai.edit":
        schema = cast("dict[str, JsonObject]", schema["$defs"])["NativeEditRequest"]
    return cast("JsonObject", schema["properties"])


def types_of(member: JsonObject, schema: JsonObject) -> set[str]:
    """Return the JSON types that a member takes, through references and unions."""
    if "$ref" in member:
        name = str(member["$ref"]).rpartition("/")[2]
        return types_of(cast("dict[str, JsonObject]", schema["$defs"])[name], schema)
    if "anyOf" in member and "type" not in member:
        return set().union(
            *(types_of(branch, schema) for branch in cast("list[JsonObject]", member["anyOf"]))
        )
    found = member["type"]
    return set(found) if isinstance(found, list) else {str(found)}


def walk(node: object) -> Iterator[JsonObject]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_schemas_are_valid_and_hold_no_default(action: Action) -> None:
    for schema in (action.input_schema, action.output_schema, action.request_schema):
        if schema is None:
            continue
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema_rs.meta.validate(schema)
        plain = json.loads(json.dumps(schema))
        assert plain == schema
        assert not [node for node in walk(schema) if "default" in node and "type" in node]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_samples_fit_their_schemas(action: Action) -> None:
    assert 1 <= len(action.samples) <= 3
    for sample in action.samples:
        for value, schema in ((sample.input, action.input_schema), (sample.output, action.output_schema)):
            jsonschema.Draft202012Validator(schema).validate(value)
            jsonschema_rs.Draft202012Validator(schema).validate(value)
        names = set(cast("JsonObject", action.output_schema["properties"]))
        assert set(sample.output) == names - {"raw", "parts", "incomplete"}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_input_field_is_described_for_a_form(action: Action) -> None:
    properties = cast("dict[str, JsonObject]", action.input_schema["properties"])
    assert action.input_schema["additionalProperties"] is False
    assert action.description == action.input_schema["description"]
    assert action.description.count("\n") == 0
    orders = [member["x-order"] for member in properties.values()]
    assert orders == sorted(set(cast("list[int]", orders)))
    for member in properties.values():
        assert {"title", "description", "x-group", "x-order", "x-advanced"} <= set(member)
        assert member["x-group"] in {"basic", "output", "sampling", "tools", "advanced"}
        assert str(member["description"]).endswith(".")


@pytest.mark.parametrize(("verb", "field"), [(v, f) for v, table in TABLES.items() for f in table])
def test_field_has_the_type_and_range_of_the_reference(verb: str, field: str) -> None:
    action = connector.actions[f"openai.{verb}"]
    types, limits = TABLES[verb][field]
    for schema, properties in (
        (action.request_schema, request_properties(action)),
        (action.input_schema, cast("JsonObject", action.input_schema["properties"])),
    ):
        member = cast("JsonObject", properties[field])
        if isinstance(types, set):
            assert types_of(member, cast("JsonObject", schema)) == types
        else:
            assert member["type"] == types
        rules = {
            name: value
            for name, value in member.items()
            if name not in HINTS | {"type", "anyOf", "$ref", "minLength", "items", "propertyNames"}
        }
        expected = {name: value for name, value in limits.items() if name not in {"items", "propertyNames"}}
        rules.pop("additionalProperties", None) if "additionalProperties" not in expected else None
        assert rules == expected
        assert all(member[name] == limits[name] for name in {"items", "propertyNames"} & set(limits))


@pytest.mark.parametrize("verb", TABLES)
def test_no_field_is_missing_or_invented(verb: str) -> None:
    action = connector.actions[f"openai.{verb}"]
    assert set(request_properties(action)) == set(TABLES[verb])
    own = set(cast("JsonObject", action.input_schema["properties"]))
    assert own == set(TABLES[verb]) | OWN_FIELDS[verb]


@pytest.mark.parametrize(
    ("verb", "parameters"),
    [
        ("chat", chat_create_params.CompletionCreateParamsStreaming),
        ("chat", chat_create_params.CompletionCreateParamsNonStreaming),
        ("complete", completion_create_params.CompletionCreateParamsStreaming),
        ("complete", completion_create_params.CompletionCreateParamsNonStreaming),
        ("embed", embedding_create_params.EmbeddingCreateParams),
        ("moderate", moderation_create_params.ModerationCreateParams),
    ],
)
def test_every_parameter_of_the_official_package_is_a_field(verb: str, parameters: type) -> None:
    names = set(typing.get_type_hints(parameters))
    assert names == set(request_properties(connector.actions[f"openai.{verb}"]))


USER = {"role": "user", "content": "Hi"}
OK = {"model": "m", "messages": [USER]}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{"}}
ACCEPTED = [
    ("chat", {"model": "m", "prompt": "Hi"}),
    ("chat", {"model": "m", "prompt": "Hi", "messages": [USER], "system": None, "raw": None}),
    ("chat", {**OK, "temperature": None, "n": 128, "top_logprobs": 0, "stop": ["a"], "seed": -(2**63)}),
    ("chat", {**OK, "messages": [{"role": "assistant", "tool_calls": [CALL]}]}),
    (
        "chat",
        {
            **OK,
            "messages": [
                {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}}
            ],
        },
    ),
    ("chat", {**OK, "messages": [{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}]}),
    ("chat", {**OK, "messages": [{"role": "function", "name": "f", "content": None}]}),
    (
        "chat",
        {
            **OK,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
                        {
                            "type": "image_url",
                            "image_url": {"url": "https://x.example/a.png", "detail": "low"},
                        },
                        {"type": "input_audio", "input_audio": {"data": "aa", "format": "wav"}},
                        {"type": "file", "file": {"file_id": "f"}},
                    ],
                }
            ],
        },
    ),
    ("chat", {**OK, "tools": [{"type": "custom", "custom": {"name": "t", "format": {"type": "text"}}}]}),
    (
        "chat",
        {**OK, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{}]}}},
    ),
    ("chat", {**OK, "logit_bias": {"50256": -100}, "metadata": {"k" * 64: "v" * 512}}),
    (
        "chat",
        {**OK, "response_format": {"type": "json_schema", "json_schema": {"name": "a-1_B", "schema": {}}}},
    ),
    ("chat", {**OK, "audio": {"voice": {"id": "v"}, "format": "mp3"}, "modalities": ["text", "audio"]}),
    ("complete", {"model": "m", "prompt": None}),
    ("complete", {"model": "m", "prompt": [[1], [2]], "max_tokens": 0, "logprobs": 5}),
    ("edit", {"model": "m", "instruction": "x", "input": None}),
    ("embed", {"model": "m", "input": [[1, 2], [3]]}),
    ("embed", {"model": "m", "input": ["a"] * 2048}),
    (
        "moderate",
        {"input": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "u"}}]},
    ),
    ("moderate", {"input": ""}),
    ("list_models", {}),
]
REFUSED = [
    ("chat", {"model": "m"}),
    ("chat", {"prompt": "Hi"}),
    ("chat", {"model": "m", "prompt": ""}),
    ("chat", {"model": "m", "messages": []}),
    ("chat", {**OK, "temprature": 1}),
    ("chat", {**OK, "temperature": 2.01}),
    ("chat", {**OK, "top_p": -0.1}),
    ("chat", {**OK, "n": 0}),
    ("chat", {**OK, "n": 1.5}),
    ("chat", {**OK, "n": "1"}),
    ("chat", {**OK, "stop": []}),
    ("chat", {**OK, "stop": ["a"] * 5}),
    ("chat", {**OK, "user": None}),
    ("chat", {**OK, "tools": None}),
    ("chat", {**OK, "parallel_tool_calls": None}),
    ("chat", {**OK, "seed": 2**63}),
    ("chat", {**OK, "logit_bias": {"50256": 101}}),
    ("chat", {**OK, "logit_bias": {"cat": 1}}),
    ("chat", {**OK, "logit_bias": {"1": 0.5}}),
    ("chat", {**OK, "metadata": {"k" * 65: "v"}}),
    ("chat", {**OK, "metadata": {"k": "v" * 513}}),
    ("chat", {**OK, "metadata": {str(i): "v" for i in range(17)}}),
    ("chat", {**OK, "safety_identifier": "x" * 65}),
    ("chat", {**OK, "functions": []}),
    ("chat", {**OK, "reasoning_effort": "extreme"}),
    ("chat", {**OK, "response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}}),
    ("chat", {**OK, "response_format": {"type": "json_schema", "json_schema": {}}}),
    ("chat", {**OK, "audio": {"voice": "alloy"}}),
    ("chat", {**OK, "moderation": {}}),
    ("chat", {**OK, "tools": [{"type": "function", "function": {"name": "f" * 65}}]}),
    ("chat", {**OK, "messages": [{"role": "robot", "content": "a"}]}),
    ("chat", {**OK, "messages": [{"role": "user"}]}),
    ("chat", {**OK, "messages": [{"role": "user", "content": None}]}),
    ("chat", {**OK, "messages": [{"role": "user", "content": []}]}),
    ("chat", {**OK, "messages": [{"role": "user", "content": "a", "extra": 1}]}),
    ("chat", {**OK, "messages": [{"role": "user", "content": [{"type": "refusal", "refusal": "no"}]}]}),
    (
        "chat",
        {
            **OK,
            "messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}],
        },
    ),
    ("chat", {**OK, "messages": [{"role": "assistant"}]}),
    (
        "chat",
        {**OK, "messages": [{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}] * 2}]},
    ),
    ("chat", {**OK, "messages": [{"role": "tool", "content": "a"}]}),
    ("complete", {"model": "m"}),
    ("complete", {"model": "m", "prompt": [[]]}),
    ("complete", {"model": "m", "prompt": "a", "best_of": 21}),
    ("complete", {"model": "m", "prompt": "a", "logprobs": True}),
    ("complete", {"model": "m", "prompt": "a", "max_tokens": -1}),
    ("edit", {"model": "m"}),
    ("edit", {"model": "m", "instruction": "x", "n": 21}),
    ("edit", {"model": "m", "instruction": "x", "prompt": "x"}),
    ("embed", {"model": "m", "input": ""}),
    ("embed", {"model": "m", "input": []}),
    ("embed", {"model": "m", "input": ["a", ""]}),
    ("embed", {"model": "m", "input": ["a"] * 2049}),
    ("embed", {"model": "m", "input": "a", "dimensions": 0}),
    ("embed", {"model": "m", "input": "a", "stream": False}),
    ("moderate", {"input": "a", "model": None}),
    ("moderate", {}),
    ("list_models", {"limit": 1}),
]


@pytest.mark.parametrize(("verb", "value"), ACCEPTED)
def test_input_is_accepted(verb: str, value: JsonObject) -> None:
    jsonschema_rs.Draft202012Validator(connector.actions[f"openai.{verb}"].input_schema).validate(value)


@pytest.mark.parametrize(("verb", "value"), REFUSED)
def test_input_is_refused(verb: str, value: JsonObject) -> None:
    assert not jsonschema_rs.Draft202012Validator(connector.actions[f"openai.{verb}"].input_schema).is_valid(
        value
    )


def test_connector_returns_only_headers_that_a_caller_can_use() -> None:
    names = ["x-request-id", "retry-after", "retry-after-ms", "openai-version", "x-ratelimit-limit-tokens"]
    assert [
        name for name in [*names, "set-cookie", "authorization", "server"] if connector.returns[name]
    ] == names


def test_models_of_samples_and_examples_have_no_known_end() -> None:
    ending = []
    for action in connector.actions.values():
        properties = cast("dict[str, dict[str, list[str]]]", action.input_schema["properties"])
        named = [sample.input["model"] for sample in action.samples if "model" in sample.input]
        named += properties.get("model", {}).get("examples", [])
        for model in named:
            info = model_table.find(str(model))
            assert info is not None
            if info.shutdown_on is not None:
                ending.append((action.id, model))

    assert ending == []
