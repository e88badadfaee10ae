"""Where the database is: its URL taken apart without loading SQLAlchemy, and shown without its secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hookline.errors import ConfigurationError

FILE_NAME = "hookline.sqlite3"
"""Name of the SQLite file in the state folder."""

Dialect = Literal["sqlite", "postgresql"]

_POSTGRESQL = re.compile(
    r"(?:postgresql|postgres|postgresql\+psycopg)://"
    r"(?:(?P<user>[^:/@?#\s]*)(?::(?P<password>[^:/@?#\s]*))?@)?"
    r"(?P<host>[^/@?#\s]*)/(?P<name>[^/@?#\s]+)(?P<query>\?[^#\s]*)?"
)


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a database is.

    Attributes:
        dialect: Which kind it is.
        shown: The address without password and options; safe to print.
        path: File of SQLite; None for PostgreSQL and for a database in memory.
        url: URL for SQLAlchemy; only for PostgreSQL, and never shown, as it holds the password.
    """

    dialect: Dialect
    shown: str
    path: Path | None = None
    url: str = field(default="", repr=False)


def locate(url: str | None, *, state_dir: Path | None) -> Address:
    """Return where the database is.

    Args:
        url: As it is set; None for a file in the state folder.
        state_dir: The state folder; None, without a URL, for a private database in memory.

    Raises:
        ConfigurationError: If it is no URL of a database that we know; the URL is not repeated.
    """
    if url is None:
        return _sqlite(state_dir / FILE_NAME if state_dir is not None else None)
    if url.startswith("sqlite:"):
        return _locate_sqlite(url)
    found = _POSTGRESQL.fullmatch(url)
    if found is None:
        raise ConfigurationError(
            "`database_url` (HOOKLINE_DATABASE_URL) is not a URL such as "
            "postgresql://user:password@host:5432/name or sqlite:////folder/file.sqlite3.",
            hint="Write special characters of user and password as %XX, such as %40 for @ and %2F for /.",
        )
    account = "" if found["user"] is None else found["user"] + (":***" if found["password"] else "") + "@"
    return Address(
        dialect="postgresql",
        shown=f"postgresql://{account}{found['host']}/{found['name']}",
        url="postgresql+psycopg://" + url.partition("://")[2],
    )


def _locate_sqlite(url: str) -> Address:
    if url in ("sqlite://", "sqlite:///:memory:"):
        return _sqlite(None)
    path = url.removeprefix("sqlite:///")
    if path == url or not path or any(char in path for char in "?#\0"):
        raise ConfigurationError(
            "`database_url` (HOOKLINE_DATABASE_URL) names no SQLite file: write sqlite:/// and the path, "
            "such as sqlite:////folder/file.sqlite3, without options."
        )
    return _sqlite(Path(path))


def _sqlite(path: Path | None) -> Address:
    return Address(dialect="sqlite", path=path, shown=f"sqlite:///{path or ':memory:'}")
