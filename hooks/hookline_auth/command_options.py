"""Options and examples that the commands of ``hookline keys`` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from hookline_auth.command_parts import CLEARED

F = TypeVar("F", bound=Callable[..., object])

HELP = {"help_option_names": ["-h", "--help"]}
EXIT = (
    "\n\nExit status: 0 done, 1 it was refused or the database is not available, 2 wrong usage or "
    "configuration.\n"
)

EPILOG = (
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
    + EXIT
)
CREATE_EPILOG = (
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
--admin adds keys:admin, connections:admin, connections:test and callbacks:admin, which all stay within the
key's tenant.
So do usage:admin, for the usage of all its keys, and audit:read, for its audit log; ask for them by --scope.
"""
    + EXIT
)


def rights_options(function: F) -> F:
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


def signing_options(function: F) -> F:
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
                help="Standard Webhooks, the default, or GitHub's X-Hub-Signature-256.",
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


clear_option = click.option(
    "--clear",
    "cleared",
    multiple=True,
    metavar="WHAT",
    type=click.Choice(list(CLEARED)),
    help=f"Take away what the key had, so that nothing is bounded: {', '.join(CLEARED)}.",
)
new_pepper_option = click.option(
    "--new-pepper",
    is_flag=True,
    help="Begin anew where the pepper is lost: no key that there is will be valid again.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
