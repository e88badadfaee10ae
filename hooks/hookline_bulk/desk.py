"""Where calls with several items are taken in: one desk for each gateway."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from hookline.items import fields_of
from hookline.order import ITEMS
from hookline_bulk.bulk_request import read_request
from hookline_bulk.bulk_run import BulkRun
from hookline_bulk.results import make_reply
from hookline_bulk.usages import Usages

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline import LayeredOptions, Order, Principal, Proceed, Reply
    from hookline.gateway import Gateway
    from hookline_bulk.options import BulkOptions


class Threads:
    """Threads that the items of all calls of a worker share.

    Args:
        most: How many there may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self.is_closed = False

    def start(self, work: Callable[[], None]) -> bool:
        """Run something as soon as a thread is free; False if the gateway is being closed."""
        with self._lock:
            if self.is_closed:
                return False
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._most, thread_name_prefix="hookline-bulk")
            self._pool.submit(work)
        return True

    def close(self) -> None:
        """Begin nothing more."""
        with self._lock:
            self.is_closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


class BulkDesk:
    """Runs calls with several items.

    Args:
        gateway: Has the catalog, the bounds on time and the clock.
        options: What is set.

    Attributes:
        usages: Is told what every call took.
    """

    def __init__(self, gateway: Gateway, options: LayeredOptions[BulkOptions]) -> None:
        self._gateway = gateway
        self._options = options
        self._threads = Threads(options.base.max_running)
        self.usages = Usages()

    def run(self, principal: Principal, order: Order, proceed: Proceed) -> Reply | None:
        """Return the reply to an order with items; None if they are a field of the action's own.

        Raises:
            HooklineError: If the order as a whole is refused.
        """
        action = self._gateway.catalog.find(order.action_id)
        if ITEMS in fields_of(action):
            return None
        options = self._options.find(action_id=action.id, key_id=principal.key_id)
        request = read_request(
            action,
            order.fields,
            max_items=options.max_job_items if order.is_detached else options.max_items,
            concurrency=options.concurrency,
            is_job=order.is_detached,
        )
        clock = self._gateway.clock
        began_at = clock.monotonic()
        time_s = options.job_timeout_s if order.is_detached else self._gateway.settings.limits.timeout_s
        run = BulkRun(
            order,
            request,
            proceed,
            batcher=action.batcher if options.pack else None,
            threads=self._threads,
            usages=self.usages,
            clock=clock,
            deadline=began_at + time_s,
        )
        outcome = run.run()
        return make_reply(outcome, order, elapsed_s=clock.monotonic() - began_at)

    def close(self) -> None:
        """Begin no more items."""
        self._threads.close()
