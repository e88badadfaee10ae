"""No request leaves this machine while a test uses the kit."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_LOCAL_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost"})
_LOCK = threading.Lock()

SocketAddress = Any  # what `socket` takes: its form is that of the address family


class NetworkBlockedError(RuntimeError):
    """A test wanted to reach a real address."""


@contextmanager
def block_network() -> Iterator[list[str]]:
    """Let no connection leave this machine inside the block; yields the messages of those that were stopped.

    It holds for the sockets of Python: HTTP clients, drivers of databases that are written in Python. What
    goes to this machine itself, by ``127.0.0.1``, ``::1``, ``localhost`` or a Unix socket, goes on.
    """
    stopped: list[str] = []
    with _LOCK:
        real: dict[str, Callable[..., Any]] = {
            "connect": socket.socket.connect,
            "connect_ex": socket.socket.connect_ex,
            "sendto": socket.socket.sendto,
        }
        real_lookup = socket.getaddrinfo

    def refuse(what: str) -> NetworkBlockedError:
        message = (
            f"A real request was stopped: {what}. Tests with Hookline's kit reach this machine only. "
            "Script the answer with `upstream.answers(…)`, replay a recording with `upstream.replay(…)`, or "
            "mark the test with `@pytest.mark.hookline(network=True)`."
        )
        stopped.append(message)
        return NetworkBlockedError(message)

    def guarded(name: str) -> Callable[..., Any]:
        def method(self: socket.socket, *arguments: Any) -> Any:
            address = arguments[-1]
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
                raise refuse(f"{address[0]}, port {address[1]}")
            return real[name](self, *arguments)

        return method

    def lookup(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if name is not None and not _is_local(name):
            raise refuse(f"the name {name!r} was looked up")
        return real_lookup(host, *arguments, **options)

    try:
        for name in real:
            setattr(socket.socket, name, guarded(name))
        socket.getaddrinfo = lookup
        yield stopped
    finally:
        for name, method in real.items():
            setattr(socket.socket, name, method)
        socket.getaddrinfo = real_lookup


def _is_local(host: object) -> bool:
    if not isinstance(host, str) or host.lower().rstrip(".") in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
