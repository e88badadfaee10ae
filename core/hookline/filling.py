"""Putting an action's input where the service expects it: the default ``prepare`` and ``present``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from hookline.credential import QueryCredential
from hookline.errors import InvalidInputError
from hookline.pairs import as_text, pairs_of

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.pairs import Pair
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
    elif query := [pair for name, value in fields.items() for pair in pairs_of(name, value)]:
        add_query(call, request, query)


def add_query(call: Call, request: UpstreamRequest, pairs: Sequence[Pair]) -> None:
    """Put names and values into a query that is still empty.

    Args:
        call: The call.
        request: Gets them behind its path.
        pairs: At least one.

    Raises:
        InvalidInputError: If one has the name under which the credential goes: services that read the first
            of two would take the caller's.
    """
    credential = call.action.connector.credential
    if isinstance(credential, QueryCredential) and any(name == credential.parameter for name, _ in pairs):
        raise InvalidInputError(
            f"`{credential.parameter}` is where the credential goes, which the gateway adds; leave it out.",
            field=credential.parameter,
        )
    request.path += "?" + urlencode(pairs)


def fill_path(template: str, values: JsonObject, *, fields: Mapping[str, str] | None = None) -> str:
    """Replace ``{name}`` by the quoted value of that name, which is taken out of ``values``.

    Args:
        template: A path with placeholders.
        values: What goes there, by placeholder.
        fields: Names of the input's fields by placeholder, where they differ; for messages.

    Raises:
        InvalidInputError: If a value would change the path's structure.
    """
    if "{" not in template:
        return template

    def fill(match: re.Match[str]) -> str:
        name = match.group(1)
        value = values.pop(name, None)
        text = "" if value is None else as_text(value)
        if text in ("", ".", ".."):
            field = name if fields is None else fields.get(name, name)
            raise InvalidInputError(
                f"`{field}` must not be {text!r}: it becomes part of an address.", field=field
            )
        return quote(text, safe=":@")

    return PLACEHOLDER.sub(fill, template)


def hand_on(call: Call, raw: object) -> JsonObject:
    """Return the service's JSON as the output; the default ``present``."""
    return raw if isinstance(raw, dict) else {"result": raw}
