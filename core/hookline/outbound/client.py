"""A client for URLs that somebody else chose: one request, one connection, nothing followed, nothing kept.

No redirects, no cookies, no proxies of the environment. It is made of the parts of the default transport.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline.engine.http1_bodies import read_body
from hookline.engine.http1_messages import ImproperAnswerError, UnsendableError, receive_head, write_request
from hookline.engine.resolver import Resolver
from hookline.engine.sockets import CuttableSocket
from hookline.outbound.guard import GuardedResolver, RefusedAddressError, check_host
from hookline.outbound.urls import OutboundRules, Target, read_url
from hookline.upstream import UpstreamRequest

if TYPE_CHECKING:
    from hookline.call import Cancellation
    from hookline.engine.http1_messages import ResponseHead
    from hookline.engine.resolver import Resolves

MAX_ANSWER_BYTES = 64 * 1024
TIMEOUT_S = 15.0
LOOK_UP_S = 3.0

_PIECE_BYTES = 64 * 1024


class OutboundError(Exception):
    """A request could not be carried out; the text says why, in words for its sender, and names no path."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboundAnswer:
    """What was answered.

    Attributes:
        status: HTTP status; one of a redirect is an answer like any other.
        headers: Names in lower case, and values.
        content: The beginning of the body.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)


class OutboundClient:
    """Checks URLs and posts to them. Safe to use from any number of threads.

    Args:
        rules: Where requests may go.
        resolver: Finds addresses; by default the system's.
        make_tls: Makes the context by which certificates are checked; by default that of upstream requests.
        monotonic: Tells seconds.
    """

    def __init__(
        self,
        rules: OutboundRules,
        *,
        resolver: Resolves | None = None,
        make_tls: Callable[[], ssl.SSLContext] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rules = rules
        self._resolver: Resolves = resolver or Resolver()
        self._make_tls = make_tls or _make_tls
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._tls: ssl.SSLContext | None = None

    def check(self, url: object, *, timeout_s: float = LOOK_UP_S) -> Target:
        """Return where a URL leads, if it may be called now. Nothing is sent.

        Args:
            url: The URL.
            timeout_s: Longest time for looking up its host.

        Raises:
            RefusedUrlError: If it may not be called.
        """
        target = read_url(url, self.rules)
        check_host(target, self._resolver, timeout_s=timeout_s)
        return target

    def post(
        self,
        url: str,
        content: bytes,
        *,
        headers: Mapping[str, str],
        timeout_s: float = TIMEOUT_S,
        max_bytes: int = MAX_ANSWER_BYTES,
        cancellation: Cancellation | None = None,
    ) -> OutboundAnswer:
        """Post to a URL, if it may be called now.

        Its host is looked up once, every address is judged, and the connection goes to one of those; its
        certificate is checked against the name.

        Args:
            url: The URL.
            content: The body.
            headers: Headers by lower-case name.
            timeout_s: Bound on all of it.
            max_bytes: Most bytes of the answer's body that are read; what is more is left.
            cancellation: Cuts the connection.

        Raises:
            RefusedUrlError: If the URL may not be called as far as its text tells.
            OutboundError: If it may not be called now, or there is no answer.
        """
        target = read_url(url, self.rules)
        ends_at = self._monotonic() + timeout_s
        connection = CuttableSocket()
        if cancellation is not None:
            cancellation.add(connection.cut)
        try:
            return self._exchange(target, connection, _write(target, content, headers), ends_at, max_bytes)
        finally:
            if cancellation is not None:
                cancellation.discard(connection.cut)
            connection.close()

    def _exchange(
        self, target: Target, connection: CuttableSocket, data: bytes, ends_at: float, max_bytes: int
    ) -> OutboundAnswer:
        host = target.host
        self._open(target, connection, ends_at)

        def receive() -> bytes:
            connection.set_timeout(self._left_s(ends_at))
            return connection.receive()

        try:
            self._send(connection, data, ends_at)
            head, rest = receive_head(receive, b"", method="POST")
        except TimeoutError as exc:
            raise OutboundError(f"{host} did not answer in time") from exc
        except ImproperAnswerError as exc:
            raise OutboundError(f"{host} did not answer in proper HTTP") from exc
        except (OSError, EOFError) as exc:
            raise OutboundError(f"{host} broke the connection") from exc
        content = _read_beginning(head, receive, rest, max_bytes)
        return OutboundAnswer(status=head.status, headers=dict(reversed(head.headers)), content=content)

    def _open(self, target: Target, connection: CuttableSocket, ends_at: float) -> None:
        host = target.host
        try:
            connection.open(
                host,
                target.port,
                resolver=GuardedResolver(self._resolver, target),
                tls=self._tls_context() if target.is_https else None,
                timeout_s=self._left_s(ends_at),
            )
        except RefusedAddressError as exc:
            raise OutboundError(f"{exc}; nothing was sent") from exc
        except ssl.SSLCertVerificationError as exc:
            raise OutboundError(f"the certificate of {host} was not accepted") from exc
        except TimeoutError as exc:
            raise OutboundError(f"a connection to {host} did not come in time") from exc
        except (OSError, ValueError) as exc:
            raise OutboundError(f"{host} could not be reached") from exc

    def _send(self, connection: CuttableSocket, data: bytes, ends_at: float) -> None:
        """Send piece by piece, so that one who takes them slowly is bounded over all of them."""
        view = memoryview(data)
        try:
            for at in range(0, len(view), _PIECE_BYTES):
                connection.send(bytes(view[at : at + _PIECE_BYTES]), timeout_s=self._left_s(ends_at))
        except TimeoutError:
            raise
        except OSError:
            pass  # it may have answered, and closed, before it read all of it

    def _left_s(self, ends_at: float) -> float:
        left_s = ends_at - self._monotonic()
        if left_s <= 0:
            raise TimeoutError("the time is over")
        return left_s

    def _tls_context(self) -> ssl.SSLContext:
        with self._lock:  # made once: reading the root certificates takes 20 ms
            if self._tls is None:
                self._tls = self._make_tls()
            return self._tls


def _make_tls() -> ssl.SSLContext:
    from hookline.engine.httpx_transport import create_tls_context

    tls = create_tls_context()
    tls.set_alpn_protocols(["http/1.1"])
    return tls


def _write(target: Target, content: bytes, headers: Mapping[str, str]) -> bytes:
    request = UpstreamRequest(
        method="POST", base_url=target.origin, path=target.path, headers=dict(headers), content=content
    )
    try:
        return write_request(request, path_prefix="", host=target.host_header)
    except UnsendableError as exc:
        raise OutboundError(f"the request to {target.host} was not sent: {exc}") from None


def _read_beginning(head: ResponseHead, receive: Callable[[], bytes], rest: bytes, max_bytes: int) -> bytes:
    """Return the first bytes of a body; one that breaks off is not worth an error, for its head was told."""
    content = bytearray()
    try:
        for piece in read_body(head, receive, rest):
            content += piece
            if len(content) >= max_bytes:
                break
    except (OSError, EOFError, ImproperAnswerError):
        pass
    return bytes(content[:max_bytes])
