"""Serving a client on standard input and output, until one of the two ends."""

from __future__ import annotations

import contextlib
import difflib
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline.cli.messages import CommandError, warn
from hookline.principal import ANYTHING, Principal, matches
from hookline_mcp.local_door import LocalDoor
from hookline_mcp.remote_door import RemoteDoor
from hookline_mcp.stdio import StdioServer

if TYPE_CHECKING:
    from hookline.cli.context import CommandContext
    from hookline.gateway import Gateway
    from hookline_mcp.stdio import Door


@dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """What was typed.

    Attributes:
        patterns: Actions that are offered; empty for all.
        url: Gateway that answers; None for one in this process.
        key_env: Variable that holds the key for it.
        key_file: File that holds the key for it.
        is_sandbox: Whether calls go to the simulated service.
    """

    patterns: tuple[str, ...]
    url: str | None
    key_env: str
    key_file: Path | None
    is_sandbox: bool


def serve(context: CommandContext, wanted: Serving) -> None:
    """Serve until the input ends.

    Raises:
        CommandError: If what was typed does not fit together.
    """
    with _logs_on_stderr(), contextlib.ExitStack() as stack:
        target = sys.stdout.buffer
        # Whatever a plugin prints must not stand among the messages.
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        door: Door
        if wanted.url is not None:
            door = stack.enter_context(contextlib.closing(_remote(context, wanted, wanted.url)))
            max_line_bytes = 64 * 1024 * 1024
        else:
            gateway = stack.enter_context(context.open_gateway(sandbox=wanted.is_sandbox))
            door = _local(gateway, wanted.patterns)
            if gateway.manifests is not None:
                gateway.manifests.begin()
            max_line_bytes = gateway.settings.limits.max_body_bytes
        with contextlib.suppress(KeyboardInterrupt):
            StdioServer(door, source=sys.stdin.buffer, target=target, max_line_bytes=max_line_bytes).run()


def _local(gateway: Gateway, patterns: tuple[str, ...]) -> LocalDoor:
    _check_patterns(patterns, [action.id for action in gateway.catalog])
    principal = Principal(
        key_id="cli",
        scopes=frozenset({"actions:run", "catalog:read"}),
        label="command line",
        actions=patterns or ANYTHING,
    )
    return LocalDoor(gateway, principal)


def _check_patterns(patterns: tuple[str, ...], ids: list[str]) -> None:
    """Refuse patterns of which none matches an action; if only some do, name the others."""
    unmatched = [one for one in patterns if not any(matches([one], id) for id in ids)]
    if patterns and len(unmatched) == len(patterns):
        near = _nearest(unmatched, ids)
        raise CommandError(
            f"No action matches {', '.join(unmatched)}.{near}",
            hint="`hookline actions list` shows all actions; `openai.*` stands for all of one connector.",
        )
    for one in unmatched:
        click.echo(f"Note: no action matches {one}.{_nearest([one], ids)}", err=True)


def _nearest(patterns: list[str], ids: list[str]) -> str:
    for pattern in patterns:
        near = difflib.get_close_matches(pattern[:80], ids, n=1)
        if near:
            return f" Did you mean {near[0]}?"
    return ""


def _remote(context: CommandContext, wanted: Serving, url: str) -> RemoteDoor:
    if wanted.is_sandbox or wanted.patterns:
        raise CommandError(
            "--url goes with neither --sandbox nor --actions.",
            hint="The key decides what may be called: `hookline keys create --action` makes one for less.",
        )
    if wanted.key_file is not None:
        try:
            key = wanted.key_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise CommandError(f"--key-file: {str(wanted.key_file)!r} cannot be read.") from exc
    else:
        key = context.environ.get(wanted.key_env, "").strip()
    if not key or not (key.isascii() and key.isprintable()):
        raise CommandError(
            f"There is no key for {url}.", hint=f"Set {wanted.key_env}, or name a file with --key-file."
        )
    door = RemoteDoor(url, key)
    if door.is_in_clear:
        warn("the key goes over the network unencrypted; use an address that begins with https://")
    return door


@contextlib.contextmanager
def _logs_on_stderr() -> Iterator[None]:
    logger = logging.getLogger("hookline")
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
