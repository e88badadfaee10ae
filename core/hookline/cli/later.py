"""Commands that are imported when they run, and not to be listed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from typing import Any


class LaterCommand(click.Command):
    """Stands for a command or a group of commands until it runs.

    ``hookline --help`` lists every command of every plugin, so what a command needs should not be imported
    for that.

    Args:
        place: Where the command is, as ``"package.module:name"``.
        short_help: What the list says of it.
    """

    def __init__(self, name: str, place: str, *, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self.place = place

    def load(self) -> click.Command:
        """Return the command itself, importing it now."""
        module, _, name = self.place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return a context of the command itself, which is what click goes on with."""
        return self.load().make_context(info_name, args, parent, **extra)
