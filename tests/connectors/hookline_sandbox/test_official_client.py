"""The official OpenAI client is the judge of the wire format."""

from __future__ import annotations

import json
import math
import struct
from base64 import b64decode
from collections.abc import Iterator
from operator import mul
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from openai import OpenAI

from hookline_sandbox.server import SandboxServer
from hookline_sandbox.service import Sandbox

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

PING: list[ChatCompletionMessageParam] = [{"role": "user", "content": "ping"}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}
CLOCK: ChatCompletionToolParam = {"type": "function", "function": {"name": "clock"}}


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


@pytest.fixture(scope="module")
def client(server: SandboxServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as made:
        yield made


def test_chat_answers_the_last_user_message(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="sandbox", messages=PING)
    assert answer.choices[0].message.content == "Simulated answer to: ping"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens == 15
    assert answer.id.startswith("chatcmpl-")


def test_the_same_request_gets_the_same_answer(client: OpenAI) -> None:
    first, second = (client.chat.completions.create(model="sandbox", messages=PING) for _ in range(2))
    assert first.model_dump(exclude={"created"}) == second.model_dump(exclude={"created"})


def test_an_alias_is_answered_by_its_dated_snapshot(client: OpenAI) -> None:
    assert client.chat.completions.create(model="gpt-4o", messages=PING).model == "gpt-4o-2024-08-06"


def test_a_stream_joins_to_the_whole_answer_and_ends_with_usage(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="sandbox", messages=PING, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[0].choices[0].delta.content == ""
    text = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(text) == "Simulated answer to: ping"
    assert len([part for part in text if part]) > 3
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].choices == []
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


def test_several_choices_differ_and_their_streams_interleave(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="sandbox", messages=PING, n=3)
    texts = [choice.message.content for choice in whole.choices]
    assert len(set(texts)) == 3
    streamed = ["", "", ""]
    order: list[int] = []
    for chunk in client.chat.completions.create(model="sandbox", messages=PING, n=3, stream=True):
        choice = chunk.choices[0]
        streamed[choice.index] += choice.delta.content or ""
        order.append(choice.index)
    assert streamed == texts
    assert order[:4] == [0, 1, 2, 0]


def test_a_stop_text_ends_the_answer_and_is_not_returned(client: OpenAI) -> None:
    choice = client.chat.completions.create(model="sandbox", messages=PING, stop=["to:", "never"]).choices[0]
    assert (choice.message.content, choice.finish_reason) == ("Simulated answer ", "stop")


def test_a_limit_cuts_the_answer_and_usage_agrees(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="sandbox", messages=PING, max_completion_tokens=3)
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.content == "Simulated an"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


def test_reasoning_is_counted_within_the_limit(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="gpt-5", messages=PING, max_completion_tokens=10, reasoning_effort="high"
    )
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == 10
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("", "length")
    minimal = client.chat.completions.create(model="gpt-5", messages=PING, reasoning_effort="minimal")
    assert minimal.usage is not None
    assert minimal.usage.completion_tokens_details is not None
    assert minimal.usage.completion_tokens_details.reasoning_tokens == 0


def test_a_refusal_has_no_content_whole_or_streamed(client: OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Please refuse this."}]
    message = client.chat.completions.create(model="sandbox", messages=messages).choices[0].message
    assert message.content is None
    chunks = list(client.chat.completions.create(model="sandbox", messages=messages, stream=True))
    assert "".join(chunk.choices[0].delta.refusal or "" for chunk in chunks) == message.refusal
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_log_probabilities_spell_the_answer(client: OpenAI) -> None:
    choice = client.chat.completions.create(
        model="sandbox", messages=PING, logprobs=True, top_logprobs=2
    ).choices[0]
    assert choice.logprobs is not None
    items = choice.logprobs.content or []
    assert "".join(item.token for item in items) == choice.message.content
    assert all(item.logprob <= 0 and len(item.top_logprobs) == 2 for item in items)
    assert all(bytes(item.bytes or []).decode() == item.token for item in items)


def test_a_tool_is_called_and_its_result_is_used(client: OpenAI) -> None:
    first = client.chat.completions.create(model="sandbox", messages=PING, tools=[WEATHER]).choices[0]
    assert first.finish_reason == "tool_calls"
    (call,) = first.message.tool_calls or []
    assert call.type == "function"
    jsonschema.validate(json.loads(call.function.arguments), WEATHER["function"]["parameters"])
    messages: list[Any] = [
        *PING,
        first.message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "18 C"},
    ]
    second = client.chat.completions.create(model="sandbox", messages=messages, tools=[WEATHER])
    assert "18 C" in (second.choices[0].message.content or "")
    assert second.choices[0].finish_reason == "stop"


def test_a_required_choice_calls_two_tools_in_parallel(client: OpenAI) -> None:
    tools = [WEATHER, CLOCK]
    both = client.chat.completions.create(model="sandbox", messages=PING, tools=tools, tool_choice="required")
    assert len(both.choices[0].message.tool_calls or []) == 2
    one = client.chat.completions.create(
        model="sandbox", messages=PING, tools=tools, tool_choice="required", parallel_tool_calls=False
    )
    assert len(one.choices[0].message.tool_calls or []) == 1


def test_a_named_function_is_called_and_finishes_with_stop(client: OpenAI) -> None:
    choice = client.chat.completions.create(
        model="sandbox",
        messages=PING,
        tools=[WEATHER, CLOCK],
        tool_choice={"type": "function", "function": {"name": "clock"}},
    ).choices[0]
    (call,) = choice.message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, choice.finish_reason) == ("clock", "stop")


def test_allowed_tools_limit_the_choice(client: OpenAI) -> None:
    allowed: Any = {"mode": "required", "tools": [{"type": "function", "function": {"name": "clock"}}]}
    choice = client.chat.completions.create(
        model="sandbox",
        messages=PING,
        tools=[WEATHER, CLOCK],
        tool_choice={"type": "allowed_tools", "allowed_tools": allowed},
    ).choices[0]
    (call,) = choice.message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "clock"


def test_a_custom_tool_gets_text(client: OpenAI) -> None:
    choice = client.chat.completions.create(
        model="sandbox", messages=PING, tools=[{"type": "custom", "custom": {"name": "note"}}]
    ).choices[0]
    (call,) = choice.message.tool_calls or []
    assert call.type == "custom"
    assert (call.custom.name, call.custom.input) == ("note", "Simulated input for: ping")


@pytest.mark.parametrize("tools", [[WEATHER], [WEATHER, CLOCK]])
def test_streamed_tool_calls_join_to_the_whole_ones(
    client: OpenAI, tools: list[ChatCompletionToolParam]
) -> None:
    with client.chat.completions.stream(
        model="sandbox", messages=PING, tools=tools, tool_choice="required"
    ) as stream:
        final = stream.get_final_completion().choices[0]
    calls = final.message.tool_calls or []
    assert [call.function.name for call in calls] == [
        tool["function"]["name"] for tool in tools if tool["type"] == "function"
    ]
    assert all(isinstance(json.loads(call.function.arguments), dict) for call in calls)
    assert final.finish_reason == "tool_calls"


def test_the_deprecated_function_call_still_works(client: OpenAI) -> None:
    choice = client.chat.completions.create(
        model="sandbox", messages=PING, functions=[{"name": "clock"}]
    ).choices[0]
    assert choice.finish_reason == "function_call"
    assert choice.message.function_call is not None
    assert choice.message.function_call.name == "clock"


def test_structured_answers_are_json_that_fits_the_schema(client: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 18}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    answer = client.chat.completions.create(
        model="sandbox",
        messages=PING,
        response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": schema}},
    )
    jsonschema.validate(json.loads(answer.choices[0].message.content or ""), schema)
    loose = client.chat.completions.create(
        model="sandbox", messages=PING, response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(loose.choices[0].message.content or ""), dict)


def test_speech_has_a_transcript_instead_of_content(client: OpenAI) -> None:
    message = (
        client.chat.completions.create(
            model="gpt-audio",
            messages=PING,
            modalities=["text", "audio"],
            audio={"voice": "alloy", "format": "wav"},
        )
        .choices[0]
        .message
    )
    assert message.content is None
    assert message.audio is not None
    assert message.audio.transcript == "Simulated answer to: ping"


def test_streamed_speech_carries_transcript_data_and_expiry() -> None:
    body = {
        "model": "gpt-audio",
        "messages": PING,
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "pcm16"},
        "stream": True,
    }
    answer = Sandbox().answer("POST", "/v1/chat/completions", {}, json.dumps(body).encode())
    deltas = [
        json.loads(event.removeprefix(b"data: "))["choices"][0]["delta"] for event in list(answer.chunks)[:-1]
    ]
    spoken = [delta["audio"] for delta in deltas if "audio" in delta]
    assert "".join(part.get("transcript", "") for part in spoken) == "Simulated answer to: ping"
    assert b64decode(spoken[-2]["data"]) == b"simulated audio"
    assert set(spoken[-1]) == {"id", "expires_at"}


def test_a_streamed_function_call_and_a_custom_call_join(client: OpenAI) -> None:
    legacy = list(
        client.chat.completions.create(
            model="sandbox", messages=PING, functions=[{"name": "clock"}], stream=True
        )
    )
    calls = [chunk.choices[0].delta.function_call for chunk in legacy]
    assert "".join(call.arguments or "" for call in calls if call) == "{}"
    assert legacy[-1].choices[0].finish_reason == "function_call"
    custom = client.chat.completions.create(
        model="sandbox", messages=PING, tools=[{"type": "custom", "custom": {"name": "note"}}], stream=True
    )
    parts = [chunk.model_dump()["choices"][0]["delta"]["tool_calls"] for chunk in custom]
    assert "".join(part[0]["custom"]["input"] for part in parts if part) == "Simulated input for: ping"


def test_moderation_can_come_with_a_chat_answer(client: OpenAI) -> None:
    raw = client.chat.completions.create(
        model="sandbox", messages=PING, extra_body={"moderation": {"model": "omni-moderation-latest"}}
    ).model_dump()
    assert raw["moderation"]["input"]["results"][0]["flagged"] is False


def test_legacy_completions_whole_streamed_and_echoed(client: OpenAI) -> None:
    whole = client.completions.create(model="sandbox", prompt=["a", "b"], n=2, echo=True, max_tokens=50)
    assert [choice.index for choice in whole.choices] == [0, 1, 2, 3]
    assert whole.choices[0].text == "a Simulated completion of: a"
    streamed = client.completions.create(model="sandbox-completion", prompt="a", stream=True, max_tokens=4)
    chunks = list(streamed)
    assert "".join(chunk.choices[0].text for chunk in chunks) == " Simulated compl"
    assert chunks[-1].choices[0].finish_reason == "length"


def test_a_legacy_completion_stops_after_sixteen_tokens_by_default(client: OpenAI) -> None:
    answer = client.completions.create(model="sandbox", prompt="x" * 150, logprobs=1)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 16
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].logprobs is not None
    assert "".join(answer.choices[0].logprobs.tokens or []) == answer.choices[0].text


def test_embeddings_have_unit_length_in_both_encodings(client: OpenAI) -> None:
    floats = client.embeddings.create(
        model="text-embedding-3-small", input=["hello world", "hello there"], encoding_format="float"
    )
    assert [item.index for item in floats.data] == [0, 1]
    assert len(floats.data[0].embedding) == 1536
    assert math.hypot(*floats.data[0].embedding) == pytest.approx(1, abs=1e-6)
    packed = client.embeddings.with_raw_response.create(
        model="text-embedding-3-small", input=["hello world"], encoding_format="base64"
    )
    raw = b64decode(json.loads(packed.text)["data"][0]["embedding"])
    assert list(struct.unpack(f"<{len(raw) // 4}f", raw)) == floats.data[0].embedding


def test_embeddings_take_dimensions_and_lists_of_tokens(client: OpenAI) -> None:
    small = client.embeddings.create(model="sandbox-embedding", input=[[1, 2], [3]], dimensions=8)
    assert [len(item.embedding) for item in small.data] == [8, 8]
    assert small.usage.prompt_tokens == 3


def test_texts_with_common_words_have_near_embeddings(client: OpenAI) -> None:
    data = client.embeddings.create(
        model="text-embedding-3-small", input=["red apple pie", "red apple tart", "quantum flux law"]
    ).data
    first, near_one, far_one = (item.embedding for item in data)
    near, far = (sum(map(mul, first, other)) for other in (near_one, far_one))
    assert near > far + 0.2


def test_moderation_flags_by_word_and_reports_every_category(client: OpenAI) -> None:
    results = client.moderations.create(input=["I will kill it", "a skill"]).results
    assert [result.flagged for result in results] == [True, False]
    assert results[0].categories.violence
    assert len(results[0].category_scores.model_dump(by_alias=True)) == 13
    picture: Any = {"type": "image_url", "image_url": {"url": "https://example.com/violence.png"}}
    image = client.moderations.create(model="omni-moderation-latest", input=[picture]).results[0]
    assert image.category_applied_input_types.violence == ["image"]
    assert image.category_applied_input_types.hate == []


def test_models_are_listed_without_the_retired_ones(client: OpenAI) -> None:
    ids = [model.id for model in client.models.list()]
    assert "sandbox" in ids
    assert "gpt-4o" in ids
    assert "text-davinci-003" not in ids
    assert client.models.retrieve("gpt-4o").id == "gpt-4o"


def test_every_answer_carries_the_headers_of_the_service(client: OpenAI) -> None:
    headers = client.chat.completions.with_raw_response.create(model="sandbox", messages=PING).headers
    assert headers["x-request-id"].startswith("req_")
    assert headers["x-sandbox"] == "simulated"
    assert len([name for name in headers if name.startswith("x-ratelimit-")]) == 6
    assert headers["openai-version"] == "2020-10-01"
