"""The top-level command group: built-in commands on first use, then those of plugins, and readable errors."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import click

from hookline import __version__
from hookline.cli.later import LaterCommand
from hookline.cli.messages import CommandError, CommandFailedError
from hookline.cli.plugin_option import plugin_option
from hookline.errors import ConfigurationError, HooklineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.cli.plugin_commands import PluginCommands

# What help says of each command; it is the `command` of the module of `hookline.cli` of that name.
BUILT_IN = {
    "demo": "Try every action with simulated answers; needs no key.",
    "serve": "Listen for calls.",
    "actions": "List actions, and show the fields of one.",
    "call": "Run one action.",
    "record": "Run one action against the real service, and keep the exchange.",
    "new": "Begin a plugin.",
    "connectors": "List connectors, and check those without Python.",
    "plugins": "Show and check plugins, and switch them off.",
    "config": "Show and check settings.",
    "schemas": "Write or check the published JSON Schemas.",
    "db": "Look after the database.",
    "audit": "Read and verify the audit log.",
    "version": "Show the versions that a bug report needs.",
}
_HELP = """\
Put an HTTP API behind one webhook that any low-code tool can call.

Settings come from the file named by HOOKLINE_CONFIG and from HOOKLINE_... variables; options win over both.
"""
_EPILOG = """\
\b
Examples:
  hookline demo                              see everything work; needs no key and costs nothing
  hookline serve --sandbox                   listen, with simulated answers
  hookline actions list                      what can be called
  hookline actions show openai.chat          which fields an action takes
  hookline call openai.chat model=gpt-5.4-mini prompt="Say hello" --sandbox

\b
Exit status: 0 done, 1 a call or check failed, 2 wrong usage or configuration, 130 ended by Ctrl-C
  (0 for a server that runs until then).
"""


class HooklineGroup(click.Group):
    """Finds commands: ours first, then those of plugins.

    Args:
        load_commands: Returns the commands of plugins; those that are installed by default. It is called
            at most once, and not at all to run a built-in command.
        options: As for `click.Group`.
    """

    def __init__(
        self, *, load_commands: Callable[[], PluginCommands] | None = None, **options: object
    ) -> None:
        super().__init__(**options)  # type: ignore[arg-type]  # handed on as they are
        self._load_commands = load_commands or _load_installed
        self._found: PluginCommands | None = None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order that help shows them."""
        return [*BUILT_IN, *sorted(self._from_plugins().commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command itself, imported now if it was not."""
        found = self._listed(cmd_name)
        return found.load() if isinstance(found, LaterCommand) else found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of all commands, and import none of them."""
        listed = [(name, self._listed(name)) for name in self.list_commands(ctx)]
        widest = max(len(name) for name, _ in listed)
        rows = [
            (name, command.get_short_help_str(formatter.width - 6 - widest))
            for name, command in listed
            if command is not None and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name, or say which ones are similar."""
        name = args[0]
        if not name.startswith("-") and not ctx.resilient_parsing and self._listed(name) is None:
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=2)
            ctx.fail(
                f"There is no command {name!r}."
                + (f" Did you mean {' or '.join(repr(one) for one in near)}?" if near else "")
            )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; what it raises becomes a message and an exit status, not a traceback."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            click.echo(err=True)
            raise click.exceptions.Exit(130) from None
        except HooklineError as exc:
            kind = CommandError if isinstance(exc, ConfigurationError) else CommandFailedError
            raise kind(exc.message, hint=exc.hint) from exc

    def _listed(self, name: str) -> click.Command | None:
        """Return what stands in the list for a command, which may be a `LaterCommand`."""
        if name in BUILT_IN:
            return LaterCommand(name, f"hookline.cli.{name}:command", short_help=BUILT_IN[name])
        return self._from_plugins().commands.get(name)

    def _from_plugins(self) -> PluginCommands:
        if self._found is None:
            self._found = self._load_commands()
            for problem in self._found.problems:
                click.echo(f"Warning: {problem}", err=True)
        return self._found


def build_cli(load_commands: Callable[[], PluginCommands] | None = None) -> HooklineGroup:
    """Return the command line.

    Args:
        load_commands: Returns the commands of plugins; those that are installed by default.
    """
    group = HooklineGroup(
        name="hookline",
        help=_HELP,
        epilog=_EPILOG,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
        load_commands=load_commands,
    )
    group = plugin_option(group)
    return click.version_option(__version__, prog_name="hookline", message="%(prog)s %(version)s")(group)


def _load_installed() -> PluginCommands:
    from hookline.cli.plugin_commands import load_installed

    return load_installed()
