"""Looks up hosts that somebody else chose, and gives their addresses out only if every one may be called."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hookline.outbound.addresses import is_loopback, is_public
from hookline.outbound.urls import RefusedUrlError

if TYPE_CHECKING:
    from hookline.engine.resolver import Address, Resolves
    from hookline.outbound.urls import Target


class RefusedAddressError(OSError):
    """A host has an address that may not be called; the text names the host only."""


class GuardedResolver:
    """Stands before a resolver, for one target.

    A socket that is opened with it connects to the very addresses that were judged, so a name whose answer
    changes between two questions gains nothing.

    Args:
        inner: Finds the addresses.
        target: Whose they are; one that is the machine itself has loopback addresses only.
    """

    def __init__(self, inner: Resolves, target: Target) -> None:
        self._inner = inner
        self._may_be = is_loopback if target.is_loopback else is_public

    def resolve(self, host: str, port: int, *, timeout_s: float, wake: threading.Event) -> list[Address]:
        """Return the addresses of a host, if all of them may be called.

        Raises:
            RefusedAddressError: If one of them may not.
            TimeoutError: If none was found in time.
            OSError: If there is no such host.
        """
        found = self._inner.resolve(host, port, timeout_s=timeout_s, wake=wake)
        if not found:
            raise OSError(f"{host} has no address")
        for _, _, _, address in found:
            if not self._may_be(str(address[0])):
                raise RefusedAddressError(f"{host} does not lead to a public address")
        return found


def check_host(target: Target, resolver: Resolves, *, timeout_s: float) -> None:
    """Look up the host of a target, and let it pass only if it may be called now.

    Raises:
        RefusedUrlError: If it may not, or has no address that is found in time.
    """
    guarded = GuardedResolver(resolver, target)
    try:
        guarded.resolve(target.host, target.port, timeout_s=timeout_s, wake=threading.Event())
    except RefusedAddressError as exc:
        raise RefusedUrlError(str(exc)) from exc
    except TimeoutError as exc:
        raise RefusedUrlError(f"the address of {target.host} was not found in time") from exc
    except OSError as exc:
        raise RefusedUrlError(f"there is no host {target.host}") from exc
