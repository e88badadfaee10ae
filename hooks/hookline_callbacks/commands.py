"""The commands ``hookline callbacks list``, ``show`` and ``redeliver``."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import CommandFailedError, echo_json, print_table
from hookline_callbacks.deliveries import STATES, told_time
from hookline_callbacks.secret_commands import secret

if TYPE_CHECKING:
    from hookline_callbacks.deliveries import Delivery, State
    from hookline_callbacks.post_office import PostOffice

_EPILOG = """\
\b
Examples:
  hookline callbacks list --state failed           what never arrived
  hookline callbacks show msg_0123                 every attempt of one, and what was wrong
  hookline callbacks redeliver msg_0123            once more, with the same id
  hookline callbacks secret show --tenant acme --reveal

Exit status: 0 done, 1 no such delivery or the database cannot be used, 2 wrong usage or configuration.
"""
_HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


@click.group(epilog=_EPILOG, context_settings=_HELP_OPTIONS)
def callbacks() -> None:
    """See posted results, send them again, renew their secrets."""


@callbacks.command("list", context_settings=_HELP_OPTIONS)
@click.option("--tenant", metavar="NAME", help="Only this tenant's.")
@click.option("--job", "job_id", metavar="ID", help="Only this job's.")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 1000), metavar="N", help="Most rows."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@pass_context
def list_(
    context: CommandContext,
    tenant: str | None,
    job_id: str | None,
    state: State | None,
    limit: int,
    as_json: bool,
) -> None:
    """List deliveries, the newest first."""
    with open_office(context) as office:
        found = office.deliveries.search(tenant=tenant, job_id=job_id, state=state, limit=limit)
        where = office.gateway.database.url_shown
    if as_json:
        echo_json({"deliveries": [_told(one) for one in found]})
    elif not found:
        click.echo(f"No such delivery is in {where}.")
    else:
        columns = ["ID", "TENANT", "STATE", "TRIES", "RECEIVER", "LAST ERROR"]
        print_table(columns, [_row(one) for one in found], flexible="LAST ERROR")


@callbacks.command(context_settings=_HELP_OPTIONS)
@click.argument("delivery_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@pass_context
def show(context: CommandContext, delivery_id: str, as_json: bool) -> None:
    """Show a delivery and its attempts. Address and content stay hidden."""
    with open_office(context) as office:
        found = _find(office, delivery_id)
    if as_json:
        echo_json(_told(found))
    else:
        _print(found)


@callbacks.command(context_settings=_HELP_OPTIONS)
@click.argument("delivery_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@pass_context
def redeliver(context: CommandContext, delivery_id: str, as_json: bool) -> None:
    """Let a running gateway post a result again."""
    from hookline_callbacks.desk import redeliver as send_again

    with open_office(context) as office:
        again = send_again(office, _find(office, delivery_id), actor=actor(), client="", is_carried=False)
    if again is None:
        raise _no_such_delivery(delivery_id)
    if as_json:
        echo_json(_told(again))
    else:
        click.echo(
            f"{again.id} is due now; a gateway that runs on this database posts it to {again.receiver}."
        )


@contextmanager
def open_office(context: CommandContext) -> Iterator[PostOffice]:
    """Give the plugin's parts to a command; nothing is carried."""
    from hookline_callbacks.options import CallbacksOptions
    from hookline_callbacks.post_office import PostOffice

    with context.open_gateway() as gateway:
        yield PostOffice(gateway, gateway.options_of(CallbacksOptions))


def actor() -> str:
    """Return who types this, for the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name, as in containers
        return "cli"


def _find(office: PostOffice, id: str) -> Delivery:
    found = office.deliveries.find(id) if id.isprintable() else None
    if found is None:
        raise _no_such_delivery(id)
    return found


def _no_such_delivery(id: str) -> CommandFailedError:
    return CommandFailedError(
        f"There is no delivery {id[:60]!r}.", hint="`hookline callbacks list` shows them all."
    )


def _told(delivery: Delivery) -> dict[str, object]:
    return {"tenant": delivery.tenant, **delivery.as_json()}


def _row(one: Delivery) -> list[str]:
    error = one.history[-1].error if one.history else None
    return [one.id, one.tenant, one.state, str(len(one.history)), one.receiver, error or ""]


def _print(one: Delivery) -> None:
    rows = [
        ("delivery", one.id),
        ("job", one.job_id),
        ("tenant", one.tenant),
        ("key", one.key_id),
        ("receiver", one.receiver),
        ("state", one.state),
        ("taken", told_time(one.created_at_us)),
        ("next try", told_time(one.next_at_us) if one.state == "waiting" else None),
        ("over", told_time(one.ended_at_us)),
    ]
    for name, value in rows:
        if value is not None:
            click.echo(f"{name:<10}{value}")
    for attempt in one.history:
        status = "no answer" if attempt.status is None else str(attempt.status)
        line = f"  {told_time(attempt.at_us)}  {status:<9}  {attempt.took_ms:>6} ms  {attempt.error or ''}"
        click.echo(line.rstrip())


callbacks.add_command(secret)
