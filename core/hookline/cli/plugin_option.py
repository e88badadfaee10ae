"""The option ``--plugin``: plugins that are one file each, for one run of a command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from hookline.cli.context import CommandContext

if TYPE_CHECKING:
    from collections.abc import Callable

FILES_VARIABLE = "HOOKLINE_PLUGIN_FILES"

F = TypeVar("F", bound="Callable[..., object] | click.Command")


def plugin_option(command: F) -> F:
    """Give a command the option ``--plugin``.

    The files are noted in the environment, where settings are read, and workers read them too.
    """
    return click.option(
        "--plugin",
        metavar="FILE",
        multiple=True,
        expose_value=False,
        callback=_note,
        help="Use a plugin that is one Python file, without installing it; may be given several times.",
    )(command)


def _note(ctx: click.Context, param: click.Parameter, files: tuple[str, ...]) -> None:
    if not files:
        return
    for file in files:
        if "," in file:
            raise click.BadParameter(f"{file!r} has a comma in its path; rename it.", ctx=ctx, param=param)
    environ = ctx.ensure_object(CommandContext).environ
    known = [one.strip() for one in environ.get(FILES_VARIABLE, "").split(",") if one.strip()]
    paths = [str(Path(file).absolute()) for file in files]
    environ[FILES_VARIABLE] = ",".join(dict.fromkeys([*known, *paths]))
