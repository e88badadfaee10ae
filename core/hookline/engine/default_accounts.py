"""The accounts of the settings while connectors come and go."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from hookline.connections import ConfiguredConnection, build_connections, first_of_each

if TYPE_CHECKING:
    from hookline.connection import Connection
    from hookline.connector import Connector
    from hookline.settings import Settings


class DefaultAccounts:
    """Knows the default account of every connector, also of one that was replaced while its calls go on.

    Args:
        settings: What is set.
        environ: Environment variables.

    Attributes:
        all: Every account of the settings, for the connectors that there are.
        by_id: The default account of each connector, by connector id.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._environ = environ
        self._lock = threading.Lock()
        self._of: WeakKeyDictionary[Connector, Connection] = WeakKeyDictionary()
        self._now: dict[str, tuple[Connector, Connection]] = {}
        self.all: tuple[ConfiguredConnection, ...] = ()
        self.by_id: dict[str, Connection] = {}

    def plan(
        self, connectors: Mapping[str, Connector], *, absent: Collection[str] = ()
    ) -> tuple[ConfiguredConnection, ...]:
        """Return the accounts for some connectors; those that stay as they were are the same objects.

        Args:
            connectors: The connectors, by id.
            absent: Ids that settings may name although there is no connector now.

        Raises:
            ConfigurationError: If a setting is not valid.
        """
        known = {one.connection.name: one for one in self.all}
        planned = build_connections(connectors, self._settings, self._environ, absent=absent)
        return tuple(
            old if (old := known.get(one.connection.name)) is not None and old == one else one
            for one in planned
        )

    def use(self, accounts: tuple[ConfiguredConnection, ...], connectors: Mapping[str, Connector]) -> None:
        """Use the accounts that were planned for some connectors."""
        by_id = first_of_each(accounts)
        with self._lock:
            for id, connector in connectors.items():
                self._of[connector] = by_id[id]
        self._now = {id: (connector, by_id[id]) for id, connector in connectors.items()}
        self.all, self.by_id = accounts, by_id

    def of(self, connector: Connector) -> Connection:
        """Return the default account of a connector."""
        found = self._now.get(connector.id)
        if found is not None and found[0] is connector:
            return found[1]
        with self._lock:
            return self._of[connector]
