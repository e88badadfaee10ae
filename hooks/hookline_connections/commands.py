"""The commands ``hookline connections ...``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import CommandError, CommandFailedError, describe_problem, echo_json
from hookline_connections.secret_input import credential_options, read_credential
from hookline_connections.showing import show_all, show_one

if TYPE_CHECKING:
    from hookline_connections.desk import Actor, Desk
    from hookline_connections.office import Office

_HELP = {"help_option_names": ["-h", "--help"]}
_EPILOG = """\
\b
Examples:
  hookline connections add openai                                 asks for the key, and does not show it
  hookline connections add backup --connector openai --priority 1 --credential-file key.txt
  hookline connections add local --connector openai --base-url http://127.0.0.1:8000/v1 --no-credential
  hookline connections add azure --connector openai --base-url https://llm.example.com/v1 \\
      --credential-ref file:/run/secrets/llm
  hookline connections test openai
  hookline connections rotate openai --credential-stdin < key.txt

A credential is never an argument: arguments can be read by everybody on the machine.

Exit status: 0 done, 1 a test or the database failed, 2 wrong usage or configuration.
"""

_tenant = click.option(
    "--tenant", default="", metavar="TENANT", help="Whose it is; without it, the operator's, for all tenants."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group(epilog=_EPILOG, context_settings=_HELP)
def connections() -> None:
    """Keep upstream accounts, with their credentials encrypted."""


@connections.command(context_settings=_HELP)
@click.argument("name")
@click.option(
    "--connector", metavar="ID", help="Whose actions use it; by default the connector of that name."
)
@_tenant
@click.option("--base-url", metavar="URL", help="Where the service is; by default the connector's address.")
@click.option(
    "--allow-origin",
    "more_origins",
    multiple=True,
    metavar="URL",
    help="Also send the credential to this origin. May be repeated.",
)
@click.option(
    "--option", "pairs", multiple=True, metavar="KEY=VALUE", help="An option of the connector. Repeatable."
)
@click.option("--weight", default=1, show_default=True, help="Share of the calls; 0 only when others failed.")
@click.option("--priority", default=0, show_default=True, help="The lowest is asked first.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="PATTERN",
    help="A model that it serves, such as gpt-5* ; without it, all. Repeatable.",
)
@credential_options
@click.option("--no-credential", is_flag=True, help="The service needs none.")
@_json
@pass_context
def add(
    context: CommandContext,
    name: str,
    connector: str | None,
    tenant: str,
    base_url: str | None,
    more_origins: tuple[str, ...],
    pairs: tuple[str, ...],
    weight: int,
    priority: int,
    models: tuple[str, ...],
    credential_file: Path | None,
    credential_stdin: bool,
    credential_ref: str | None,
    no_credential: bool,
    as_json: bool,
) -> None:
    """Store a connection; asks for its credential unless an option says where it is."""
    from dataclasses import replace

    from hookline_connections.drafts import Draft, check_draft

    with _desk(context) as (office, desk):
        draft = Draft(
            tenant=tenant,
            name=name,
            connector=connector,
            base_url=base_url,
            more_origins=more_origins,
            options=dict(_pair(text) for text in pairs),
            credential_ref=credential_ref,
            weight=weight,
            priority=priority,
            models=models or ("*",),
        )
        checked = check_draft(draft, office.gateway)  # before anybody types a credential in vain
        is_said = credential_file is not None or credential_stdin or credential_ref is not None
        takes_none = office.gateway.catalog.connectors[checked.connector].credential is None
        secret = read_credential(
            file=credential_file,
            from_stdin=credential_stdin,
            reference=credential_ref,
            none=no_credential or (takes_none and not is_said),
        )
        draft = replace(draft, secret=secret)
        row = desk.add(draft, actor())
        show_one(desk.describe(row), as_json=as_json)
        if not as_json:
            whose = f" --tenant {tenant}" if tenant else ""
            click.echo(f"\nTry it: hookline connections test {name}{whose}", err=True)


@connections.command("list", context_settings=_HELP)
@click.option("--tenant", default=None, metavar="TENANT", help="Only those of one tenant.")
@_json
@pass_context
def list_all(context: CommandContext, tenant: str | None, as_json: bool) -> None:
    """Show all stored connections, never a part of a credential.

    Two credentials with the same fingerprint are the same. Fingerprints change with `rotate-key`.
    """
    with _desk(context) as (_, desk):
        found = [desk.describe(row) for row in desk.table.read(tenant)]
    if as_json:
        echo_json({"connections": found, "count": len(found)})
    elif not found:
        click.echo("No connection is stored. `hookline connections add --help` shows how.")
    else:
        show_all(found)


@connections.command(context_settings=_HELP)
@click.argument("name")
@_tenant
@_json
@pass_context
def show(context: CommandContext, name: str, tenant: str, as_json: bool) -> None:
    """Show one connection, never a part of its credential."""
    with _desk(context) as (_, desk):
        show_one(desk.describe(desk.find(tenant, name)), as_json=as_json)


@connections.command(context_settings=_HELP)
@click.argument("name")
@_tenant
@_json
@pass_context
def test(context: CommandContext, name: str, tenant: str, as_json: bool) -> None:
    """Make one cheap call that changes nothing, and say whether it worked."""
    from hookline_connections.trial import operator_of, try_row

    with _desk(context) as (office, desk):
        row = desk.find(tenant, name)
        with _logged() as reasons:
            trial = try_row(office, operator_of(row), row)
    if as_json:
        echo_json(trial.as_json())
    elif trial.problem is None:
        click.echo(f"{trial.label} works ({trial.elapsed_ms} ms).")
    else:
        click.echo(f"{trial.label} does not work ({trial.elapsed_ms} ms).")
        click.echo(describe_problem(trial.problem), err=True)
        call_id = str(trial.problem.get("instance"))
        for reason in reasons:
            if call_id not in reason:  # that would only say again what stands above
                click.echo(f"  log       {reason}", err=True)
    if trial.is_disabled and not as_json:
        whose = f" --tenant {tenant}" if tenant else ""
        click.echo(f"It is switched off: no call uses it until `hookline connections enable {name}{whose}`.")
    if trial.problem is not None:
        raise click.exceptions.Exit(1)


@connections.command(context_settings=_HELP)
@click.argument("name")
@_tenant
@click.option("--base-url", metavar="URL", help="Bind the new credential to this address instead.")
@credential_options
@_json
@pass_context
def rotate(
    context: CommandContext,
    name: str,
    tenant: str,
    base_url: str | None,
    credential_file: Path | None,
    credential_stdin: bool,
    credential_ref: str | None,
    as_json: bool,
) -> None:
    """Replace the credential of a connection; asks for the new one."""
    with _desk(context) as (_, desk):
        desk.find(tenant, name)
        secret = read_credential(file=credential_file, from_stdin=credential_stdin, reference=credential_ref)
        row = desk.rotate(
            tenant, name, actor(), secret=secret, credential_ref=credential_ref, base_url=base_url
        )
        show_one(desk.describe(row), as_json=as_json)


@connections.command(context_settings=_HELP)
@click.argument("name")
@_tenant
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def remove(context: CommandContext, name: str, tenant: str, yes: bool) -> None:
    """Forget a connection and its credential, for good."""
    with _desk(context) as (_, desk):
        row = desk.find(tenant, name)
        if not yes:
            click.confirm(f"Forget the connection {row.id} and its credential?", abort=True, err=True)
        desk.remove(tenant, name, actor())
    click.echo(f"The connection {row.id} is gone.")


@connections.command(context_settings=_HELP)
@click.argument("name")
@_tenant
@pass_context
def enable(context: CommandContext, name: str, tenant: str) -> None:
    """Let a connection take calls again."""
    with _desk(context) as (_, desk):
        row = desk.switch(tenant, name, actor(), is_disabled=False)
    click.echo(f"The connection {row.id} takes calls again.")


@connections.command(context_settings=_HELP)
@click.argument("name")
@_tenant
@pass_context
def disable(context: CommandContext, name: str, tenant: str) -> None:
    """Let a connection take no more calls, and keep it."""
    with _desk(context) as (_, desk):
        row = desk.switch(tenant, name, actor(), is_disabled=True)
    click.echo(f"The connection {row.id} takes no more calls.")


@connections.command("rotate-key", context_settings=_HELP)
@click.option("--forget-old", is_flag=True, help="Then remove all older keys; backups need them.")
@_json
@pass_context
def rotate_key(context: CommandContext, forget_old: bool, as_json: bool) -> None:
    """Make a new key and seal every credential anew with it.

    May be broken off: the next run goes on where this one ended. With keys from HOOKLINE_CONNECTIONS_KEY put
    the new one before the old, with a comma between them; then this command seals anew with the first.
    """
    from hookline_connections.rotation import rotate_keys

    with _desk(context) as (office, desk):
        outcome = rotate_keys(office.keys, desk, actor(), forget_old=forget_old)
    if as_json:
        echo_json(outcome.as_json())
    else:
        for line in outcome.lines():
            click.echo(line)
    if outcome.problems:
        raise CommandFailedError(
            f"{len(outcome.problems)} could not be sealed anew: {'; '.join(outcome.problems)}.",
            hint="Put the missing key back, or set the credential again with `hookline connections rotate`.",
        )


def _pair(text: str) -> tuple[str, object]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise CommandError(f"--option is KEY=VALUE; {name[:40]!r} is not.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def actor() -> Actor:
    """Return who typed the command."""
    import getpass
    import os

    from hookline_connections.desk import Actor

    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        name = f"uid {os.getuid()}"
    return Actor(name=f"cli:{name}")


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Collect the errors that are logged meanwhile: what callers must not read, whoever runs this may."""
    import logging

    reasons: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            reasons.append(record.getMessage())

    collector = Collector(logging.ERROR)
    log = logging.getLogger("hookline")
    log.addHandler(collector)
    try:
        yield reasons
    finally:
        log.removeHandler(collector)


@contextmanager
def _desk(context: CommandContext) -> Iterator[tuple[Office, Desk]]:
    """Open the gateway's database; what somebody typed wrongly is wrong usage."""
    import random

    from hookline.errors import InvalidInputError, NotFoundError, PermissionDeniedError
    from hookline_connections.office import Office

    with context.open_gateway() as gateway:
        office = Office(gateway, random=random.random)
        try:
            yield office, office.desk()
        except (InvalidInputError, NotFoundError, PermissionDeniedError) as exc:
            hint = "`hookline connections list` shows those that there are." if exc.status == 404 else ""
            raise CommandError(exc.message, hint=hint) from exc
