"""Reading a credential from where nobody else sees it: a hidden prompt, a file, or standard input."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from hookline.cli.messages import CommandError, warn

_MAX_BYTES = 64 * 1024

F = TypeVar("F", bound=Callable[..., object])


def credential_options(command: F) -> F:
    """Add the options that say where a credential is from. None of them takes the credential itself."""
    for option in (
        click.option(
            "--credential-ref",
            metavar="REF",
            help="Where the credential is kept, instead of it: file:/path or vault:mount/path#field.",
        ),
        click.option("--credential-stdin", is_flag=True, help="Read the credential from standard input."),
        click.option(
            "--credential-file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Read the credential from a file, once.",
        ),
    ):
        command = option(command)
    return command


def read_credential(
    *, file: Path | None, from_stdin: bool, reference: str | None, none: bool = False
) -> str | None:
    """Return the credential, or None if it is kept elsewhere or there is none.

    Raises:
        CommandError: If it is to come from several places or from nowhere, or cannot be read.
    """
    chosen = [file is not None, from_stdin, reference is not None, none]
    if sum(chosen) > 1:
        raise CommandError("Say once where the credential is from.")
    if file is not None:
        return _from_file(file)
    if from_stdin:
        return _plain(sys.stdin.buffer.read(_MAX_BYTES + 1), "the standard input")
    if reference is not None or none:
        return None
    if not sys.stdin.isatty():
        raise CommandError(
            "There is no terminal to ask for the credential.",
            hint="Use --credential-file FILE, --credential-stdin or --credential-ref REF.",
        )
    while True:
        text: str = click.prompt(
            "Credential (not shown)", hide_input=True, err=True, default="", show_default=False
        ).strip()
        if text:
            click.echo(f"Read {len(text)} characters.", err=True)
            return text
        click.echo("The line is empty. Paste the credential, or press Ctrl-C to store nothing.", err=True)


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAX_BYTES + 1)
    except OSError as exc:
        raise CommandError(f"{path} cannot be read: {exc.strerror}.") from exc
    if stat.S_ISREG(mode) and mode & 0o077 and os.name == "posix":
        warn(f"{path} can be read by others; remove it, or run: chmod 600 {path}")
    return _plain(content, str(path))


def _plain(content: bytes, source: str) -> str:
    if len(content) > _MAX_BYTES:
        raise CommandError(f"What {source} holds is longer than {_MAX_BYTES:,} bytes: this is no credential.")
    try:
        text = content.decode("utf-8-sig").strip("\r\n \t")
    except UnicodeDecodeError:
        raise CommandError(f"What {source} holds is no text.") from None
    if not text:
        raise CommandError(f"There is no credential in {source}.")
    return text
