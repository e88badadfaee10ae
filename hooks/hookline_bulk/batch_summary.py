"""What is told at the end of a batch, and the exit status."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline.cli.messages import echo_json
from hookline_bulk.batch_progress import cost_text, usd_text
from hookline_bulk.replies import read_problem
from hookline_bulk.row_states import BEGUN, DONE, FAILED

if TYPE_CHECKING:
    from hookline_bulk.batch_jobs import Stop, Tally
    from hookline_bulk.forecast import Forecast
    from hookline_bulk.result_file import ResultFile
    from hookline_bulk.row_states import RowStates

_MOST_LISTED = 20
_MOST_IN_JSON = 1000
_CODES: dict[Stop, int] = {"cost": 3, "interrupted": 130, "limit": 1, "lost": 1, "price": 2}
_ENDINGS: dict[Stop, str] = {
    "cost": "Stopped by --max-cost: the next row could have cost more than what is left.",
    "interrupted": "Interrupted. Type the same command again to go on.",
    "limit": "Stopped. Type the same command again then, to go on.",
    "lost": "Stopped. Type the same command again to go on.",
    "price": "Stopped. Leave out --max-cost, or use a model whose price is known.",
}


def exit_code(tally: Tally, states: RowStates) -> int:
    """Return the exit status of the command."""
    if tally.stop is not None:
        return _CODES[tally.stop]
    return 1 if states.count(FAILED) or states.count(BEGUN) else 0


def show_summary(
    path: Path, tally: Tally, states: RowStates, results: ResultFile, *, total: int, as_json: bool
) -> None:
    """Print what became of the rows: those of this run, and those of all runs."""
    done, failed, unknown = states.count(DONE), states.count(FAILED), states.count(BEGUN)
    if as_json:
        numbers = states.in_state(BEGUN)
        echo_json(
            {
                "rows": total,
                "succeeded": done,
                "failed": failed,
                "unknown": unknown,
                "left": total - done - failed - unknown,
                "unknown_rows": [number for number, _ in zip(numbers, range(_MOST_IN_JSON), strict=False)],
                "cost_usd": results.cost_nano_usd / 1e9,
                "this_run": {
                    "succeeded": tally.succeeded,
                    "failed": tally.failed,
                    "input_tokens": tally.input_tokens,
                    "output_tokens": tally.output_tokens,
                    "cost_usd": tally.cost_nano_usd / 1e9,
                    "rows_without_known_cost": tally.unpriced,
                },
                "stopped_by": tally.stop,
                "message": tally.message or None,
                "out": str(path),
            }
        )
        return
    for row, reply in tally.first_errors:
        detail = read_problem(reply.content).get("detail") or f"status {reply.status}"
        click.echo(f"Row {row} failed ({reply.status}): {detail}", err=True)
    if tally.failed > len(tally.first_errors):
        click.echo(f"{tally.failed - len(tally.first_errors):,} more rows failed; see {path}.", err=True)
    cost = cost_text(tally)
    click.echo(
        f"{done:,} of {total:,} rows are done, {failed:,} failed"
        + (f", {unknown:,} unknown" if unknown else "")
        + f". This run: {tally.succeeded + tally.failed:,} rows, {tally.input_tokens:,} tokens sent, "
        f"{tally.output_tokens:,} made" + (f", {cost}." if cost else ".")
    )
    if unknown:
        shown = [str(number) for number, _ in zip(states.in_state(BEGUN), range(_MOST_LISTED), strict=False)]
        shown += ["..."] if unknown > len(shown) else []
        click.echo(
            f"Begun, and nobody knows how they ended: {', '.join(shown)}. They may have been paid for. "
            "--retry-unknown runs them again.",
            err=True,
        )
    if tally.stop is not None:
        click.echo(f"{tally.message} {_ENDINGS[tally.stop]}".strip(), err=True)
    elif failed:
        click.echo("--retry-failed runs the rows that failed once more.", err=True)


def show_forecast(found: Forecast, *, as_json: bool) -> None:
    """Print what rows would take at most."""
    if as_json:
        echo_json(
            {
                "rows": found.rows,
                "refused": found.refused,
                "input_tokens": found.input_tokens,
                "max_output_tokens": found.output_tokens,
                "max_cost_usd": None if found.unpriced else found.cost_nano_usd / 1e9,
                "rows_without_known_price": found.unpriced,
                "first_refusals": [{"row": row, "detail": detail} for row, detail in found.first_refusals],
            }
        )
        return
    for row, detail in found.first_refusals:
        click.echo(f"Row {row} would be refused: {detail}", err=True)
    if found.refused > len(found.first_refusals):
        click.echo(f"{found.refused - len(found.first_refusals):,} more rows would be refused.", err=True)
    price = usd_text(found.cost_nano_usd)
    if found.unpriced:
        price += f" and what {found.unpriced:,} rows cost whose price is not known"
    click.echo(
        f"{found.rows - found.refused:,} of {found.rows:,} rows would run: about {found.input_tokens:,} "
        f"tokens sent, at most {found.output_tokens:,} made, at most {price}. Nothing was run."
    )
