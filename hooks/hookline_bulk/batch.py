"""What ``hookline batch`` does, from its options to its summary."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline.cli.call_input import read_input
from hookline.cli.messages import CommandError, CommandFailedError, warn
from hookline.clock import SYSTEM_CLOCK
from hookline_bulk.batch_jobs import Tally, iterate_jobs
from hookline_bulk.batch_keys import read_key
from hookline_bulk.batch_progress import BatchProgress
from hookline_bulk.batch_run import BatchRun
from hookline_bulk.batch_summary import exit_code, show_forecast, show_summary
from hookline_bulk.forecast import forecast
from hookline_bulk.journal import Journal
from hookline_bulk.mapping import read_mapping
from hookline_bulk.result_file import ResultFile
from hookline_bulk.row_files import RowFile
from hookline_bulk.row_states import BEGUN, FAILED, UNTOUCHED, RowStates
from hookline_bulk.runners import GatewayLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.action import JsonObject
    from hookline.cli.context import CommandContext
    from hookline_bulk.mapping import Mapping
    from hookline_bulk.row_files import Format
    from hookline_bulk.runners import RowRunner

_NANO = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchPlan:
    """The options of the command; see its help."""

    action_id: str
    source: Path
    target: Path | None
    maps: tuple[str, ...] = ()
    constants: tuple[str, ...] = field(default=(), repr=False)
    templates: tuple[str, ...] = field(default=(), repr=False)
    id_column: str | None = None
    format: Format | None = None
    delimiter: str | None = None
    in_order: bool = True
    concurrency: int = 8
    limit: int | None = None
    is_dry: bool = False
    max_cost_usd: float | None = None
    retries_failed: bool = False
    retries_unknown: bool = False
    url: str | None = None
    key_env: str = "HOOKLINE_API_KEY"
    key_file: Path | None = None
    is_sandbox: bool = False
    as_json: bool = False


def run_batch(context: CommandContext, plan: BatchPlan) -> None:
    """Carry the command out.

    Raises:
        CommandError: If it cannot be.
        click.exceptions.Exit: With the exit status, unless all rows went well.
    """
    _check(plan)
    mapping = read_mapping(
        maps=plan.maps,
        constants=read_input(None, plan.constants),
        templates=plan.templates,
        id_column=plan.id_column,
    )
    rows = RowFile(plan.source, format=plan.format, delimiter=plan.delimiter)
    if rows.columns is not None:
        mapping.check(rows.columns, plan.source.name)
    total = _count_rows(rows, mapping)
    with _open_runner(context, plan) as runner:
        if plan.is_dry:
            _forecast(plan, rows, mapping, total, runner)
        else:
            _run(plan, rows, mapping, total, runner)


def _check(plan: BatchPlan) -> None:
    if plan.target is None and not plan.is_dry:
        raise CommandError("--out is missing: say where the results go, or ask for a --dry-run.")
    if plan.target is not None and plan.target.resolve() == plan.source.resolve():
        raise CommandError("--out must not be the file that --in names.")
    if plan.max_cost_usd is not None and not (0 < plan.max_cost_usd < math.inf):
        raise CommandError("--max-cost must be an amount above zero, in US dollars.")
    if plan.delimiter is not None and len(plan.delimiter) != 1:
        raise CommandError("--delimiter must be one character.")
    if plan.url is not None and plan.is_sandbox:
        raise CommandError("--sandbox does not go with --url: it is for a gateway in this process.")


def _count_rows(rows: RowFile, mapping: Mapping) -> int:
    """Return how many rows there are; whatever is wrong with one is found before anything is paid for."""
    total = 0
    for row in rows:
        total = row.number
        mapping.check_row(row, rows.path.name)
    return total


@contextmanager
def _open_runner(context: CommandContext, plan: BatchPlan) -> Iterator[RowRunner]:
    if plan.url is None:
        from hookline_bulk.local_runner import open_local

        with open_local(context, plan.action_id, sandbox=plan.is_sandbox) as local:
            yield local
        return
    from hookline_bulk.remote_runner import RemoteRunner

    key = read_key(context.environ, variable=plan.key_env, file=plan.key_file)
    try:
        remote = RemoteRunner(plan.url, key, plan.action_id)
    except GatewayLostError as exc:
        raise CommandFailedError(exc.message) from exc
    if remote.is_in_clear:
        warn("the key goes to --url in clear text; use https://.")
    try:
        yield remote
    finally:
        remote.close()


def _forecast(plan: BatchPlan, rows: RowFile, mapping: Mapping, total: int, runner: RowRunner) -> None:
    jobs = iterate_jobs(iter(rows), mapping, lambda number: True, plan.limit)
    tally = Tally(total=total if plan.limit is None else min(total, plan.limit))
    with BatchProgress(tally, SYSTEM_CLOCK, is_quiet=plan.as_json) as progress:

        def tick(done: int) -> None:
            tally.succeeded = done
            progress.tick()

        found = forecast(jobs, runner, tick)
    show_forecast(found, as_json=plan.as_json)
    if found.refused:
        raise click.exceptions.Exit(1)


def _run(plan: BatchPlan, rows: RowFile, mapping: Mapping, total: int, runner: RowRunner) -> None:
    assert plan.target is not None  # it was checked
    states = RowStates()
    path = plan.target.with_name(plan.target.name + ".journal")
    if plan.target.exists() and plan.target.stat().st_size and not path.exists():
        raise CommandError(
            f"--out: {str(plan.target)!r} exists, and has no journal to go on with.",
            hint="Choose another --out, or move that file away.",
        )
    identity: JsonObject = {
        "action": plan.action_id,
        "input": rows.fingerprint(),
        "mapping": mapping.as_json(),
    }
    journal = Journal(path, identity, states)
    try:
        results = ResultFile(plan.target, states)
        wants = _choose(plan, states, repeats=runner.is_repeatable)
        waiting = sum(1 for number in range(1, total + 1) if wants(number))
        tally = Tally(total=waiting if plan.limit is None else min(waiting, plan.limit))
        with BatchProgress(tally, SYSTEM_CLOCK, is_quiet=plan.as_json) as progress:
            run = BatchRun(
                iterate_jobs(iter(rows), mapping, wants, plan.limit),
                tally,
                runner=runner,
                journal=journal,
                results=results,
                states=states,
                concurrency=plan.concurrency,
                max_cost_nano_usd=None if plan.max_cost_usd is None else round(plan.max_cost_usd * _NANO),
                clock=SYSTEM_CLOCK,
                tick=progress.tick,
            )
            try:
                with _interrupts(run):
                    run.run()
            finally:
                results.close(in_order=plan.in_order)
        show_summary(plan.target, tally, states, results, total=total, as_json=plan.as_json)
    finally:
        journal.close()
    code = exit_code(tally, states)
    if code:
        raise click.exceptions.Exit(code)


def _choose(plan: BatchPlan, states: RowStates, *, repeats: bool) -> Callable[[int], bool]:
    """Return what tells whether a row is to be run now."""
    wanted = {UNTOUCHED}
    if plan.retries_failed:
        wanted.add(FAILED)
    if plan.retries_unknown or repeats:
        wanted.add(BEGUN)
    return lambda number: states.get(number) in wanted


@contextmanager
def _interrupts(run: BatchRun) -> Iterator[None]:
    """Let Ctrl-C, and the signal to end, stop a run in order; the second one ends what runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def interrupt(number: int, frame: object) -> None:
        run.interrupt()

    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
