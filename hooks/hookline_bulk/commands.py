"""The command ``hookline batch``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline.cli.context import CommandContext, pass_context

if TYPE_CHECKING:
    from hookline_bulk.row_files import Format

_EPILOG = """\
\b
Examples:
  hookline batch openai.chat --in rows.csv --out results.jsonl --map prompt=question --set model=gpt-5.4-mini
  hookline batch openai.chat --in reviews.csv --out out.jsonl --set model=gpt-5.4-mini \\
      --template 'prompt=Is this review of {product} kind or unkind? {text}' --id review_id
  hookline batch openai.chat --in rows.csv --map prompt=question --set model=gpt-5.4-mini --dry-run
  hookline batch openai.chat --in rows.jsonl --out out.jsonl --max-cost 5
  hookline batch openai.embed --in texts.csv --out vectors.jsonl --map input=text \\
      --set model=text-embedding-3-small --url https://hooks.example.com --key-file key.txt

Without --map and --template each column is the field of its name. An empty cell leaves its field out. In a
template {column} stands for a cell, {{ and }} for braces; nothing else happens in it.

Type the same command again to go on after Ctrl-C, a crash or --max-cost: rows that are done are not run
again. Rows that were begun and whose end is not known may have been paid for; they are listed, and run again
only with --retry-unknown, or if the action says that it can be repeated. What was begun stands beside the
results, in a file that ends in .journal.

\b
Exit status: 0 all rows went well, 1 some failed or are unknown, 2 wrong usage or configuration,
  3 stopped by --max-cost, 130 ended by Ctrl-C.
"""


@click.command(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("action_id", metavar="ACTION")
@click.option(
    "--in",
    "source",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Rows: .csv, .tsv or .jsonl.",
)
@click.option(
    "--out",
    "target",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Results: one line of JSON for each row.",
)
@click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Take a field from a column.")
@click.option(
    "--set",
    "constants",
    multiple=True,
    metavar="KEY=VALUE",
    help="The same for all rows; KEY:=JSON for JSON.",
)
@click.option(
    "--template",
    "templates",
    multiple=True,
    metavar="FIELD=TEXT",
    help="Make a field of a text with {columns} in it.",
)
@click.option("--id", "id_column", metavar="COLUMN", help="Repeat this column in the results.")
@click.option(
    "--format",
    "format",
    type=click.Choice(["csv", "jsonl"]),
    help="Format of the rows, if their file's name does not tell.",
)
@click.option("--delimiter", metavar="CHAR", help="What stands between the cells of a CSV file.")
@click.option(
    "--order",
    type=click.Choice(["input", "completion"]),
    default="input",
    show_default=True,
    help="Order of the results once all is done.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 256),
    default=8,
    show_default=True,
    help="Most rows at the same time.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Run at most N rows now.")
@click.option("--dry-run", is_flag=True, help="Estimate tokens and cost; run nothing.")
@click.option("--max-cost", type=float, metavar="USD", help="Stop before all results together cost more.")
@click.option("--retry-failed", is_flag=True, help="Run rows that failed once more.")
@click.option("--retry-unknown", is_flag=True, help="Run rows once more that may have been run.")
@click.option("--url", metavar="URL", help="Use the gateway there instead of one in this process.")
@click.option(
    "--key-env",
    metavar="NAME",
    default="HOOKLINE_API_KEY",
    show_default=True,
    help="Variable that holds the key for --url.",
)
@click.option(
    "--key-file", metavar="FILE", type=click.Path(path_type=Path), help="File that holds the key for --url."
)
@click.option("--sandbox", is_flag=True, help="Ask the built-in simulated service.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, and no progress.")
@pass_context
def batch(
    context: CommandContext,
    action_id: str,
    source: Path,
    target: Path | None,
    maps: tuple[str, ...],
    constants: tuple[str, ...],
    templates: tuple[str, ...],
    id_column: str | None,
    format: Format | None,
    delimiter: str | None,
    order: str,
    concurrency: int,
    limit: int | None,
    dry_run: bool,
    max_cost: float | None,
    retry_failed: bool,
    retry_unknown: bool,
    url: str | None,
    key_env: str,
    key_file: Path | None,
    sandbox: bool,
    as_json: bool,
) -> None:
    """Run an action once for each row of a file."""
    from hookline_bulk.batch import BatchPlan, run_batch

    run_batch(
        context,
        BatchPlan(
            action_id=action_id,
            source=source,
            target=target,
            maps=maps,
            constants=constants,
            templates=templates,
            id_column=id_column,
            format=format,
            delimiter=delimiter,
            in_order=order == "input",
            concurrency=concurrency,
            limit=limit,
            is_dry=dry_run,
            max_cost_usd=max_cost,
            retries_failed=retry_failed,
            retries_unknown=retry_unknown,
            url=url,
            key_env=key_env,
            key_file=key_file,
            is_sandbox=sandbox,
            as_json=as_json,
        ),
    )
