"""The command ``hookline models``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import CommandError, echo_json, print_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from hookline_lifecycle.report import ModelRow
    from hookline_openai.model_table import ModelTable

_EPILOG = """\
\b
Examples:
  hookline models                                  every model that is served today
  hookline models gpt-4o gpt-5-mini                these two
  hookline models --used models.txt --check        for CI: fails if one of the list ends within 90 days
  hookline models gpt-4o --within 30 --check --json

A file for --used holds one id a line; what follows a # is a comment.

Exit status: 0 nothing to do, 1 with --check if a model of the list is retired, ends soon or is
unknown, 2 wrong usage or configuration.
"""
_MAX_NAMED = 10
_COLUMNS = ["model", "kind", "status", "ends on", "days left", "use instead"]


@click.command(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--used",
    type=click.File("r", encoding="utf-8-sig"),
    metavar="FILE",
    help="Also the models of a file; - reads stdin.",
)
@click.option(
    "--within",
    "within_days",
    default=90,
    show_default=True,
    type=click.IntRange(min=0, max=36_500),
    metavar="DAYS",
    help="What counts as soon.",
)
@click.option(
    "--check", is_flag=True, help="Exit with 1 if a listed model is retired, ends soon or is unknown."
)
@click.option(
    "--today",
    "day",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    metavar="DATE",
    help="Look from this day, such as 2027-01-31.",
)
@click.option("--all", "with_retired", is_flag=True, help="Without models: list retired ones, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@pass_context
def models(
    context: CommandContext,
    names: tuple[str, ...],
    used: TextIO | None,
    within_days: int,
    check: bool,
    day: datetime | None,
    with_retired: bool,
    as_json: bool,
) -> None:
    """Show which OpenAI models end when, and what takes their place.

    Name the models that you use, or list them in a file. Without either every model that is served is shown.
    Dates are those of the bundled table, with the connection's models_file laid over it.
    """
    from hookline_lifecycle.report import make_report

    today = day.date() if day is not None else _today()
    wanted = None if not names and used is None else [*names, *_read_names(used)]
    table, replacements = _knowledge(context)
    rows = make_report(
        table,
        wanted,
        today=today,
        within_days=within_days,
        replacements=replacements,
        with_retired=with_retired,
    )
    ending = [row.id for row in rows if row.is_ending]
    unknown = [row.id for row in rows if row.status == "unknown"]
    if as_json:
        echo_json(
            {
                "as_of": table.as_of.isoformat(),
                "today": today.isoformat(),
                "within_days": within_days,
                "models": [row.as_json() for row in rows],
                "ending": ending,
                "unknown": unknown,
            }
        )
    else:
        _print(rows, ending, unknown, within_days=within_days, as_of=table.as_of)
    if check and (ending or unknown):  # a name that is misspelt is no good news
        raise click.exceptions.Exit(1)


def _today() -> date:
    from datetime import UTC, datetime

    return datetime.now(UTC).date()


def _read_names(lines: Iterable[str] | None) -> list[str]:
    try:
        found = [line.partition("#")[0].strip() for line in lines or ()]
    except UnicodeDecodeError as exc:
        raise CommandError("The file of --used is not UTF-8 text.") from exc
    return [name for name in found if name]


def _knowledge(context: CommandContext) -> tuple[ModelTable, Mapping[str, str]]:
    """Return the table and the replacements that a gateway with these settings would use."""
    from hookline_lifecycle.options import LifecycleOptions
    from hookline_openai.model_table import bundled, table_of

    with context.open_gateway() as gateway:
        connection = gateway.connections.get("openai")
        table = bundled() if connection is None else table_of(connection)
        return table, gateway.options_of(LifecycleOptions).base.replacements


def _print(
    rows: list[ModelRow], ending: list[str], unknown: list[str], *, within_days: int, as_of: date
) -> None:
    if not rows:
        click.echo("No model is named.")
        return
    print_table(_COLUMNS, [_cells(row) for row in rows], flexible="use instead")
    click.echo()
    if unknown:
        click.echo(f"Not in the table, so nothing is known of them: {', '.join(unknown)}.")
    if ending:
        named = ", ".join(ending[:_MAX_NAMED]) + (", …" if len(ending) > _MAX_NAMED else "")
        click.echo(f"{len(ending)} of {len(rows)} retired or ending within {within_days} days: {named}.")
    else:
        click.echo(f"Nothing here is retired or ends within {within_days} days.")
    click.echo(f"The table is of {as_of}; `models_file` of the connection brings newer dates.")


def _cells(row: ModelRow) -> list[str]:
    instead = " ".join(part for part in (row.replacement, row.note and f"({row.note})") if part)
    return [
        row.id,
        row.kind or "",
        row.status,
        "" if row.ends_on is None else row.ends_on.isoformat(),
        "" if row.days_left is None else str(row.days_left),
        instead,
    ]
