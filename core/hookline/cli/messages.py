"""What commands print: JSON for programs, readable blocks for people, and errors that say what to do next."""

from __future__ import annotations

import json
import sys
from typing import IO

import click

_WIDTH_WITHOUT_TERMINAL = 110


class CommandError(click.ClickException):
    """A command cannot be carried out: wrong usage or configuration.

    Args:
        message: What happened, to which thing, and what to do.
        hint: What to do next, if the message does not say so.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def show(self, file: IO[str] | None = None) -> None:
        """Print the message to the standard error stream."""
        click.echo(f"Error: {self.message}", file=file, err=file is None)
        if self.hint:
            click.echo(f"  {self.hint}", file=file, err=file is None)


class CommandFailedError(CommandError):
    """A command was carried out, and what was asked for failed."""

    exit_code = 1


def echo_json(value: object) -> None:
    """Print JSON to the standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def warn(message: str) -> None:
    """Print a warning to the standard error stream."""
    click.echo(f"Warning: {message}", err=True)


def describe_problem(problem: dict[str, object]) -> str:
    """Return a readable block for an error's body, as the HTTP API sends it.

    Args:
        problem: RFC 9457 members and our own; `hookline.problems.describe_error` makes it. A ``place`` in the
            code is added by the command itself, since the HTTP API tells none.
    """
    lines = [f"Error: {problem.get('detail') or problem.get('title') or 'The call failed.'}"]
    if problem.get("field"):
        lines.append(f"  field     {problem['field']}")
    if problem.get("place"):
        lines.append(f"  place     {problem['place']}")
    if problem.get("hint"):
        lines.append(f"  hint      {problem['hint']}")
    upstream = problem.get("upstream")
    if isinstance(upstream, dict):
        parts = [
            f"{name} {upstream[name]}" for name in ("status", "code", "request_id") if upstream.get(name)
        ]
        lines.append(f"  upstream  {', '.join(parts)}")
    if problem.get("retryable"):
        wait = problem.get("retry_after")
        lines.append("  retry     " + (f"after {wait} s" if wait else "the same call may succeed later"))
    error = problem.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    lines.append(f"  code      {code or 'unknown'} ({problem.get('status')}), {problem.get('instance')}")
    return "\n".join(lines)


def print_table(columns: list[str], rows: list[list[str]], *, flexible: str) -> None:
    """Print a table on the standard output; wide enough where that is no terminal.

    Args:
        columns: Headings.
        rows: Cells of each row.
        flexible: Heading of the column whose text may be broken into lines; the others stay whole.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column != flexible)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL)
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())
