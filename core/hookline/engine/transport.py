"""The seam between the pipeline and whatever carries HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hookline.engine.line import LINE
from hookline.engine.outgoing import origin_of_request
from hookline.errors import ConfigurationError, UpstreamTimeoutError
from hookline.hookspecs import hookimpl
from hookline.making import maker_of

if TYPE_CHECKING:
    from hookline.call import Call, Cancellation
    from hookline.upstream import UpstreamRequest, UpstreamResponse


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeouts:
    """Bounds of one attempt, in seconds.

    Attributes:
        connect_s: Longest wait for a connection.
        read_s: Longest silence until the answer begins; not a bound on the sum of several reads.
        stall_s: Longest silence between two reads of the answer's body; None for ``read_s``.
    """

    connect_s: float
    read_s: float
    stall_s: float | None = None


make_timeouts = maker_of(Timeouts)
"""Make the bounds of an attempt; what every call needs."""


class Transport(Protocol):
    """Sends one request and returns an answer whose body is still to be read."""

    def send(
        self, request: UpstreamRequest, *, timeouts: Timeouts, cancellation: Cancellation
    ) -> UpstreamResponse:
        """Make one attempt: no retries, no redirects, no cookies.

        Raises:
            UpstreamUnavailableError: If no answer could be had.
            UpstreamTimeoutError: If a bound was passed.
        """
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


class TransportPlugin:
    """The last implementation of ``hookline_execute``: the request goes out over a transport.

    Args:
        transport: Carries the request.
        connect_timeout_s: Bound on connecting.
        read_timeout_s: Bound on silence.
    """

    def __init__(self, transport: Transport, *, connect_timeout_s: float, read_timeout_s: float) -> None:
        self.transport = transport
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s

    @hookimpl(trylast=True)
    def hookline_execute(self, call: Call, request: UpstreamRequest) -> UpstreamResponse:
        """Send the request to the upstream, if no plugin changed where it goes since it was signed."""
        if origin_of_request(request) != call.connection.origin:
            raise ConfigurationError("A plugin changed where the request goes; it was not sent.")
        remaining_s = call.remaining_s()
        if remaining_s <= 0:
            raise UpstreamTimeoutError(
                "The call took longer than `timeout_s` allows; nothing was sent any more.",
                reached_upstream=False,
            )
        read_s = min(self._read_timeout_s, remaining_s)
        stall_s = request.stall_timeout_s
        timeouts = make_timeouts(
            connect_s=min(self._connect_timeout_s, remaining_s),
            read_s=read_s,
            stall_s=read_s if stall_s is None else min(stall_s, read_s),
        )
        LINE.leave()  # from here on it waits for the upstream
        return self.transport.send(request, timeouts=timeouts, cancellation=call.cancellation)
