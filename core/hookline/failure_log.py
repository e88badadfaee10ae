"""Logging what code failed with, without the values that it was given.

A validation error's own text shows the value that did not fit: a prompt, an address, a key. Its traceback is
logged with the places and kinds of what is wrong in place of that text.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

_MAX_CHAIN = 20
_MAX_PLACES = 10


def log_failure_of_code(log: logging.Logger, message: str, *arguments: object, exc: BaseException) -> None:
    """Log an error with the traceback of an exception.

    Args:
        log: Where to.
        message: What happened, as for `logging.Logger.error`.
        arguments: What the message formats.
        exc: What was raised.
    """
    if any(_shows_values(one) for one, _ in _chain(exc)):
        log.error(message + "\n%s", *arguments, _describe(exc))
    else:
        log.error(message, *arguments, exc_info=exc)


def _describe(exc: BaseException) -> str:
    """Return a traceback of an exception, those before it first, as Python writes it."""
    parts: list[str] = []
    for one, link in reversed(list(_chain(exc))):
        if one.__traceback__ is not None:
            parts.append("Traceback (most recent call last):\n")
            parts += traceback.format_tb(one.__traceback__)
        parts.append(_last_line(one))
        if link:
            parts.append(f"\n{link}\n\n")
    return "".join(parts).rstrip()


def _chain(exc: BaseException) -> Iterator[tuple[BaseException, str]]:
    """Yield an exception and those that led to it, each with what joins it to the one before."""
    link, seen = "", set[int]()
    found: BaseException | None = exc
    while found is not None and id(found) not in seen and len(seen) < _MAX_CHAIN:
        seen.add(id(found))
        yield found, link
        if found.__cause__ is not None:
            found, link = found.__cause__, "The above exception was the direct cause of the following one:"
        else:
            found = None if found.__suppress_context__ else found.__context__
            link = "During handling of the above exception, another one occurred:"


def _shows_values(exc: BaseException) -> bool:
    """Tell whether it is a validation error, of pydantic or of a validator of JSON Schemas."""
    return any(kind.__name__ == "ValidationError" for kind in type(exc).__mro__)


def _last_line(exc: BaseException) -> str:
    if not _shows_values(exc):
        return "".join(traceback.format_exception_only(exc))
    kind = f"{type(exc).__module__}.{type(exc).__qualname__}"
    places = _places(exc)
    return f"{kind}: {', '.join(places)}\n" if places else f"{kind}\n"


def _places(exc: BaseException) -> list[str]:
    from pydantic import ValidationError  # here, because nothing fails in most processes

    if not isinstance(exc, ValidationError):
        return []
    found = exc.errors(include_url=False, include_context=False, include_input=False)[:_MAX_PLACES]
    return [f"{'.'.join(map(str, one['loc'])) or 'the whole'} ({one['type']})" for one in found]
