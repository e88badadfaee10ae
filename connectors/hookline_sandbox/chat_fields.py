"""Which members a chat request may have, and of which types and ranges.

Source: OpenAI's OpenAPI document 2.3.0, ``CreateChatCompletionRequest``. The codes and wordings follow what
the live service answers; a gateway should branch on status, code and parameter, and only then on the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline_sandbox.errors import ApiError, missing
from hookline_sandbox.fields import (
    Check,
    anything,
    array,
    boolean,
    by_type,
    choice,
    free_object,
    integer,
    mapping,
    nullable,
    number,
    record,
    string,
    tagged,
)

if TYPE_CHECKING:
    from hookline_sandbox.wire import JsonObject

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
STOP = nullable(
    by_type("a string or an array of strings", string=string(), list=array(string(), minimum=1, maximum=4))
)
LOGIT_BIAS = nullable(mapping(string(pattern=r"\d+"), integer(-100, 100)))
STREAM_OPTIONS = nullable(record({"include_usage": boolean(), "include_obfuscation": boolean()}))
SEED = nullable(integer(-(2**63), 2**63 - 1))

_NAME = string(min_length=1, max_length=64, pattern=r"[a-zA-Z0-9_-]*")


def _typed(fields: dict[str, Check], required: tuple[str, ...]) -> Check:
    """Take an object whose ``type`` was already looked at."""
    return record({"type": string(), **fields}, required=required)


_BREAKPOINT = {"prompt_cache_breakpoint": record({"mode": choice("explicit")}, required=("mode",))}
_TEXT_PART = _typed({"text": string(), **_BREAKPOINT}, ("text",))
_REFUSAL_PART = _typed({"refusal": string()}, ("refusal",))
_IMAGE_URL = record({"url": string(min_length=1), "detail": choice("auto", "low", "high")}, required=("url",))
_AUDIO_INPUT = record({"data": string(), "format": choice("wav", "mp3")}, required=("data", "format"))
_FILE = record({"file_id": string(), "file_data": string(), "filename": string()})
_TEXT_PARTS = array(tagged({"text": _TEXT_PART}), minimum=1)
_USER_PARTS = array(
    tagged(
        {
            "text": _TEXT_PART,
            "image_url": _typed({"image_url": _IMAGE_URL, **_BREAKPOINT}, ("image_url",)),
            "input_audio": _typed({"input_audio": _AUDIO_INPUT, **_BREAKPOINT}, ("input_audio",)),
            "file": _typed({"file": _FILE, **_BREAKPOINT}, ("file",)),
        }
    ),
    minimum=1,
)
_ASSISTANT_PARTS = array(tagged({"text": _TEXT_PART, "refusal": _REFUSAL_PART}), minimum=1)

_FUNCTION_CALL = record({"name": string(), "arguments": string()}, required=("name", "arguments"))
_CUSTOM_CALL = record({"name": string(), "input": string()}, required=("name", "input"))
_TOOL_CALL = tagged(
    {
        "function": _typed({"id": string(), "function": _FUNCTION_CALL}, ("id", "function")),
        "custom": _typed({"id": string(), "custom": _CUSTOM_CALL}, ("id", "custom")),
    }
)


def _text_or(parts: Check) -> Check:
    return by_type("one of a string or an array of objects", string=string(), list=parts)


def _message(fields: dict[str, Check], required: tuple[str, ...] = ("content",)) -> Check:
    return record({"role": string(), **fields}, required=required)


_INSTRUCTIONS = _message({"content": _text_or(_TEXT_PARTS), "name": string()})
_MESSAGE = tagged(
    {
        "system": _INSTRUCTIONS,
        "developer": _INSTRUCTIONS,
        "user": _message({"content": _text_or(_USER_PARTS), "name": string()}),
        "assistant": _message(
            {
                "content": nullable(_text_or(_ASSISTANT_PARTS)),
                "name": string(),
                "refusal": nullable(string()),
                "tool_calls": array(_TOOL_CALL, minimum=1),
                "audio": nullable(record({"id": string()}, required=("id",))),
                "function_call": nullable(_FUNCTION_CALL),
                # Answers carry it and programs send answers back as they came.
                "annotations": nullable(array(free_object())),
            },
            (),
        ),
        "tool": _message(
            {"content": _text_or(_TEXT_PARTS), "tool_call_id": string()}, ("content", "tool_call_id")
        ),
        "function": _message({"content": nullable(string()), "name": string()}, ("content", "name")),
    },
    tag="role",
)

_FUNCTION = record(
    {"name": _NAME, "description": string(), "parameters": free_object(), "strict": nullable(boolean())},
    required=("name",),
)
_GRAMMAR = record(
    {"syntax": choice("lark", "regex"), "definition": string()}, required=("syntax", "definition")
)
_CUSTOM = record(
    {
        "name": _NAME,
        "description": string(),
        "format": tagged({"text": _typed({}, ()), "grammar": _typed({"grammar": _GRAMMAR}, ("grammar",))}),
    },
    required=("name",),
)
_TOOL = tagged(
    {
        "function": _typed({"function": _FUNCTION}, ("function",)),
        "custom": _typed({"custom": _CUSTOM}, ("custom",)),
    }
)

_NAMED = record({"name": string()}, required=("name",))
_NAMED_TOOL = {
    "function": _typed({"function": _NAMED}, ("function",)),
    "custom": _typed({"custom": _NAMED}, ("custom",)),
}
_ALLOWED_TOOLS = record(
    {"mode": choice("auto", "required"), "tools": array(tagged(_NAMED_TOOL), minimum=1)},
    required=("mode", "tools"),
)
_TOOL_CHOICE = by_type(
    "a string or an object",
    string=choice("none", "auto", "required"),
    dict=tagged(
        {**_NAMED_TOOL, "allowed_tools": _typed({"allowed_tools": _ALLOWED_TOOLS}, ("allowed_tools",))}
    ),
)

_JSON_SCHEMA = record(
    {"name": _NAME, "description": string(), "schema": free_object(), "strict": nullable(boolean())},
    required=("name",),
)
_RESPONSE_FORMAT = tagged(
    {
        "text": _typed({}, ()),
        "json_object": _typed({}, ()),
        "json_schema": _typed({"json_schema": _JSON_SCHEMA}, ("json_schema",)),
    }
)

_MODERATION_MODE = record({"mode": choice("score", "block")})
_REQUEST = record(
    {
        "model": string(),
        "messages": array(_MESSAGE, minimum=1),
        "temperature": nullable(number(0, 2)),
        "top_p": nullable(number(0, 1)),
        "n": nullable(integer(1, 128)),
        "stream": nullable(boolean()),
        "stream_options": STREAM_OPTIONS,
        "stop": STOP,
        "max_completion_tokens": nullable(integer(1)),
        "max_tokens": nullable(integer(1)),
        "presence_penalty": nullable(number(-2, 2)),
        "frequency_penalty": nullable(number(-2, 2)),
        "logit_bias": LOGIT_BIAS,
        "logprobs": nullable(boolean()),
        "top_logprobs": nullable(integer(0, 20)),
        "user": string(),
        "safety_identifier": nullable(string(max_length=64)),
        "prompt_cache_key": nullable(string()),
        "prompt_cache_options": record({"mode": choice("implicit", "explicit"), "ttl": choice("30m")}),
        "prompt_cache_retention": nullable(choice("in_memory", "24h")),
        "seed": SEED,
        "response_format": _RESPONSE_FORMAT,
        "tools": array(_TOOL),
        "tool_choice": _TOOL_CHOICE,
        "parallel_tool_calls": boolean(),
        "functions": array(_FUNCTION, minimum=1, maximum=128),
        "function_call": by_type("a string or an object", string=choice("none", "auto"), dict=_NAMED),
        "modalities": nullable(array(choice("text", "audio"))),
        "audio": nullable(
            record(
                {
                    "voice": by_type("a string or an object", string=string(), dict=free_object()),
                    "format": choice("wav", "aac", "mp3", "flac", "opus", "pcm16"),
                },
                required=("voice", "format"),
            )
        ),
        "prediction": nullable(tagged({"content": _typed({"content": _text_or(_TEXT_PARTS)}, ("content",))})),
        "reasoning_effort": nullable(choice(*EFFORTS)),
        "verbosity": nullable(choice("low", "medium", "high")),
        "web_search_options": record(
            {"search_context_size": choice("low", "medium", "high"), "user_location": anything()}
        ),
        "service_tier": nullable(choice("auto", "default", "flex", "scale", "priority", "fast")),
        "store": nullable(boolean()),
        "metadata": nullable(mapping(string(max_length=64), string(max_length=512), maximum=16)),
        "moderation": nullable(
            record(
                {
                    "model": string(),
                    "policy": record({"input": _MODERATION_MODE, "output": _MODERATION_MODE}),
                },
                required=("model",),
            )
        ),
    }
)


def check_chat_fields(body: JsonObject) -> None:
    """Check every member of a chat request for itself, without regard to the model or to other members.

    Raises:
        ApiError: For the first member that is missing, unknown, of the wrong type, or out of range.
    """
    if body.get("model") is None:
        raise ApiError("you must provide a model parameter")
    if "messages" not in body:
        raise missing("messages")
    _REQUEST(body, "")
