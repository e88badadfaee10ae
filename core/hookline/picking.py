"""Picking parts out of JSON with JMESPath: expressions that can only read, and run no code.

Source: JMESPath specification, https://jmespath.org/specification.html.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, cast

from hookline.errors import ConfigurationError

if TYPE_CHECKING:

    class Pick(Protocol):
        """A compiled expression."""

        def search(self, value: object) -> object:
            """Return what the expression finds in a value; None if there is nothing."""
            ...


MAX_LENGTH = 2_000
"""Most characters of an expression."""

MAX_FOUND = 2_000_000
"""Most values of what an expression finds. A short one can repeat what it is given any number of times."""

MAX_DEPTH = 200
"""Deepest nesting of what an expression finds."""


class PickError(Exception):
    """An expression cannot be applied to a value; says why, in a few words."""


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
        return cast("Pick", jmespath.compile(expression))
    except (jmespath.exceptions.JMESPathError, RecursionError) as exc:
        raise ConfigurationError(f"{where}: {expression!r} is not JMESPath: {_first_line(exc)}.") from exc


def find(pick: Pick, value: object) -> object:
    """Return what an expression finds in a value; None if there is nothing.

    Raises:
        PickError: If a function of it does not take what the value holds, or too much is found.
    """
    import jmespath

    try:
        found = pick.search(value)
    except (jmespath.exceptions.JMESPathError, RecursionError, ValueError, TypeError) as exc:
        raise PickError(_first_line(exc)) from exc
    _check_size(found)
    return found


def _check_size(found: object) -> None:
    level, count = [found], 1
    for _ in range(MAX_DEPTH):
        below: list[object] = []
        for item in level:
            if isinstance(item, (dict, list)):
                count += len(item)
                if count > MAX_FOUND:
                    raise PickError("it finds too much")
                below += item.values() if isinstance(item, dict) else item
        level = [item for item in below if isinstance(item, (dict, list))]
        if not level:
            return
    raise PickError("what it finds is nested too deep")


def _first_line(exc: BaseException) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0].rstrip(".:")
