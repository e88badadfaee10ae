"""``hookline demo``: start a gateway, use it over HTTP, and show that it keeps its promises."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hookline import __version__
from hookline.cli.context import CommandContext, pass_context
from hookline.cli.examples import curl_for, indent, pick_example
from hookline.cli.messages import describe_problem, echo_json, print_table

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.cli.demo_client import DemoClient
    from hookline.cli.demo_server import DemoServer
    from hookline.cli.demo_steps import Step


@click.command("demo")
@click.option("--serve", "keep", is_flag=True, help="Leave the gateway running, and show how to call it.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@pass_context
def command(context: CommandContext, keep: bool, as_json: bool) -> None:
    """Start a gateway with simulated answers and try all that it can; no key, no cost.

    Every action is run once, one answer is streamed, and one mistake is made on purpose. The exit status is
    0 only if each answer was what the catalog promises.
    """
    from hookline.cli.demo_client import DemoClient
    from hookline.cli.demo_server import DemoServer
    from hookline.cli.demo_steps import read_catalog

    if keep and as_json:
        raise click.UsageError("--serve is for people; programs start `hookline serve --sandbox`.")
    is_kept = False
    with _ended_by_signal(), DemoServer(context.environ) as server:
        client = DemoClient(server.address, server.key)
        try:
            show = _Printer(is_silent=as_json)
            show.line(f"Hookline {__version__} runs on {server.address.url}. All answers are simulated.")
            actions, unread = read_catalog(client)
            if unread:
                show.line("\nNot every action can be described:\n")
                show.table(unread)
            steps = [*unread, *_run(context, client, actions, show)]
        finally:
            client.close()
        is_good = bool(actions) and not any(step.problem for step in steps)
        if as_json:
            echo_json({"ok": is_good, "steps": [asdict(step) for step in steps]})
        else:
            _sum_up(actions, steps)
        if keep:
            is_kept = True
            _keep(server, pick_example(actions))
    if not is_good:
        raise click.exceptions.Exit(1)
    if not is_kept:
        show.line("\nNext: `hookline demo --serve` leaves it running and shows how to call it with curl.")


class _Printer:
    """Prints for people, or nothing."""

    def __init__(self, *, is_silent: bool) -> None:
        self._is_silent = is_silent

    def line(self, text: str = "") -> None:
        if not self._is_silent:
            click.echo(text)

    def piece(self, text: str) -> None:
        if not self._is_silent:
            click.echo(text, nl=False)
            sys.stdout.flush()

    def table(self, steps: list[Step]) -> None:
        if not self._is_silent:
            columns = ["action", "status", "ms", "what came back"]
            print_table(columns, [_row(step) for step in steps], flexible="what came back")


def _run(
    context: CommandContext, client: DemoClient, actions: list[JsonObject], show: _Printer
) -> list[Step]:
    from hookline.cli import demo_steps

    shown = [action for action in actions if action.get("samples")]
    show.line(f"\nEvery action of the catalog, with its first sample ({len(shown)}):\n")
    steps = [demo_steps.run_action(client, action) for action in shown]
    show.table(steps)
    if len(shown) < len(actions):
        show.line(f"\n{len(actions) - len(shown)} more have no sample to run.")

    streaming = demo_steps.pick_stream(actions)
    if streaming is not None:
        show.line(f"\n{streaming['id']} again, printed while it arrives:\n")
        show.piece("    ")
        steps.append(demo_steps.run_stream(client, streaming, show.piece))
        show.line(f"\n\n    {steps[-1].summary}, in {steps[-1].elapsed_ms:.0f} ms")

    example = pick_example(actions)
    mistake = None if example is None else demo_steps.run_mistake(client, example)
    if mistake is not None:
        steps.append(mistake[0])
        show.line(f"\n{mistake[0].name}, a mistake on purpose, is answered with {mistake[0].status}:\n")
        show.line(indent(describe_problem(mistake[1])))

    wire = _wire_example(context, example)
    if wire is not None:
        steps.append(demo_steps.run_wire(client, *wire))
        show.line("\nThe same in the service's own format, as its official libraries send it:\n")
        show.table([steps[-1]])
    return steps


def _wire_example(context: CommandContext, example: JsonObject | None) -> tuple[str, JsonObject] | None:
    """Return an address in a service's own format and a body for it: what the action would send there."""
    from hookline.cli.examples import first_input
    from hookline.order import Order
    from hookline.principal import Principal

    if example is None:
        return None
    principal = Principal(key_id="demo", scopes=frozenset({"actions:run"}))
    with context.open_gateway(sandbox=True) as gateway:
        for route in gateway.routes:
            endpoint = route.endpoint
            if endpoint is None or endpoint.action != example["id"] or endpoint.prepare is not None:
                continue
            if route.method == "POST" and "<" not in route.path:
                order = Order(action_id=endpoint.action, fields=first_input(example))
                body = gateway.pipeline.prepare(principal, order).request.body
                return None if body is None else (route.path, body)
    return None


def _row(step: Step) -> list[str]:
    came_back = f"NOT AS PROMISED: {step.problem}" if step.problem else step.summary
    return [step.name, str(step.status), f"{step.elapsed_ms:.1f}", came_back]


def _sum_up(actions: list[JsonObject], steps: list[Step]) -> None:
    failed = [step for step in steps if step.problem]
    if not actions and not failed:
        click.echo("\nThere is no action to try: no plugin adds one. `hookline plugins list` tells why.")
    elif not failed:
        click.echo(f"\nAll {len(steps)} steps went as promised.")
    else:
        click.echo(f"\n{len(failed)} of {len(steps)} steps did not go as promised:")
        for step in failed:
            click.echo(f"  {step.name}: {step.problem}")


def _keep(server: DemoServer, example: JsonObject | None) -> None:
    click.echo(f"\nIt goes on listening on {server.address.url}, with this key:\n\n    {server.key}\n")
    if example is not None:
        click.echo("Try it:\n\n" + indent(curl_for(example, url=server.address.url, key=server.key)) + "\n")
    click.echo("Ctrl-C ends it.")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        server.wait()


@contextlib.contextmanager
def _ended_by_signal() -> Iterator[None]:
    """Treat a request to end as Ctrl-C, so that the server is always ended, too."""
    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    heard = [number for number in signals if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, signal.default_int_handler) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
