"""The commands ``hookline jobs`` and ``hookline worker``."""

from __future__ import annotations

import logging
import signal
import threading
from typing import TYPE_CHECKING

import click

from hookline.cli.context import CommandContext
from hookline.cli.messages import CommandError, CommandFailedError, echo_json, print_table
from hookline_jobs.rows import CANCELLED, DONE, FAILED, QUEUED, RUNNING, JobRow, text_of

if TYPE_CHECKING:
    from hookline.gateway import Gateway
    from hookline_jobs.job_table import JobTable
    from hookline_jobs.office import Office

_HELP = {"help_option_names": ["-h", "--help"]}
_STATES = (QUEUED, RUNNING, DONE, FAILED, CANCELLED)
_COLUMNS = ["id", "status", "action", "tenant", "created (UTC)", "result"]
_JOBS_EPILOG = """\
\b
Examples:
  hookline jobs list                     the newest jobs of everybody
  hookline jobs list --state failed      only those that failed
  hookline jobs show job_5f2b...         one job
  hookline jobs cancel job_5f2b...       end it, upstream too

Exit status: 0 done, 1 there is no such job or the database cannot be used, 2 wrong usage or configuration.
"""
_WORKER_EPILOG = """\
\b
Examples:
  hookline worker                        run jobs of the database that the settings name
  HOOKLINE_JOBS_RUNNING=100 hookline worker

Gateways with `running = 0` in `[plugins.jobs]` only take jobs in; workers like this one run them. They share
HOOKLINE_DATABASE_URL, or a state folder on the same machine, and HOOKLINE_CONTENT_KEY.

Exit status: 0 ended by a signal, 2 wrong usage or configuration.
"""
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group(epilog=_JOBS_EPILOG, context_settings=_HELP)
def jobs() -> None:
    """See and end jobs: calls that run after their answer was given."""


@jobs.command("list", context_settings=_HELP)
@click.option("--state", type=click.Choice(_STATES), help="Only jobs of this state.")
@click.option("--tenant", metavar="NAME", help="Only this tenant's jobs.")
@click.option("--key", "key_id", metavar="ID", help="Only this key's jobs, by its public id.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Most jobs shown."
)
@_json_option
@click.pass_context
def list_jobs(
    context: click.Context,
    state: str | None,
    tenant: str | None,
    key_id: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List jobs, the newest first."""
    with context.ensure_object(CommandContext).open_gateway() as gateway:
        found: list[JobRow] = []
        if gateway.database.is_made():
            found = _table(gateway).page(tenant=tenant, key_id=key_id, state=state, limit=limit)
        if as_json:
            echo_json([row.describe() for row in found])
        elif not found:
            click.echo("There are no jobs.")
        else:
            print_table(_COLUMNS, [_cells(row) for row in found], flexible="action")


@jobs.command("show", context_settings=_HELP)
@click.argument("job_id")
@_json_option
@click.pass_context
def show(context: click.Context, job_id: str, as_json: bool) -> None:
    """Show one job; its result only to those who asked for it."""
    with context.ensure_object(CommandContext).open_gateway() as gateway:
        row = _find(gateway, job_id)
        told = {**row.describe(), "tenant": row.tenant, "key": row.key_id}
        if as_json:
            echo_json(told)
        else:
            cells = [[name, "" if value is None else str(value)] for name, value in told.items()]
            print_table(["", ""], cells, flexible="")


@jobs.command("cancel", context_settings=_HELP)
@click.argument("job_id")
@_json_option
@click.pass_context
def cancel(context: click.Context, job_id: str, as_json: bool) -> None:
    """End a job: at once if it waits, within seconds if it runs."""
    with context.ensure_object(CommandContext).open_gateway() as gateway:
        row = _find(gateway, job_id)
        if not row.is_over:
            _office(gateway).desk.cancel(row)
            row = _find(gateway, job_id)
        if as_json:
            echo_json(row.describe())
        else:
            ending = "is being cancelled" if row.state == RUNNING else row.state
            click.echo(f"{row.id}: {ending}")


@click.command(epilog=_WORKER_EPILOG, context_settings=_HELP)
@click.pass_context
def worker(context: click.Context) -> None:
    """Run jobs until Ctrl-C or SIGTERM; those that run are finished first.

    It does not listen for calls. Any number of workers share the jobs, on this machine or others.
    """
    from hookline.webhook.server import configure_logging

    commands = context.ensure_object(CommandContext)
    settings = commands.load_settings()
    configure_logging(settings.server.log_level)
    is_over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_over.set())
    with commands.open_gateway() as gateway:
        office = _office(gateway)
        if gateway.database.path is None and gateway.database.dialect == "sqlite":
            raise CommandError("There is nothing to share: set HOOKLINE_STATE_DIR or HOOKLINE_DATABASE_URL.")
        if not office.options.base.running:
            raise CommandError("`plugins.jobs.running` is 0, so that no job would run here; raise it.")
        logging.getLogger("hookline.jobs").info("%s runs jobs", office.worker_id)
        gateway.start_background()
        office.keeper.wake()
        click.echo(
            f"Runs up to {office.options.base.running} jobs at a time, kept in {gateway.database.url_shown}. "
            "Ctrl-C ends it.",
            err=True,
        )
        is_over.wait()
        click.echo("Ends as soon as the jobs that run are done.", err=True)


def _office(gateway: Gateway) -> Office:
    from hookline_jobs.office import office_of

    return office_of(gateway)


def _table(gateway: Gateway) -> JobTable:
    from hookline_jobs.job_table import JobTable

    return JobTable(gateway.database)


def _find(gateway: Gateway, job_id: str) -> JobRow:
    row: JobRow | None = _table(gateway).get(job_id) if gateway.database.is_made() else None
    if row is None:
        raise CommandFailedError(f"There is no job {job_id[:60]!r}; `hookline jobs list` shows them.")
    return row


def _cells(row: JobRow) -> list[str]:
    at = (text_of(row.created_at_us) or "")[:19].replace("T", " ")
    result = "" if row.reply_status is None else str(row.reply_status)
    return [row.id, row.state, row.action, row.tenant, at, result]
