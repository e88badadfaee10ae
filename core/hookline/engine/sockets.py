"""A TCP or TLS connection that another thread can cut at any moment, also while it is being opened."""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl
import struct
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.engine.resolver import Resolves, SocketAddress

_READ_BYTES = 128 * 1024
_WRITE_BYTES = 256 * 1024
_GATHERED_BYTES = 16 * 1024
_HAS_POLL = hasattr(select, "poll")  # not on Windows
_UNDER_WAY = (errno.EINPROGRESS, errno.EWOULDBLOCK)
# The layout of C's `timeval` is known there.
_HAS_KERNEL_TIMEOUTS = sys.platform in ("linux", "darwin") and struct.calcsize("@l") == 8
_CAN_GATHER = _HAS_KERNEL_TIMEOUTS and sys.platform == "linux"


class CuttableSocket:
    """One connection. One thread at a time uses it; any thread may cut it.

    Cutting shuts the connection down and leaves the file descriptor open, so that a number which the system
    gives to the next connection is never touched by who still means this one. The lock keeps cutting apart
    from closing and from the moments in which the socket is replaced.

    Attributes:
        is_cut: Whether `cut` was called.
        idle_since: Value of `time.monotonic` when it was last given back; for whoever keeps it.
    """

    __slots__ = ("_gathers", "_lock", "_poll", "_socket", "_timeout_s", "_wake", "idle_since", "is_cut")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._socket: socket.socket | None = None
        self._poll: select.poll | None = None
        self._timeout_s = 0.0
        self._gathers = False
        self.is_cut = False
        self.idle_since = 0.0

    def open(
        self, host: str, port: int, *, resolver: Resolves, tls: ssl.SSLContext | None, timeout_s: float
    ) -> None:
        """Connect to the first address of a host that answers; after a failure the socket is to be closed.

        Args:
            host: Name or IP address, in ASCII.
            port: Port.
            resolver: Finds the addresses.
            tls: Encrypts the connection and checks the certificate.
            timeout_s: Bound on all of it: finding the address, connecting, and the TLS handshake. Each
                address gets an equal share of what is left, so that a dead one does not use it up.

        Raises:
            TimeoutError: If the bound is passed.
            OSError: If there is no such host, nobody answers, the certificate is not right, or the
                connection is cut.
            ValueError: If the host's name cannot stand in a certificate.
        """
        deadline = time.monotonic() + timeout_s
        addresses = resolver.resolve(host, port, timeout_s=timeout_s, wake=self._wake)
        failure: OSError = OSError("there is no address")
        for number, (family, kind, proto, address) in enumerate(addresses):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("no address answered in time") from failure
            try:
                self._adopt(socket.socket(family, kind, proto))
                self._connect(address, left_s / (len(addresses) - number))
                break
            except OSError as exc:
                self.close()
                failure = exc
                if self.is_cut:
                    break
        if self._socket is None:
            raise failure
        if tls is not None:
            self._encrypt(tls, host, deadline)
        if _HAS_POLL:
            self._poll = select.poll()
            self._poll.register(self._socket, select.POLLIN)

    def set_timeout(self, timeout_s: float) -> None:
        """Bound each write and each read from here on.

        Raises:
            OSError: If the connection is cut or closed.
        """
        self.gather_no_more()
        if timeout_s != self._timeout_s:
            _set_timeout(self._open_socket(), timeout_s)
            self._timeout_s = timeout_s

    def set_patience(self, timeout_s: float) -> None:
        """Bound each read from here on, and end what `gather` began.

        Raises:
            OSError: If the connection is cut or closed.
        """
        self.gather_no_more()
        _set_read_timeout(self._open_socket(), timeout_s)
        self._timeout_s = 0.0  # that of reads is no longer that of writes

    def gather(self, seconds: float) -> bool:
        """Let each read last so long and return all that came in that time, or earlier if it is very much.

        Only Linux can, and not below TLS.

        Returns:
            Whether that is so now.

        Raises:
            OSError: If the connection is cut or closed.
        """
        current = self._open_socket()
        if not _CAN_GATHER or isinstance(current, ssl.SSLSocket):
            return False
        if not self._gathers:
            current.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, _GATHERED_BYTES)
            self._gathers = True
        _set_read_timeout(current, seconds)
        self._timeout_s = 0.0
        return True

    def gather_no_more(self) -> None:
        """Let each read return with the first byte again, and `is_silent` see each byte.

        Raises:
            OSError: If the connection is cut or closed.
        """
        if self._gathers:
            self._open_socket().setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
            self._gathers = False

    def send(self, data: bytes, *, timeout_s: float) -> None:
        """Send all of ``data``, as one write if the system takes it.

        Args:
            data: What is sent.
            timeout_s: Bound on each write from here on, and on each read.

        Raises:
            TimeoutError: If a write takes longer.
            OSError: If the connection is broken.
        """
        self.set_timeout(timeout_s)
        current = self._open_socket()
        try:
            sent = current.send(data if len(data) <= _WRITE_BYTES else memoryview(data)[:_WRITE_BYTES])
            while sent < len(data):
                sent += current.send(memoryview(data)[sent : sent + _WRITE_BYTES])
        except BlockingIOError:
            raise TimeoutError("nothing could be sent in time") from None

    def receive(self, most: int = _READ_BYTES) -> bytes:
        """Return what arrives next, up to so many bytes, which are set aside for it; nothing at the end.

        Raises:
            TimeoutError: If nothing arrives within the bound that was set.
            OSError: If the connection is broken. With TLS that includes an end that was not announced,
                which an attacker could have made.
        """
        try:
            piece = self._open_socket().recv(most)
        except BlockingIOError:
            raise TimeoutError("nothing arrived in time") from None
        if not piece:
            self._check_not_cut()  # our own end is not the peer's
        return piece

    def is_silent(self) -> bool:
        """Whether it is open and nothing has arrived, not even an end. Never waits."""
        current = self._socket
        if current is None:
            return False
        if isinstance(current, ssl.SSLSocket) and current.pending():
            return False
        if self._poll is not None:
            return not self._poll.poll(0)
        return not select.select([current], [], [], 0)[0]

    def cut(self) -> None:
        """Shut the connection down, now or as soon as it is there: who waits for it wakes with an error."""
        with self._lock:
            self.is_cut = True
            self._wake.set()
            if self._socket is not None:
                with suppress(OSError):
                    # Not SSLSocket.shutdown: that forgets the encryption first, and what another thread
                    # sends in between would go out in the clear.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the file descriptor back; only for the thread that uses the connection."""
        with self._lock:
            current, self._socket = self._socket, None
            if current is not None:
                current.close()

    def _open_socket(self) -> socket.socket:
        current = self._socket
        if current is None:
            raise ConnectionAbortedError("the connection is closed")
        return current

    def _adopt(self, new: socket.socket) -> None:
        with self._lock:
            self._socket = new

    def _connect(self, address: SocketAddress, timeout_s: float) -> None:
        current = self._open_socket()
        with self._lock:  # a cut before the attempt began would have no effect on it
            self._check_not_cut()
            current.setblocking(False)
            error = current.connect_ex(address)
        if error in _UNDER_WAY:
            if not _is_connected_within(current, timeout_s):
                raise TimeoutError("no answer in time")
            self._check_not_cut()
            error = current.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        current.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _encrypt(self, tls: ssl.SSLContext, host: str, deadline: float) -> None:
        with self._lock:
            plain = self._open_socket()
            plain.settimeout(max(0.001, deadline - time.monotonic()))
            # An end of the connection that was not announced is an error: without a length nothing else
            # tells a whole body from one that an attacker cut (RFC 9112, section 9.8).
            encrypted = tls.wrap_socket(
                plain, server_hostname=host, do_handshake_on_connect=False, suppress_ragged_eofs=False
            )
            self._socket = encrypted
        self._check_not_cut()
        encrypted.do_handshake()
        self._check_not_cut()

    def _check_not_cut(self) -> None:
        if self.is_cut:
            raise ConnectionAbortedError("the connection was cut")


def _is_connected_within(target: socket.socket, timeout_s: float) -> bool:
    """Wait until an attempt to connect has succeeded or failed; False if that takes too long."""
    if not _HAS_POLL:
        return any(select.select([], [target], [target], timeout_s))
    poll = select.poll()
    poll.register(target, select.POLLOUT)
    return bool(poll.poll(timeout_s * 1000))


def _set_timeout(target: socket.socket, timeout_s: float) -> None:
    """Bound each read and each write.

    Python waits with a system call of its own before each read and write that it bounds, and gives the
    interpreter lock away for it. The system can bound them itself, except below TLS, where Python would not
    understand it. That makes a gateway with many threads a tenth faster.
    """
    if _HAS_KERNEL_TIMEOUTS and not isinstance(target, ssl.SSLSocket):
        bound = _timeval(timeout_s)
        target.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bound)
        target.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, bound)
        target.settimeout(None)
    else:
        target.settimeout(timeout_s)


def _set_read_timeout(target: socket.socket, timeout_s: float) -> None:
    """Bound each read; where that cannot be told apart, each write as well."""
    if _HAS_KERNEL_TIMEOUTS and not isinstance(target, ssl.SSLSocket):
        target.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(timeout_s))
    else:
        target.settimeout(timeout_s)


def _timeval(seconds: float) -> bytes:
    return struct.pack("@ll", *divmod(max(1, int(seconds * 1_000_000)), 1_000_000))
