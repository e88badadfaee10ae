"""Words of the Model Context Protocol: versions, members, headers and error codes.

Source: the protocol's revisions 2026-07-28 ("modern": each request says all), 2025-11-25 and 2025-06-18
("legacy": a handshake goes before).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.action import JsonObject

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18")
"""Revisions with a handshake, the newest first."""
SUPPORTED = (MODERN, *LEGACY)

VERSION_HEADER = "mcp-protocol-version"
METHOD_HEADER = "mcp-method"
NAME_HEADER = "mcp-name"
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Member of a method's parameters that is repeated in the header ``Mcp-Name``."""

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
CLIENT_KEY = "io.modelcontextprotocol/clientInfo"
SERVER_KEY = "io.modelcontextprotocol/serverInfo"
PROBLEM_KEY = "hookline/problem"
"""Member of a result's ``_meta`` that holds an error as ``POST /actions/{id}`` would answer it."""
JOB_KEY = "hookline/job"
"""Member of a result's ``_meta`` that holds the job as which a call goes on."""

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022

STATUSES = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    INVALID_PARAMS: 400,
    METHOD_NOT_FOUND: 404,
    HEADER_MISMATCH: 400,
    UNSUPPORTED_VERSION: 400,
}
"""HTTP status of each error; the legacy revisions answer some of them with 200."""

RequestId = str | int


class ProtocolError(Exception):
    """A message that is answered with a JSON-RPC error.

    Args:
        code: JSON-RPC error code.
        message: What is wrong, and what to do.
        data: Further members.
        id: Id of the request, as far as it could be read.
    """

    def __init__(
        self, code: int, message: str, *, data: JsonObject | None = None, id: RequestId | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.id = id


def error_body(code: int, message: str, *, data: JsonObject | None, id: RequestId | None) -> JsonObject:
    """Return a JSON-RPC error; without an id if it is not known whose it is."""
    error: JsonObject = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    body: JsonObject = {"jsonrpc": "2.0"}
    if id is not None:
        body["id"] = id
    body["error"] = error
    return body


def unsupported(version: str) -> ProtocolError:
    """Return the error for a revision that is not spoken here."""
    return ProtocolError(
        UNSUPPORTED_VERSION,
        f"The protocol version {version[:40]!r} is not spoken here; use one of {', '.join(SUPPORTED)}.",
        data={"supported": list(SUPPORTED), "requested": version[:200]},
    )
