"""The commands ``hookline callbacks secret show`` and ``rotate``."""

from __future__ import annotations

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import echo_json

_HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
_TENANT = click.option("--tenant", required=True, metavar="NAME", help="Whose secret.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group(context_settings=_HELP_OPTIONS)
def secret() -> None:
    """See and renew what a tenant's results are signed with."""


@secret.command(context_settings=_HELP_OPTIONS)
@_TENANT
@click.option("--reveal", is_flag=True, help="Print the secrets themselves; the audit log notes it.")
@_JSON
@pass_context
def show(context: CommandContext, tenant: str, reveal: bool, as_json: bool) -> None:
    """Show the secrets that sign now, the newest first."""
    from hookline_callbacks.commands import actor, open_office
    from hookline_callbacks.desk import tell_secrets

    with open_office(context) as office:
        told = tell_secrets(office, tenant, is_shown=reveal, actor=actor(), client="")
    if as_json:
        echo_json({"tenant": tenant, "secrets": told})
    elif not told:
        click.echo(f"{tenant} has no secret yet; --reveal makes one, and so does its first callback.")
    for one in () if as_json else told:
        ends = f", signs until {one['retires_at']}" if one["retires_at"] else ""
        click.echo(f"secret {one['id']}, made {one['created_at']}{ends}")
        if reveal:
            click.echo(f"  {one['secret']}")


@secret.command(context_settings=_HELP_OPTIONS)
@_TENANT
@click.option(
    "--grace",
    "grace_s",
    type=click.IntRange(0, 2_592_000),
    metavar="SECONDS",
    help="How long the old secret signs as well; a day by default.",
)
@_JSON
@pass_context
def rotate(context: CommandContext, tenant: str, grace_s: int | None, as_json: bool) -> None:
    """Make a new secret and print it. The old one signs beside it for a while."""
    from hookline_callbacks.commands import actor, open_office
    from hookline_callbacks.desk import rotate_secret

    with open_office(context) as office:
        grace_s = office.base.rotation_grace_s if grace_s is None else grace_s
        told = rotate_secret(office, tenant, grace_s=grace_s, actor=actor(), client="")
    if as_json:
        echo_json({"tenant": tenant, **told})
    else:
        click.echo(f"secret {told['id']} of {tenant}; the one before it signs for {grace_s:,} s more")
        click.echo(f"  {told['secret']}")
