"""Printing stored connections for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from hookline.cli.messages import echo_json, print_table

if TYPE_CHECKING:
    from hookline.action import JsonObject

_COLUMNS = ["name", "tenant", "connector", "base URL", "prio", "weight", "models", "state", "credential"]


def show_all(found: list[JsonObject]) -> None:
    """Print a table of connections."""
    print_table(_COLUMNS, [_cells(one) for one in found], flexible="credential")


def _cells(one: JsonObject) -> list[str]:
    models = cast("list[str]", one["models"])
    return [
        str(one["name"]),
        str(one["tenant"] or "(all)"),
        str(one["connector"]),
        str(one["base_url"]),
        str(one["priority"]),
        str(one["weight"]),
        ", ".join(models[:3]) + (", …" if len(models) > 3 else ""),
        "on" if one["enabled"] else "off",
        _credential(cast("JsonObject", one["credential"])),
    ]


def _credential(told: JsonObject) -> str:
    if told["kind"] == "none":
        return "none"
    parts = [str(told.get("reference") or f"#{told.get('fingerprint', '?')}"), f"set {told['set_at']}"]
    if told.get("problem"):
        parts.append(str(told["problem"]))
    return ", ".join(parts)


def show_one(one: JsonObject, *, as_json: bool) -> None:
    """Print one connection."""
    if as_json:
        echo_json(one)
        return
    origins = ", ".join(cast("list[str]", one["allowed_origins"]))
    rows = dict(zip(_COLUMNS, _cells(one), strict=True)) | {
        "models": ", ".join(cast("list[str]", one["models"])),
        "may go to": origins,
    }
    for title, text in rows.items():
        click.echo(f"{title:<10}  {text}")
