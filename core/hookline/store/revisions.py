"""Which shapes of the tables there have been; known without alembic, which takes a second to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TABLE = "hookline_revision"
"""Table that says which revision a database has; a name of our own, as others share a PostgreSQL database."""

KNOWN = ("0001", "0002", "0003", "0004")
"""Every revision, oldest first. A test holds them against the migration files."""


@dataclass(frozen=True, kw_only=True)
class Revisions:
    """The revisions that a program knows.

    Attributes:
        known: Their ids, oldest first.
        folder: Where alembic finds ``env.py`` and the folder ``versions``.
    """

    known: tuple[str, ...] = KNOWN
    folder: Path = Path(__file__).parent / "migrations"

    @property
    def head(self) -> str:
        """The newest one: what this program reads and writes."""
        return self.known[-1]


REVISIONS = Revisions()
