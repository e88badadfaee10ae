"""Looking up the addresses of a host within a bound, and so that the one who waits can be woken."""

from __future__ import annotations

import socket
import threading
from typing import Protocol

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
Address = tuple[socket.AddressFamily, socket.SocketKind, int, SocketAddress]


class Resolves(Protocol):
    """Finds the addresses of a host."""

    def resolve(self, host: str, port: int, *, timeout_s: float, wake: threading.Event) -> list[Address]:
        """Return them, best first; see `Resolver.resolve`."""
        ...


class Resolver:
    """Asks the system's resolver on a thread of its own, which no one has to wait for.

    ``getaddrinfo`` has no bound and cannot be interrupted. Calls that look for the same host at the same
    time share one look-up, so there is never more than one stuck thread per host. Nothing is kept: how long
    an address holds is the system's matter.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[tuple[str, int], _Lookup] = {}

    def resolve(self, host: str, port: int, *, timeout_s: float, wake: threading.Event) -> list[Address]:
        """Return the addresses of a host, best first.

        Args:
            host: Name or IP address.
            port: Port.
            timeout_s: Longest wait.
            wake: Ends the wait at once when it is set.

        Raises:
            TimeoutError: If the wait ended without a result.
            OSError: If there is no such host.
        """
        try:
            return _look_up(host, port, socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            pass  # a name
        with self._lock:
            lookup = self._running.get((host, port))
            if lookup is None:
                lookup = _Lookup()
                self._start(host, port, lookup)
                self._running[host, port] = lookup
            lookup.waiting.append(wake)
        wake.wait(timeout_s)
        if lookup.error is not None:
            raise OSError(f"{host} has no address") from lookup.error
        if lookup.found is None:
            raise TimeoutError(f"no address of {host} was found in time")
        return lookup.found

    def _start(self, host: str, port: int, lookup: _Lookup) -> None:
        arguments = (host, port, lookup)
        thread = threading.Thread(target=self._run, args=arguments, name="hookline-resolver", daemon=True)
        try:
            thread.start()
        except RuntimeError as exc:
            raise OSError("there is no thread left to look up an address") from exc

    def _run(self, host: str, port: int, lookup: _Lookup) -> None:
        try:
            lookup.found = _look_up(host, port, 0)
        except (OSError, UnicodeError) as exc:
            lookup.error = exc
        finally:
            with self._lock:
                del self._running[host, port]
            for wake in lookup.waiting:
                wake.set()


class _Lookup:
    def __init__(self) -> None:
        self.waiting: list[threading.Event] = []
        self.found: list[Address] | None = None
        self.error: Exception | None = None


def _look_up(host: str, port: int, flags: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, kind, proto, address) for family, kind, proto, _, address in found]
