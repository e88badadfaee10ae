"""``hookline audit``: who changed what, and whether anybody changed the log itself."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.db import open_database
from hookline.cli.messages import CommandFailedError, echo_json
from hookline.spans import read_span

if TYPE_CHECKING:
    from hookline.store.audit_events import AuditEntry
    from hookline.store.audit_rows import AuditHead, AuditReport

_EPILOG = """\
\b
Examples:
  hookline audit list --since 7d --action 'key.*'       what was done to keys this week
  hookline audit list --actor cli:root --limit 10       what an operator did last
  hookline audit verify                                 is the log as it was written?
  hookline audit verify --head 128:5f0c…                and does it still hold what was noted then?

\b
Exit status: 0 done, 1 the log was tampered with or cannot be read, 2 wrong usage or configuration.
"""
_COLUMNS = ["seq", "at (UTC)", "actor", "action", "target", "tenant", "from"]
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


class Since(click.ParamType[datetime]):
    """A moment in the past: ``90s``, ``30m``, ``12h``, ``7d``, ``2w``, or a date, with a time or without."""

    name = "since"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment, in UTC."""
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        try:
            if (ago := read_span(text)) is not None:
                return datetime.now(UTC) - ago
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        except (ValueError, OverflowError):
            self.fail("write 90s, 30m, 12h, 7d or 2w, or a date such as 2027-01-31.", param, ctx)


class Head(click.ParamType["AuditHead"]):
    """A noted end of the log, as ``audit verify`` prints it."""

    name = "head"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> AuditHead:
        """Return what was noted."""
        from hookline.store.audit_rows import AuditHead

        if isinstance(value, AuditHead):
            return value
        found = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", str(value).strip())
        if found is None:
            self.fail("write the number, a colon and the hash, as `audit verify` prints them.", param, ctx)
        return AuditHead(seq=int(found[1]), hash=found[2])


@click.group("audit", epilog=_EPILOG)
def command() -> None:
    """Show who changed which key, connection or setting, and check that nobody changed the log."""


@command.command("list")
@click.option("--since", type=Since(), metavar="TIME", help="Not older than 7d, 12h, 30m, or a date (UTC).")
@click.option("--actor", help="Of this actor: a key id, or cli: and a user.")
@click.option("--action", help="Of this action; a final * stands for any rest, as in 'key.*'.")
@click.option("--tenant", help="Of this tenant.")
@click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="At most so many, the newest.",
)
@_json_option
@pass_context
def list_(
    context: CommandContext,
    since: datetime | None,
    actor: str | None,
    action: str | None,
    tenant: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List events, newest first."""
    from hookline.store.audit import AuditLog

    with open_database(context) as database:
        entries = AuditLog(database).entries(
            since_us=None if since is None else int(since.timestamp() * 1e6),
            actor=actor,
            action=action,
            tenant=tenant,
            limit=limit,
        )
    if as_json:
        echo_json({"events": [entry.as_json() for entry in entries]})
    elif entries:
        _print_events(entries, is_terminal=sys.stdout.isatty())
    else:
        click.echo("No event fits.")


@command.command("verify")
@click.option(
    "--head",
    "noted",
    type=Head(),
    metavar="SEQ:HASH",
    help="The end that an earlier run printed, kept somewhere else.",
)
@_json_option
@pass_context
def verify(context: CommandContext, noted: AuditHead | None, as_json: bool) -> None:
    """Look for events that were changed, removed, put in or moved; the exit status is 1 if there is one.

    The log alone cannot show that somebody with the right to write to the database made all of it anew.
    Keep the end that this command prints somewhere else, and give it with --head next time.
    """
    from hookline.store.audit import AuditLog

    with open_database(context) as database:
        report = AuditLog(database).verify(noted=noted)
    if as_json:
        echo_json({**asdict(report), "is_sound": report.is_sound})
        if not report.is_sound:
            raise click.exceptions.Exit(1)
        return
    _print(report)


def _print(report: AuditReport) -> None:
    for problem in report.problems:
        click.echo(f"{problem.seq}: {problem.text}")
    if report.problems:
        raise CommandFailedError(
            f"The audit log was tampered with, first at event {report.problems[0].seq}.",
            hint="Compare it with a backup: `hookline db backup` copies what there is now.",
        )
    if report.head is None:
        click.echo("The audit log is empty.")
        return
    click.echo(f"The {report.rows:,} events of the audit log are as they were written.")
    click.echo(f"It ends with {report.head}")
    click.echo("Keep this line somewhere else, and compare with it by --head later.")


def _print_events(entries: list[AuditEntry], *, is_terminal: bool) -> None:
    """Print a line for each event; on a terminal its details stand below, elsewhere at its end as JSON."""
    rows = [_cells(entry) for entry in entries]
    columns = _COLUMNS if is_terminal else [*_COLUMNS, "details"]
    widths = [max(len(row[at]) for row in [columns, *rows]) for at in range(len(_COLUMNS))]
    click.echo(_line(columns, widths))
    for entry, row in zip(entries, rows, strict=True):
        details = "" if entry.event.details == "{}" else _printable(entry.event.details)
        click.echo(_line(row if is_terminal else [*row, details], widths))
        if is_terminal and details:
            click.echo("     " + _printable(_pairs(json.loads(entry.event.details))))


def _line(cells: list[str], widths: list[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
    return "  ".join([*padded, *cells[len(widths) :]]).rstrip()


def _pairs(details: dict[str, object], *, prefix: str = "") -> str:
    """Return details as people read them: without what is empty, and quoted only where that is needed."""
    texts = []
    for name, value in details.items():
        if isinstance(value, dict) and value:
            texts.append(_pairs(value, prefix=f"{prefix}{name}."))
        elif value not in (None, "", [], {}):
            texts.append(f"{prefix}{name}={_value(value)}")
    return "  ".join(text for text in texts if text)


def _value(value: object) -> str:
    if isinstance(value, str) and value and not set(value) & set(' ="'):
        return value
    if isinstance(value, list) and all(isinstance(one, str) and "," not in one for one in value):
        return ",".join(map(_value, value))
    return json.dumps(value, ensure_ascii=False)


def _cells(entry: AuditEntry) -> list[str]:
    event = entry.event
    at = datetime.fromtimestamp(event.at_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
    texts = [event.actor, event.action, event.target, event.tenant, event.client]
    return [str(entry.seq), at, *map(_printable, texts)]


def _printable(text: str) -> str:
    """Return a text without what would move the cursor or colour the screen: callers choose some of these."""
    return "".join(
        char if char.isprintable() else f"\\x{ord(char):02x}" if char < "\xff" else f"\\u{ord(char):04x}"
        for char in text
    )
