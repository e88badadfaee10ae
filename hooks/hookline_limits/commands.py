"""The command ``hookline limits``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import CommandError, echo_json, print_table

if TYPE_CHECKING:
    from hookline_limits.report import LimitRow

_EPILOG = """\
\b
Examples:
  hookline limits show                              what the settings limit
  hookline limits show --key KEY_ID                 what applies to a key, and how much of it is used
  hookline limits show --key KEY_ID --user ada      and to one of its users
  hookline limits show --key KEY_ID --json

What a gateway with one worker counts in its memory is not seen from here: it shows as not known.

Exit status: 0 shown, 1 the store does not answer, 2 wrong usage or configuration.
"""
_HELP = {"help_option_names": ["-h", "--help"]}


@click.group(context_settings=_HELP)
def limits() -> None:
    """See limits and budgets, and what of them is used."""


@limits.command(epilog=_EPILOG, context_settings=_HELP)
@click.option("--key", "key_id", metavar="ID", help="Public id of a key: its own limits, and its parents'.")
@click.option(
    "--tenant",
    metavar="NAME",
    help="Tenant of a key that only its maker knows, such as a provider of tokens.",
)
@click.option("--user", metavar="NAME", help="An end user; without one those who are not named.")
@click.option("--flow", metavar="LABEL", help="A flow; without one those that have no label.")
@click.option("--action", "action_id", metavar="ID", help="What applies to calls on this action.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@pass_context
def show(
    context: CommandContext,
    key_id: str | None,
    tenant: str | None,
    user: str | None,
    flow: str | None,
    action_id: str | None,
    as_json: bool,
) -> None:
    """Show which limits apply, and how much of each is used."""
    from hookline.errors import ConfigurationError, HooklineError, NotFoundError
    from hookline_limits.report import make_report

    with context.open_gateway() as gateway:
        if action_id is not None and action_id not in {action.id for action in gateway.catalog}:
            raise CommandError(
                f"There is no action {action_id!r}.", hint="`hookline actions list` shows them all."
            )
        try:
            rows = make_report(
                gateway, key_id=key_id, tenant=tenant, user=user, flow=flow, action_id=action_id or ""
            )
        except ConfigurationError:
            raise
        except NotFoundError as exc:
            raise CommandError(exc.message, hint=exc.hint) from exc
        except HooklineError as exc:
            raise click.ClickException(exc.message) from exc
    if as_json:
        echo_json({"key": key_id, "limits": [row.as_json() for row in rows]})
        return
    if not rows:
        click.echo("Nothing is limited.")
        return
    print_table(["limit", "for", "used", "left", "actions"], [_cells(row) for row in rows], flexible="for")


def _cells(row: LimitRow) -> list[str]:
    used = "not known" if row.used is None else row.amount_text(row.used)
    left = "" if row.used is None else row.amount_text(max(0, row.amount - row.used))
    return [row.limit, row.holder, used, left, row.actions]
