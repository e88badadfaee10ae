"""``hookline record``: keep what a real service answers, and tell when it answers something else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline.cli.call_input import read_input
from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import CommandError, CommandFailedError, echo_json, warn
from hookline.file_output import write_new, write_over

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.plugins import PluginHost
    from hookline.recording.recording import Recording
    from hookline.recording.shapes import Change
    from hookline.settings import Settings

_EPILOG = """\
\b
Examples:
  hookline record acme.find_contact email=ada@example.com --out tests/recordings/ada.json
  hookline record openai.chat model=gpt-5.4-mini prompt=Hi --stream --out tests/recordings/hi.json
  hookline record --check tests/recordings/*.json

\b
Exit status: 0 recorded, or nothing has changed; 1 something has changed, or no service answered;
  2 wrong usage or configuration.
"""


@click.command("record", epilog=_EPILOG)
@click.argument("words", nargs=-1, metavar="ACTION [KEY=VALUE | KEY:=JSON]...")
@click.option(
    "--input", "source", metavar="JSON|@FILE|-", help="Input as JSON, from a file, or from standard input."
)
@click.option("--out", metavar="FILE", help="Write the recording to this file.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@click.option("--stream", is_flag=True, help="Ask for a stream, and keep when each event came.")
@click.option(
    "--hide-header",
    "hidden",
    multiple=True,
    metavar="NAME",
    help="Header that holds the id of an account; its value is removed wherever it occurs. Repeatable.",
)
@click.option(
    "--check", is_flag=True, help="Run the recordings that follow again, and tell what has changed."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@pass_context
def command(
    context: CommandContext,
    words: tuple[str, ...],
    source: str | None,
    out: str | None,
    force: bool,
    stream: bool,
    hidden: tuple[str, ...],
    check: bool,
    as_json: bool,
) -> None:
    """Run one action against the real service, and keep the answer for tests.

    The action runs once, with the connection that is configured, and may cost something. Credentials,
    cookies and whatever is named like a secret are removed; the file lists what was. Tests play it with
    `upstream.replay("recordings/ada.json")`. With --check the arguments are files of recordings: each is run
    again, and what is not as it was is told.
    """
    if check:
        if out or force or source or stream or not words:
            raise click.UsageError("--check takes files of recordings, and none of --out, --force, --input.")
        _check(context, words, hidden, as_json=as_json)
        return
    if not words or not out:
        raise click.UsageError("Name an action and `--out FILE`, such as tests/recordings/ada.json.")
    path = Path(out)
    if path.is_dir():
        raise CommandError(f"{out} is a folder.", hint=f"Name a file, such as {path / 'ada.json'}.")
    if path.exists() and not force:
        raise CommandError(f"{out} is there already.", hint="Replace it with --force.")
    recording = _run(context, words[0], read_input(source, words[1:]), is_stream=stream, hidden=hidden)
    _write(path, recording, force=force)
    _tell(path, recording, as_json=as_json)


def _run(
    context: CommandContext, action_id: str, input: JsonObject, *, is_stream: bool, hidden: tuple[str, ...]
) -> Recording:
    from hookline.errors import HooklineError, NotFoundError
    from hookline.gateway import load_plugins
    from hookline.recording.recorder import record
    from hookline.recording.tape import Tape

    tape = Tape()
    make = context.make_host or load_plugins

    def make_host(settings: Settings) -> PluginHost:
        host = make(settings)
        host.register(tape, name="tape")
        return host

    with replace(context, make_host=make_host).open_gateway() as gateway:
        try:
            made = record(gateway, tape, action_id, input, is_stream=is_stream, hidden_headers=hidden)
        except NotFoundError as exc:
            raise CommandError(exc.message, hint="`hookline actions list` shows all actions.") from exc
        except HooklineError as exc:
            if exc.code != "nothing_recorded":
                raise
            hint = exc.hint.replace("`GET /actions/{id}`", f"`hookline actions show {action_id}`")
            raise CommandFailedError(exc.message, hint=hint) from exc
        connector = gateway.catalog.find(action_id).connector
    if connector.credential is not None and not tape.secrets:
        warn(f"no credential was sent: HOOKLINE_{connector.id.upper()}_API_KEY is not set.")
    refusals = [str(one.status) for one in made.exchanges if one.status >= 400]
    if refusals:
        warn(f"the service refused ({', '.join(refusals)}); tests that play this see the refusal.")
    return made


def _write(path: Path, recording: Recording, *, force: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        (write_over if force else write_new)(path, recording.dump().encode())
    except OSError as exc:
        raise CommandError(f"{path} cannot be written: {exc.strerror}.") from exc


def _tell(path: Path, recording: Recording, *, as_json: bool) -> None:
    statuses = [one.status for one in recording.exchanges]
    if as_json:
        removed = [{"where": where, "what": what} for where, what in recording.removed]
        echo_json({"file": str(path), "action": recording.action, "statuses": statuses, "removed": removed})
        return
    answers = ", ".join(map(str, statuses))
    click.echo(f"wrote {path}: {recording.action}, answered with {answers}")
    for where, what in recording.removed:
        click.echo(f"  removed {where} ({what})")
    click.echo("Read it once before you commit it: it holds what the service told about your data.")


def _check(
    context: CommandContext, files: tuple[str, ...], hidden: tuple[str, ...], *, as_json: bool
) -> None:
    from hookline.recording.comparison import compare
    from hookline.recording.recording import REMOVED, load_recording

    recordings = [(file, load_recording(file)) for file in files]
    for file, before in recordings:
        if REMOVED in str(before.input):
            raise CommandError(f"The input of {file} held a secret, so it cannot be run again.")
    found: list[tuple[str, list[Change]]] = []
    for file, before in recordings:
        now = _run(context, before.action, before.input, is_stream=before.is_stream, hidden=hidden)
        found.append((file, compare(before, now)))
    has_changed = any(changes for _, changes in found)
    if as_json:
        echo_json(
            {
                "changed": has_changed,
                "files": [
                    {"file": file, "changes": [vars(change) for change in changes]} for file, changes in found
                ],
            }
        )
    else:
        for file, changes in found:
            click.echo(f"{file}: {'changed' if changes else 'as it was'}")
            for change in changes:
                click.echo(f"  {change}")
    if has_changed and as_json:
        raise click.exceptions.Exit(1)
    if has_changed:
        raise CommandFailedError(
            "Reality has moved on.", hint="Adapt the action, then record anew with --force."
        )
