"""The transport over httpx, and the only module that imports it.

It carries what goes through a proxy, and everything if ``transport = "httpx"`` is set; otherwise
`Http1Transport` does the work.

Each request borrows a channel: an `httpx.HTTPTransport` with one connection, which nobody else uses until
it is given back. That is 1.6 times as fast as one shared client, whose pool is searched under a lock, and
carries no cookies from one caller to the next. The last channel given back is borrowed first, so there are
never more than the most calls that ran at once.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import urlsplit

import httpx

from hookline.connection import origin_of
from hookline.engine.proxies import proxy_from_environment
from hookline.errors import (
    ConfigurationError,
    InvalidUpstreamAnswerError,
    StreamInterruptedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from hookline.upstream import UpstreamRequest, UpstreamResponse

if TYPE_CHECKING:
    from hookline.call import Cancellation
    from hookline.engine.transport import Timeouts

_KEEPALIVE_S = 30.0


def create_tls_context() -> ssl.SSLContext:
    """Return what checks certificates: certifi's authorities, or those of ``SSL_CERT_FILE`` or ``_DIR``."""
    return httpx.create_ssl_context()


def to_ascii_host(host: str) -> str:
    """Return the name of a host as it stands in DNS, by IDNA 2008.

    Raises:
        ConfigurationError: If it cannot.
    """
    try:
        return httpx.URL(scheme="https", host=host).raw_host.decode("ascii")
    except httpx.InvalidURL as exc:
        raise ConfigurationError(f"{host!r} is not the name of a host.") from exc


class _NetworkStream(Protocol):
    def get_extra_info(self, info: str) -> object: ...


class HttpxTransport:
    """Sends requests over HTTP/1.1 with kept-alive connections.

    Args:
        proxy: URL of a proxy for every request; by default the usual environment variables decide.
    """

    def __init__(self, *, proxy: str | None = None) -> None:
        self._proxy = proxy
        self._idle: defaultdict[str, deque[_Channel]] = defaultdict(deque)
        self._tls_lock = threading.Lock()
        self._tls: ssl.SSLContext | None = None

    def send(
        self, request: UpstreamRequest, *, timeouts: Timeouts, cancellation: Cancellation
    ) -> UpstreamResponse:
        """Send one request; see `Transport.send`."""
        origin = origin_of(request.url)
        idle = self._idle[origin]
        try:
            channel = idle.pop()
        except IndexError:
            channel = self._open(request.url)
        cancellation.add(channel.abort)
        try:
            response = channel.send(request, timeouts)
        except BaseException:
            cancellation.discard(channel.abort)
            channel.close()
            raise
        body = _Body(response, channel, idle, cancellation)
        return UpstreamResponse(
            status=response.status_code,
            headers=[(name.lower(), value) for name, value in response.headers.multi_items()],
            chunks=body.chunks(),
            close=body.close,
        )

    def close(self) -> None:
        """Close all idle connections."""
        for idle in list(self._idle.values()):
            while idle:
                idle.pop().close()

    def _open(self, url: str) -> _Channel:
        parts = urlsplit(url)
        proxy = self._proxy or proxy_from_environment(parts.scheme, parts.hostname or "")
        transport = httpx.HTTPTransport(
            verify=self._tls_context() if parts.scheme == "https" else _NO_TLS,
            limits=httpx.Limits(
                max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEEPALIVE_S
            ),
            proxy=proxy,
            trust_env=False,
        )
        return _Channel(transport)

    def _tls_context(self) -> ssl.SSLContext:
        with self._tls_lock:  # made once: reading the root certificates takes 20 ms
            if self._tls is None:
                self._tls = create_tls_context()
            return self._tls


class _Channel:
    """One HTTP/1.1 connection that one request uses at a time, and that can be cut from outside."""

    def __init__(self, transport: httpx.HTTPTransport) -> None:
        self._transport = transport
        self._socket: socket.socket | None = None
        self.is_aborted = False

    def send(self, request: UpstreamRequest, timeouts: Timeouts) -> httpx.Response:
        timeout = {
            "connect": timeouts.connect_s,
            "read": timeouts.read_s,
            "write": timeouts.read_s,
            "pool": timeouts.connect_s,
        }
        try:
            outgoing = httpx.Request(
                request.method,
                request.url,
                headers=request.headers,
                content=request.content,
                extensions={"timeout": timeout, "trace": self._trace},
            )
            response = self._transport.handle_request(outgoing)
            if timeouts.stall_s is not None:
                timeout["read"] = timeouts.stall_s  # looked up again when the body is read
            return response
        except httpx.TimeoutException as exc:
            is_unconnected = isinstance(exc, (httpx.ConnectTimeout, httpx.PoolTimeout))
            what = "A connection to" if is_unconnected else "An answer of"
            raise UpstreamTimeoutError(
                f"{what} {_host(request)} did not come in time.", reached_upstream=not is_unconnected
            ) from exc
        except (httpx.LocalProtocolError, httpx.InvalidURL, UnicodeEncodeError):
            raise ConfigurationError(  # without its cause, whose text may show a credential
                f"The request to {_host(request)} was not sent: its address or one of its headers holds a "
                "character that cannot stand there."
            ) from None
        except (httpx.TransportError, OSError) as exc:
            if isinstance(exc, httpx.RemoteProtocolError) and "without sending" not in str(exc):
                raise InvalidUpstreamAnswerError(f"{_host(request)} did not answer in proper HTTP.") from exc
            is_unconnected = isinstance(exc, (httpx.ConnectError, httpx.ProxyError))
            raise UpstreamUnavailableError(
                f"{_host(request)} {'could not be reached' if is_unconnected else 'broke the connection'}.",
                code="upstream_unreachable" if is_unconnected else "upstream_unavailable",
                hint="Check the base URL of the connection and whether the service is up.",
                reached_upstream=not is_unconnected,
            ) from exc

    def abort(self) -> None:
        """Cut the connection from another thread: a blocked read returns, the upstream sees the end."""
        self.is_aborted = True
        current = self._socket
        if current is not None:
            with suppress(OSError, ValueError):
                # Not SSLSocket.shutdown: that forgets the encryption first, and what another thread reads
                # or sends in between would pass in the clear.
                socket.socket.shutdown(current, socket.SHUT_RDWR)

    def close(self) -> None:
        self._transport.close()

    def _trace(self, name: str, info: dict[str, object]) -> None:
        if name in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            stream = cast("_NetworkStream", info["return_value"])
            self._socket = cast("socket.socket | None", stream.get_extra_info("socket"))
            if self.is_aborted:  # the caller left while the connection was made
                self.abort()


class _Body:
    """The body of one answer; gives its channel back when it was read to the end, and cuts it if not."""

    def __init__(
        self, response: httpx.Response, channel: _Channel, idle: deque[_Channel], cancellation: Cancellation
    ) -> None:
        self._response = response
        self._channel = channel
        self._idle = idle
        self._cancellation = cancellation
        self._lock = threading.Lock()
        self._is_open = True
        self._is_complete = False

    def chunks(self) -> Iterator[bytes]:
        is_encoded = "content-encoding" in self._response.headers
        try:
            yield from self._response.iter_bytes() if is_encoded else self._response.iter_raw()
            if self._channel.is_aborted:  # our own end is not the upstream's
                raise httpx.ReadError("the answer was closed")
            self._is_complete = True
        except httpx.TimeoutException as exc:
            raise UpstreamTimeoutError("The upstream fell silent in the middle of its answer.") from exc
        except (httpx.DecodingError, httpx.StreamError) as exc:
            raise InvalidUpstreamAnswerError("The upstream's answer cannot be decoded.") from exc
        except (httpx.TransportError, OSError) as exc:
            raise StreamInterruptedError(
                "The upstream broke the connection in the middle of its answer."
            ) from exc
        finally:
            self.close()

    def close(self) -> None:
        with self._lock:
            if not self._is_open:
                return
            self._is_open = False
        self._cancellation.discard(self._channel.abort)
        if self._is_complete and not self._cancellation.is_cancelled:
            self._response.close()
            self._idle.append(self._channel)
        else:
            self._channel.abort()
            with suppress(Exception):  # another thread may be inside; the socket is shut already
                self._response.close()
            self._channel.close()


def _host(request: UpstreamRequest) -> str:
    return urlsplit(request.url).hostname or "the upstream"


_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
