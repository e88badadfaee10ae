"""Putting an action's input where the service expects it: the default ``prepare`` and ``present``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from hookline.errors import InvalidInputError

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.upstream import UpstreamRequest

PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})


def set_stream(body: JsonObject) -> None:
    """Ask for a stream as most services want to be asked."""
    body["stream"] = True


def fill_request(call: Call, request: UpstreamRequest) -> None:
    """Put the input where the endpoint's path and method say; the default ``prepare``."""
    fields = dict(call.input)
    request.path = fill_path(request.path, fields)
    if call.action.method in _BODY_METHODS:
        request.body = fields
    elif query := {name: value for name, value in fields.items() if value is not None}:
        pairs = {
            name: [_as_text(item) for item in value] if isinstance(value, list) else _as_text(value)
            for name, value in query.items()
        }
        request.path += "?" + urlencode(pairs, doseq=True)


def fill_path(template: str, fields: JsonObject) -> str:
    """Replace ``{name}`` by the quoted field of that name, which is taken out of ``fields``.

    Raises:
        InvalidInputError: If a value would change the path's structure.
    """

    def fill(match: re.Match[str]) -> str:
        name = match.group(1)
        value = fields.pop(name, None)
        text = "" if value is None else _as_text(value)
        if text in ("", ".", ".."):
            raise InvalidInputError(
                f"`{name}` must not be {text!r}: it becomes part of an address.", field=name
            )
        return quote(text, safe=":@")

    return PLACEHOLDER.sub(fill, template)


def _as_text(value: object) -> str:
    """Return a value as it stands in an address: text and numbers as they are, all else as JSON."""
    if isinstance(value, str):
        return value
    import orjson  # here, because every plugin with a connector imports this module, also for `--help`

    return orjson.dumps(value).decode()


def hand_on(call: Call, raw: object) -> JsonObject:
    """Return the service's JSON as the output; the default ``present``."""
    return raw if isinstance(raw, dict) else {"data": raw}
