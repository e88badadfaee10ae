"""``hookline db``: where keys, connections, usage and audit events are kept, and what to do about it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import echo_json, print_table

if TYPE_CHECKING:
    from hookline.store.database import Database
    from hookline.store.status import DatabaseStatus

_EPILOG = """\
\b
Examples:
  hookline db status                     where it is, and how many rows there are
  hookline db upgrade                    once, before a new version is started on PostgreSQL
  hookline db backup state.sqlite3       a copy of this moment, while the gateway runs

\b
Exit status: 0 done, 1 the database cannot be used, 2 wrong usage or configuration.
"""
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@contextmanager
def open_database(context: CommandContext, *, tells_faults: bool = False) -> Iterator[Database]:
    """Open the database of the settings, without starting plugins that need it to be in order.

    Args:
        context: Holds the settings.
        tells_faults: Whether the command itself tells of a folder that may not be looked into.

    Raises:
        ConfigurationError: If it may not be, and the command does not.
    """
    from hookline.store.database import Database

    settings = context.load_settings()
    url = settings.database_url
    database = Database(None if url is None else url.get_secret_value(), state_dir=settings.state_dir)
    logger, handler = logging.getLogger("hookline"), logging.NullHandler()
    logger.addHandler(handler)  # the command prints what matters to whoever typed it
    try:
        if not tells_faults:
            database.is_made()
        yield database
    finally:
        database.close()
        logger.removeHandler(handler)


@click.group("db", epilog=_EPILOG)
def command() -> None:
    """Look after the database that holds keys, connections, usage and audit events.

    HOOKLINE_DATABASE_URL names it; without that it is a SQLite file in the state folder, HOOKLINE_STATE_DIR.
    """


@command.command("status")
@_json_option
@pass_context
def status(context: CommandContext, as_json: bool) -> None:
    """Show where the database is, its revision, its size and its rows.

    It tries whether the database can be written, or made if there is none; no table is made or upgraded. The
    exit status is 1 if this program cannot use the database.
    """
    with open_database(context, tells_faults=True) as database:
        found = database.status()
    if as_json:
        echo_json(asdict(found))
    else:
        _print(found)
    if found.problem is not None:
        raise click.exceptions.Exit(1)


@command.command("upgrade")
@_json_option
@pass_context
def upgrade(context: CommandContext, as_json: bool) -> None:
    """Bring the tables to the revision of this program.

    A SQLite file is upgraded by whatever opens it first; PostgreSQL only by this command. It is one
    transaction, and may run more than once or at the same time on several machines. There is no way back
    but a backup.
    """
    with open_database(context) as database:
        applied = database.upgrade()
        head = database.revisions.head
        where = database.url_shown
    if as_json:
        echo_json({"where": where, "applied": applied, "revision": head})
    elif applied:
        click.echo(f"{where} is at revision {head}; applied: {', '.join(applied)}.")
    else:
        click.echo(f"{where} is at revision {head}; there was nothing to do.")


@command.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace the file if there is one.")
@_json_option
@pass_context
def backup(context: CommandContext, file: Path, force: bool, as_json: bool) -> None:
    """Copy the database as it is at this moment into FILE, while the gateway goes on.

    A SQLite database gives a SQLite file. PostgreSQL gives a dump for pg_restore, made by pg_dump. Only
    you can read the file, and it is there only when it is complete.

    The key files of the state folder are not in it. Without them stored credentials cannot be read and
    API keys are not recognised, so keep those as well, and elsewhere.
    """
    with open_database(context) as database:
        database.backup(file, overwrite=force)
        where = database.url_shown
    size_bytes = file.stat().st_size
    if as_json:
        echo_json({"where": where, "file": str(file), "size_bytes": size_bytes})
    else:
        click.echo(f"{where} was copied to {file}, {_size(size_bytes)}.")


def _print(found: DatabaseStatus) -> None:
    usable = "yes" if found.revision else "yes, first use makes it"
    rows = [
        ["where", found.where],
        ["dialect", found.dialect],
        ["revision", f"{found.revision or 'none yet'} (this program needs {found.head})"],
        ["size", "unknown" if found.size_bytes is None else _size(found.size_bytes)],
        ["usable", usable if found.problem is None else f"no: {found.problem}"],
    ]
    print_table(["database", ""], rows, flexible="")
    if found.rows:
        click.echo()
        counts = [[name, f"{count:,}"] for name, count in found.rows.items()]
        print_table(["table", "rows"], counts, flexible="rows")


def _size(size_bytes: int) -> str:
    size = float(size_bytes)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:,.0f} {unit}"
        size /= 1024
    return f"{size:,.1f} GiB"
