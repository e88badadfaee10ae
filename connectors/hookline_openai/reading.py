"""Take members out of an upstream's JSON, or say what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.errors import InvalidUpstreamAnswerError

if TYPE_CHECKING:
    from hookline.action import JsonObject

_NAMES = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}


def unusable(where: str, expected: str, value: object) -> InvalidUpstreamAnswerError:
    """Return the error for a member that is not what it has to be."""
    found = _NAMES.get(type(value), "something else")
    return InvalidUpstreamAnswerError(
        f"The service's answer cannot be used: `{where}` is {found}, not {expected}."
    )


def read_object(value: object, where: str) -> JsonObject:
    """Return an object.

    Raises:
        InvalidUpstreamAnswerError: If it is something else.
    """
    if not isinstance(value, dict):
        raise unusable(where, "an object", value)
    return value


def read_list(value: object, where: str) -> list[object]:
    """Return a list.

    Raises:
        InvalidUpstreamAnswerError: If it is something else.
    """
    if not isinstance(value, list):
        raise unusable(where, "a list", value)
    return value


def read_text(value: object, where: str) -> str:
    """Return a text.

    Raises:
        InvalidUpstreamAnswerError: If it is something else.
    """
    if not isinstance(value, str):
        raise unusable(where, "a text", value)
    return value


def read_optional_text(value: object, where: str) -> str | None:
    """Return a text or None.

    Raises:
        InvalidUpstreamAnswerError: If it is something else.
    """
    if value is None or isinstance(value, str):
        return value
    raise unusable(where, "a text", value)


def read_whole_number(value: object, where: str) -> int:
    """Return a whole number of at least zero.

    Raises:
        InvalidUpstreamAnswerError: If it is something else.
    """
    if type(value) is not int:
        raise unusable(where, "a whole number", value)
    if value < 0:
        raise InvalidUpstreamAnswerError(f"The service's answer cannot be used: `{where}` is negative.")
    return value


def read_position(entry: JsonObject, fallback: int, where: str) -> int:
    """Return the ``index`` of an entry, or its place in the list when it carries none.

    Raises:
        InvalidUpstreamAnswerError: If the index is not a whole number.
    """
    index = entry.get("index")
    return fallback if index is None else read_whole_number(index, f"{where}.index")


def read_usage(value: object) -> JsonObject | None:
    """Return the number of tokens in the words of our outputs, or None where the service did not say.

    Raises:
        InvalidUpstreamAnswerError: If it is not as OpenAI describes it.
    """
    if value is None:
        return None
    usage = read_object(value, "usage")
    input_tokens = read_whole_number(usage.get("prompt_tokens"), "usage.prompt_tokens")
    output_tokens = read_whole_number(usage.get("completion_tokens") or 0, "usage.completion_tokens")
    total_tokens = usage.get("total_tokens")
    return {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens
        if total_tokens is None
        else read_whole_number(total_tokens, "usage.total_tokens"),
        "cached_tokens": _detail(usage, "prompt_tokens_details", "cached_tokens"),
        "reasoning_tokens": _detail(usage, "completion_tokens_details", "reasoning_tokens"),
    }


def _detail(usage: JsonObject, group: str, name: str) -> int | None:
    details = usage.get(group)
    if details is None:
        return None
    if not isinstance(details, dict):
        raise unusable(f"usage.{group}", "an object", details)
    value = details.get(name)
    return None if value is None else read_whole_number(value, f"usage.{group}.{name}")
