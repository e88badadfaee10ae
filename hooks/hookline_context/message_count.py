"""What the messages of a chat take.

Source of the rules for text: OpenAI's cookbook, "How to count tokens with tiktoken"; for the older function
messages: github.com/hmarr/openai-chat-tokens. For tool calls nobody published a measured rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline_context.amounts import NOTHING, Amount, guessed, known
from hookline_context.json_text import json_text
from hookline_context.media import count_file, count_image, count_sound

if TYPE_CHECKING:
    from hookline_context.text_counter import TextCounter

REPLY_PRIMER = 3
"""What every chat takes besides its messages."""

_PER_MESSAGE, _PER_NAME = 3, 1
_PER_MESSAGE_2023_03, _PER_NAME_2023_03 = 4, -1
_LESS_FOR_FUNCTION_MESSAGE = 2
_PER_CALL = 3
_EARLIER_ANSWER_IN_SOUND = 500
_NOT_SHOWN = frozenset({"tool_call_id", "id", "prompt_cache_breakpoint"})


def count_message(message: object, counter: TextCounter, *, model: str, follows: str = "") -> Amount:
    """Return what one message takes; what has an unknown shape counts as its JSON text.

    Args:
        message: The message, of any shape.
        counter: Counts texts.
        model: Id of the model.
        follows: Text that the service puts after the message's own.
    """
    if not isinstance(message, dict):
        return counter.count(json_text(message))
    is_first_generation = model == "gpt-3.5-turbo-0301"
    total = known(_PER_MESSAGE_2023_03 if is_first_generation else _PER_MESSAGE)
    for key, value in message.items():
        if value is None or key in _NOT_SHOWN:
            continue
        if key == "content":
            total += count_content(value + follows if isinstance(value, str) else value, counter, model=model)
        elif key == "tool_calls" and isinstance(value, list):
            for call in value:
                total += _count_call(call, counter)
        elif key == "function_call" and isinstance(value, dict):
            total += known(_PER_CALL) + _count_members(value, ("name", "arguments"), counter)
        elif key == "audio" and isinstance(value, dict):
            total += guessed(_EARLIER_ANSWER_IN_SOUND)
        elif isinstance(value, str):
            total += counter.count(value)
            if key == "name":
                total += known(_PER_NAME_2023_03 if is_first_generation else _PER_NAME)
        else:
            total += guessed(counter.count(json_text(value)).tokens)
    if message.get("role") == "function":
        total += known(-_LESS_FOR_FUNCTION_MESSAGE)
    return total


def count_content(content: object, counter: TextCounter, *, model: str) -> Amount:
    """Return what the content of a message takes: a text, or parts of several kinds."""
    if isinstance(content, str):
        return counter.count(content)
    if not isinstance(content, list):
        return guessed(counter.count(json_text(content)).tokens)
    total = NOTHING
    for part in content:
        total += _count_part(part, counter, model)
    return total


def _count_part(part: object, counter: TextCounter, model: str) -> Amount:
    if isinstance(part, dict):
        kind = part.get("type")
        for name in ("text", "refusal"):
            text = part.get(name)
            if isinstance(text, str) and kind in (name, None):
                return counter.count(text)
        if kind == "image_url":
            return count_image(part, model)
        if kind == "file":
            return count_file(part)
        if kind == "input_audio":
            return count_sound(part)
    return guessed(counter.count(json_text(part)).tokens)


def _count_call(call: object, counter: TextCounter) -> Amount:
    if isinstance(call, dict):
        for kind, members in (("function", ("name", "arguments")), ("custom", ("name", "input"))):
            inner = call.get(kind)
            if isinstance(inner, dict):
                return guessed(_PER_CALL) + _count_members(inner, members, counter)
    return guessed(counter.count(json_text(call)).tokens)


def _count_members(value: dict[str, object], names: tuple[str, ...], counter: TextCounter) -> Amount:
    total = NOTHING
    for name in names:
        member = value.get(name)
        if member is not None:
            total += counter.count(member if isinstance(member, str) else json_text(member))
    return total
