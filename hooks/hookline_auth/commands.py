"""The command ``hookline keys``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO, TypeVar

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import CommandError, CommandFailedError, echo_json, warn
from hookline_auth.command_parts import (
    add_signing,
    now_us,
    open_callers,
    print_rows,
    read_key_id,
    read_rights,
    read_span,
    read_time,
    show_made,
    show_row,
)

if TYPE_CHECKING:
    from hookline.connector import JsonObject

F = TypeVar("F", bound=Callable[..., object])

_HELP = {"help_option_names": ["-h", "--help"]}
_EXIT = (
    "\n\nExit status: 0 done, 1 it was refused or the database is not available, 2 wrong usage or "
    "configuration.\n"
)

_EPILOG = (
    """\
\b
Examples:
  hookline keys create --label "Zapier, invoices"         a key that may run every action
  hookline keys create --label n8n --action "openai.*" --model gpt-5.4-mini --limit "60 requests / minute"
  hookline keys create --label ops --admin                a key for the admin API
  hookline keys list                                      which keys there are
  hookline keys rotate abcdefghijklmnop --grace 1h        a new secret; the old one works for another hour
  hookline keys revoke abcdefghijklmnop                   end a key and all that descend from it
"""
    + _EXIT
)
_CREATE_EPILOG = (
    """\
\b
Examples:
  hookline keys create --label "Zapier, invoices"
  hookline keys create --label "build server" --action openai.embed --network 10.0.0.0/8 --expires 90d
  hookline keys create --label "Ada's flows" --tenant acme --limit "5 usd / day" --max-output-tokens 2000
  hookline keys create --label "GitHub" --signing required --scheme github --signing-secret-file secret.txt
  hookline keys create --label ops --admin --scope audit:read --json

\b
The key is shown once. What is stored cannot be turned back into it.
An action or a model may end with *, which matches any rest. Options with several values are repeated.
A limit is written like "60 requests / minute", "9000 tokens / hour per user", "8 concurrent", "5 usd / day".
--admin adds keys:admin, connections:admin and connections:test, which all stay within the key's tenant.
usage:admin and audit:read show more than one tenant, so they must be asked for by --scope.
"""
    + _EXIT
)


@click.group(epilog=_EPILOG, context_settings=_HELP)
def keys() -> None:
    """Make, list and end the API keys of callers.

    The keys are in the database of the settings, the one that the server uses. A change works at once; other
    processes follow within the seconds of `cache_s`, 5 by default.
    """


def _rights(function: F) -> F:
    """Add the options that say what a key may do."""
    for option in reversed(
        [
            click.option(
                "--scope",
                "scopes",
                multiple=True,
                metavar="SCOPE",
                help="A scope, in place of the default ones.",
            ),
            click.option("--action", "actions", multiple=True, metavar="PATTERN", help="Only these actions."),
            click.option("--model", "models", multiple=True, metavar="PATTERN", help="Only these models."),
            click.option(
                "--connection", "connections", multiple=True, metavar="NAME", help="Only these accounts."
            ),
            click.option(
                "--network", "networks", multiple=True, metavar="CIDR", help="Only from these networks."
            ),
            click.option(
                "--limit", "limits", multiple=True, metavar="LIMIT", help="What is counted and bounded."
            ),
            click.option(
                "--max-output-tokens", type=click.IntRange(min=1), help="Most tokens of one answer."
            ),
            click.option("--max-choices", type=click.IntRange(min=1), help="Most answers to one prompt."),
            click.option(
                "--max-stream-s",
                type=click.FloatRange(min=0, min_open=True),
                help="Most seconds of one stream.",
            ),
        ]
    ):
        function = option(function)
    return function


def _signing(function: F) -> F:
    """Add the options that say how requests are signed."""
    for option in reversed(
        [
            click.option(
                "--signing",
                type=click.Choice(["off", "optional", "required"]),
                help="Whether requests with this key are signed.",
            ),
            click.option(
                "--scheme",
                type=click.Choice(["standard", "github"]),
                default="standard",
                show_default=True,
                help="Standard Webhooks, or GitHub's X-Hub-Signature-256.",
            ),
            click.option(
                "--signing-secret-file",
                "secret_file",
                type=click.File("r", encoding="utf-8"),
                metavar="FILE",
                help="A secret that the sender has already; - reads stdin.",
            ),
        ]
    ):
        function = option(function)
    return function


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@keys.command(epilog=_CREATE_EPILOG, context_settings=_HELP)
@click.option("--label", required=True, help="A name that people recognise.")
@click.option("--tenant", default="default", show_default=True, help="Whose key it is.")
@click.option("--parent", metavar="ID", help="A key that it descends from and can never do more than.")
@click.option("--admin", "is_admin", is_flag=True, help="Also the scopes of an administrator of the tenant.")
@_rights
@click.option(
    "--expires", metavar="WHEN", help="When it ends: 90d, 12h, or a time such as 2027-01-31T12:00:00Z."
)
@_signing
@_json
@pass_context
def create(
    context: CommandContext,
    /,
    label: str,
    tenant: str,
    parent: str | None,
    is_admin: bool,
    expires: str | None,
    signing: str | None,
    scheme: str,
    secret_file: TextIO | None,
    as_json: bool,
    **rights: object,
) -> None:
    """Make a key and show it, this once."""
    values = read_rights(rights)
    if is_admin:
        from hookline_auth.rights import ADMIN_SCOPES, DEFAULT_SCOPES

        given = values.get("scopes", sorted(DEFAULT_SCOPES))
        assert isinstance(given, list)
        values["scopes"] = sorted({*given, *ADMIN_SCOPES})
    values.update({"label": label, "tenant": tenant})
    add_signing(values, signing, scheme, secret_file)
    with open_callers(context) as callers:
        from hookline_auth.desk import operator
        from hookline_auth.wanted import NewKeyOfTenant, read

        if expires is not None:
            values["expires_at"] = read_time(expires)
        wanted = read(NewKeyOfTenant, values)
        maker_id = None if parent is None else read_key_id(parent)
        made = callers.desk.create(wanted, operator(), tenant=wanted.tenant, maker_id=maker_id)
        show_made(made, as_json=as_json)


@keys.command(
    "list", context_settings=_HELP, epilog="\b\nExample:\n  hookline keys list --tenant acme --all" + _EXIT
)
@click.option("--tenant", help="Of this tenant only.")
@click.option("--search", default="", help="With this in their label.")
@click.option("--all", "with_ended", is_flag=True, help="Also those that were revoked or have expired.")
@_json
@pass_context
def list_keys(
    context: CommandContext, tenant: str | None, search: str, with_ended: bool, as_json: bool
) -> None:
    """List the keys."""
    with open_callers(context) as callers:
        from hookline_auth.key_records import describe

        now = now_us()
        found, after = [], ""
        while page := callers.store.search(
            tenant=tenant, text=search, after=after, with_ended=with_ended, now_us=now
        ):
            found += page
            after = page[-1].id
        rows = [describe(record, now_us=now) for record in found]
        others = callers.look_for_other_peppers()
        pepper_id = callers.pepper.get().id
        for record, row in zip(found, rows, strict=True):
            if record.pepper_id != pepper_id:
                row["status"] = "other pepper"
    if as_json:
        echo_json({"keys": rows})
    elif rows:
        print_rows(rows)
    else:
        click.echo("There are no keys. `hookline keys create --label NAME` makes one.")
    if others:
        warn(
            f"{others} keys were made with another pepper and are not valid here. Restore the file "
            "key.pepper or HOOKLINE_KEY_PEPPER of the installation they come from, or make new keys."
        )


@keys.command(
    context_settings=_HELP, epilog="\b\nExample:\n  hookline keys show abcdefghijklmnop --json" + _EXIT
)
@click.argument("key_id", metavar="ID")
@_json
@pass_context
def show(context: CommandContext, key_id: str, as_json: bool) -> None:
    """Show what a key may do; never the key itself."""
    id = read_key_id(key_id)
    with open_callers(context) as callers:
        from hookline_auth.desk import no_such_key
        from hookline_auth.key_records import UnreadableKeyError, describe

        try:
            record = callers.store.find(id)
        except UnreadableKeyError as exc:
            raise CommandFailedError(f"The key {id} is damaged: {exc}.") from exc
        if record is None:
            raise no_such_key(id)
        show_row(describe(record, now_us=now_us()), as_json=as_json)


@keys.command(
    context_settings=_HELP,
    epilog="\b\nExamples:\n  hookline keys rotate abcdefghijklmnop\n"
    "  hookline keys rotate abcdefghijklmnop --grace 0s" + _EXIT,
)
@click.argument("key_id", metavar="ID")
@click.option(
    "--grace", metavar="SPAN", help="How long the old secret works as well, such as 1h; 24 h by default."
)
@_json
@pass_context
def rotate(context: CommandContext, key_id: str, grace: str | None, as_json: bool) -> None:
    """Give a key a new secret and show it, this once."""
    id = read_key_id(key_id)
    with open_callers(context) as callers:
        from hookline_auth.desk import operator
        from hookline_auth.wanted import Rotation, read

        grace_s = callers.options.rotation_grace_s if grace is None else read_span(grace)
        read(Rotation, {"grace_s": grace_s})
        show_made(callers.desk.rotate(id, operator(), grace_s=grace_s), as_json=as_json)


@keys.command(context_settings=_HELP, epilog="\b\nExample:\n  hookline keys revoke abcdefghijklmnop" + _EXIT)
@click.argument("key_id", metavar="ID")
@_json
@pass_context
def revoke(context: CommandContext, key_id: str, as_json: bool) -> None:
    """End a key, and all that descend from it, for good."""
    id = read_key_id(key_id)
    with open_callers(context) as callers:
        from hookline_auth.desk import operator
        from hookline_auth.key_records import describe

        record = callers.desk.revoke(id, operator())
        cache_s = callers.options.cache_s
        if as_json:
            echo_json(describe(record, now_us=now_us()))
        else:
            click.echo(
                f"{record.id} ({record.label}) is revoked; servers that know it follow within {cache_s:g} s."
            )


@keys.command(
    context_settings=_HELP,
    epilog="\b\nExamples:\n  hookline keys expire abcdefghijklmnop --in 7d\n"
    "  hookline keys expire abcdefghijklmnop --in 2027-01-31T12:00:00Z\n"
    "  hookline keys expire abcdefghijklmnop --never" + _EXIT,
)
@click.argument("key_id", metavar="ID")
@click.option(
    "--in", "expires", metavar="WHEN", help="When: 7d, 12h, or a time such as 2027-01-31T12:00:00Z."
)
@click.option("--never", is_flag=True, help="It does not end.")
@_json
@pass_context
def expire(context: CommandContext, key_id: str, expires: str | None, never: bool, as_json: bool) -> None:
    """Say when a key ends."""
    if (expires is None) is not never:
        raise CommandError("Say either --in WHEN or --never.")
    end = None if expires is None else read_time(expires)
    _change(context, key_id, {"expires_at": end}, as_json=as_json)


@keys.command(
    context_settings=_HELP,
    epilog="\b\nExamples:\n  hookline keys change abcdefghijklmnop --limit '120 requests / minute'\n"
    "  hookline keys change abcdefghijklmnop --signing required\n"
    "  hookline keys change abcdefghijklmnop --label 'Zapier, invoices'\n\n"
    "An option replaces all values that the key had of its kind; what is not named stays." + _EXIT,
)
@click.argument("key_id", metavar="ID")
@click.option("--label", help="Another name.")
@_rights
@_signing
@click.option(
    "--new-signing-secret", is_flag=True, help="Make another secret; the old one works for the grace time."
)
@click.option("--grace", metavar="SPAN", help="That time, such as 1h; 24 h by default.")
@_json
@pass_context
def change(
    context: CommandContext,
    /,
    key_id: str,
    label: str | None,
    signing: str | None,
    scheme: str,
    secret_file: TextIO | None,
    new_signing_secret: bool,
    grace: str | None,
    as_json: bool,
    **rights: object,
) -> None:
    """Change what a key is called, may do, or how its requests are signed."""
    values = read_rights(rights)
    if label is not None:
        values["label"] = label
    add_signing(values, signing, scheme, secret_file)
    if new_signing_secret:
        entry = values.get("signing")
        if not isinstance(entry, dict) or "secret" in entry or entry["mode"] == "off":
            raise CommandError(
                "--new-signing-secret needs --signing optional or required, and no file with a secret."
            )
        entry["is_new"] = True
    if not values:
        raise CommandError(
            "Nothing is to be changed.", hint="`hookline keys change --help` shows what can be."
        )
    _change(context, key_id, values, as_json=as_json, grace=grace)


def _change(
    context: CommandContext, key_id: str, values: JsonObject, *, as_json: bool, grace: str | None = None
) -> None:
    id = read_key_id(key_id)
    with open_callers(context) as callers:
        from hookline_auth.desk import operator
        from hookline_auth.wanted import KeyChange, read

        grace_s = callers.options.rotation_grace_s if grace is None else read_span(grace)
        made = callers.desk.change(id, read(KeyChange, values), operator(), grace_s=grace_s)
        show_made(made, as_json=as_json)
