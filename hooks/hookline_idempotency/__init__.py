"""Once means once: a request that comes again gets the reply of the first, and nothing runs twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from collections.abc import Generator

    from hookline import (
        Attempt,
        Call,
        Order,
        Principal,
        Proceed,
        Reply,
        RetryDecision,
        UpstreamRequest,
        Usage,
    )
    from hookline.gateway import Gateway
    from hookline_idempotency.keeper import Keeper

_HEADER = "idempotency-key"


class IdempotencyPlugin:
    """Keeps the replies of one gateway."""

    options = "hookline_idempotency.options:IdempotencyOptions"

    def __init__(self) -> None:
        self._keeper: Keeper

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options; nothing is opened and no thread is started before the first key comes."""
        from hookline import CallOption
        from hookline_idempotency.keeper import Keeper

        self._keeper = Keeper(gateway)
        gateway.add_call_option(
            CallOption(
                name="Idempotency-Key",
                place="header",
                title="Idempotency key",
                description="The same request with the same key runs once, and gets the same answer again.",
                example="order-1001",
            )
        )

    @hookimpl(tryfirst=True)
    def hookline_run_order(self, principal: Principal, order: Order, proceed: Proceed) -> Reply | None:
        """Run a call with a key once, and answer from what is kept after that."""
        if _HEADER not in order.headers and principal.delivery_id is None and not self._keeper.derives:
            return None
        is_read = order.endpoint is not None and order.content is None  # a GET
        return None if order.is_detached or is_read else self._keeper.run(principal, order, proceed)

    @hookimpl(tryfirst=True)
    def hookline_admit(self, call: Call) -> None:
        """Note that a call with a key begins; whether it may run is for others to say."""
        claims = self._keeper.claims
        claim = None if claims.is_empty else claims.find(call)
        if claim is not None:
            claim.note_begin(call)

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call, request: UpstreamRequest) -> None:
        """Note that a call with a key is about to reach the service."""
        claims = self._keeper.claims
        claim = None if claims.is_empty else claims.find(call)
        if claim is not None:
            self._keeper.send(claim)

    @hookimpl(wrapper=True)
    def hookline_retry(
        self, call: Call, attempt: Attempt
    ) -> Generator[None, RetryDecision | None, RetryDecision | None]:
        """Note whether an attempt that failed may have been charged, whoever decides what comes next."""
        claim = self._keeper.claims.find(call)
        if claim is not None:
            claim.note_failure(attempt)
        return (yield)

    @hookimpl
    def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
        """Note how a call with a key ended."""
        claims = self._keeper.claims
        claim = None if claims.is_empty else claims.find(call)
        if claim is not None:
            claim.note_end(call)

    @hookimpl
    def hookline_shutdown(self) -> None:
        """Write the ends of calls that could not be written yet."""
        self._keeper.close()
