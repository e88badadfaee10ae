"""The command ``hookline usage purge``."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import CommandError, echo_json
from hookline_ledger.periods import parse_time

if TYPE_CHECKING:
    from hookline_ledger.retention import Purger

_EPILOG = """\
\b
Examples:
  hookline usage purge --older-than 30d            asks before it removes anything
  hookline usage purge --older-than 2026-11-01 --yes --json

Rows are removed a few at a time, so that a running gateway goes on writing. What was removed is gone.

Exit status: 0 done, 1 the database cannot be used, 2 wrong usage or configuration, 130 not confirmed.
"""


@click.command(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--older-than", required=True, metavar="TIME", help="Remove calls that began before this.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs; needs --yes.")
@pass_context
def purge(context: CommandContext, older_than: str, yes: bool, as_json: bool) -> None:
    """Remove old rows."""
    if as_json and not yes:
        raise CommandError("--json needs --yes: nobody is there to ask.")
    if older_than.strip().endswith("m"):
        raise CommandError(
            f"--older-than: {older_than[:40]!r} would be minutes; write it like `30d` or `12w`."
        )
    before = read_time(older_than, "--older-than", now=datetime.now(UTC))
    with context.open_gateway() as gateway:
        from hookline_ledger.retention import Purger

        purger = Purger(gateway.database)
        count = purger.count_before(before)
        told = f"rows of calls before {before:%Y-%m-%d %H:%M} UTC"
        if count and not yes:
            click.confirm(f"Remove {count:,} {told} from {gateway.database.url_shown}?", abort=True)
        removed = 0
        if count:
            gateway.audit.append(  # first, so that nothing goes without a trace
                actor=_actor(),
                action="usage.purge",
                target="usage_rows",
                tenant="",
                client="",
                details={"before": before.isoformat(), "rows": count},
            )
            removed = remove_with_progress(purger, before, count, is_shown=not as_json)
    if as_json:
        echo_json({"before": before.isoformat().replace("+00:00", "Z"), "removed": removed})
    else:
        click.echo(f"Removed {removed:,} rows." if removed else f"There are no {told}.")


def read_time(text: str, option: str, *, now: datetime) -> datetime:
    """Return the time that an option names.

    Raises:
        CommandError: If it is none.
    """
    try:
        return parse_time(text, now=now)
    except ValueError as exc:
        raise CommandError(f"{option}: {exc}.") from exc


def _actor() -> str:
    """Return who types this, for the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name, as in containers
        return "cli"


def remove_with_progress(purger: Purger, before: datetime, count: int, *, is_shown: bool) -> int:
    """Remove all that is older; leave the database alone between two batches for as long as one took."""
    from hookline_ledger.retention import remove_all

    if not (is_shown and sys.stderr.isatty()):
        return sum(remove_all(purger, before))
    from rich.console import Console
    from rich.progress import Progress

    removed = 0
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Removing rows", total=count)
        for part in remove_all(purger, before):
            removed += part
            progress.update(task, completed=removed)
    return removed
