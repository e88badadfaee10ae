"""``hookline actions``: what can be called, and what each field means."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.examples import first_input, indent
from hookline.cli.messages import CommandError, echo_json, print_table
from hookline.cli.plugin_option import plugin_option

if TYPE_CHECKING:
    from hookline.action import JsonObject

_FIELD_COLUMNS = ["field", "takes", "needed", "limits", "what it means"]


@click.group("actions")
def command() -> None:
    """List actions, and show the fields of one."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print what GET /actions answers.")
@plugin_option
@pass_context
def list_(context: CommandContext, as_json: bool) -> None:
    """List every action."""
    from hookline.engine.catalog import describe

    with context.open_gateway() as gateway:
        described = [describe(action, full=False) for action in gateway.catalog]
        actions = list(gateway.catalog)
    if as_json:
        echo_json({"actions": described, "count": len(described)})
        return
    if not actions:
        click.echo("No plugin adds an action. `hookline plugins list` shows what is installed and why.")
        return
    print_table(
        ["action", "title", "streams", "read only", "what it does"],
        [
            [
                action.id,
                action.title,
                "yes" if action.stream else "",
                "yes" if action.is_read_only else "",
                action.description.partition("\n\n")[0].replace("\n", " "),
            ]
            for action in actions
        ],
        flexible="what it does",
    )
    click.echo(f"\n`hookline actions show {actions[0].id}` shows the fields of one.")


@command.command("show")
@click.argument("action_id", metavar="ACTION")
@click.option("--json", "as_json", is_flag=True, help="Print what GET /actions/{id} answers.")
@click.option("--all", "show_all", is_flag=True, help="Show the fields that forms hide at first, too.")
@plugin_option
@pass_context
def show(context: CommandContext, action_id: str, as_json: bool, show_all: bool) -> None:
    """Show the fields of one action, such as openai.chat."""
    from hookline.engine.catalog import describe
    from hookline.errors import NotFoundError

    with context.open_gateway() as gateway:
        try:
            described = describe(gateway.catalog.find(action_id))
        except NotFoundError as exc:
            raise CommandError(exc.message, hint="`hookline actions list` shows all actions.") from exc
    if as_json:
        echo_json(described)
    else:
        _print_action(described, show_all=show_all)


def _print_action(described: JsonObject, *, show_all: bool) -> None:
    hints = cast("JsonObject", described["hints"])
    notes = [
        words for name, words in (("streams", "can stream"), ("read_only", "changes nothing")) if hints[name]
    ]
    click.echo(f"{described['id']}: {described['title']}" + (f" ({', '.join(notes)})" if notes else ""))
    click.echo(f"{described['description']}\n")
    for heading, schema in (("Input", described["input_schema"]), ("Output", described["output_schema"])):
        _print_fields(heading, cast("JsonObject", schema), show_all=show_all)
    sample = first_input(described)
    if sample:
        click.echo("Example input:\n" + indent(json.dumps(sample, indent=2, ensure_ascii=False)))


def _print_fields(heading: str, schema: JsonObject, *, show_all: bool) -> None:
    from hookline.engine.field_rows import read_fields

    rows = read_fields(schema)
    shown = [row for row in rows if show_all or row.is_required or not row.is_advanced]
    click.echo(f"{heading}:" if rows else f"{heading}: no fields.")
    if shown:
        print_table(
            _FIELD_COLUMNS,
            [
                [row.name, row.type, "yes" if row.is_required else "", row.limits, row.meaning]
                for row in shown
            ],
            flexible="what it means",
        )
    if len(shown) < len(rows):
        click.echo(f"… and {len(rows) - len(shown)} more that forms hide at first; `--all` shows them.")
    click.echo()
