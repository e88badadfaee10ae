"""The command ``hookline mcp``."""

from __future__ import annotations

from pathlib import Path

import click

from hookline.cli.context import CommandContext, pass_context

_EPILOG = """\
\b
Examples:
  hookline mcp --sandbox                                   simulated answers; costs nothing
  hookline mcp --actions "openai.*"                        only these tools
  HOOKLINE_KEY=... hookline mcp --url https://hooks.example.com

A client such as Claude Desktop starts this command itself: put it into the client's configuration. Without
--url the actions run in this process, with the settings and accounts of whoever starts it, and without any
key. With --url each message goes to the gateway there, with the rights of the key.
"""


@click.command("mcp", epilog=_EPILOG)
@click.option(
    "--actions",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help="Offer only these actions; a final * matches any rest. May be repeated.",
)
@click.option("--url", metavar="URL", help="Use the gateway there instead of one in this process.")
@click.option(
    "--key-env",
    metavar="NAME",
    default="HOOKLINE_KEY",
    show_default=True,
    help="Variable that holds the key for --url.",
)
@click.option(
    "--key-file", metavar="FILE", type=click.Path(path_type=Path), help="File that holds the key for --url."
)
@click.option("--sandbox", is_flag=True, help="Ask the built-in simulated service.")
@pass_context
def mcp(
    context: CommandContext,
    patterns: tuple[str, ...],
    url: str | None,
    key_env: str,
    key_file: Path | None,
    sandbox: bool,
) -> None:
    """Serve the actions as tools of the Model Context Protocol, over standard input and output.

    Ends with the input, or by Ctrl-C. Log lines go to the standard error stream.
    """
    from hookline_mcp.serving import Serving, serve

    serve(
        context,
        Serving(patterns=patterns, url=url, key_env=key_env, key_file=key_file, is_sandbox=sandbox),
    )
