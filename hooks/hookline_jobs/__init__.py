"""Calls that take longer than their caller waits: deadlines, answers that come later, and jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    import click

    from hookline import Call, Order, Principal, Proceed, Reply, RouteRegistry, UpstreamRequest
    from hookline.gateway import Gateway
    from hookline_jobs.office import MakeEngine, Office


class JobsPlugin:
    """Runs the jobs of one gateway.

    Args:
        make_engine: Makes the queue; by default DBOS, or one in memory if the gateway keeps nothing.
        pace: How much of a second a second takes for those who wait; to try long waits out.
    """

    options = "hookline_jobs.options:JobsOptions"

    def __init__(self, make_engine: MakeEngine | None = None, *, pace: float = 1.0) -> None:
        self._make_engine = make_engine
        self._pace = pace
        self._office: Office | None = None

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options; nothing is opened and no thread is started before the first job."""
        from hookline_jobs.described import ACCEPTED, OPTIONS
        from hookline_jobs.office import Office, make_engine

        self._office = Office(gateway, make_engine=self._make_engine or make_engine, pace=self._pace)
        gateway.add_background(self._office.begin)
        gateway.add_call_option(*OPTIONS)
        gateway.add_call_answer(202, ACCEPTED)

    @hookimpl
    def hookline_register_routes(self, routes: RouteRegistry) -> None:
        """Add ``/jobs``."""
        from hookline_jobs.views import add_routes

        if self._office is not None:
            add_routes(routes, self._office)

    @hookimpl
    def hookline_register_commands(self, group: click.Group) -> None:
        """Add ``hookline jobs`` and ``hookline worker``."""
        from hookline.cli.later import LaterCommand

        group.add_command(LaterCommand("jobs", "hookline_jobs.commands:jobs", short_help="See and end jobs."))
        group.add_command(
            LaterCommand("worker", "hookline_jobs.commands:worker", short_help="Run jobs, without listening.")
        )

    @hookimpl
    def hookline_run_order(self, principal: Principal, order: Order, proceed: Proceed) -> Reply | None:
        """Run an order in the time that its caller has, or as a job."""
        return None if self._office is None else self._office.run(principal, order, proceed)

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call, request: UpstreamRequest) -> None:
        """Note before the first attempt that the upstream may have been asked."""
        if self._office is not None:
            self._office.note_sent(call)

    @hookimpl
    def hookline_shutdown(self) -> None:
        """Finish what runs, and let others have what waits."""
        if self._office is not None:
            self._office.close()
