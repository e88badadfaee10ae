"""The commands ``hookline usage`` and ``hookline usage purge``."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from hookline.cli.context import CommandContext
from hookline.cli.messages import CommandError, echo_json, print_table
from hookline_ledger.labels import identity
from hookline_ledger.periods import is_whole_days, start_of_day
from hookline_ledger.purging import purge, read_time
from hookline_ledger.totals import GROUPINGS, Question

if TYPE_CHECKING:
    from hookline_ledger.tables import Measure
    from hookline_ledger.totals import Grouping, Report

_EPILOG = """\
\b
Examples:
  hookline usage                                   a row for each day of the last week
  hookline usage --by model --since 30d            what each model took
  hookline usage --by user --tenant acme --csv     for a spreadsheet
  hookline usage --plot                            a bar for each day
  hookline usage --by flow --plot flows.svg        a picture: .png or .svg
  hookline usage --since 2026-11-01 --until 2026-12-01 --json

Times are 7d, 24h, 30m, 2w (so long ago), 2026-11-01 (the beginning of that day) or 2026-11-01T12:00Z. Days
are those of UTC. A cost that begins with >= leaves out calls whose price is not known; one that begins with ~
holds estimates, because the service did not say what some calls took.

Exit status: 0 done, also if there is nothing to show, 1 the database cannot be used, 2 wrong usage or
configuration.
"""
_HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
_TERMINAL = "-"
_TIMEOUT_S = 120.0
_PICTURES = (".png", ".svg")


@click.group(epilog=_EPILOG, context_settings=_HELP_OPTIONS, invoke_without_command=True)
@click.option("--by", type=click.Choice(GROUPINGS), default="day", show_default=True, help="What to sum up.")
@click.option("--since", default="7d", show_default=True, metavar="TIME", help="Leave out what was before.")
@click.option("--until", default=None, metavar="TIME", help="Leave out what began then or later.")
@click.option("--tenant", metavar="NAME", help="Only this tenant's calls.")
@click.option("--key", "key_id", metavar="ID", help="Only this key's calls, by its public id.")
@click.option(
    "--top",
    "max_groups",
    default=1000,
    show_default=True,
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Most rows shown.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@click.option(
    "--plot",
    is_flag=False,
    flag_value=_TERMINAL,
    default=None,
    metavar="[FILE]",
    help="Draw bars in the terminal, or into a .png or .svg file.",
)
@click.option(
    "--of",
    "measure",
    type=click.Choice(["cost", "tokens", "calls"]),
    help="What bars stand for; the cost by default, or the tokens if no cost is known.",
)
@click.pass_context
def usage(
    click_context: click.Context,
    by: Grouping,
    since: str,
    until: str | None,
    tenant: str | None,
    key_id: str | None,
    max_groups: int,
    as_json: bool,
    as_csv: bool,
    plot: str | None,
    measure: Measure | None,
) -> None:
    """Show how much was called, by whom, and at what cost."""
    if click_context.invoked_subcommand is not None:
        _refuse_options(click_context)
        return
    if as_json + as_csv + (plot is not None) > 1:
        raise CommandError("Choose one of --json, --csv and --plot.")
    now = datetime.now(UTC)
    begin = read_time(since, "--since", now=now)
    question = Question(
        by=by,
        since=start_of_day(begin) if by == "day" and is_whole_days(since) else begin,
        until=now if until is None else read_time(until, "--until", now=now),
        tenant=None if tenant is None else identity(tenant),
        key_id=None if key_id is None else identity(key_id),
        max_groups=max_groups,
    )
    if question.until <= question.since:
        raise CommandError("--until must be later than --since.")
    picture = None if plot in (None, _TERMINAL) else _picture(str(plot))
    with click_context.ensure_object(CommandContext).open_gateway() as gateway:
        from hookline_ledger.reports import answer

        report = answer(gateway.database, question, timeout_s=_TIMEOUT_S)
        shown = gateway.database.url_shown
    if as_json:
        echo_json(report.as_json())
    elif as_csv:
        from hookline_ledger.tables import as_csv as csv_of

        click.echo(csv_of(report), nl=False)
    elif not report.groups:
        _say_that_nothing_is_there(report, shown)
    elif picture is not None:
        _save(report, picture, measure or _default_measure(report))
    elif plot is not None:
        _draw(report, measure or _default_measure(report))
    else:
        _print(report)


usage.add_command(purge)


def _refuse_options(context: click.Context) -> None:
    """Refuse options in front of a command that would pass over them: it would do more than was meant."""
    for parameter in context.command.params:
        if context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE:
            raise CommandError(
                f"{parameter.opts[0]} does not go with `{context.invoked_subcommand}`, which takes all rows."
            )


def _picture(name: str) -> Path:
    file = Path(name)
    if file.suffix.lower() not in _PICTURES:
        raise CommandError(f"--plot: {name!r} must end in {' or '.join(_PICTURES)}.")
    return file


def _default_measure(report: Report) -> Measure:
    return "cost" if report.total.cost_nano_usd else "tokens"


def _print(report: Report) -> None:
    from hookline_ledger.tables import table_of

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    headings, rows = table_of(report, width=width)
    print_table(headings, rows, flexible=headings[0])
    _add_notes(report)


def _draw(report: Report, measure: Measure) -> None:
    from hookline_ledger.tables import UNITS, bars_of, draw_bars

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 110
    click.echo(f"{UNITS[measure]} by {report.question.by}")
    for line in draw_bars(bars_of(report), measure=measure, width=width, is_ascii=not _can_draw()):
        click.echo(line)
    _add_notes(report)


def _can_draw() -> bool:
    try:
        "█▏".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _save(report: Report, file: Path, measure: Measure) -> None:
    try:
        from hookline_ledger.plots import save_plot
    except ImportError as exc:
        raise CommandError(
            "Pictures need matplotlib, which is not installed.",
            hint="`pip install 'hookline[plot]'` brings it; --plot without a file needs nothing.",
        ) from exc
    try:
        save_plot(report, file, measure=measure)
    except OSError as exc:
        raise CommandError(f"{file} cannot be written: {exc.strerror or type(exc).__name__}.") from exc
    click.echo(f"Wrote {file}.")
    _add_notes(report)


def _add_notes(report: Report) -> None:
    from hookline_ledger.tables import meanings_of

    total = report.total
    if report.is_truncated:
        click.echo(f"There are more than {report.question.max_groups:,}; --top shows more of them.", err=True)
    for line in meanings_of(total):
        click.echo(line, err=True)


def _say_that_nothing_is_there(report: Report, database: str) -> None:
    since, until = report.question.since, report.question.until
    click.echo(f"No call between {since:%Y-%m-%d %H:%M} and {until:%Y-%m-%d %H:%M} UTC is in {database}.")
    click.echo(
        "Each call through a gateway adds a row: try `hookline call`, look further back with --since, or set "
        "HOOKLINE_DATABASE_URL or HOOKLINE_STATE_DIR as the gateway has it."
    )
