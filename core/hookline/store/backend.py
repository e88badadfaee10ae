"""What the two kinds of databases do differently."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


class Backend(Protocol):
    """Opens databases of one kind. Its methods raise what the driver raises.

    Attributes:
        upgrades_itself: Whether tables are made and changed on first use.
    """

    upgrades_itself: bool

    def create_engine(self) -> Engine:
        """Return an engine."""
        ...

    def close(self, engine: Engine) -> None:
        """Close the connections of an engine that are not in use; those that are, when their block ends."""
        ...

    def session(
        self, engine: Engine, *, is_write: bool, timeout_s: float
    ) -> AbstractContextManager[Connection]:
        """Run one block: a transaction that is kept if it writes, or a snapshot to read from."""
        ...

    def alone(self, engine: Engine) -> AbstractContextManager[Connection]:
        """Run one transaction that no other process can be in, to make or change tables."""
        ...

    def read_revision(self, connection: Connection) -> str | None:
        """Return the revision that the database says it has; None if it does not say."""
        ...

    def tables(self, connection: Connection) -> set[str]:
        """Return the names of all tables."""
        ...

    def size_bytes(self, connection: Connection) -> int:
        """Return what the database takes."""
        ...

    def free_bytes(self) -> int | None:
        """Return the room that is left; None if that is not known."""
        ...

    def exists(self) -> bool:
        """Tell whether there is anything to look at without making it."""
        ...

    def backup(self, engine: Engine, target: Path) -> None:
        """Copy all of it into a file that exists and is empty."""
        ...
