"""``openai.chat``: ask a model and get its answer."""

from typing import cast

from pydantic import ConfigDict

from hookline.action import JsonObject, Sample
from hookline.call import Call
from hookline.connector import Connector
from hookline.errors import InvalidInputError
from hookline.upstream import UpstreamRequest
from hookline_openai.answers import present_chat
from hookline_openai.chat_fields import ChatFields, ChatRequest, ResponseFormat
from hookline_openai.chat_stream import ChatStream
from hookline_openai.messages import Message
from hookline_openai.metering import TokenMeter
from hookline_openai.outputs import ChatOutput
from hookline_openai.restoring import restore_texts
from hookline_openai.shapes import StrictShape, field
from hookline_openai.stream_frame import mark_incomplete
from hookline_openai.stream_request import ask_chat_stream, ask_for_usage
from hookline_openai.stream_resume import resume_chat
from hookline_openai.strict_schema import fits_strict_rules

_OWN_FIELDS = frozenset({"model", "prompt", "system", "messages", "json_schema", "raw"})


class ChatInput(ChatFields, StrictShape):
    """Ask a language model a question or give it a task, and get its answer as text or as data."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["prompt"]}, {"required": ["messages"]}]}
    )

    model: str = field(
        "Model",
        "Which model answers.",
        group="basic",
        required=True,
        min_length=1,
        options="openai.models?kind=chat",
        examples=["gpt-5.4-mini"],
    )
    prompt: str = field(
        "Prompt",
        "What to ask or tell the model. Next to messages it becomes the last message of the conversation.",
        group="basic",
        min_length=1,
        multiline=True,
        placeholder="Summarise this text in one sentence: …",
    )
    system: str | None = field(
        "Instructions",
        "Rules that the model follows throughout, such as its role, tone or language.",
        group="basic",
        multiline=True,
        placeholder="You answer politely and in French.",
    )
    messages: list[Message] = field(
        "Messages",
        "A whole conversation, for several turns, images or files. Simple questions only need the prompt.",
        group="basic",
        advanced=True,
        min_length=1,
    )
    json_schema: dict[str, object] | None = field(
        "Answer as data",
        "JSON Schema that the answer has to fit; the answer is then JSON text. Not with the answer format.",
        group="output",
        multiline=True,
    )
    response_format: ResponseFormat = field(
        "Answer format",
        "Plain text, JSON, or JSON of a given schema, in OpenAI's own notation.",
        group="output",
        advanced=True,
    )
    raw: bool | None = field(
        "Raw answer", "Whether the output also holds the service's own answer.", group="output", advanced=True
    )


def prepare_chat(call: Call, request: UpstreamRequest) -> None:
    """Write the input of a chat into the body that OpenAI takes.

    Raises:
        InvalidInputError: If two fields exclude each other.
    """
    fields = call.input
    refuse_together(fields, "json_schema", "response_format")
    refuse_together(fields, "max_tokens", "max_completion_tokens")
    body: JsonObject = {"model": fields["model"], "messages": _messages(fields)}
    for name, value in fields.items():
        if name not in _OWN_FIELDS:
            body[name] = value
    if fields.get("json_schema") is not None:
        body["response_format"] = _json_schema_format(cast("JsonObject", fields["json_schema"]))
    ask_for_usage(body)
    request.body = body


def present_chat_answer(call: Call, raw: object) -> JsonObject:
    """Return the output of a chat, marked if its answer lacks its end.

    Raises:
        InvalidUpstreamAnswerError: If the answer has not the shape that OpenAI describes.
    """
    return mark_incomplete(raw, present_chat(call, raw))


def refuse_together(fields: JsonObject, first: str, second: str) -> None:
    """Check that at most one of two fields is given.

    Raises:
        InvalidInputError: If both are.
    """
    if fields.get(first) is not None and fields.get(second) is not None:
        raise InvalidInputError(f"Give either `{first}` or `{second}`, not both.", field=first)


def _messages(fields: JsonObject) -> list[object]:
    messages: list[object] = []
    if fields.get("system"):
        messages.append({"role": "system", "content": fields["system"]})
    given = fields.get("messages")
    if isinstance(given, list):
        messages += given
    if fields.get("prompt") is not None:
        messages.append({"role": "user", "content": fields["prompt"]})
    return messages


def _json_schema_format(schema: JsonObject) -> JsonObject:
    definition: JsonObject = {"name": "answer", "schema": schema}
    if fits_strict_rules(schema):
        definition["strict"] = True
    return {"type": "json_schema", "json_schema": definition}


_CITY_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
_USAGE: JsonObject = {
    "input_tokens": 24,
    "output_tokens": 9,
    "total_tokens": 33,
    "cached_tokens": 0,
    "reasoning_tokens": 0,
}

SAMPLES = (
    Sample(
        title="A question",
        input={"model": "gpt-5.4-mini", "prompt": "Say hello to Ada in one line."},
        output={
            "text": "Hello Ada, good to see you!",
            "finish_reason": "stop",
            "model": "gpt-5.4-mini-2026-03-17",
            "usage": _USAGE,
            "id": "chatcmpl-abc123",
            "refusal": None,
            "tool_calls": [],
            "choices": None,
            "parsed": None,
        },
    ),
    Sample(
        title="An answer as data",
        input={
            "model": "gpt-5.4-mini",
            "system": "You look things up in the text you are given.",
            "prompt": "Graz has about 300000 people.",
            "json_schema": _CITY_SCHEMA,
        },
        output={
            "text": '{"city":"Graz","people":300000}',
            "finish_reason": "stop",
            "model": "gpt-5.4-mini-2026-03-17",
            "usage": _USAGE,
            "id": "chatcmpl-abc124",
            "refusal": None,
            "tool_calls": [],
            "choices": None,
            "parsed": {"city": "Graz", "people": 300000},
        },
    ),
)


def register(connector: Connector) -> None:
    """Add the action to the connector."""
    connector.endpoint(
        "chat",
        "POST",
        "/chat/completions",
        title="Chat with a model",
        input=ChatInput,
        output=ChatOutput,
        request=ChatRequest,
        samples=SAMPLES,
        prepare=prepare_chat,
        present=present_chat_answer,
        restore=restore_texts,
        stream=ChatStream,
        stream_end=b"[DONE]",
        ask_stream=ask_chat_stream,
        resume_stream=resume_chat,
        meter=TokenMeter(),
    )
