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


def _first_line(exc: BaseException) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0].rstrip(".:")
