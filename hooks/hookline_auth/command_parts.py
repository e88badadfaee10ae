"""What the commands of ``hookline keys`` share: reading what was typed, and showing keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from hookline import spans
from hookline.cli.messages import CommandError, CommandFailedError, echo_json

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.cli.context import CommandContext
    from hookline_auth.callers import Callers
    from hookline_auth.desk import Made

_MAX_SPAN_S = 20 * 365 * 86_400

CLEARED: dict[str, tuple[str, object]] = {
    "limits": ("limits", []),
    "networks": ("networks", []),
    "connections": ("connections", []),
    "actions": ("actions", ["*"]),
    "models": ("models", ["*"]),
    "caps": ("caps", {"max_output_tokens": None, "max_choices": None, "max_stream_s": None}),
    "max-output-tokens": ("caps", {"max_output_tokens": None}),
    "max-choices": ("caps", {"max_choices": None}),
    "max-stream-s": ("caps", {"max_stream_s": None}),
    "expiry": ("expires_at", None),
}
"""What can be taken away from a key: the field, and what it is afterwards."""


@contextmanager
def open_callers(context: CommandContext) -> Iterator[Callers]:
    """Give what knows the keys of the settings' database, and say in words what went wrong with it."""
    from hookline.errors import ConfigurationError, HooklineError, InvalidInputError
    from hookline_auth.callers import Callers

    with context.open_gateway() as gateway:
        try:
            yield Callers(gateway)
        except ConfigurationError:
            raise
        except InvalidInputError as exc:
            if exc.status == 422:
                raise CommandError(exc.message) from exc
            raise CommandFailedError(exc.message, hint=exc.hint) from exc
        except HooklineError as exc:
            raise CommandFailedError(exc.message, hint=exc.hint) from exc


def read_key_id(text: str) -> str:
    """Return the id that somebody typed, who may have taken the whole key for it."""
    from hookline_auth.key_format import is_key_id, read_key

    key = read_key(text)
    if key is not None:
        raise CommandError(
            f"That is the whole key; take its id only: {key.id}.",
            hint="It stands in your shell's history now: think about `hookline keys rotate`.",
        )
    id = text.removeprefix("hk_")
    if not is_key_id(id):
        raise CommandError("That is no id of a key.", hint="`hookline keys list` shows the ids.")
    return id


def read_rights(rights: dict[str, object]) -> JsonObject:
    """Return the rights that were typed, as `WantedKey` takes them; what was not typed is left out."""
    caps = {name: rights.pop(name) for name in ("max_output_tokens", "max_choices", "max_stream_s")}
    values: JsonObject = {
        name: list(given) for name, given in rights.items() if isinstance(given, tuple) and given
    }
    if any(value is not None for value in caps.values()):
        values["caps"] = {name: value for name, value in caps.items() if value is not None}
    return values


def add_signing(values: JsonObject, mode: str | None, scheme: str | None, secret_file: TextIO | None) -> None:
    """Add how requests are to be signed, if anything was said about it."""
    if mode in (None, "off"):
        for option, given in (("--signing-secret-file", secret_file), ("--scheme", scheme)):
            if given is not None:
                raise CommandError(f"{option} needs --signing optional or required.")
        if mode is None:
            return
    signing: JsonObject = {"mode": mode, "scheme": scheme or "standard"}
    if secret_file is not None:
        try:
            signing["secret"] = secret_file.read(4096).strip()
        except UnicodeDecodeError as exc:
            raise CommandError("The file of --signing-secret-file is not UTF-8 text.") from exc
    values["signing"] = signing


def add_cleared(values: JsonObject, cleared: tuple[str, ...]) -> None:
    """Add what is to be taken away from a key."""
    for name in cleared:
        field, nothing = CLEARED[name]
        if field == "caps":
            caps = values.setdefault("caps", {})
            assert isinstance(caps, dict)
            assert isinstance(nothing, dict)
            if caps.keys() & {cap for cap in nothing if caps.get(cap) is not None}:
                raise CommandError(f"--clear {name} does not go with an option that sets it.")
            caps.update(nothing)
        elif field in values:
            raise CommandError(f"--clear {name} does not go with an option that sets it.")
        else:
            values[field] = nothing


def read_span(text: str) -> int:
    """Return the seconds of a span of time such as ``90d``."""
    span = spans.read_span(text.strip().lower())
    seconds = -1 if span is None else int(span.total_seconds())
    if not 0 <= seconds <= _MAX_SPAN_S:
        raise CommandError(f"{text[:40]!r} is no span of time; write one like 90d, 12h, 30m or 0s.")
    return seconds


def now_us() -> int:
    """Return the time in microseconds since 1970."""
    import time

    return time.time_ns() // 1000


def show_made(callers: Callers, made: Made, *, as_json: bool) -> None:
    """Show a key that was made or changed, with the secrets that are shown this once."""
    row = callers.describe([made.record], now_us=now_us())[0]
    if as_json:
        if made.key is not None:
            row["key"] = made.key.reveal()
        if made.signing_secret is not None:
            row["signing_secret"] = made.signing_secret
        echo_json(row)
        return
    if made.key is not None:
        click.echo(made.key.reveal())
        click.echo()
        click.echo("Keep it now: it is not shown again. Send it with every request, as")
        click.echo("  Authorization: Bearer <the key>")
        click.echo()
    if made.signing_secret is not None:
        click.echo(made.signing_secret)
        click.echo()
        click.echo("That is the secret that requests are signed with; it is not shown again either.")
        if made.record.signing_scheme == "standard":
            click.echo(f"A sender that has no key sends the header X-Hookline-Key-Id: {made.record.id}")
        click.echo()
    show_row(row, as_json=False)


def show_row(row: JsonObject, *, as_json: bool) -> None:
    """Show a key without its secrets."""
    if as_json:
        echo_json(row)
        return
    effective = row.get("effective")
    for name, own in row.items():
        if name == "effective":
            continue
        value = effective.get(name, own) if isinstance(effective, dict) else own
        _show_line(name, value)
        if value != own:
            _show_line(f"own {name}", own, nothing="not bounded by itself")


def _show_line(name: str, value: object, *, nothing: str = "") -> None:
    if isinstance(value, dict):
        value = ", ".join(f"{key} {text}" for key, text in value.items() if text is not None)
    elif isinstance(value, list):
        value = ", ".join(str(one) for one in value)
    value = value or nothing
    if value not in (None, "", "mode off, scheme standard"):
        click.echo(f"{name.replace('_', ' '):<22} {value}")


def print_rows(rows: list[JsonObject]) -> None:
    """Show several keys as a table."""
    from hookline.cli.messages import print_table

    cells = [
        [
            str(row["id"]),
            str(row["tenant"]),
            str(row["status"]),
            str(row["expires_at"] or "never"),
            str(row["parent_id"] or ""),
            str(row["label"]),
        ]
        for row in rows
    ]
    print_table(["id", "tenant", "status", "ends", "made by", "label"], cells, flexible="label")
