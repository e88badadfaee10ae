"""Make our outputs from OpenAI's answers with text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import orjson

from hookline.errors import InvalidUpstreamAnswerError
from hookline_openai.reading import (
    read_list,
    read_object,
    read_optional_text,
    read_position,
    read_text,
    read_usage,
)

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call

Place = Literal["content", "refusal", "audio"]


def present_chat(call: Call, raw: object) -> JsonObject:
    """Return the output of a chat from a ``chat.completion``.

    Raises:
        InvalidUpstreamAnswerError: If the answer has not the shape that OpenAI describes.
    """
    answer = read_object(raw, "answer")
    choices = [_chat_choice(index, choice) for index, choice in choices_of(answer)]
    first = choices[0]
    output = {
        **_top(answer, first),
        "refusal": first["refusal"],
        "tool_calls": first["tool_calls"],
        "choices": choices if len(choices) > 1 else None,
        "parsed": None,
    }
    return with_raw(call, answer, output)


def present_completion(call: Call, raw: object) -> JsonObject:
    """Return the output of a completion from a ``text_completion``; an ``edit`` is read the same way.

    Raises:
        InvalidUpstreamAnswerError: If the answer has not the shape that OpenAI describes.
    """
    answer = read_object(raw, "answer")
    choices = [_text_choice(index, choice) for index, choice in choices_of(answer)]
    output = {**_top(answer, choices[0]), "choices": choices if len(choices) > 1 else None}
    return with_raw(call, answer, output)


def tool_arguments(text: str) -> object:
    """Return arguments as data where they are JSON, else as they were written."""
    try:
        parsed: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return parsed


def present_tool_call(value: object, where: str) -> JsonObject:
    """Return one call of a tool, function or custom, in short.

    Raises:
        InvalidUpstreamAnswerError: If it is not one.
    """
    call = read_object(value, where)
    id = read_optional_text(call.get("id"), f"{where}.id")
    if call.get("type") == "custom":
        tool = read_object(call.get("custom"), f"{where}.custom")
        arguments: object = read_text(tool.get("input"), f"{where}.custom.input")
    else:
        tool = read_object(call.get("function"), f"{where}.function")
        arguments = tool_arguments(read_text(tool.get("arguments"), f"{where}.function.arguments"))
    return {"id": id, "name": read_text(tool.get("name"), f"{where} name"), "arguments": arguments}


def with_raw(call: Call, answer: JsonObject, output: JsonObject) -> JsonObject:
    """Add the service's own answer to an output if the caller asked for it."""
    if call.input.get("raw") is True:
        output["raw"] = answer
    return output


def choices_of(answer: JsonObject) -> list[tuple[int, JsonObject]]:
    """Return the choices of an answer with their numbers, in order.

    Raises:
        InvalidUpstreamAnswerError: If there is none.
    """
    entries = read_list(answer.get("choices"), "choices")
    if not entries:
        raise InvalidUpstreamAnswerError("The service's answer cannot be used: it holds no choice.")
    if len(entries) == 1:
        choice = read_object(entries[0], "choices[0]")
        return [(read_position(choice, 0, "choices[0]"), choice)]
    choices = [read_object(entry, f"choices[{position}]") for position, entry in enumerate(entries)]
    indexes = [read_position(choice, at, f"choices[{at}]") for at, choice in enumerate(choices)]
    if len(set(indexes)) < len(indexes):  # some compatible servers number every choice 0
        indexes = list(range(len(choices)))
    return sorted(zip(indexes, choices, strict=True), key=lambda pair: pair[0])


def _top(answer: JsonObject, first: JsonObject) -> JsonObject:
    return {
        "text": first["text"],
        "finish_reason": first["finish_reason"],
        "model": read_optional_text(answer.get("model"), "model"),
        "usage": read_usage(answer.get("usage")),
        "id": read_optional_text(answer.get("id"), "id"),
    }


def _text_choice(index: int, choice: JsonObject) -> JsonObject:
    where = f"choices[{index}]"
    return {
        "index": index,
        "text": read_text(choice.get("text"), f"{where}.text"),
        "finish_reason": read_optional_text(choice.get("finish_reason"), f"{where}.finish_reason"),
    }


def _chat_choice(index: int, choice: JsonObject) -> JsonObject:
    where = f"choices[{index}]"
    message = read_object(choice.get("message"), f"{where}.message")
    return {
        "index": index,
        "text": text_of(message, where)[1],
        "finish_reason": read_optional_text(choice.get("finish_reason"), f"{where}.finish_reason"),
        "refusal": read_optional_text(message.get("refusal"), f"{where}.message.refusal"),
        "tool_calls": _tool_calls(message, f"{where}.message"),
    }


def text_of(message: JsonObject, where: str) -> tuple[Place, str]:
    """Return where the text of a chat message stands, and the text; an empty one if there is none."""
    content = read_optional_text(message.get("content"), f"{where}.message.content")
    if content:
        return "content", content
    refusal = read_optional_text(message.get("refusal"), f"{where}.message.refusal")
    if refusal:
        return "refusal", refusal
    audio = message.get("audio")
    if audio is not None:
        spoken = read_object(audio, f"{where}.message.audio").get("transcript")
        return "audio", read_optional_text(spoken, f"{where}.message.audio.transcript") or ""
    return "content", ""


def _tool_calls(message: JsonObject, where: str) -> list[JsonObject]:
    calls = message.get("tool_calls")
    if calls is not None:
        entries = read_list(calls, f"{where}.tool_calls")
        return [present_tool_call(entry, f"{where}.tool_calls[{at}]") for at, entry in enumerate(entries)]
    older = message.get("function_call")
    if older is not None:
        return [
            present_tool_call({"id": None, "type": "function", "function": older}, f"{where}.function_call")
        ]
    return []
