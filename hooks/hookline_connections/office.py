"""All parts of the plugin put together for one gateway."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hookline.errors import HooklineError
from hookline_connections.choosing import (
    NAME_HEADER,
    PLAN,
    Candidate,
    Plan,
    narrow,
    put_failed_last,
    put_in_order,
)
from hookline_connections.options import ConnectionsOptions
from hookline_connections.pins import PinnedPrincipal

if TYPE_CHECKING:
    from hookline.attempt import Attempt, RetryDecision
    from hookline.call import Call
    from hookline.connection import Connection, Secret
    from hookline.gateway import Gateway
    from hookline.principal import Principal
    from hookline_connections.book import Book, Snapshot
    from hookline_connections.building import Builder
    from hookline_connections.desk import Desk
    from hookline_connections.falling_back import Fallback
    from hookline_connections.resolving import Opener


class Office:
    """What the hooks, routes and commands work with; what is heavy is made when it is first needed.

    Args:
        gateway: The gateway.
        random: Returns a number from 0 up to, but not including, 1.
    """

    def __init__(self, gateway: Gateway, *, random: Callable[[], float]) -> None:
        from hookline_connections.falling_back import Fallback
        from hookline_connections.keys import ConnectionKeys
        from hookline_connections.standing import Standing

        self.gateway = gateway
        self.options = gateway.options_of(ConnectionsOptions)
        self.standing = Standing()
        key = self.options.base.key
        self.keys = ConnectionKeys(
            state_dir=gateway.state_dir, text=key.get_secret_value() if key else "", clock=gateway.clock
        )
        self._random = random
        self._is_sandbox = gateway.settings.sandbox
        self._fallback: Fallback = Fallback(self.standing)
        self._book: Book | None = None
        self._builder: Builder | None = None
        self._opener: Opener | None = None

    @property
    def book(self) -> Book:
        """What is known of the stored connections."""
        if self._book is None:
            from hookline_connections.book import Book
            from hookline_connections.building import Builder
            from hookline_connections.rows import ConnectionTable

            options = self.options.base
            self._builder = Builder(self.gateway, forget=self.standing.forget)
            self._book = Book(
                ConnectionTable(self.gateway.database),
                self._builder.build,
                clock=self.gateway.clock,
                cache_s=options.cache_s,
                max_stale_s=options.max_stale_s,
                wait_s=options.wait_s,
            )
        return self._book

    def follow(self) -> None:
        """Work with the connectors that the gateway has now."""
        if self._builder is not None and self._book is not None:
            self._builder.follow()
            self._book.rebuild()

    def has_account(self, connector: str) -> bool:
        """Tell whether a connection to a connector is stored; what cannot be read now counts as none."""
        try:
            return self.gateway.database.is_made() and any(
                row.connector == connector for row in self.book.current().rows
            )
        except HooklineError:
            return False

    def desk(self) -> Desk:
        """Return where connections are stored and changed."""
        from hookline_connections.desk import Desk

        return Desk(self.gateway, self.keys, changed=self.book.expire)

    def choose(self, call: Call) -> Sequence[Connection] | None:
        """Return the accounts that a call may use, the best first; None to leave it to the settings.

        Raises:
            PermissionDeniedError: If there is none for this caller or this model.
            StoreUnavailableError: If it is not known which there are.
        """
        if self._is_sandbox:
            return None
        principal, connector = call.principal, call.action.connector.id
        if isinstance(principal, PinnedPrincipal) and principal.pin.connection.connector == connector:
            call.state[PLAN] = Plan(candidates=(principal.pin,), model=None)
            return [principal.pin.connection]
        snapshot = (self._book or self.book).current()
        if connector in snapshot.plain and not principal.connections:
            return None
        options = self.options.for_call(call)
        model = call.input.get("model")
        found = self.find(
            snapshot,
            principal,
            connector,
            model=model if isinstance(model, str) else None,
            with_shared=options.fall_back_to_shared,
        )
        found = [as_of(call, one) for one in found]
        call.state[PLAN] = Plan(candidates=tuple(found), model=model if isinstance(model, str) else None)
        if options.show_name:
            call.record.headers[NAME_HEADER] = found[0].connection.name
        return [one.connection for one in found]

    def find(
        self,
        snapshot: Snapshot,
        principal: Principal,
        connector: str,
        *,
        model: str | None = None,
        with_shared: bool = False,
    ) -> list[Candidate]:
        """Return what a caller may use for a connector, the best first.

        A tenant with connections of its own never gets the operator's, unless that is wished, and then after
        all of its own.

        Raises:
            PermissionDeniedError: If there is none.
        """
        own = snapshot.own.get((principal.tenant, connector))
        shared = snapshot.shared_with(connector, principal.connections)
        groups = [shared] if own is None else [own, shared] if with_shared else [own]
        usable = narrow([one for group in groups for one in group], principal, model, connector=connector)
        ids = {id(one) for one in usable}
        ordered = [
            one
            for group in groups
            for one in put_in_order([one for one in group if id(one) in ids], self._random)
        ]
        now_s = self.gateway.clock.monotonic()
        return put_failed_last(ordered, self.standing, model=model, now_s=now_s)

    def open(self, call: Call, connection: Connection) -> Secret | None:
        """Return the credential of a stored connection; None for one that is not stored here.

        Raises:
            UpstreamCredentialError: If it cannot be opened.
        """
        plan = call.state.get(PLAN)
        candidate = plan.find(connection) if isinstance(plan, Plan) else None
        if candidate is None or candidate.row is None:
            return None
        if self._opener is None:
            from hookline_connections.resolving import Opener

            self._opener = Opener(self.keys, self.gateway.clock)
        return self._opener.open(candidate.row)

    def fall_back(self, call: Call, attempt: Attempt) -> RetryDecision | None:
        """Return the decision to go on with another connection, or None."""
        return self._fallback.decide(call, attempt, self.options.for_call(call))


def as_of(call: Call, candidate: Candidate) -> Candidate:
    """Return a candidate with the address and options of the connector that a call began with.

    That is another one than the candidate was made for if the connector is being replaced at this moment.
    """
    connector = call.action.connector
    if candidate.made_for is connector or candidate.made_for is None:
        return candidate
    if candidate.row is None:
        is_default = candidate.connection.name == call.connection.name
        return replace(candidate, connection=call.connection, made_for=connector) if is_default else candidate
    from hookline_connections.building import make_connection

    connection = make_connection(candidate.row, connector, {connector.id: call.connection})
    return replace(candidate, connection=connection, made_for=connector)
