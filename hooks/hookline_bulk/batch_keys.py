"""Where the key for a gateway elsewhere comes from; never from the command line, which others can read."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from hookline.cli.messages import CommandError


def read_key(environ: Mapping[str, str], *, variable: str, file: Path | None) -> str:
    """Return the key: from a file if one is named, else from a variable, else typed in a terminal.

    Raises:
        CommandError: If there is none, or it cannot stand in a header.
    """
    if file is not None:
        try:
            key = file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise CommandError(f"--key-file: {str(file)!r} cannot be read.") from exc
        where = f"The file {str(file)!r}"
    else:
        key, where = environ.get(variable, "").strip(), f"The variable {variable}"
        if not key and sys.stdin.isatty():
            key, where = str(click.prompt("Key", hide_input=True, err=True)).strip(), "What was typed"
    if not key:
        raise CommandError(
            f"--url needs a key, and {variable} holds none.", hint="Set that variable, or use --key-file."
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise CommandError(f"{where} holds no key: it has characters that a key cannot have.")
    return key
