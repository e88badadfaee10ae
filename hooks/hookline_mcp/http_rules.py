"""What the headers of a request must say, and which revision of the protocol it therefore speaks.

Source: revision 2026-07-28, "Streamable HTTP", sections "Request Metadata" and "Server Validation".
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from hookline_mcp.messages import check_metadata
from hookline_mcp.protocol import (
    HEADER_MISMATCH,
    LEGACY,
    METHOD_HEADER,
    NAME_HEADER,
    NAMED_BY,
    SUPPORTED,
    VERSION_HEADER,
    ProtocolError,
    unsupported,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline_mcp.messages import Message

_OPENING, _CLOSING = "=?base64?", "?="


def version_of(message: Message, headers: Mapping[str, str]) -> str:
    """Return the revision that a request speaks; its headers and body agree about it.

    Raises:
        ProtocolError: If they do not, if something is missing, or if nobody here speaks it.
    """
    claimed, stated = message.claimed_version, headers.get(VERSION_HEADER)
    if message.method == "initialize" and claimed is None:
        return LEGACY[0]  # the handshake itself settles the revision
    if stated is None:
        raise ProtocolError(
            HEADER_MISMATCH,
            f"The header `MCP-Protocol-Version` is missing; send {LEGACY[0]}, which needs no further header. "
            f"{' and '.join(one for one in SUPPORTED if one != LEGACY[0])} are spoken, too.",
        )
    if claimed is not None and claimed != stated:
        raise ProtocolError(
            HEADER_MISMATCH,
            f"The header `MCP-Protocol-Version` says {stated[:40]!r}, and `params._meta` says otherwise.",
        )
    if stated in LEGACY:
        return stated
    if stated not in SUPPORTED:
        raise unsupported(stated)
    check_headers(message, headers)
    check_metadata(message)
    return stated


def check_notification(headers: Mapping[str, str]) -> None:
    """Return if a notification may be taken; the revision of its header is all that can be wrong.

    Raises:
        ProtocolError: If nobody here speaks it.
    """
    stated = headers.get(VERSION_HEADER)
    if stated is not None and stated not in SUPPORTED:
        raise unsupported(stated)


def check_headers(message: Message, headers: Mapping[str, str]) -> None:
    """Return if the headers repeat the method and the name of a request.

    Raises:
        ProtocolError: If they do not.
    """
    _compare("Mcp-Method", headers.get(METHOD_HEADER), message.method)
    member = NAMED_BY.get(message.method)
    if member is None:
        return
    name = message.params.get(member)
    if isinstance(name, str):
        header = headers.get(NAME_HEADER)
        _compare("Mcp-Name", None if header is None else decode_value(header), name)


def _compare(header: str, stated: str | None, value: str) -> None:
    if stated is None:
        raise ProtocolError(HEADER_MISMATCH, f"The header `{header}` is missing; it must be {value[:80]!r}.")
    if stated != value:
        raise ProtocolError(
            HEADER_MISMATCH,
            f"The header `{header}` says {stated[:80]!r}, and the body says {value[:80]!r}.",
        )


def decode_value(text: str) -> str:
    """Return what a header's value stands for: texts that a header cannot hold are sent as base64.

    Raises:
        ProtocolError: If it is marked as base64 and is none.
    """
    if not (text.startswith(_OPENING) and text.endswith(_CLOSING) and len(text) >= 11):
        return text
    try:
        return base64.b64decode(text[len(_OPENING) : -len(_CLOSING)], validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise ProtocolError(HEADER_MISMATCH, "A header is marked as base64 and cannot be decoded.") from None


def encode_value(text: str) -> str:
    """Return a text as a header can hold it."""
    is_plain = text.isascii() and text.isprintable() and text == text.strip()
    if is_plain and not (text.startswith(_OPENING) and text.endswith(_CLOSING)):
        return text
    return f"{_OPENING}{base64.b64encode(text.encode()).decode()}{_CLOSING}"
