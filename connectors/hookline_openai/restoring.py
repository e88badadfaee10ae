"""Write a changed output back into OpenAI's answer: its texts, and what its tools are called with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from hookline_openai.answers import choices_of, present_tool_call, text_of
from hookline_openai.reading import read_list, read_object, read_text

if TYPE_CHECKING:
    from hookline.action import JsonObject

_WRITABLE = ("text", "refusal", "tool_calls")


def restore_texts(raw: object, output: JsonObject) -> object:
    """Return a copy of an answer that holds the texts and the arguments of a changed output.

    A text goes to where it was read from: content, refusal or transcript of a chat message, or the text of a
    completion. With several choices each takes what its own entry says; the first one takes what the output
    says itself, if that was changed.

    Raises:
        InvalidUpstreamAnswerError: If the answer has not the shape that OpenAI describes.
    """
    answer = read_object(raw, "answer")
    listed = output.get("choices")
    entries = listed if isinstance(listed, list) else []
    wanted: dict[object, JsonObject] = {
        entry.get("index"): entry for entry in entries if isinstance(entry, dict)
    }
    choices = choices_of(answer)
    first_index, first_choice = choices[0]
    shown = _shown(first_choice, first_index)
    changes = {name: output[name] for name in _WRITABLE if name in output and output[name] != shown.get(name)}
    wanted[first_index] = {**wanted.get(first_index, {}), **changes}
    changed = {id(choice): _restored(choice, index, wanted.get(index, {})) for index, choice in choices}
    return {**answer, "choices": [changed[id(choice)] for choice in read_list(answer["choices"], "choices")]}


def _shown(choice: JsonObject, index: int) -> JsonObject:
    where = f"choices[{index}]"
    if "message" not in choice:
        return {"text": read_text(choice.get("text"), f"{where}.text")}
    message = read_object(choice["message"], f"{where}.message")
    calls = [present_tool_call(call, f"{where} tool call") for call in _calls_of(message)]
    return {
        "text": text_of(message, where)[1],
        "refusal": message.get("refusal"),
        "tool_calls": calls,
    }


def _restored(choice: JsonObject, index: int, wanted: JsonObject) -> JsonObject:
    shown = _shown(choice, index)
    changes = {
        name: wanted[name]
        for name in _WRITABLE
        if wanted.get(name) is not None and wanted[name] != shown.get(name)
    }
    if not changes:
        return choice
    if "message" not in choice:
        return {**choice, "text": changes.get("text", choice["text"])}
    message = read_object(choice["message"], "message")
    if "refusal" in changes:
        message = {**message, "refusal": changes["refusal"]}
    if "text" in changes:
        message = _with_text(message, changes["text"], f"choices[{index}]")
    if isinstance(changes.get("tool_calls"), list):
        message = _with_arguments(message, changes["tool_calls"])
    return {**choice, "message": message}


def _with_text(message: JsonObject, text: object, where: str) -> JsonObject:
    place, _ = text_of(message, where)
    if place == "audio":
        return {**message, "audio": {**read_object(message["audio"], "audio"), "transcript": text}}
    return {**message, place: text}


def _calls_of(message: JsonObject) -> list[JsonObject]:
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        return [read_object(call, "tool call") for call in calls]
    older = message.get("function_call")
    return [] if older is None else [{"id": None, "type": "function", "function": older}]


def _with_arguments(message: JsonObject, wanted: object) -> JsonObject:
    calls = _calls_of(message)
    entries = wanted if isinstance(wanted, list) else []
    if len(entries) != len(calls):
        return message  # calls cannot be added or taken away
    changed = [_with_argument(call, entry) for call, entry in zip(calls, entries, strict=True)]
    if isinstance(message.get("tool_calls"), list):
        return {**message, "tool_calls": changed}
    return {**message, "function_call": changed[0]["function"]}


def _with_argument(call: JsonObject, wanted: object) -> JsonObject:
    arguments = wanted.get("arguments") if isinstance(wanted, dict) else None
    if arguments is None or arguments == present_tool_call(call, "tool call")["arguments"]:
        return call
    text = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
    part, name = ("custom", "input") if call.get("type") == "custom" else ("function", "arguments")
    return {**call, part: {**read_object(call.get(part), part), name: text}}
