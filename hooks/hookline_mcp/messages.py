"""JSON-RPC messages of clients, checked for form, and which revision of the protocol they speak."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline_mcp.protocol import (
    CAPABILITIES_KEY,
    CLIENT_KEY,
    INVALID_PARAMS,
    INVALID_REQUEST,
    MODERN,
    VERSION_KEY,
    ProtocolError,
    RequestId,
    unsupported,
)

if TYPE_CHECKING:
    from hookline.action import JsonObject


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A request or a notification.

    Attributes:
        method: What it asks for.
        params: With what.
        id: Id that its answer repeats; None for a notification, which is not answered.
    """

    method: str
    params: JsonObject = field(repr=False)
    id: RequestId | None

    @property
    def claimed_version(self) -> object:
        """What its metadata names as the revision; None if it names none."""
        meta = self.params.get("_meta")
        return meta.get(VERSION_KEY) if isinstance(meta, dict) else None


def read_message(body: JsonObject) -> Message:
    """Return the message that a JSON object is.

    Raises:
        ProtocolError: If it is none.
    """
    id = body.get("id")
    if "id" in body and (isinstance(id, bool) or not isinstance(id, (str, int))):
        raise ProtocolError(INVALID_REQUEST, "`id` must be a string or a whole number.")
    known = id if isinstance(id, (str, int)) else None
    if body.get("jsonrpc") != "2.0":
        raise ProtocolError(INVALID_REQUEST, '`jsonrpc` must be "2.0".', id=known)
    method = body.get("method")
    if method is None and ("result" in body or "error" in body):
        raise ProtocolError(INVALID_REQUEST, "This server asks nothing, so it takes no responses.")
    if not isinstance(method, str) or not method:
        raise ProtocolError(INVALID_REQUEST, "`method` must be a string.", id=known)
    params = body.get("params", {})
    if not isinstance(params, dict):
        raise ProtocolError(INVALID_REQUEST, "`params` must be an object.", id=known)
    return Message(method=method, params=params, id=known)


def no_version(message: Message) -> ProtocolError:
    """Return the error for a request over stdio that names no revision, where no handshake went before."""
    return ProtocolError(
        INVALID_PARAMS,
        f"`params._meta` must be an object with `{VERSION_KEY}` and `{CAPABILITIES_KEY}`, or begin with "
        "`initialize`.",
        id=message.id,
    )


def check_metadata(message: Message) -> None:
    """Return if a request carries what the modern revision demands in its ``_meta``.

    Raises:
        ProtocolError: If something is missing, malformed or of another revision.
    """
    meta = message.params.get("_meta")
    if not isinstance(meta, dict):
        raise ProtocolError(
            INVALID_PARAMS,
            f"`params._meta` must be an object with `{VERSION_KEY}` and `{CAPABILITIES_KEY}`.",
        )
    missing = [key for key in (VERSION_KEY, CAPABILITIES_KEY) if key not in meta]
    if missing:
        raise ProtocolError(INVALID_PARAMS, f"`params._meta` lacks {' and '.join(missing)}.")
    version = meta[VERSION_KEY]
    if not isinstance(version, str):
        raise ProtocolError(INVALID_PARAMS, f"`{VERSION_KEY}` must be a string.")
    if version != MODERN:
        raise unsupported(version)
    for key in (CAPABILITIES_KEY, CLIENT_KEY):
        if key in meta and not isinstance(meta[key], dict):
            raise ProtocolError(INVALID_PARAMS, f"`{key}` must be an object.")
