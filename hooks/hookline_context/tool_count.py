"""What the tools of a request take, and the choice among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline_context.amounts import NOTHING, Amount, guessed, known
from hookline_context.json_text import json_text
from hookline_context.tool_text import FUNCTIONS_STYLE, TOOLS_STYLE, write_functions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline_context.text_counter import TextCounter

_ONCE = 9
_LESS_WITH_SYSTEM = 4
_CHOICE_OF_NONE = 1
_NAMED_TOOL = 7
_NAMED_FUNCTION = 4
_DEFINITIONS = ("$defs", "definitions")


def count_tools(body: Mapping[str, object], counter: TextCounter, *, has_system: bool) -> Amount:
    """Return what tools, functions, the choice among them and the schema of the answer take.

    Args:
        body: Body of a chat request.
        counter: Counts texts.
        has_system: Whether there is a system message, in which case the tools share its frame.
    """
    tools = _entries(body.get("tools"))
    functions = _entries(body.get("functions"))
    called = [tool["function"] for tool in tools if isinstance(tool, dict) and "function" in tool]
    others = [tool for tool in tools if not (isinstance(tool, dict) and "function" in tool)]
    total = NOTHING
    if called:
        total += counter.count(write_functions(called, TOOLS_STYLE))
    if functions:
        total += counter.count(write_functions(functions, FUNCTIONS_STYLE))
    if called or functions:
        total += known(_ONCE - _LESS_WITH_SYSTEM * has_system)
    for shared in _shared_definitions([*called, *functions]):
        total += guessed(counter.count(json_text(shared)).tokens)
    if others:
        total += guessed(counter.count(json_text(others)).tokens)
    total += _count_choice(body.get("tool_choice"), counter, named=_NAMED_TOOL)
    total += _count_choice(body.get("function_call"), counter, named=_NAMED_FUNCTION)
    answer = body.get("response_format")
    if isinstance(answer, dict) and answer.get("type") not in ("text", "json_object"):
        total += guessed(counter.count(json_text(answer)).tokens)
    return total


def _count_choice(choice: object, counter: TextCounter, *, named: int) -> Amount:
    if choice == "none":
        return known(_CHOICE_OF_NONE)
    if not isinstance(choice, dict):
        return NOTHING
    inner = choice.get("function", choice)
    name = inner.get("name") if isinstance(inner, dict) else None
    if isinstance(name, str):
        return known(named) + counter.count(name)
    return guessed(counter.count(json_text(choice)).tokens)


def _shared_definitions(functions: list[object]) -> list[object]:
    """Return the parts of schemas that others refer to; how these are written nobody knows."""
    found: list[object] = []
    for function in functions:
        parameters = function.get("parameters") if isinstance(function, dict) else None
        if isinstance(parameters, dict):
            found += [parameters[name] for name in _DEFINITIONS if name in parameters]
    return found


def _entries(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
