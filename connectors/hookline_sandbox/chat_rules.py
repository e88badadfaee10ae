"""The rules of a chat request that concern several members at once: tools, conversation order, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hookline_sandbox.errors import ApiError, missing
from hookline_sandbox.schema_judge import explain_invalid_schema
from hookline_sandbox.tokens import count_messages, count_tools
from hookline_sandbox.wire import encode

if TYPE_CHECKING:
    from hookline_openai.model_table import ModelInfo
    from hookline_sandbox.wire import JsonObject

_MAX_SCHEMA_BYTES = 524_288


def check_chat_rules(body: JsonObject) -> None:
    """Check how the members of a chat request go together.

    Raises:
        ApiError: For the first rule that is broken.
    """
    if body.get("stream_options") is not None and not body.get("stream"):
        raise ApiError(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise ApiError(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            code="invalid_parameter_combination",
            param="max_tokens",
        )
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        raise ApiError(
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", param="top_logprobs"
        )
    if "audio" in (body.get("modalities") or ()) and not body.get("audio"):
        raise missing("audio")
    _check_tools(body)
    _check_schemas(body)
    _check_conversation(body["messages"])


def check_limits(body: JsonObject, info: ModelInfo) -> int:
    """Check the length of the conversation and of the answer asked for.

    Returns:
        The number of prompt tokens.

    Raises:
        ApiError: If the output limit or the context window of the model is exceeded.
    """
    name = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
    wanted: int | None = body.get(name)
    check_output_limit(wanted, info, param=name)
    messages = count_messages(body["messages"])
    functions = count_tools([*(body.get("tools") or ()), *(body.get("functions") or ())])
    prompt = messages + functions
    window = info.context_window
    limit = min((size for size in (window, info.max_input_tokens) if size is not None), default=None)
    if limit is None:
        return prompt
    listed = f"{messages} in the messages" + (f", {functions} in the functions" if functions else "")
    if prompt > limit:
        detail = f" ({listed})" if functions else ""
        raise _overflow(limit, f"your messages resulted in {prompt} tokens{detail}")
    if wanted is not None and window is not None and prompt + wanted > window:
        separator = ", and " if functions else ", "
        raise _overflow(
            window, f"you requested {prompt + wanted} tokens ({listed}{separator}{wanted} in the completion)"
        )
    return prompt


def check_output_limit(wanted: int | None, info: ModelInfo, *, param: str) -> None:
    """Refuse an output limit that the model cannot reach.

    Raises:
        ApiError: With code ``invalid_value``.
    """
    limit = info.max_output_tokens
    if wanted is not None and limit is not None and wanted > limit:
        raise ApiError(
            f"{param} is too large: {wanted}. This model supports at most {limit} completion tokens, "
            f"whereas you provided {wanted}.",
            code="invalid_value",
            param=param,
        )


def _overflow(limit: int, fact: str) -> ApiError:
    return ApiError(
        f"This model's maximum context length is {limit} tokens. However, {fact}. "
        "Please reduce the length of the messages or completion.",
        code="context_length_exceeded",
        param="messages",
    )


def _check_tools(body: JsonObject) -> None:
    tools = body.get("tools") or []
    choice = body.get("tool_choice")
    if not tools:
        for name, given in (
            ("tool_choice", choice not in (None, "none")),
            ("parallel_tool_calls", "parallel_tool_calls" in body),
        ):
            if given:
                raise ApiError(f"'{name}' is only allowed when 'tools' are specified.", param=name)
        _check_functions(body)
        return
    if body.get("functions"):
        raise ApiError("'functions' is not allowed when 'tools' are specified.", param="functions")
    if not isinstance(choice, dict):
        return
    listed: Sequence[JsonObject] = (
        choice["allowed_tools"]["tools"] if choice["type"] == "allowed_tools" else [choice]
    )
    for wanted in listed:
        kind, name = wanted["type"], wanted[wanted["type"]]["name"]
        if not any(tool["type"] == kind and tool[kind]["name"] == name for tool in tools):
            raise ApiError(f"Tool choice '{name}' not found in 'tools' parameter.", param="tool_choice")


def _check_functions(body: JsonObject) -> None:
    choice = body.get("function_call")
    functions = body.get("functions")
    if choice is not None and not functions:
        raise ApiError(
            "'function_call' is only allowed when 'functions' are specified.", param="function_call"
        )
    if isinstance(choice, dict) and not any(item["name"] == choice["name"] for item in functions or ()):
        raise ApiError(
            f"Invalid value for 'function_call': no function named '{choice['name']}' was specified in "
            "'functions'.",
            param="function_call",
        )


def _check_schemas(body: JsonObject) -> None:
    functions = [
        (f"tools[{i}].function.parameters", tool.get("function"))
        for i, tool in enumerate(body.get("tools") or ())
    ]
    functions += [(f"functions[{i}].parameters", item) for i, item in enumerate(body.get("functions") or ())]
    wanted = (body.get("response_format") or {}).get("json_schema")
    schemas = [function.get("parameters") for _, function in functions if function]
    size = sum(len(encode(schema)) for schema in (*schemas, (wanted or {}).get("schema")))
    if size > _MAX_SCHEMA_BYTES:
        raise ApiError(
            f"Invalid schema: the schemas of this request are larger than {_MAX_SCHEMA_BYTES:,} bytes.",
            param="tools" if schemas else "response_format",
        )
    for param, function in functions:
        problem = explain_invalid_schema(function.get("parameters")) if function else None
        if function and problem:
            raise ApiError(
                f"Invalid schema for function '{function['name']}': {problem}",
                code="invalid_function_parameters",
                param=param,
            )
    problem = explain_invalid_schema(wanted.get("schema")) if wanted else None
    if wanted and problem:
        raise ApiError(
            f"Invalid schema for response_format '{wanted['name']}': {problem}", param="response_format"
        )


def _check_conversation(messages: Sequence[Mapping[str, object]]) -> None:
    """Check that every tool call is answered, right after the message that made it."""
    open_calls: list[str] = []
    answerable: list[str] = []
    for index, message in enumerate(messages):
        path = f"messages.[{index}]"
        if message["role"] == "tool":
            call_id = str(message["tool_call_id"])
            if call_id not in answerable:
                raise ApiError(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
                    "with 'tool_calls'.",
                    param=f"{path}.role",
                )
            open_calls = [other for other in open_calls if other != call_id]
            continue
        if open_calls:
            raise _unanswered(open_calls, f"{path}.role")
        answerable = []
        if message["role"] == "assistant":
            calls = message.get("tool_calls")
            if isinstance(calls, list):
                answerable = [call["id"] for call in calls]
            elif all(message.get(name) is None for name in ("content", "refusal", "function_call", "audio")):
                raise ApiError(
                    "Invalid value for 'content': expected a string, got null.", param=f"{path}.content"
                )
            open_calls = list(answerable)
    if open_calls:
        raise _unanswered(open_calls, "messages")


def _unanswered(call_ids: Sequence[str], param: str) -> ApiError:
    return ApiError(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
        f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(call_ids)}",
        param=param,
    )
