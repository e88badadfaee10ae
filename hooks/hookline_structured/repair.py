"""Asking a model to correct an answer: it sees the conversation, what it wrote, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline.action import JsonObject
    from hookline.engine.explanation import Problem

# What belongs to the first call alone: its question, how many answers it wanted, and what it showed.
_LEFT_OUT = frozenset(
    {
        "prompt",
        "messages",
        "n",
        "stream",
        "stream_options",
        "raw",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
    }
)


def correction_of(fields: Mapping[str, object], text: str, problems: list[Problem]) -> JsonObject:
    """Return the input of the call that corrects an answer.

    Args:
        fields: The input of the first call.
        text: What the model answered.
        problems: What is wrong with it.
    """
    messages = list(cast("list[object]", fields.get("messages") or []))
    if fields.get("prompt") is not None:
        messages.append({"role": "user", "content": fields["prompt"]})
    messages.append({"role": "assistant", "content": text or "(nothing)"})
    messages.append({"role": "user", "content": _demand(problems)})
    kept = {name: value for name, value in fields.items() if name not in _LEFT_OUT and value is not None}
    return {**kept, "messages": messages}


def _demand(problems: list[Problem]) -> str:
    listed = "\n".join(f"- {one}" for one in problems)
    return (
        "Your answer does not fit the JSON Schema that was asked for:\n"
        f"{listed}\n"
        "Answer again with the corrected JSON only: no code fence, no comment."
    )


def add_usage(first: object, second: object) -> object:
    """Return what two calls took together, as outputs tell it."""
    if not isinstance(first, dict) or not isinstance(second, dict):
        return first if second is None else second
    names = {**first, **second}
    return {name: _sum(first.get(name), second.get(name)) for name in names}


def _sum(one: object, other: object) -> object:
    if isinstance(one, int) and isinstance(other, int):
        return one + other
    return one if other is None else other
