"""Making connections of rows and settings, and leaving out, with a reason, those that are not sound."""

from __future__ import annotations

import difflib
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookline.connection import Connection, check_base_url
from hookline.connections import look_up
from hookline.errors import ConfigurationError
from hookline_connections.book import Snapshot
from hookline_connections.choosing import Candidate
from hookline_connections.rows import SHARED

if TYPE_CHECKING:
    from hookline.connector import Connector
    from hookline.gateway import Gateway
    from hookline_connections.rows import StoredConnection

_log = logging.getLogger("hookline.connections")


@dataclass(frozen=True, kw_only=True, slots=True)
class Basis:
    """What connections are made from besides what is stored.

    Attributes:
        connectors: The connectors, by id.
        defaults: The settings' default connection of each.
        configured: All connections of the settings, by connector, each with whether anything is set for it.
    """

    connectors: Mapping[str, Connector]
    defaults: Mapping[str, Connection]
    configured: Mapping[str, list[tuple[Candidate, bool]]]


class Builder:
    """Makes snapshots for one gateway; what did not change is not made again.

    Args:
        gateway: Its connectors, and the connections of its settings.
        forget: Called with the id of each connection that was changed or removed.
    """

    def __init__(self, gateway: Gateway, *, forget: Callable[[str], None] = lambda id: None) -> None:
        self._gateway = gateway
        self._basis = _read_basis(gateway)
        self._forget = forget
        self._made: dict[tuple[str, str], Candidate] = {}
        self._told: set[tuple[str, str, int]] = set()

    def follow(self) -> None:
        """Build on the connectors and settings' connections that the gateway has now."""
        self._basis = _read_basis(self._gateway)

    def build(self, rows: Iterable[StoredConnection]) -> Snapshot:
        """Return all connections."""
        rows = tuple(rows)
        basis = self._basis
        own: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
        stored: dict[str, list[Candidate]] = defaultdict(list)
        made: dict[tuple[str, str], Candidate] = {}
        for row in rows:
            group = own[row.tenant, row.connector] if row.tenant != SHARED else stored[row.connector]
            if row.is_disabled:
                continue
            candidate = self._made.get((row.tenant, row.name))
            if candidate is None or not _is_current(candidate, row, basis):
                candidate = self._make(row, basis)
            if candidate is not None:
                made[row.tenant, row.name] = candidate
                group.append(candidate)
        for key in self._made.keys() - made.keys() | {
            key for key, one in made.items() if key in self._made and self._made[key] is not one
        }:
            self._forget(self._made[key].connection.id)
        self._made = made
        names = {row.name for row in rows if row.tenant == SHARED}
        return Snapshot(
            own={key: tuple(group) for key, group in own.items()},
            shared={id: _shared(basis, id, stored.get(id, []), names) for id in basis.connectors},
            plain=_plain(basis, {row.connector for row in rows}, names),
            rows=rows,
        )

    def _make(self, row: StoredConnection, basis: Basis) -> Candidate | None:
        connector = basis.connectors.get(row.connector)
        try:
            connection = make_connection(row, connector, basis.defaults)
        except ConfigurationError as exc:
            key = (row.tenant, row.name, row.updated_at_us)
            if key not in self._told:
                self._told.add(key)
                _log.error("the connection %r is not used: %s", row.id, exc.message)
            return None
        return Candidate(
            connection=connection,
            weight=row.weight,
            priority=row.priority,
            models=row.models,
            row=row,
            made_for=connector,
        )


def _is_current(candidate: Candidate, row: StoredConnection, basis: Basis) -> bool:
    return candidate.row == row and candidate.made_for is basis.connectors.get(row.connector)


def _shared(basis: Basis, connector: str, stored: list[Candidate], names: set[str]) -> tuple[Candidate, ...]:
    """Return the operator's: what is stored takes the place of what the settings call the same."""
    found = [*stored]
    for one, is_set in basis.configured.get(connector, []):
        if one.connection.name not in names and (is_set or not found):
            found.append(one)
    return tuple(found)


def _plain(basis: Basis, with_rows: set[str], names: set[str]) -> frozenset[str]:
    return frozenset(
        id
        for id, configured in basis.configured.items()
        if id not in with_rows
        and len(configured) == 1
        and configured[0][0].models == ("*",)
        and configured[0][0].connection.name not in names
    )


def make_connection(
    row: StoredConnection, connector: Connector | None, defaults: Mapping[str, Connection]
) -> Connection:
    """Return the connection that a row describes.

    Raises:
        ConfigurationError: If it has no connector, an option is not valid, or it leads to where its
            credential may not be sent.
    """
    if connector is None:
        raise ConfigurationError(f"there is no connector {row.connector!r}.")
    base_url = check_base_url(row.base_url or connector.base_url, setting="base_url")
    connection = Connection(
        name=row.name,
        connector=row.connector,
        base_url=base_url,
        options=check_options(connector, row, defaults.get(row.connector)),
        tenant=row.tenant if row.tenant != SHARED else None,
        credential_ref=row.credential_ref,
        needs_credential=row.sealed is not None or row.credential_ref is not None,
    )
    if connection.needs_credential and connection.origin not in row.allowed_origins:
        raise ConfigurationError(
            f"it leads to {connection.origin}, where its credential may not be sent; "
            "`hookline connections rotate` with --base-url binds it to another address."
        )
    return connection


def check_options(
    connector: Connector, row: StoredConnection, default: Connection | None
) -> dict[str, object]:
    """Return a connection's options; those it does not set are those of the settings' connection.

    Raises:
        ConfigurationError: If one is not valid.
    """
    from pydantic import ValidationError

    if connector.options is None:
        if row.options:
            raise ConfigurationError(f"connector {connector.id!r} has no option {min(row.options)!r}.")
        return {}
    values = {**(default.options if default is not None else {}), **row.options}
    try:
        return connector.options.model_validate(values).model_dump()
    except ValidationError as exc:
        problem = exc.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        known = (*connector.options.model_fields, "base_url")
        raise ConfigurationError(_option_problem(where, problem["type"], problem["msg"], known)) from None


def _option_problem(where: str, kind: str, message: str, known: Iterable[str]) -> str:
    """Return in our own words what is wrong with an option."""
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(where, known, n=1)
        if near == ["base_url"]:
            return f"there is no option `{where}`. Did you mean `--base-url`?"
        meant = f" Did you mean `{near[0]}`?" if near else ""
        return f"there is no option `{where}`.{meant}"
    return f"option `{where}`: {message.removeprefix('Value error, ')}."


def _read_basis(gateway: Gateway) -> Basis:
    return Basis(
        connectors=gateway.catalog.connectors,
        defaults=gateway.connections,
        configured=_candidates_of_settings(gateway),
    )


def _candidates_of_settings(gateway: Gateway) -> dict[str, list[tuple[Candidate, bool]]]:
    """Return the connections of the settings by connector, each with whether anything is set for it."""
    found: dict[str, list[tuple[Candidate, bool]]] = defaultdict(list)
    for one in gateway.all_connections:
        connection = one.connection
        connector = gateway.catalog.connectors[connection.connector]
        candidate = Candidate(
            connection=connection,
            weight=one.weight,
            priority=one.priority,
            models=tuple(one.models),
            made_for=connector,
        )
        is_set = connection.name in gateway.settings.connections or (
            one.is_default
            and any(
                look_up(connector, setting, None, gateway.environ)[0] for setting in ("api_key", "base_url")
            )
        )
        found[connection.connector].append((candidate, is_set))
    return found
