"""How long anything may wait for the database, in seconds."""

from __future__ import annotations

CONNECT_TIMEOUT_S = 2
"""For a new connection to PostgreSQL, log-in included."""

POOL_WAIT_S = 2.0
"""For one of the connections of this process."""

LOCK_WAIT_S = 2.0
"""For another writer to finish: of this process or another, on SQLite; of a locked row, on PostgreSQL."""

STATEMENT_TIMEOUT_S = 5.0
"""For one statement on PostgreSQL; for all statements of one block together on SQLite."""

PATIENCE_S = 1.0
"""For an answer that PostgreSQL itself should have given by then; after that it counts as dead."""

CHECK_TIMEOUT_S = 2.0
"""For a sign of life from a connection that has not been used for a while."""

REST_S = 1.0
"""After the database could not be reached: nobody tries again so long, everybody fails at once."""

UPGRADE_TIMEOUT_S = 600.0
"""For one statement of a migration."""

OPENING_WAIT_S = 30.0
"""For another process that makes or upgrades the SQLite file."""

POOL_SIZE = 15
"""Connections of one process."""
