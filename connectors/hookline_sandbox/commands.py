"""The command ``hookline sandbox``."""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hookline_sandbox.server import SandboxServer

_EPILOG = """\b
Examples:
  hookline sandbox
  hookline sandbox --port 9000
  hookline sandbox --list-faults

Point any OpenAI client at the URL that is printed, with any text as its key. Ask for a fault with the header
x-sandbox-fault or with a model named sandbox-<fault>, for instance sandbox-429 or sandbox-cut.
"""


@click.command(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8788, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--list-faults", is_flag=True, help="List the faults that can be asked for, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def sandbox(host: str, port: int, list_faults: bool, as_json: bool) -> None:
    """Run a simulated OpenAI service: no key, no cost, the same answer to the same request.

    It checks requests as the real service does, streams, calls tools, keeps to JSON Schemas, and can be told
    to fail. Stop it with Ctrl-C.
    """
    if list_faults:
        _print_faults(as_json)
        return
    from hookline_sandbox.server import serve

    try:
        serve(host, port, on_ready=lambda server: _announce(server, as_json))
    except KeyboardInterrupt:
        if not as_json:
            click.echo("Stopped.")
    except OSError as exc:
        click.echo(f"Error: {_explain(exc, host, port)}", err=True)
        sys.exit(2)


def _print_faults(as_json: bool) -> None:
    from hookline_sandbox.faults import FAULTS

    if as_json:
        from hookline_sandbox.wire import encode_text

        click.echo(encode_text([{"name": kind.name, "summary": kind.summary} for kind in FAULTS]))
        return
    width = max(len(kind.name) for kind in FAULTS)
    for kind in FAULTS:
        click.echo(f"{kind.name:<{width}}  {kind.summary}")


def _announce(server: SandboxServer, as_json: bool) -> None:
    if as_json:
        from hookline_sandbox.wire import encode_text

        click.echo(encode_text({"host": server.host, "port": server.port, "base_url": server.base_url}))
        sys.stdout.flush()
        return
    click.echo(f"The sandbox listens on {server.base_url} (simulated; Ctrl-C stops it). Try:\n")
    click.echo(f"  curl {server.base_url}/chat/completions -H 'content-type: application/json' \\")
    click.echo("""    -d '{"model": "sandbox", "messages": [{"role": "user", "content": "ping"}]}'\n""")
    sys.stdout.flush()


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use. Stop the other program, or choose another port with --port."
    if error.errno == errno.EACCES:
        return f"this user may not listen on port {port}. Choose one above 1023 with --port."
    return f"cannot listen on {host}:{port}: {error.strerror or error}."
