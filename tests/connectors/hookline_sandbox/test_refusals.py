"""What the service refuses, with which status, code and parameter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hookline_sandbox.service import Sandbox, SandboxAnswer

PING = [{"role": "user", "content": "ping"}]
NOVEMBER_2026 = 1_795_305_600.0
TOOL = {"type": "function", "function": {"name": "f"}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def ask(path: str, body: object, *, method: str = "POST", now_s: float = NOVEMBER_2026) -> SandboxAnswer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Sandbox(now=lambda: now_s).answer(method, path, {}, data)


def error_of(answer: SandboxAnswer) -> dict[str, Any]:
    error = json.loads(b"".join(answer.chunks))["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return {"status": answer.status, **error}


def refused(path: str, body: object, **options: Any) -> tuple[int, str | None, str | None]:
    error = error_of(ask(path, body, **options))
    return error["status"], error["code"], error["param"]


def tool_with(parameters: dict[str, object]) -> dict[str, object]:
    return {"type": "function", "function": {"name": "f", "parameters": parameters}}


def asked_for(schema: dict[str, object]) -> dict[str, object]:
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}


def chat(**fields: object) -> dict[str, object]:
    return {"model": "sandbox", "messages": PING, **fields}


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"temperature": 3}, "decimal_above_max_value", "temperature"),
        ({"temperature": "1"}, "invalid_type", "temperature"),
        ({"temperature": True}, "invalid_type", "temperature"),
        ({"top_p": -0.1}, "decimal_below_min_value", "top_p"),
        ({"n": 0}, "integer_below_min_value", "n"),
        ({"n": 129}, "integer_above_max_value", "n"),
        ({"n": 1.5}, "invalid_type", "n"),
        ({"stop": []}, "empty_array", "stop"),
        ({"stop": list("abcde")}, "array_above_max_length", "stop"),
        ({"presence_penalty": 2.5}, "decimal_above_max_value", "presence_penalty"),
        ({"logit_bias": {"1": 101}}, "integer_above_max_value", "logit_bias.1"),
        ({"top_logprobs": 2}, None, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "integer_above_max_value", "top_logprobs"),
        ({"safety_identifier": "x" * 65}, "string_above_max_length", "safety_identifier"),
        ({"seed": 2**63}, "integer_above_max_value", "seed"),
        ({"metadata": {str(i): "" for i in range(17)}}, "object_above_max_properties", "metadata"),
        ({"reasoning_effort": "huge"}, "invalid_value", "reasoning_effort"),
        ({"service_tier": "gold"}, "invalid_value", "service_tier"),
        ({"user": None}, "invalid_type", "user"),
        ({"frobnicate": 1}, "unknown_parameter", "frobnicate"),
        ({"stream_options": {"include_usage": True}}, None, "stream_options"),
        ({"stream": True, "stream_options": {"x": 1}}, "unknown_parameter", "stream_options.x"),
        ({"messages": []}, "empty_array", "messages"),
        ({"messages": [{"role": "robot", "content": ""}]}, "invalid_value", "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "missing_required_parameter", "messages[0].content"),
        ({"messages": [{"role": "assistant", "content": None}]}, None, "messages.[0].content"),
        (
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            "invalid_value",
            "tools[0].function.name",
        ),
        ({"tool_choice": "auto"}, None, "tool_choice"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}},
            None,
            "tool_choice",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": 5}}}]},
            "invalid_function_parameters",
            "tools[0].function.parameters",
        ),
        ({"response_format": {"type": "xml"}}, "invalid_value", "response_format.type"),
        ({"modalities": ["audio"]}, "missing_required_parameter", "audio"),
        ({"max_tokens": 5, "max_completion_tokens": 5}, "invalid_parameter_combination", "max_tokens"),
        ({"max_tokens": 16_385}, "invalid_value", "max_tokens"),
        ({"max_completion_tokens": 16_385}, "invalid_value", "max_completion_tokens"),
        ({"n": 5, "tools": [tool_with({"minProperties": 10**9})]}, None, None),
        ({"functions": [{"name": "f", "parameters": {"type": "string", "minLength": 10**9}}]}, None, None),
        ({"tools": [tool_with({"description": "x" * 300_000})] * 2}, None, "tools"),
        ({"response_format": asked_for({"title": "x" * 600_000})}, None, "response_format"),
        ({"response_format": asked_for({"minProperties": 10**9})}, None, None),
    ],
)
def test_chat_refuses_a_bad_field_by_code_and_parameter(
    fields: dict[str, object], code: str | None, param: str
) -> None:
    assert refused("/v1/chat/completions", chat(**fields)) == (400, code, param)


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": None, "stop": None, "n": None, "max_tokens": None, "seed": None, "metadata": None},
        {"messages": [{"role": "developer", "content": [{"type": "text", "text": "x"}]}, *PING]},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "see"},
                        {"type": "image_url", "image_url": {"url": "data:,", "detail": "low"}},
                        {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
                        {"type": "file", "file": {"file_id": "f"}},
                    ],
                }
            ]
        },
        {
            "messages": [
                *PING,
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_1", "content": "done"},
            ]
        },
        {"prediction": {"type": "content", "content": "pong"}, "verbosity": "low", "store": True},
        {"reasoning_effort": "none", "prompt_cache_options": {"mode": "implicit", "ttl": "30m"}},
    ],
)
def test_chat_takes_every_documented_form(fields: dict[str, object]) -> None:
    assert ask("/v1/chat/completions", chat(**fields)).status == 200


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([{"role": "tool", "tool_call_id": "x", "content": ""}], "messages.[0].role"),
        ([*PING, {"role": "tool", "tool_call_id": "x", "content": ""}], "messages.[1].role"),
        (
            [
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_2", "content": ""},
            ],
            "messages.[1].role",
        ),
        ([{"role": "assistant", "content": None, "tool_calls": [CALL]}, *PING], "messages.[1].role"),
        ([{"role": "assistant", "content": None, "tool_calls": [CALL]}], "messages"),
    ],
)
def test_a_tool_message_must_answer_a_call_right_before_it(
    messages: list[dict[str, object]], param: str
) -> None:
    assert refused("/v1/chat/completions", chat(messages=messages)) == (400, None, param)


def test_too_long_a_conversation_is_refused_with_the_numbers() -> None:
    long = [{"role": "user", "content": "x" * 4 * 128_000}]
    error = error_of(ask("/v1/chat/completions", chat(messages=long)))
    assert (error["code"], error["param"]) == ("context_length_exceeded", "messages")
    assert error["message"].startswith(
        "This model's maximum context length is 128000 tokens. However, "
        "your messages resulted in 128007 tokens."
    )


def test_too_much_output_for_the_window_is_refused_with_the_parts() -> None:
    long = [{"role": "user", "content": "x" * 4 * 120_000}]
    error = error_of(ask("/v1/chat/completions", chat(messages=long, max_tokens=10_000)))
    assert "you requested 130007 tokens (120007 in the messages, 10000 in the completion)" in error["message"]


@pytest.mark.parametrize(
    ("model", "fields", "code", "param"),
    [
        ("gpt-5", {"max_tokens": 5}, "unsupported_parameter", "max_tokens"),
        ("gpt-5", {"temperature": 0.2}, "unsupported_value", "temperature"),
        ("gpt-5", {"top_p": 0.5}, "unsupported_parameter", "top_p"),
        ("gpt-5", {"stop": "x"}, "unsupported_parameter", "stop"),
        ("gpt-5", {"logit_bias": {}}, "unsupported_parameter", "logit_bias"),
        ("gpt-5", {"logprobs": True}, "unsupported_parameter", "logprobs"),
        ("gpt-5", {"reasoning_effort": "none"}, "unsupported_value", "reasoning_effort"),
        ("gpt-5.2", {"temperature": 0.2, "reasoning_effort": "low"}, "unsupported_value", "temperature"),
        ("gpt-5.5", {"temperature": 0.2}, "unsupported_value", "temperature"),
        ("gpt-5.6-luna", {"tools": [TOOL]}, None, "reasoning_effort"),
        ("o3", {"presence_penalty": 1}, "unsupported_parameter", "presence_penalty"),
    ],
)
def test_reasoning_models_refuse_what_they_do_not_take(
    model: str, fields: dict[str, object], code: str | None, param: str
) -> None:
    assert refused("/v1/chat/completions", chat(model=model, **fields)) == (400, code, param)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("gpt-5", {"temperature": 1, "max_completion_tokens": 100, "logprobs": False}),
        ("gpt-5.2", {"temperature": 0.2, "top_p": 0.5, "logprobs": True}),
        ("gpt-5.5", {"temperature": 0.2, "reasoning_effort": "none"}),
        ("gpt-5.6-luna", {"tools": [TOOL], "reasoning_effort": "none"}),
        ("gpt-4o", {"max_tokens": 5, "temperature": 0.2, "stop": "x"}),
    ],
)
def test_reasoning_models_take_the_rest(model: str, fields: dict[str, object]) -> None:
    assert ask("/v1/chat/completions", chat(model=model, **fields)).status == 200


@pytest.mark.parametrize(
    ("path", "model", "code", "words"),
    [
        ("/v1/chat/completions", "gpt-99", "model_not_found", "does not exist or you do not have access"),
        ("/v1/chat/completions", "gpt-4", "model_not_found", "has been deprecated"),
        ("/v1/chat/completions", "gpt-5-pro", None, "only supported in v1/responses"),
        ("/v1/chat/completions", "sandbox-completion", None, "This is not a chat model"),
        ("/v1/completions", "gpt-4o", None, "This is a chat model"),
        ("/v1/completions", "text-davinci-003", "model_not_found", "has been deprecated"),
    ],
)
def test_a_model_that_cannot_serve_is_a_404(path: str, model: str, code: str | None, words: str) -> None:
    error = error_of(ask(path, {"model": model, "messages": PING} if "chat" in path else {"model": model}))
    assert (error["status"], error["code"]) == (404, code)
    assert words in error["message"]


def test_a_model_answers_until_the_day_of_its_shutdown() -> None:
    day = 86_400
    shutdown = 1_792_713_600.0  # gpt-4: 2026-10-23
    assert ask("/v1/chat/completions", chat(model="gpt-4"), now_s=shutdown - day).status == 200
    assert ask("/v1/chat/completions", chat(model="gpt-4"), now_s=shutdown).status == 404


def test_a_fine_tuned_model_follows_its_base() -> None:
    assert ask("/v1/chat/completions", chat(model="ft:gpt-4o-2024-08-06:acme::abc")).status == 200
    assert ask("/v1/chat/completions", chat(model="ft:gpt-3.5-turbo:acme::abc")).status == 404


def test_a_missing_model_is_asked_for_in_the_old_words() -> None:
    error = error_of(ask("/v1/chat/completions", {"messages": PING}))
    assert (error["status"], error["message"]) == (400, "you must provide a model parameter")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"a": NaN}', b"[" * 5000])
def test_a_body_that_is_not_a_json_object_is_refused(body: bytes) -> None:
    error = error_of(ask("/v1/chat/completions", body))
    assert error["status"] == 400
    assert error["message"].startswith("We could not parse the JSON body of your request.")


def test_wrong_paths_and_methods_are_told_apart() -> None:
    assert error_of(ask("/v1/x?y=1", b""))["message"] == "Invalid URL (POST /v1/x)"
    wrong = ask("/v1/chat/completions", b"", method="GET")
    assert wrong.status == 405
    assert ("allow", "POST") in wrong.headers


@pytest.mark.parametrize(
    ("fields", "code", "param", "words"),
    [
        ({"input": ""}, None, "input", "empty string"),
        ({"input": []}, "empty_array", "input", "empty array"),
        ({"input": ["x"] * 2049}, "array_above_max_length", "input", "maximum length 2048"),
        ({"input": "x" * 4 * 8193}, None, None, "you requested 8193 tokens (8193 in your prompt; 0 for"),
        ({"input": ["x" * 4 * 8000] * 38}, "max_tokens_per_request", None, "Requested 304000 tokens"),
        ({"input": "x", "dimensions": 65}, "invalid_value", "dimensions", "less than or equal to 64"),
        ({"input": "x", "encoding_format": "hex"}, "invalid_value", "encoding_format", "Supported values"),
        ({"input": "x", "n": 1}, "unknown_parameter", "n", "Unknown parameter"),
        ({"input": [1, "x"]}, "invalid_type", "input[0]", "an array of tokens"),
    ],
)
def test_embeddings_refuse_what_is_too_much(
    fields: dict[str, object], code: str | None, param: str | None, words: str
) -> None:
    error = error_of(ask("/v1/embeddings", {"model": "sandbox-embedding", **fields}))
    assert (error["status"], error["code"], error["param"]) == (400, code, param)
    assert words in error["message"]


def test_an_old_embedding_model_takes_no_dimensions() -> None:
    body = {"model": "text-embedding-ada-002", "input": "x", "dimensions": 5}
    assert refused("/v1/embeddings", body) == (400, None, "dimensions")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"best_of": 1, "n": 2}, "best_of"),
        ({"best_of": 2, "stream": True}, "best_of"),
        ({"logprobs": True}, "logprobs"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"messages": PING}, "messages"),
    ],
)
def test_legacy_completions_refuse_a_bad_field(fields: dict[str, object], param: str) -> None:
    status, _, named = refused("/v1/completions", {"model": "sandbox", "prompt": "x", **fields})
    assert (status, named) == (400, param)


def test_moderation_needs_an_input_of_one_kind() -> None:
    assert refused("/v1/moderations", {}) == (400, "missing_required_parameter", "input")
    mixed = {"input": ["x", {"type": "text", "text": "y"}]}
    assert refused("/v1/moderations", mixed) == (400, None, "input")
    assert refused("/v1/moderations", {"input": "x", "model": "text-moderation-latest"})[0] == 404


def test_edits_work_as_they_did() -> None:
    body = {"model": "text-davinci-edit-001", "instruction": "fix", "input": "helo", "n": 2}
    answer = json.loads(b"".join(ask("/v1/edits", body).chunks))
    assert answer["object"] == "edit"
    assert [choice["text"] for choice in answer["choices"]] == [
        "Simulated edit (fix): helo",
        "Simulated edit 2 (fix): helo",
    ]
    assert refused("/v1/edits", {**body, "prompt": "x"}) == (400, "unknown_parameter", "prompt")
    wrong = error_of(ask("/v1/edits", {**body, "model": "gpt-4o"}))
    assert (wrong["status"], wrong["message"]) == (404, "Invalid URL (POST /v1/edits)")
