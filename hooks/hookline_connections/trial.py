"""Trying a connection out: one cheap call that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import orjson

from hookline.errors import ConfigurationError, InvalidInputError
from hookline.order import Order
from hookline.principal import ANYTHING
from hookline_connections.building import make_connection
from hookline_connections.choosing import Candidate
from hookline_connections.desk import unknown_connection
from hookline_connections.pins import PinnedPrincipal
from hookline_connections.rows import SHARED

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject
    from hookline.connector import Connector
    from hookline.principal import Principal
    from hookline_connections.office import Office
    from hookline_connections.rows import StoredConnection


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What came of it.

    Attributes:
        label: What people recognise the connection by.
        connector: Id of its connector.
        connection: Its name.
        elapsed_ms: How long it took.
        status: HTTP status for whoever asked.
        problem: Why it failed, as the HTTP API tells errors; None if it works.
        is_disabled: Whether it is switched off, so that no other call uses it.
    """

    label: str
    connector: str
    connection: str
    elapsed_ms: int
    status: int = 200
    problem: JsonObject | None = field(default=None, repr=False)
    is_disabled: bool = False

    def as_json(self) -> JsonObject:
        """Return the answer of ``POST /connections/test``."""
        told: JsonObject = {
            "ok": self.problem is None,
            "label": self.label,
            "connector": self.connector,
            "connection": self.connection,
            "ms": self.elapsed_ms,
            "enabled": not self.is_disabled,
        }
        if self.problem is None:
            return told
        # The members of every problem stay, so that tools which read errors find what they look for.
        return {**self.problem, **told}


def try_connector(office: Office, principal: Principal, connector_id: str, *, client: str = "") -> Trial:
    """Try the connection that a caller's next call to a connector would use.

    Raises:
        InvalidInputError: If there is no such connector, or nothing to try it with.
        PermissionDeniedError: If the caller may use none.
    """
    connector = office.gateway.catalog.connectors.get(connector_id)
    if connector is None:
        known = ", ".join(sorted(office.gateway.catalog.connectors))
        raise InvalidInputError(
            f"There is no connector {connector_id[:80]!r}; known: {known}.", field="connector"
        )
    options = office.options.find(action_id=f"{connector.id}.", key_id=principal.key_id)
    found = office.find(
        office.book.current(), principal, connector.id, with_shared=options.fall_back_to_shared
    )
    return _run(office, principal, connector, found[0], client=client)


def try_named(office: Office, principal: Principal, name: str, *, client: str = "") -> Trial:
    """Try a connection that a caller may use, also one of its own that is switched off.

    Raises:
        NotFoundError: If there is none of that name for this caller.
    """
    snapshot = office.book.current()
    if principal.may_use_connection(name):
        for row in snapshot.rows:
            if row.tenant == principal.tenant and row.name == name:
                return try_row(office, principal, row, client=client)
        with_shared = office.options.base.fall_back_to_shared
        for id, shared in snapshot.shared.items():
            if (principal.tenant, id) in snapshot.own and not with_shared:
                continue
            for one in shared:
                if one.connection.name == name:
                    connector = office.gateway.catalog.connectors[id]
                    return _run(office, principal, connector, one, client=client)
    raise unknown_connection(name)


def try_row(office: Office, principal: Principal, row: StoredConnection, *, client: str = "") -> Trial:
    """Try a stored connection.

    Raises:
        ConfigurationError: If it cannot be used at all.
    """
    connector = office.gateway.catalog.connectors.get(row.connector)
    connection = make_connection(row, connector, office.gateway.connections)
    if connector is None:  # which the line above refuses
        raise ConfigurationError(f"there is no connector {row.connector!r}.")
    candidate = Candidate(connection=connection, models=row.models, row=row)
    return _run(office, principal, connector, candidate, client=client)


def _run(
    office: Office, principal: Principal, connector: Connector, candidate: Candidate, *, client: str
) -> Trial:
    gateway = office.gateway
    action = test_action(connector)
    order = Order(action_id=action.id, fields={}, client=client)
    began_at = gateway.clock.monotonic()
    reply = gateway.runner.run(_pinned(principal, candidate), order)
    elapsed_ms = round((gateway.clock.monotonic() - began_at) * 1000)
    content = reply.content if isinstance(reply.content, bytes) else _join(reply.content)
    where = candidate.connection
    is_simulated = gateway.settings.sandbox
    host = "simulated" if is_simulated else urlsplit(where.base_url).hostname or where.origin
    return Trial(
        label=f"{connector.title} · {where.name} ({host})",
        connector=connector.id,
        connection=where.name,
        elapsed_ms=elapsed_ms,
        status=reply.status,
        is_disabled=candidate.row is not None and candidate.row.is_disabled,
        problem=None if 200 <= reply.status < 300 else cast("JsonObject", orjson.loads(content)),
    )


def test_action(connector: Connector) -> Action:
    """Return the action by which a connector is tried: what it names, or one that reads without input.

    Raises:
        InvalidInputError: If there is none.
    """
    named = connector.actions.get(f"{connector.id}.{connector.test}")
    if named is not None:
        return named
    for _, action in sorted(connector.actions.items()):
        needs_input = bool(action.input_schema.get("required")) or "{" in action.path
        if action.is_read_only and not needs_input and not action.is_hidden:
            return action
    raise InvalidInputError(
        f"{connector.title} has no action that changes nothing and needs no input, so it cannot be tested.",
        field="connector",
    )


def operator_of(row: StoredConnection) -> PinnedPrincipal | Principal:
    """Return who tries a connection from the command line."""
    from hookline.principal import Principal

    return Principal(
        key_id="cli", tenant=row.tenant if row.tenant != SHARED else "operator", label="command line"
    )


def _pinned(principal: Principal, candidate: Candidate) -> PinnedPrincipal:
    """Return the caller with the right to this one call: the scope of the route allowed it already."""
    return PinnedPrincipal(
        key_id=principal.key_id,
        tenant=principal.tenant,
        scopes=principal.scopes | {"actions:run"},
        label=principal.label,
        actions=ANYTHING,
        models=ANYTHING,
        caps=principal.caps,
        limits=principal.limits,
        pin=candidate,
    )


def _join(chunks: Iterator[bytes]) -> bytes:
    return b"".join(chunks)
