"""From a WSGI environment to an `InboundRequest`, refusing what cannot be read safely."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl

from hookline.errors import BodyTooLargeError, MalformedRequestError
from hookline.principal import make_inbound_request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from hookline.principal import InboundRequest

_MAX_QUERY_FIELDS = 100
# WSGI keeps the true values elsewhere; these can only come from names with an underscore.
_SPOOFED = frozenset({"HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE"})


_MOST_NAMES, _LONGEST_NAME = 1000, 64
_header_names: dict[str, str] = {}


def _header_name(variable: str) -> str:
    """Return the header that a variable of WSGI stands for; empty if it stands for none."""
    is_header = variable.startswith("HTTP_") and variable not in _SPOOFED
    name = variable[5:].replace("_", "-").lower() if is_header else ""
    # Callers can make up as many as they like, as long as they like.
    if len(variable) <= _LONGEST_NAME and len(_header_names) < _MOST_NAMES:
        _header_names[variable] = name
    return name


class _Input(Protocol):
    def read(self, size: int, /) -> bytes: ...


Network = IPv4Network | IPv6Network


def read_request(
    environ: WSGIEnvironment, *, max_body_bytes: int, trusted_proxies: Sequence[Network] = ()
) -> InboundRequest:
    """Return the request; its body is read only when somebody asks for it.

    Args:
        environ: From the WSGI server.
        max_body_bytes: Most bytes that the body may have.
        trusted_proxies: Networks of proxies whose word about their client is taken.

    Raises:
        MalformedRequestError: If the framing is ambiguous or the query is not readable.
    """
    headers = {}
    for variable, value in environ.items():
        name = _header_names.get(variable)
        if name is None:
            name = _header_name(variable)
        if name:
            headers[name] = value
    content_length = environ.get("CONTENT_LENGTH")
    for name, value in (("content-type", environ.get("CONTENT_TYPE")), ("content-length", content_length)):
        if value:
            headers[name] = value
    if content_length and "transfer-encoding" in headers:
        raise MalformedRequestError(
            "The request has both Content-Length and Transfer-Encoding.",
            code="ambiguous_framing",
            hint="Send one of the two; a proxy that sends both must be corrected.",
        )
    return make_inbound_request(
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", ""),
        headers=headers,
        query=_read_query(environ.get("QUERY_STRING", "")),
        client=_client(environ.get("REMOTE_ADDR", ""), headers, trusted_proxies),
        read_body=_BodyReader(environ["wsgi.input"], headers, max_body_bytes=max_body_bytes),
    )


def _client(peer: str, headers: dict[str, str], trusted_proxies: Sequence[Network]) -> str:
    """Return the address of the client: the nearest one that is not a proxy of ours.

    A proxy appends the address it was asked from to ``X-Forwarded-For``, so the list is read from its end,
    and no further than the first address that nobody trusted has vouched for.
    """
    if not trusted_proxies:
        return peer
    client = peer
    for text in reversed(headers.get("x-forwarded-for", "").split(",")):
        if not _is_in(client, trusted_proxies) or not _is_address(text.strip()):
            break
        client = text.strip()
    return client


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)


class _BodyReader:
    """Reads a body once, at most up to the cap."""

    def __init__(self, stream: _Input, headers: dict[str, str], *, max_body_bytes: int) -> None:
        self._stream = stream
        self._headers = headers
        self._max_body_bytes = max_body_bytes
        self._content: bytes | None = None

    def __call__(self) -> bytes:
        if self._content is None:
            self._content = self._read()
        return self._content

    def _read(self) -> bytes:
        length = self._headers.get("content-length")
        if length is None and "transfer-encoding" not in self._headers:
            return b""
        if length is not None and not (length.isascii() and length.isdecimal()):
            raise MalformedRequestError("Content-Length is not a number.", code="ambiguous_framing")
        if length is not None and int(length[:20]) > self._max_body_bytes:
            raise self._too_large()
        wanted = self._max_body_bytes + 1 if length is None else int(length)
        parts: list[bytes] = []
        size_bytes = 0
        while size_bytes < wanted:
            part = self._stream.read(wanted - size_bytes)
            if not part:
                break
            parts.append(part)
            size_bytes += len(part)
        if size_bytes > self._max_body_bytes:
            raise self._too_large()
        if length is not None and size_bytes < wanted:
            raise MalformedRequestError(
                "The body is shorter than Content-Length says.", code="incomplete_body"
            )
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _too_large(self) -> BodyTooLargeError:
        return BodyTooLargeError(f"The body is larger than {self._max_body_bytes:,} bytes.")


def _read_query(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        return dict(reversed(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)))
    except ValueError as exc:
        raise MalformedRequestError(
            f"The query has more than {_MAX_QUERY_FIELDS} fields.", code="invalid_query"
        ) from exc
