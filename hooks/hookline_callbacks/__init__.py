"""Results of jobs, posted to an address that the caller named: checked, signed, and tried again for days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl
from hookline_callbacks.acceptance import names_a_callback

if TYPE_CHECKING:
    import click

    from hookline import Job, Order
    from hookline.gateway import Gateway
    from hookline.order import Proceed
    from hookline.routes import Reply, RouteRegistry
    from hookline_callbacks.post_office import PostOffice


class CallbacksPlugin:
    """Posts results for one gateway."""

    options = "hookline_callbacks.options:CallbacksOptions"

    def __init__(self) -> None:
        self._office: PostOffice

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options; nothing is opened and no thread is started before there may be a delivery."""
        from hookline_callbacks.acceptance import OPTIONS
        from hookline_callbacks.options import CallbacksOptions
        from hookline_callbacks.post_office import PostOffice

        self._office = PostOffice(gateway, gateway.options_of(CallbacksOptions))
        gateway.add_background(self._office.begin)
        gateway.add_call_option(*OPTIONS)

    @hookimpl
    def hookline_register_routes(self, routes: RouteRegistry) -> None:
        """Add the routes of deliveries and of the secrets that they are signed with."""
        from hookline_callbacks.views import add_routes

        add_routes(routes, self._office)

    @hookimpl
    def hookline_register_commands(self, group: click.Group) -> None:
        """Add ``hookline callbacks``."""
        from hookline.cli.later import LaterCommand

        group.add_command(
            LaterCommand(
                "callbacks",
                "hookline_callbacks.commands:callbacks",
                short_help="See posted results, send them again, renew their secrets.",
            )
        )

    @hookimpl(tryfirst=True)
    def hookline_run_order(self, order: Order, proceed: Proceed) -> Reply | None:
        """Check the address of an order that names one, before anything is paid for."""
        if not names_a_callback(order):
            return None
        return proceed(self._office.door.admit(order))

    @hookimpl
    def hookline_job_over(self, job: Job) -> None:
        """Take the result of a job whose order named an address."""
        if job.callback_url is not None:
            self._office.take(job)

    @hookimpl
    def hookline_shutdown(self) -> None:
        """Let what is being sent finish; the rest waits in the database."""
        self._office.close()
