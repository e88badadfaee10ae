"""Databases of both kinds to write into."""

from __future__ import annotations

from servers import database, database_url, new_database, postgres_server, postgres_url

__all__ = ["database", "database_url", "new_database", "postgres_server", "postgres_url"]
