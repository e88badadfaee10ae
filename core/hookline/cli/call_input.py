"""The input of a call, typed on a command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.action import JsonObject


def read_input(source: str | None, pairs: Iterable[str]) -> JsonObject:
    """Return the fields of a call; pairs win over the source.

    Args:
        source: JSON, ``@`` and the name of a file that holds it, or ``-`` for the standard input.
        pairs: ``key=value`` for text, which becomes what the schema asks for, or ``key:=json``. A key that
            stands twice makes a list, as in a form.

    Raises:
        click.UsageError: If something cannot be read; says how to write it.
    """
    fields = {} if source is None else _read_source(source)
    fields.update(_read_pairs(pairs))
    return fields


def _read_source(source: str) -> JsonObject:
    from hookline.engine.json_text import parse_object
    from hookline.errors import MalformedRequestError

    try:
        if source == "-":
            content = sys.stdin.buffer.read()
        elif source.startswith("@"):
            content = Path(source[1:]).read_bytes()
        else:
            content = source.encode()
    except OSError as exc:
        raise click.BadParameter(
            f"{source[1:]!r} cannot be read: {exc.strerror}.", param_hint="--input"
        ) from exc
    except UnicodeEncodeError as exc:
        raise click.BadParameter("is not UTF-8.", param_hint="--input") from exc
    try:
        return parse_object(content)
    except MalformedRequestError as exc:
        raise click.BadParameter(
            exc.message.replace("The body", "The input", 1), param_hint="--input"
        ) from exc


def _read_pairs(pairs: Iterable[str]) -> JsonObject:
    fields: JsonObject = {}
    for pair in pairs:
        name, value = _read_pair(pair)
        if name not in fields:
            fields[name] = value
            continue
        present = fields[name]
        fields[name] = [*present, value] if isinstance(present, list) else [present, value]
    return fields


def _read_pair(pair: str) -> tuple[str, object]:
    name, equals, text = pair.partition("=")
    is_json = name.endswith(":")
    name = name.removesuffix(":").strip()
    if not equals or not name:
        raise click.UsageError(f"{pair!r} is not a field; write `name=value`, or `name:=JSON` for JSON.")
    try:
        pair.encode()
    except UnicodeEncodeError as exc:
        raise click.UsageError(f"The value of {name!r} is not UTF-8.") from exc
    if not is_json:
        return name, text
    try:
        return name, json.loads(text, parse_constant=_refuse_constant)
    except ValueError as exc:
        raise click.UsageError(
            f"{text!r} is not JSON: {exc}. For text write `{name}={text}`, with one `=` and no colon."
        ) from exc


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON value")
