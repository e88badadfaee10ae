"""Picking parts out of JSON with JMESPath: expressions that can only read, and run no code.

Source: JMESPath specification, https://jmespath.org/specification.html.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError

if TYPE_CHECKING:
    from jmespath.visitor import _TreeNode as Node

MAX_LENGTH = 2_000
"""Most characters of an expression."""

MAX_FOUND = 2_000_000
"""Most values of what an expression finds. A short one can repeat what it is given any number of times."""

MAX_TEXT = 100 * 1024 * 1024
"""Most characters of what an expression finds, each text counted as often as it stands there."""

MAX_DEPTH = 200
"""Deepest nesting of what an expression finds."""

_TAKING_EXPRESSIONS = frozenset({"map", "sort_by", "min_by", "max_by"})


class PickError(Exception):
    """An expression cannot be applied to a value; says why, in a few words."""


class Pick:
    """A compiled expression.

    Args:
        parsed: Its tree, as `jmespath` makes it.
    """

    __slots__ = ("_parsed",)

    def __init__(self, parsed: Node) -> None:
        self._parsed = parsed

    def search(self, value: object) -> object:
        """Return what the expression finds in a value; None if there is nothing.

        Raises:
            PickError: If that takes too much work or too much memory.
        """
        from hookline.pick_interpreter import PickInterpreter, TooMuchError

        try:
            return PickInterpreter().visit(self._parsed, value)
        except TooMuchError as exc:
            raise PickError(str(exc)) from exc


@lru_cache(maxsize=4096)
def compile_pick(expression: str, *, where: str) -> Pick:
    """Return a compiled expression.

    Args:
        expression: A JMESPath expression.
        where: What it is for, for messages.

    Raises:
        ConfigurationError: If it is not valid, or too long.
    """
    import jmespath  # here, because most gateways and `--help` need none

    if len(expression) > MAX_LENGTH:
        raise ConfigurationError(f"{where}: the expression is longer than {MAX_LENGTH:,} characters.")
    try:
        parsed = jmespath.compile(expression).parsed
    except (jmespath.exceptions.JMESPathError, RecursionError) as exc:
        raise ConfigurationError(f"{where}: {expression!r} is not JMESPath: {_first_line(exc)}.") from exc
    if _finds_expression(parsed):
        raise ConfigurationError(
            f"{where}: {expression!r} finds an expression, which is no JSON; `&` is for "
            f"{', '.join(sorted(_TAKING_EXPRESSIONS))}."
        )
    return Pick(parsed)


def find(pick: Pick, value: object) -> object:
    """Return what an expression finds in a value; None if there is nothing.

    Raises:
        PickError: If a function of it does not take what the value holds, or too much is asked for or found.
    """
    import jmespath

    try:
        found = pick.search(value)
    except (
        jmespath.exceptions.JMESPathError,
        RecursionError,
        ArithmeticError,
        ValueError,
        TypeError,
    ) as exc:
        raise PickError(_first_line(exc)) from exc
    _check_size(found)
    return found


def _finds_expression(parsed: Node) -> bool:
    """Tell whether a tree holds an expression that no function takes."""
    stack = [(parsed, False)]
    while stack:
        node, is_taken = stack.pop()
        if node["type"] == "expref" and not is_taken:
            return True
        takes = node["type"] == "function_expression" and node["value"] in _TAKING_EXPRESSIONS
        # the children of a slice are numbers
        stack += [(child, takes) for child in node["children"] if isinstance(child, dict)]
    return False


def _check_size(found: object) -> None:
    level, count, characters = [found], 1, 0
    for _ in range(MAX_DEPTH):
        below: list[object] = []
        for item in level:
            if isinstance(item, str):
                characters += len(item)
            elif isinstance(item, (dict, list)):
                count += len(item)
                if count > MAX_FOUND:
                    raise PickError("it finds too much")
                if isinstance(item, dict):
                    characters += sum(map(len, item))
                    below += item.values()
                else:
                    below += item
        if characters > MAX_TEXT:
            raise PickError("it finds too much text")
        level = [item for item in below if isinstance(item, (dict, list, str))]
        if not level:
            return
    raise PickError("what it finds is nested too deep")


def _first_line(exc: BaseException) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0].rstrip(".:")
