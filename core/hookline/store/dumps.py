"""Dumps of PostgreSQL by its own ``pg_dump``; the password goes through the environment, never argv."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import URL

# Options of a connection that say how it is made; others are psycopg's own.
_VARIABLES = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT",
              "sslkey": "PGSSLKEY", "host": "PGHOST", "port": "PGPORT", "options": "PGOPTIONS"}  # fmt: skip


def dump(url: URL, target: Path) -> None:
    """Write a database into a file that is there, in the format of ``pg_restore``.

    Raises:
        ConfigurationError: If ``pg_dump`` is not installed, or fails; with its own last words.
    """
    program = shutil.which("pg_dump")
    if program is None:
        raise ConfigurationError(
            "A backup of PostgreSQL needs its program pg_dump, which is not on the PATH.",
            hint="Install PostgreSQL's client programs, of the server's version or a later one.",
        )
    done = subprocess.run(
        [program, "--format=custom", "--no-owner", "--no-password", f"--file={target}"],
        env={**os.environ, **_environment(url)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        words = done.stderr.strip().splitlines()
        raise ConfigurationError(f"pg_dump failed: {words[-1] if words else f'status {done.returncode}'}")


def _environment(url: URL) -> dict[str, str]:
    values = {
        "PGHOST": url.host,
        "PGPORT": None if url.port is None else str(url.port),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
        "PGCONNECT_TIMEOUT": "10",
    }
    values |= {_VARIABLES[name]: str(value) for name, value in url.query.items() if name in _VARIABLES}
    return {name: value for name, value in values.items() if value}
