"""Where a document comes from: a file, or an address that is asked once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit, urlunsplit

from hookline.errors import ConfigurationError, HooklineError
from hookline.importing.bounds import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.engine.transport import Transport

FETCH_TIMEOUT_S = 30.0
"""Longest time that fetching a document takes."""
_CONNECT_TIMEOUT_S = 10.0
_ACCEPT = "application/json, application/yaml;q=0.9, text/yaml;q=0.9, */*;q=0.5"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A document as bytes.

    Attributes:
        content: The bytes.
        name: What it is called, for messages and comments: the file's name, or the address without query.
        url: Its address, against which relative addresses of servers count; None for a file.
    """

    content: bytes = field(repr=False)
    name: str
    url: str | None = None


def read_source(text: str, *, transport: Transport | None = None) -> Source:
    """Read a document from a file, or fetch it from an address.

    Args:
        text: Path of a file, or an address that begins with ``https://`` or ``http://``.
        transport: Carries the request; by default one of its own.

    Raises:
        ConfigurationError: If it cannot be read, or is too large; says what to do.
    """
    if "://" in text[:12] or text.lower().startswith(("http:", "https:", "file:")):
        return _fetch(text, transport)
    path = Path(text)
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise ConfigurationError(
                f"{path.name} has {path.stat().st_size:,} bytes, and at most {MAX_BYTES:,} are read."
            )
        return Source(content=path.read_bytes(), name=path.name)
    except (OSError, ValueError) as exc:
        told = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise ConfigurationError(
            f"{text[:300]!r} cannot be read: {told}. Name a file, or an address that begins with https://."
        ) from exc


def _fetch(url: str, transport: Transport | None) -> Source:
    """Ask an address once: no redirect, no cookie, no credential."""
    parts = _check_url(url)
    name = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    if transport is not None:
        return Source(content=_ask(url, name, transport), name=name, url=name)
    from hookline.engine.httpx_transport import HttpxTransport

    own = HttpxTransport()
    try:
        return Source(content=_ask(url, name, own), name=name, url=name)
    finally:
        own.close()


def _check_url(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_sound = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise ConfigurationError(f"{url[:300]!r} is no address.") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise ConfigurationError(f"{url[:300]!r}: only https:// and http:// addresses are fetched.")
    if not is_sound or not url.isprintable() or " " in url:
        raise ConfigurationError(f"{url[:300]!r} is no address.")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(
            f"The address at {parts.hostname} holds a user name or a password, which would be kept in files. "
            "Fetch the document yourself, and name the file."
        )
    return parts


def _ask(url: str, name: str, transport: Transport) -> bytes:
    """Return what an address answers.

    Raises:
        ConfigurationError: If that is no document, or does not come in time.
    """
    from hookline.call import Cancellation
    from hookline.engine.transport import Timeouts
    from hookline.upstream import UpstreamRequest

    parts = _check_url(url)
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    request = UpstreamRequest(
        method="GET", base_url=f"{parts.scheme}://{parts.netloc}", path=path, headers={"accept": _ACCEPT}
    )
    ends_at = time.monotonic() + FETCH_TIMEOUT_S
    timeouts = Timeouts(connect_s=_CONNECT_TIMEOUT_S, read_s=_CONNECT_TIMEOUT_S)
    try:
        response = transport.send(request, timeouts=timeouts, cancellation=Cancellation())
        try:
            if 300 <= response.status < 400:
                leads_to = (response.header("location") or "somewhere else")[:300]
                raise ConfigurationError(
                    f"{name} redirects to {leads_to}, and redirects are not followed. "
                    "Name that address if you trust it."
                )
            if response.status != 200:
                raise ConfigurationError(
                    f"{name} answered with status {response.status}. "
                    "Fetch the document yourself, and name the file."
                )
            return _read(response.chunks, name, ends_at)
        finally:
            response.close()
    except ConfigurationError:
        raise
    except HooklineError as exc:
        raise ConfigurationError(
            f"{name} could not be fetched: {exc.message} Fetch the document yourself, and name the file."
        ) from exc


def _read(chunks: Iterable[bytes], name: str, ends_at: float) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > MAX_BYTES:
            raise ConfigurationError(f"{name} answered with more than {MAX_BYTES:,} bytes; no more are read.")
        if time.monotonic() > ends_at:
            raise ConfigurationError(f"{name} did not send all of it within {FETCH_TIMEOUT_S:.0f} seconds.")
    return bytes(content)
