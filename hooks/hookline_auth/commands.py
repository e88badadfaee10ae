"""The command ``hookline keys``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import CommandError, CommandFailedError, echo_json, warn
from hookline_auth.command_options import (
    CREATE_EPILOG,
    EPILOG,
    EXIT,
    HELP,
    clear_option,
    json_option,
    new_pepper_option,
    rights_options,
    signing_options,
)
from hookline_auth.command_parts import (
    add_cleared,
    add_signing,
    now_us,
    open_callers,
    print_rows,
    read_key_id,
    read_rights,
    read_span,
    show_made,
    show_row,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from hookline.action import JsonObject
    from hookline_auth.callers import Callers


@click.group(epilog=EPILOG, context_settings=HELP)
def keys() -> None:
    """Make, list and end the API keys of callers.

    The keys are in the database of the settings, the one that the server uses. A change works at once; other
    processes follow within the seconds of `cache_s`, 5 by default.
    """


@keys.command(epilog=CREATE_EPILOG, context_settings=HELP)
@click.option("--label", required=True, help="A name that people recognise.")
@click.option("--tenant", help="Whose key it is; `default`, or that of its parent, if not given.")
@click.option("--parent", metavar="ID", help="A key that it descends from and can never do more than.")
@click.option("--admin", "is_admin", is_flag=True, help="Also the scopes of an administrator of the tenant.")
@rights_options
@click.option(
    "--expires",
    metavar="WHEN",
    help="When it ends: 90d, 12h, a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z.",
)
@signing_options
@new_pepper_option
@json_option
@pass_context
def create(
    context: CommandContext,
    /,
    label: str,
    tenant: str | None,
    parent: str | None,
    is_admin: bool,
    expires: str | None,
    signing: str | None,
    scheme: str | None,
    secret_file: TextIO | None,
    new_pepper: bool,
    as_json: bool,
    **rights: object,
) -> None:
    """Make a key and show it, this once."""
    values = read_rights(rights)
    if is_admin:
        from hookline_auth.rights import DEFAULT_SCOPES

        _add_admin(values, DEFAULT_SCOPES)
    if expires is not None:
        values["expires_at"] = expires
    values.update({"label": label, "tenant": tenant})
    add_signing(values, signing, scheme, secret_file)
    with open_callers(context) as callers:
        from hookline_auth.desk import operator
        from hookline_auth.wanted import NewKeyOfTenant, read

        wanted = read(NewKeyOfTenant, values)
        wanted.check_label(is_new=True)
        maker_id = None if parent is None else read_key_id(parent)
        if not callers.is_lasting:
            raise CommandError(
                "A key that is made here would be gone at once: there is no folder to keep it in.",
                hint="Set HOOKLINE_STATE_DIR to the folder that the gateway has.",
            )
        made = callers.desk.create(
            wanted, operator(), tenant=wanted.tenant, maker_id=maker_id, new_pepper=new_pepper
        )
        show_made(callers, made, as_json=as_json)


def _add_admin(values: JsonObject, had: Collection[str]) -> None:
    from hookline_auth.rights import ADMIN_SCOPES

    given = values.get("scopes", list(had))
    assert isinstance(given, list)
    values["scopes"] = sorted({*given, *ADMIN_SCOPES})


@keys.command(
    "list", context_settings=HELP, epilog="\b\nExample:\n  hookline keys list --tenant acme --all" + EXIT
)
@click.option("--tenant", help="Of this tenant only.")
@click.option("--search", default="", help="With this in their label.")
@click.option("--all", "with_ended", is_flag=True, help="Also those that were revoked or have expired.")
@json_option
@pass_context
def list_keys(
    context: CommandContext, tenant: str | None, search: str, with_ended: bool, as_json: bool
) -> None:
    """List the keys."""
    with open_callers(context) as callers:
        from hookline_auth.key_records import has_ended

        now = now_us()
        found, after = [], ""
        while page := callers.store.search(tenant=tenant, text=search, after=after, now_us=now):
            found += page
            after = page[-1].id
        rows = callers.describe(found, now_us=now)
        others = callers.look_for_other_peppers()
        pepper_id = callers.pepper_id()
        ended = 0
        for record, row in zip(found, list(rows), strict=True):
            if has_ended(row) and not with_ended:
                rows.remove(row)
                ended += 1
            elif record.pepper_id != pepper_id:
                row["status"] = "other pepper"
    if as_json:
        echo_json({"keys": rows})
    elif rows:
        print_rows(rows)
    else:
        _say_that_there_are_none(ended, is_choice=bool(search or tenant))
    if others:
        warn(
            f"{others} keys were made with another pepper and are not valid here. Restore the file "
            "key.pepper or HOOKLINE_KEY_PEPPER of the installation they come from, or make new keys."
        )


def _say_that_there_are_none(ended: int, *, is_choice: bool) -> None:
    if ended:
        how_many = "1 that has" if ended == 1 else f"{ended} that have"
        click.echo(f"No key {'matches' if is_choice else 'is valid'}; --all shows {how_many} ended.")
    elif is_choice:
        click.echo("No key matches.")
    else:
        click.echo("There are no keys. `hookline keys create --label NAME` makes one.")


@keys.command(
    context_settings=HELP, epilog="\b\nExample:\n  hookline keys show abcdefghijklmnop --json" + EXIT
)
@click.argument("key_id", metavar="ID")
@json_option
@pass_context
def show(context: CommandContext, key_id: str, as_json: bool) -> None:
    """Show what a key may do; never the key itself."""
    id = read_key_id(key_id)
    with open_callers(context) as callers:
        from hookline_auth.key_records import UnreadableKeyError
        from hookline_auth.key_rules import no_such_key

        try:
            record = callers.store.find(id)
        except UnreadableKeyError as exc:
            raise CommandFailedError(f"The key {id} is damaged: {exc}.") from exc
        if record is None:
            raise no_such_key(id)
        show_row(callers.describe([record], now_us=now_us())[0], as_json=as_json)


@keys.command(
    context_settings=HELP,
    epilog="\b\nExamples:\n  hookline keys rotate abcdefghijklmnop\n"
    "  hookline keys rotate abcdefghijklmnop --grace 0s" + EXIT,
)
@click.argument("key_id", metavar="ID")
@click.option(
    "--grace", metavar="SPAN", help="How long the old secret works as well, such as 1h; 24 h by default."
)
@json_option
@pass_context
def rotate(context: CommandContext, key_id: str, grace: str | None, as_json: bool) -> None:
    """Give a key a new secret and show it, this once."""
    id = read_key_id(key_id)
    with open_callers(context) as callers:
        from hookline_auth.desk import operator
        from hookline_auth.wanted import Rotation, read

        grace_s = callers.options.rotation_grace_s if grace is None else read_span(grace)
        read(Rotation, {"grace_s": grace_s})
        made = callers.desk.rotate(id, operator(), grace_s=grace_s)
        show_made(callers, made, as_json=as_json)


@keys.command(context_settings=HELP, epilog="\b\nExample:\n  hookline keys revoke abcdefghijklmnop" + EXIT)
@click.argument("key_id", metavar="ID")
@json_option
@pass_context
def revoke(context: CommandContext, key_id: str, as_json: bool) -> None:
    """End a key, and all that descend from it, for good."""
    id = read_key_id(key_id)
    with open_callers(context) as callers:
        from hookline_auth.desk import operator

        record = callers.desk.revoke(id, operator())
        cache_s = callers.options.cache_s
        if as_json:
            echo_json(callers.describe([record], now_us=now_us())[0])
        else:
            click.echo(
                f"{record.id} ({record.label}) is revoked; servers that know it follow within {cache_s:g} s."
            )


@keys.command(
    context_settings=HELP,
    epilog="\b\nExamples:\n  hookline keys expire abcdefghijklmnop --in 7d\n"
    "  hookline keys expire abcdefghijklmnop --in 2027-01-31T12:00:00Z\n"
    "  hookline keys expire abcdefghijklmnop --never" + EXIT,
)
@click.argument("key_id", metavar="ID")
@click.option(
    "--in",
    "expires",
    metavar="WHEN",
    help="When: 7d, 12h, a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z.",
)
@click.option("--never", is_flag=True, help="It does not end.")
@json_option
@pass_context
def expire(context: CommandContext, key_id: str, expires: str | None, never: bool, as_json: bool) -> None:
    """Say when a key ends."""
    if (expires is None) is not never:
        raise CommandError("Say either --in WHEN or --never.")
    _change(context, key_id, {"expires_at": expires}, as_json=as_json)


@keys.command(
    context_settings=HELP,
    epilog="\b\nExamples:\n  hookline keys change abcdefghijklmnop --limit '120 requests / minute'\n"
    "  hookline keys change abcdefghijklmnop --clear limits --clear expiry\n"
    "  hookline keys change abcdefghijklmnop --admin\n"
    "  hookline keys change abcdefghijklmnop --signing required\n"
    "  hookline keys change abcdefghijklmnop --label 'Zapier, invoices'\n\n"
    "An option replaces all values that the key had of its kind; what is not named stays." + EXIT,
)
@click.argument("key_id", metavar="ID")
@click.option("--label", help="Another name.")
@click.option("--admin", "is_admin", is_flag=True, help="Also the scopes of an administrator of the tenant.")
@rights_options
@clear_option
@signing_options
@click.option(
    "--new-signing-secret", is_flag=True, help="Make another secret; the old one works for the grace time."
)
@click.option("--grace", metavar="SPAN", help="That time, such as 1h; 24 h by default.")
@json_option
@pass_context
def change(
    context: CommandContext,
    /,
    key_id: str,
    label: str | None,
    is_admin: bool,
    cleared: tuple[str, ...],
    signing: str | None,
    scheme: str | None,
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
    add_cleared(values, cleared)
    if not values and not is_admin:
        raise CommandError(
            "Nothing is to be changed.", hint="`hookline keys change --help` shows what can be."
        )
    _change(context, key_id, values, as_json=as_json, grace=grace, is_admin=is_admin)


def _change(
    context: CommandContext,
    key_id: str,
    values: JsonObject,
    *,
    as_json: bool,
    grace: str | None = None,
    is_admin: bool = False,
) -> None:
    id = read_key_id(key_id)
    with open_callers(context) as callers:
        from hookline_auth.desk import operator
        from hookline_auth.wanted import KeyChange, read

        if is_admin:
            _add_admin(values, _scopes_of(callers, id))
        wanted = read(KeyChange, values)
        wanted.check_label(is_new=False)
        grace_s = callers.options.rotation_grace_s if grace is None else read_span(grace)
        made = callers.desk.change(id, wanted, operator(), grace_s=grace_s)
        show_made(callers, made, as_json=as_json)


def _scopes_of(callers: Callers, key_id: str) -> Collection[str]:
    from hookline_auth.key_records import UnreadableKeyError
    from hookline_auth.key_rules import damaged, no_such_key

    try:
        record = callers.store.find(key_id)
    except UnreadableKeyError as exc:
        raise damaged(key_id) from exc
    if record is None:
        raise no_such_key(key_id)
    return record.rights.scopes
