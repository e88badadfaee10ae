"""``hookline call``: run one action from a shell, through the same steps as over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import click

from hookline.cli.call_input import read_input
from hookline.cli.context import CommandContext, FailurePlaces, pass_context
from hookline.cli.messages import CommandError, describe_problem, echo_json
from hookline.cli.plugin_option import plugin_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookline.action import JsonObject
    from hookline.gateway import Gateway
    from hookline.routes import Reply

_EPILOG = """\
\b
Examples:
  hookline call openai.chat model=gpt-5.4-mini prompt="Say hello" --sandbox
  hookline call openai.chat model=gpt-5.4-mini prompt="Tell a story" --stream
  hookline call openai.chat --input @request.json temperature=0.2 --json
"""


@click.command("call", epilog=_EPILOG)
@click.argument("action_id", metavar="ACTION")
@click.argument("fields", nargs=-1, metavar="[KEY=VALUE | KEY:=JSON]...")
@click.option(
    "--input", "source", metavar="JSON|@FILE|-", help="Input as JSON, from a file, or from standard input."
)
@click.option("--json", "as_json", is_flag=True, help="Print the output, or the error, as JSON.")
@click.option("--stream", is_flag=True, help="Print the answer while it is made.")
@click.option("--sandbox", is_flag=True, help="Ask the built-in simulated service.")
@plugin_option
@pass_context
def command(
    context: CommandContext,
    action_id: str,
    fields: tuple[str, ...],
    source: str | None,
    as_json: bool,
    stream: bool,
    sandbox: bool,
) -> None:
    """Run one action. `hookline actions show ACTION` tells which fields it takes.

    Text becomes what the field asks for: temperature=0.7 is a number. With --stream and --json each event is
    one line of JSON, the last one holds the whole output.
    """
    input = read_input(source, fields)
    with context.open_gateway(sandbox=sandbox) as gateway, FailurePlaces() as places:
        _check_action(gateway, action_id, stream=stream)
        if stream:
            input["stream"] = True
        reply = _run(gateway, action_id, input)
        if isinstance(reply.content, bytes):
            _show_whole(reply, reply.content, action_id, places, as_json=as_json)
        else:
            _show_stream(reply.content, action_id, places, as_json=as_json)


def _check_action(gateway: Gateway, action_id: str, *, stream: bool) -> None:
    from hookline.errors import NotFoundError

    try:
        action = gateway.catalog.find(action_id)
    except NotFoundError as exc:
        raise CommandError(exc.message, hint="`hookline actions list` shows all actions.") from exc
    if stream and action.stream is None:
        raise CommandError(f"{action_id} does not stream.", hint="Leave out --stream.")


def _run(gateway: Gateway, action_id: str, input: JsonObject) -> Reply:
    from hookline.order import Order
    from hookline.principal import Principal

    principal = Principal(key_id="cli", scopes=frozenset({"actions:run"}), label="command line")
    return gateway.runner.run(principal, Order(action_id=action_id, fields=input))


def _show_whole(
    reply: Reply, content: bytes, action_id: str, places: FailurePlaces, *, as_json: bool
) -> None:
    body = cast("JsonObject", json.loads(content))
    if reply.status >= 400:
        _fail(_with_place(body, places), action_id, as_json=as_json)
    elif as_json:
        echo_json(body)
    else:
        _print_output(body)


def _show_stream(pieces: Iterator[bytes], action_id: str, places: FailurePlaces, *, as_json: bool) -> None:
    has_text = False
    for event in read_events(pieces):
        if event.get("type") == "error":
            event = _with_place(event, places)
        if as_json:
            click.echo(json.dumps(event, ensure_ascii=False))
        if event.get("type") == "error":
            if not as_json:
                click.echo()
            _fail(event, action_id, as_json=False)
        elif as_json:
            continue
        elif event.get("type") == "text":
            has_text = True
            click.echo(event.get("text"), nl=False)
        elif event.get("type") == "output":
            output = cast("JsonObject", event["output"])
            if has_text:
                click.echo()
                _print_warnings(output)
            else:
                _print_output(output)


def read_events(pieces: Iterator[bytes]) -> Iterator[JsonObject]:
    """Yield the JSON of each event of a stream; closes the stream at the end."""
    from hookline.engine.sse import EventDecoder

    decoder = EventDecoder()
    try:
        for piece in pieces:
            for event in decoder.feed(piece):
                if event.data is not None:
                    yield json.loads(event.data)
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def _print_output(output: JsonObject) -> None:
    if isinstance(output.get("text"), str) and output["text"]:
        click.echo(output["text"])
        _print_warnings(output)
    else:
        echo_json(output)


def _print_warnings(output: JsonObject) -> None:
    """Tell, beside the text, what should be known although all went well."""
    for warning in cast("list[JsonObject]", output.get("warnings") or []):
        click.echo(f"Warning: {warning.get('message')}", err=True)


def _with_place(problem: JsonObject, places: FailurePlaces) -> JsonObject:
    """Add where the code of a plugin failed: whoever types the command runs that code."""
    return {**problem, "place": places.last} if places.last else problem


def _fail(problem: JsonObject, action_id: str, *, as_json: bool) -> None:
    if as_json:
        echo_json(problem)
    else:
        hint = str(problem.get("hint") or "")
        hint = hint.replace("`GET /actions/{id}`", f"`hookline actions show {action_id}`")
        click.echo(describe_problem({**problem, "hint": hint}), err=True)
    raise click.exceptions.Exit(1)
