"""Whatever an upstream sends, there is either a good output or one of our own errors."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import jsonschema_rs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.call import Call
from hookline.connection import Connection
from hookline.errors import HooklineError, InvalidUpstreamAnswerError, StreamInterruptedError
from hookline.principal import Principal
from hookline.upstream import ErrorAnswer
from hookline_openai.connector import connector
from hookline_openai.errors import map_error
from hookline_openai.wire import OpenAIWire

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2**40), st.floats(0, 1), st.text(max_size=5), st.just("custom")
)
NAMES = st.sampled_from(
    [
        "audio",
        "categories",
        "category_scores",
        "choices",
        "code",
        "content",
        "created",
        "custom",
        "data",
        "delta",
        "embedding",
        "error",
        "finish_reason",
        "flagged",
        "function",
        "function_call",
        "id",
        "index",
        "input",
        "logprobs",
        "message",
        "model",
        "name",
        "param",
        "refusal",
        "results",
        "role",
        "text",
        "tool_calls",
        "transcript",
        "type",
        "usage",
        "arguments",
        "prompt_tokens",
        "completion_tokens",
    ]
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)
MESSAGE = st.fixed_dictionaries(
    {}, optional={name: JSON for name in ("content", "refusal", "tool_calls", "audio")}
)
CHOICE = st.fixed_dictionaries(
    {"message": MESSAGE | JSON},
    optional={"index": SCALARS, "text": SCALARS, "finish_reason": SCALARS, "delta": MESSAGE | JSON},
)
ANSWER = JSON | st.fixed_dictionaries(
    {"choices": st.lists(CHOICE, max_size=3)}, optional={"usage": JSON, "id": SCALARS, "model": SCALARS}
)
ACTIONS = list(connector.actions.values())
VALIDATORS = {
    action.id: jsonschema_rs.Draft202012Validator(action.output_schema)
    for action in connector.actions.values()
}


def call_of(action: Action) -> Call:
    return Call(
        action=action,
        principal=Principal(key_id="k1"),
        connection=Connection(name="openai", connector="openai", base_url="https://api.openai.com/v1"),
        input={},
        deadline=time.monotonic() + 60,
    )


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
@settings(max_examples=60, deadline=None)
@given(raw=ANSWER)
def test_answer_gives_a_fitting_output_or_an_invalid_upstream_answer(action: Action, raw: object) -> None:
    call = call_of(action)
    try:
        output = action.present(call, raw)
    except InvalidUpstreamAnswerError:
        return
    VALIDATORS[action.id].validate(output)
    orjson.dumps(output)
    if action.restore is not None:
        assert action.present(call, action.restore(raw, output)) == output


@pytest.mark.parametrize("verb", ["chat", "complete"])
@settings(max_examples=60, deadline=None)
@given(chunks=st.lists(ANSWER.filter(lambda value: isinstance(value, dict)), max_size=4))
def test_stream_gives_a_fitting_output_or_an_error_of_its_own(verb: str, chunks: list[JsonObject]) -> None:
    action = connector.actions[f"openai.{verb}"]
    assert action.stream is not None
    presenter = action.stream(call_of(action))
    try:
        for chunk in chunks:
            presenter.feed(chunk)
        output = presenter.finish()
    except (InvalidUpstreamAnswerError, StreamInterruptedError):
        return
    VALIDATORS[action.id].validate(output)


@settings(max_examples=150, deadline=None)
@given(
    status=st.sampled_from([200, 302, 400, 401, 402, 403, 404, 409, 429, 500, 503, 504, 529]),
    content=st.binary()
    | JSON.map(orjson.dumps)
    | st.builds(lambda error: orjson.dumps({"error": error}), JSON),
)
def test_refusal_gives_an_error_and_a_reply_that_clients_can_read(status: int, content: bytes) -> None:
    answer = ErrorAnswer(status=status, headers=(), content=content)
    mapped = map_error(call_of(ACTIONS[0]), HooklineError("Failed.", answer=answer))
    assert (mapped is None) is (status == 302)
    reply = OpenAIWire().error_reply(mapped or HooklineError("Failed.", answer=answer), call_id="call_1")
    assert isinstance(reply.content, bytes)
    assert isinstance(orjson.loads(reply.content)["error"]["message"], str)
    event = OpenAIWire().error_event(mapped or HooklineError("Failed.", answer=answer), call_id="call_1")
    assert orjson.loads(event.removeprefix(b"data: "))["error"]["message"] is not None
