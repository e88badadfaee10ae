"""The official OpenAI client, pointed at the gateway by nothing but its base URL."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import openai
import pytest

from live_gateway import KEY, Server, Start

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "ping"}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}},
            "required": ["city", "unit"],
        },
    },
}


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def test_chat_answers_with_usage_and_request_id(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="sandbox", messages=MESSAGES, temperature=0.5, n=2)

    assert [choice.finish_reason for choice in answer.choices] == ["stop", "stop"]
    assert answer.choices[0].message.content == "Simulated answer to: ping"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id is not None
    assert answer._request_id.startswith("req_")


def test_rate_limit_headers_come_along_and_cookies_do_not(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="sandbox-cookie", messages=MESSAGES)

    assert raw.headers["x-ratelimit-limit-requests"]
    assert raw.headers["openai-version"]
    assert raw.headers["x-hookline-call-id"].startswith("call_")
    assert "set-cookie" not in raw.headers


def test_streamed_chat_equals_the_plain_one(client: openai.OpenAI) -> None:
    plain = client.chat.completions.create(model="sandbox", messages=MESSAGES)
    chunks = list(
        client.chat.completions.create(
            model="sandbox", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
    )

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == plain.choices[0].message.content
    assert len(chunks) > 4
    assert chunks[-1].usage == plain.usage


def test_streaming_helper_of_the_client_understands_the_stream(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="sandbox", messages=MESSAGES) as stream:
        events = [event.type for event in stream]
        final = stream.get_final_completion()

    assert "content.delta" in events
    assert final.choices[0].message.content == "Simulated answer to: ping"


def test_tool_call_goes_round(client: openai.OpenAI) -> None:
    first = client.chat.completions.create(
        model="sandbox", messages=MESSAGES, tools=[WEATHER], tool_choice="required"
    )
    message = first.choices[0].message
    assert message.tool_calls is not None
    call = message.tool_calls[0]
    assert call.type == "function"
    assert sorted(json.loads(call.function.arguments)) == ["city", "unit"]

    second = client.chat.completions.create(
        model="sandbox",
        tools=[WEATHER],
        messages=[
            *MESSAGES,
            cast("ChatCompletionMessageParam", message.model_dump(exclude_none=True)),
            {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"},
        ],
    )

    assert second.choices[0].finish_reason == "stop"
    assert "21 degrees" in (second.choices[0].message.content or "")


def test_streamed_tool_call_equals_the_plain_one(client: openai.OpenAI) -> None:
    plain = client.chat.completions.create(
        model="sandbox", messages=MESSAGES, tools=[WEATHER], tool_choice="required"
    )
    pieces = client.chat.completions.create(
        model="sandbox", messages=MESSAGES, tools=[WEATHER], tool_choice="required", stream=True
    )

    arguments = "".join(
        (call.function.arguments or "") if call.function else ""
        for chunk in pieces
        for call in chunk.choices[0].delta.tool_calls or []
    )
    expected = plain.choices[0].message.tool_calls
    assert expected is not None
    assert expected[0].type == "function"
    assert arguments == expected[0].function.arguments


def test_embeddings_come_as_base64_and_as_floats(client: openai.OpenAI) -> None:
    by_default = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"], dimensions=64)
    as_floats = client.embeddings.create(
        model="text-embedding-3-small", input=["a", "b"], dimensions=64, encoding_format="float"
    )

    for left, right in zip(by_default.data, as_floats.data, strict=True):
        assert left.embedding == pytest.approx(right.embedding, abs=1e-6)
        assert math.hypot(*right.embedding) == pytest.approx(1, abs=1e-6)


def test_moderation_flags(client: openai.OpenAI) -> None:
    result = client.moderations.create(model="omni-moderation-latest", input="I will kill you").results[0]

    assert result.flagged
    assert result.categories.violence


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    listed = [model.id for model in client.models.list()]

    assert "gpt-4o" in listed
    assert client.models.retrieve("gpt-4o").id == "gpt-4o"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such/model")


def test_completion_answers_plain_and_streamed(client: openai.OpenAI) -> None:
    plain = client.completions.create(model="sandbox-completion", prompt="hi", max_tokens=50)
    streamed = client.completions.create(model="sandbox-completion", prompt="hi", max_tokens=50, stream=True)

    assert "".join(chunk.choices[0].text for chunk in streamed if chunk.choices) == plain.choices[0].text


EXCEPTIONS = [
    ("sandbox-status-400", openai.BadRequestError, 400, None),
    ("sandbox-status-404", openai.NotFoundError, 404, "model_not_found"),
    ("no-such-model", openai.NotFoundError, 404, "model_not_found"),
    ("gpt-4", openai.NotFoundError, 404, "model_retired"),
    ("sandbox-status-403", openai.PermissionDeniedError, 403, "unsupported_country_region_territory"),
    ("sandbox-status-409", openai.ConflictError, 409, None),
    ("sandbox-status-422", openai.UnprocessableEntityError, 422, None),
    ("sandbox-429", openai.RateLimitError, 429, "rate_limit_exceeded"),
    ("sandbox-billing", openai.RateLimitError, 429, "insufficient_quota"),
    ("sandbox-billing_not_active", openai.RateLimitError, 429, "billing_not_active"),
    ("sandbox-status-500", openai.InternalServerError, 500, None),
    ("sandbox-status-503", openai.InternalServerError, 503, "server_is_overloaded"),
    ("sandbox-status-401", openai.InternalServerError, 502, "upstream_credential_rejected"),
    ("sandbox-html", openai.InternalServerError, 502, "invalid_upstream_answer"),
    ("sandbox-html-200", openai.InternalServerError, 502, "invalid_upstream_answer"),
    ("sandbox-empty", openai.InternalServerError, 502, "invalid_upstream_answer"),
    ("sandbox-malformed", openai.InternalServerError, 502, "invalid_upstream_answer"),
    ("sandbox-invalid-utf8", openai.InternalServerError, 502, "invalid_upstream_answer"),
    ("sandbox-redirect", openai.InternalServerError, 502, "invalid_upstream_answer"),
    ("sandbox-cut", openai.InternalServerError, 502, "stream_interrupted"),
]


# These break only once a stream has begun, so there they are told inside it.
IN_STREAM = {"sandbox-cut", "sandbox-malformed", "sandbox-invalid-utf8"}


@pytest.mark.parametrize(
    ("model", "kind", "status", "code", "stream"),
    [
        (*row, stream)
        for row in EXCEPTIONS
        for stream in (False, True)
        if not (stream and row[0] in IN_STREAM)
    ],
)
def test_exception_has_the_right_class_and_code(
    client: openai.OpenAI,
    model: str,
    kind: type[openai.APIStatusError],
    status: int,
    code: str | None,
    stream: bool,
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model=model, messages=MESSAGES, stream=stream)

    assert (type(caught.value), caught.value.status_code, caught.value.code) == (kind, status, code)
    assert caught.value.request_id


def test_wrong_key_is_an_authentication_error(server: Server) -> None:
    with (
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="wrong") as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.models.list()

    assert (caught.value.code, caught.value.status_code) == ("invalid_api_key", 401)


def test_bad_parameter_is_named(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="sandbox", messages=MESSAGES, temperature=3)
    assert caught.value.param == "temperature"

    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="sandbox", messages=MESSAGES, extra_body={"no_such_field": 1})
    assert (caught.value.code, caught.value.param) == ("unknown_parameter", "no_such_field")


@pytest.mark.parametrize(
    ("model", "attempts"),
    [
        ("sandbox-status-500", 1),  # the gateway has tried three times, and says so
        ("sandbox-429-retry-after-1", 3),  # it did not wait: who waits may come back
        ("sandbox-billing", 1),
        ("sandbox-status-404", 1),
    ],
)
def test_client_retries_only_what_can_succeed(server: Server, model: str, attempts: int) -> None:
    before = server.log.read_text().count("POST '/v1/chat/completions'")
    with (
        openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client,
        pytest.raises(openai.APIStatusError),
    ):
        client.chat.completions.create(model=model, messages=MESSAGES)

    assert server.log.read_text().count("POST '/v1/chat/completions'") - before == attempts


def test_async_client_does_the_same(server: Server) -> None:
    async def run() -> tuple[str | None, str, int, int]:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0) as client:
            plain = await client.chat.completions.create(model="sandbox", messages=MESSAGES)
            stream = await client.chat.completions.create(model="sandbox", messages=MESSAGES, stream=True)
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
            vectors = await client.embeddings.create(model="text-embedding-3-small", input="a")
            try:
                await client.chat.completions.create(model="sandbox-429", messages=MESSAGES)
            except openai.RateLimitError as error:
                status = error.status_code
            return plain.choices[0].message.content, text, len(vectors.data[0].embedding), status

    assert asyncio.run(run()) == ("Simulated answer to: ping", "Simulated answer to: ping", 1536, 429)


# ---------------------------------------------------------------- prompts that do not fit

LONG = "word " * 150_000


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_does_not_fit_is_a_bad_request_with_openai_s_own_code(
    client: openai.OpenAI, stream: bool
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": LONG}], stream=stream
        )

    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")
    assert "too many" in caught.value.message


def test_a_conversation_that_does_not_fit_can_be_shortened(start_server: Start) -> None:
    server = start_server(HOOKLINE_SANDBOX="1", HOOKLINE_CONTEXT_ON_OVERFLOW="truncate")
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0) as client:
        raw = client.chat.completions.with_raw_response.create(
            model="gpt-4o",
            messages=[
                {"role": "user", "content": LONG},
                {"role": "assistant", "content": "Thank you."},
                {"role": "user", "content": "Say hello."},
            ],
        )

    assert raw.parse().choices[0].message.content == "Simulated answer to: Say hello."
    assert "context_truncated" in raw.headers["x-hookline-warnings"]
