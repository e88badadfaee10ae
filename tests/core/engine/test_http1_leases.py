"""Leases: a connection belongs to one answer, and no longer than to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hookline.call import Cancellation
from hookline.engine.http1_leases import Lease

if TYPE_CHECKING:
    from hookline.engine.http1_bodies import Body
    from hookline.engine.http1_upstreams import Upstream
    from hookline.engine.sockets import CuttableSocket


class Connection:
    """Remembers its bounds."""

    def __init__(self) -> None:
        self.timeouts_s: list[float] = []

    def set_timeout(self, timeout_s: float) -> None:
        self.timeouts_s.append(timeout_s)

    def cut(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_after_its_end_a_lease_leaves_the_connection_alone() -> None:
    """By then it may carry another call's answer."""
    connection = Connection()
    lease = Lease(
        cast("Upstream", None),
        cast("CuttableSocket", connection),
        Cancellation(),
        body=cast("Body", iter(())),
        keeps_alive=False,
    )

    lease.bound_silence(5)
    lease.end()
    lease.bound_silence(1)

    assert connection.timeouts_s == [5]
