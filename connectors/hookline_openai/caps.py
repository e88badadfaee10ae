"""Holding a request to the most that its caller may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.errors import InvalidInputError, PermissionDeniedError
from hookline_openai.estimates import DEFAULT_COMPLETION
from hookline_openai.model_table import row_of

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.principal import Caps
    from hookline.upstream import UpstreamRequest

_CHAT, _COMPLETION = "/chat/completions", "/completions"
_OPENAI = "https://api.openai.com:443"
_LIMIT_FIELDS = ("max_completion_tokens", "max_tokens")
_CHOICE_FIELDS = ("n", "best_of")


def hold_to(caps: Caps, call: Call, request: UpstreamRequest) -> None:
    """Refuse a request that asks for more than its caller may have, and bound one that names no bound.

    The body is replaced and not changed: on the wire door it is the caller's own.

    Raises:
        PermissionDeniedError: If it asks for more; names the field.
        InvalidInputError: If it cannot be told how much it asks for; names the field.
    """
    body = request.body
    if body is None:
        return
    if caps.max_choices is not None:
        for name in _CHOICE_FIELDS:
            _check(body, name, most=caps.max_choices, least=0, what="answers to one prompt")
    most = caps.max_output_tokens
    if most is None or not request.path.endswith(_COMPLETION):
        return
    is_chat = request.path.endswith(_CHAT)
    asked = [
        _check(body, name, most=most, least=1 if is_chat else 0, what="tokens for one answer")
        for name in _LIMIT_FIELDS
    ]
    if not any(asked):
        field = _limit_field(call, body) if is_chat else "max_tokens"
        request.body = {**body, field: most if is_chat else min(most, DEFAULT_COMPLETION)}
        request.content = None


def _check(body: JsonObject, name: str, *, most: int, least: int, what: str) -> bool:
    """Check one field of a body, and tell whether it is filled in.

    A number that is written as text, or is less than the least, may mean something else to the server that
    reads it, even "without end".
    """
    value = body.get(name)
    if value is None:
        return False
    if type(value) is not int or value < least:
        raise InvalidInputError(
            f"`{name}` must be a whole number of at least {least}: this key may ask for a bounded number of "
            f"{what} only.",
            field=name,
        )
    if value > most:
        raise PermissionDeniedError(
            f"`{name}` is {value:,}, and this key may ask for at most {most:,} {what}.",
            code="cap_exceeded",
            field=name,
            hint=f"Set `{name}` to {most} or less, or ask for a key that may ask for more.",
        )
    return True


def _limit_field(call: Call, body: JsonObject) -> str:
    """Return what a chat's model calls the bound on its answer.

    All models of OpenAI take the newer name, and some refuse the older. A model that is not in the table is
    most likely another server's; all of those know the older name.
    """
    model = body.get("model")
    is_known = isinstance(model, str) and row_of(call.connection, model) is not None
    return "max_completion_tokens" if is_known or call.connection.origin == _OPENAI else "max_tokens"
