"""The default transport: HTTP/1.1 of our own, with one connection for each call that runs.

A small call costs a tenth of the processor time that a general client takes, because it is one write and
one read. What makes it safe to be this small is that it does little: no pipelining, no pool to wait for, no
redirects, no cookies, no retries but one, and every answer that leaves room for doubt is refused. Origins
that the environment wants reached through a proxy are left to `HttpxTransport`.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from hookline.engine.http1_bodies import read_body
from hookline.engine.http1_codings import coding_of, decode
from hookline.engine.http1_leases import Lease
from hookline.engine.http1_messages import (
    ImproperAnswerError,
    ResponseHead,
    UnsendableError,
    receive_head,
    write_request,
)
from hookline.engine.http1_pacing import PACE, PacedChunks, PacedReader
from hookline.engine.http1_upstreams import IdleConnections, Upstream
from hookline.engine.resolver import Resolver
from hookline.engine.sockets import CuttableSocket
from hookline.errors import (
    ConfigurationError,
    InvalidUpstreamAnswerError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from hookline.upstream import UpstreamRequest, UpstreamResponse, WholeBody, make_upstream_response

if TYPE_CHECKING:
    from hookline.call import Cancellation
    from hookline.engine.httpx_transport import HttpxTransport
    from hookline.engine.transport import Timeouts

_MAX_BASE_URLS = 1024
_REPEATABLE = frozenset({"GET", "HEAD"})
_CODING_HEADERS = ("content-encoding", "content-length")
_UNREACHABLE_HINT = "Check the base URL of the connection and whether the service is up."


_forks = 0
"""How often this process and those that it comes from were forked off."""


def _note_fork() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_note_fork)


class Http1Transport:
    """Sends requests over HTTP/1.1 with kept-alive connections.

    The last connection given back is used first, if it is younger than 30 seconds and nothing has arrived on
    it meanwhile. A service may still close one in the very moment in which the next request leaves. Then a
    ``GET`` or ``HEAD`` of which no byte was answered is sent once more, on a new connection. Any other
    method may have been carried out and charged, so it fails with `UpstreamUnavailableError` and is never
    sent twice.
    """

    _httpx: HttpxTransport | None
    _tls: ssl.SSLContext | None

    def __init__(self) -> None:
        self._begin()

    def send(
        self, request: UpstreamRequest, *, timeouts: Timeouts, cancellation: Cancellation
    ) -> UpstreamResponse:
        """Send one request; see `Transport.send`."""
        if self._forks != _forks:
            self._forget_parent()
        upstream = self._upstreams.get(request.base_url) or self._add_upstream(request.base_url)
        if upstream.needs_proxy:
            return self._proxied().send(request, timeouts=timeouts, cancellation=cancellation)
        try:
            data = write_request(request, path_prefix=upstream.path, host=upstream.host_header)
        except UnsendableError as exc:
            raise ConfigurationError(f"The request to {upstream.host} was not sent: {exc}.") from None
        connection = upstream.idle.borrow()
        if connection is not None:
            cancellation.add(connection.cut)
            try:
                return _call(upstream, connection, request.method, data, timeouts, cancellation)
            except _NoAnswerError as exc:
                if request.method not in _REPEATABLE or cancellation.is_cancelled:
                    raise _broken_off(upstream) from exc
        connection = CuttableSocket()
        cancellation.add(connection.cut)
        try:
            self._open(upstream, connection, timeouts.connect_s)
        except BaseException:
            cancellation.discard(connection.cut)
            connection.close()
            raise
        try:
            return _call(upstream, connection, request.method, data, timeouts, cancellation)
        except _NoAnswerError as exc:
            raise _broken_off(upstream) from exc

    def close(self) -> None:
        """Close all idle connections."""
        for idle in list(self._idle.values()):
            idle.close()
        if self._httpx is not None:
            self._httpx.close()

    def _open(self, upstream: Upstream, connection: CuttableSocket, timeout_s: float) -> None:
        tls = self._tls_context() if upstream.is_https else None
        try:
            connection.open(
                upstream.host, upstream.port, resolver=self._resolver, tls=tls, timeout_s=timeout_s
            )
        except ssl.SSLCertVerificationError as exc:
            raise UpstreamUnavailableError(
                f"{upstream.host} could not be reached safely: its certificate was not accepted.",
                code="upstream_unreachable",
                hint="Check the base URL of the connection; SSL_CERT_FILE can name other authorities.",
                reached_upstream=False,
            ) from exc
        except TimeoutError as exc:
            raise UpstreamTimeoutError(
                f"A connection to {upstream.host} did not come in time.", reached_upstream=False
            ) from exc
        except (OSError, ValueError) as exc:
            raise UpstreamUnavailableError(
                f"{upstream.host} could not be reached.",
                code="upstream_unreachable",
                hint=_UNREACHABLE_HINT,
                reached_upstream=False,
            ) from exc

    def _add_upstream(self, base_url: str) -> Upstream:
        with self._lock:
            if len(self._upstreams) >= _MAX_BASE_URLS:  # some plugin makes them up
                self._upstreams.clear()
            upstream = self._upstreams[base_url] = Upstream(base_url, self._idle)
            return upstream

    def _proxied(self) -> HttpxTransport:
        from hookline.engine.httpx_transport import HttpxTransport

        with self._lock:
            if self._httpx is None:
                self._httpx = HttpxTransport()
            return self._httpx

    def _tls_context(self) -> ssl.SSLContext:
        from hookline.engine.httpx_transport import create_tls_context

        with self._lock:  # made once: reading the root certificates takes 20 ms
            if self._tls is None:
                tls = create_tls_context()
                tls.set_alpn_protocols(["http/1.1"])
                self._tls = tls
            return self._tls

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._resolver = Resolver()
        self._idle: dict[str, IdleConnections] = {}
        self._upstreams: dict[str, Upstream] = {}
        self._httpx = None
        self._tls = None
        self._forks = _forks

    def _forget_parent(self) -> None:
        """Drop what a forked process inherited: its parent goes on using those connections."""
        inherited = list(self._idle.values())
        self._begin()
        for idle in inherited:
            idle.close()


class _NoAnswerError(ConnectionError):
    """The connection ended before the first byte of an answer."""


def _call(
    upstream: Upstream,
    connection: CuttableSocket,
    method: str,
    data: bytes,
    timeouts: Timeouts,
    cancellation: Cancellation,
) -> UpstreamResponse:
    """Send a request over an open connection and return its answer.

    Whatever happens, it sees to it that the connection is given back or closed, and that ``cancellation``,
    which cuts it until then, forgets it.
    """
    try:
        head, rest, is_sent = _exchange(upstream, connection, method, data, timeouts.read_s)
        coding = None if head.length == 0 else coding_of(head.headers)
        if timeouts.stall_s is not None and (head.length is None or len(rest) < head.length):
            with suppress(OSError):  # whoever reads will notice
                connection.set_timeout(timeouts.stall_s)
    except BaseException:
        cancellation.discard(connection.cut)
        connection.close()
        raise
    headers, length = head.headers, head.length
    keeps_alive = head.keeps_alive and is_sent
    chunks: Iterator[bytes]
    lease: Lease | None = None
    if length is not None and len(rest) >= length:  # the body is here already
        cancellation.discard(connection.cut)
        if keeps_alive and len(rest) == length and not cancellation.is_cancelled:
            upstream.idle.give_back(connection)
        else:
            connection.close()
        chunks, close = WholeBody(rest[:length]), _do_nothing
    else:
        silence_s = timeouts.read_s if timeouts.stall_s is None else timeouts.stall_s
        reader = PacedReader(connection, PACE, silence_s=silence_s)
        body = read_body(head, reader.receive, rest)
        lease = Lease(
            upstream,
            connection,
            cancellation,
            body=body,
            keeps_alive=keeps_alive,
            bound=reader.bound_silence,
            on_end=reader.end,
        )
        chunks, close = PacedChunks(lease.chunks(), partial(lease.beat, change=reader.beat)), lease.end
    if coding is not None:
        chunks = decode(chunks, coding, close=close)
        headers = [(name, value) for name, value in headers if name not in _CODING_HEADERS]
    response = make_upstream_response(status=head.status, headers=headers, chunks=chunks, close=close)
    if lease is not None:
        response.silence_s = silence_s
        response.bound_silence = lease.bound_silence
    return response


def _exchange(
    upstream: Upstream, connection: CuttableSocket, method: str, data: bytes, timeout_s: float
) -> tuple[ResponseHead, bytes, bool]:
    """Return the head of the answer, what came after it, and whether the request was sent as a whole."""
    failure: OSError | None = None
    try:
        try:
            connection.send(data, timeout_s=timeout_s)
        except TimeoutError:
            raise
        except OSError as exc:
            failure = exc  # it may have refused the request and closed before it read all of it
        head, rest = _receive_head(connection, method)
    except TimeoutError as exc:
        raise UpstreamTimeoutError(f"An answer of {upstream.host} did not come in time.") from exc
    except ImproperAnswerError as exc:
        raise InvalidUpstreamAnswerError(f"{upstream.host} did not answer in proper HTTP: {exc}.") from exc
    except _NoAnswerError:
        raise
    except (OSError, EOFError) as exc:
        raise _broken_off(upstream) from exc
    return head, rest, failure is None


def _receive_head(connection: CuttableSocket, method: str) -> tuple[ResponseHead, bytes]:
    try:
        data = connection.receive()
    except TimeoutError:
        raise
    except OSError as exc:
        raise _NoAnswerError("the connection broke before an answer") from exc
    if not data:
        raise _NoAnswerError("the connection ended without an answer")
    return receive_head(connection.receive, data, method=method)


def _broken_off(upstream: Upstream) -> UpstreamUnavailableError:
    return UpstreamUnavailableError(f"{upstream.host} broke the connection.", hint=_UNREACHABLE_HINT)


def _do_nothing() -> None:
    """Close nothing: the connection went back already."""
