"""Running an action once against the real service, and keeping what it answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import orjson
from pydantic import SecretStr

from hookline.credential import QueryCredential
from hookline.errors import ConfigurationError, HooklineError
from hookline.order import Order
from hookline.principal import Principal
from hookline.recording.recording import Recording
from hookline.recording.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.action import JsonObject
    from hookline.gateway import Gateway
    from hookline.recording.tape import Tape

_MIN_ID_LENGTH = 6


def record(
    gateway: Gateway,
    tape: Tape,
    action_id: str,
    input: JsonObject,
    *,
    is_stream: bool = False,
    hidden_headers: Iterable[str] = (),
) -> Recording:
    """Run an action once, and return what went over the wire without secrets.

    A refusal of the service is recorded too.

    Args:
        gateway: Has ``tape`` among its plugins.
        tape: Listens.
        action_id: Which action.
        input: Its input.
        is_stream: Whether to ask for a stream.
        hidden_headers: Headers whose values are removed wherever they occur, such as ids of accounts.

    Raises:
        NotFoundError: If there is no such action.
        HooklineError: If no service answered; says why.
        SecretLeftError: If a secret would be in the recording.
    """
    action = gateway.catalog.find(action_id)
    if is_stream and action.stream is None:
        raise ConfigurationError(f"{action_id} does not stream.")
    principal = Principal(key_id="cli", scopes=frozenset({"actions:run"}), label="command line")
    fields = {**input, "stream": True} if is_stream else dict(input)
    reply = gateway.runner.run(principal, Order(action_id=action_id, fields=fields))
    content = reply.content if isinstance(reply.content, bytes) else b"".join(reply.content)
    takes = [take for take in tape.takes if take.status]
    if not takes:
        raise HooklineError(
            f"{action_id} got no answer of its service: {_reason(content)}", code="nothing_recorded"
        )
    connection = gateway.connections[action.connector.id]
    ids = {
        value
        for value in map(_revealed, connection.options.values())
        if isinstance(value, str) and len(value) >= _MIN_ID_LENGTH and not value.isalpha()
    }
    connector, placement = action.connector, action.connector.credential
    redactor = Redactor(
        {*tape.secrets, *ids},
        headers=hidden_headers,
        kept=[*connector.return_headers, *(f"{prefix}*" for prefix in connector.return_prefixes)],
        parameters=[placement.parameter] if isinstance(placement, QueryCredential) else [],
    )
    recording = Recording(
        action=action_id,
        input=dict(input),
        is_stream=is_stream,
        recorded_at=gateway.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        exchanges=tuple(take.exchange() for take in takes),
    )
    return redactor.clean(recording, all_headers=[(take.request.headers, take.headers) for take in takes])


def _revealed(option: object) -> object:
    return option.get_secret_value() if isinstance(option, SecretStr) else option


def _reason(content: bytes) -> str:
    try:
        body = cast("JsonObject", orjson.loads(content))
        return str(body.get("message") or body)
    except (orjson.JSONDecodeError, AttributeError):
        return "it made no request, or its answer was lost."
