"""``hookline config``: what is set, what is wrong with it, and what can be set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import CommandFailedError, echo_json

if TYPE_CHECKING:
    from hookline.config.check import ConfigReport

_FILE = click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
_EPILOG = """\
\b
Examples:
  hookline config show                        what holds, and where it comes from
  hookline config check hookline.toml         everything that is wrong, with line and key
  hookline config schema > hookline.schema.json

\b
Exit status: 0 all is well, 1 something is wrong, 2 wrong usage.
"""


@click.group("config", epilog=_EPILOG)
def command() -> None:
    """Show and check settings."""


@command.command("show")
@_FILE
@click.option("--set", "only_set", is_flag=True, help="Leave out what is not set anywhere.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def show(context: CommandContext, file: Path | None, only_set: bool, as_json: bool) -> None:
    """Show every setting that holds, and where it comes from.

    FILE is read in place of the one that HOOKLINE_CONFIG names. Secrets show as **********.
    """
    from hookline.config.show import show_settings
    from hookline.config.surroundings import look_around
    from hookline.settings import load_settings
    from hookline.settings_reading import with_secret_files

    environ = with_secret_files(_environ(context, file))
    settings = load_settings(environ)
    around = look_around(settings, make_host=context.make_host)
    shown = show_settings(settings, around, environ)
    if only_set:
        shown = [one for one in shown if one.source != "default"]
    if as_json:
        echo_json([{"key": one.key, "value": one.value, "source": one.source} for one in shown])
        return
    lines = [(f"{one.key} = {json.dumps(one.value, ensure_ascii=False)}", one.source) for one in shown]
    width = min(max((len(text) for text, _ in lines), default=0), 60)
    for text, source in lines:
        click.echo(f"{text:{width}}  # {source}")


@command.command("check")
@_FILE
@click.option("--strict", is_flag=True, help="Fail for warnings, too.")
@click.option("--start", is_flag=True, help="Also build a gateway from it, as `serve` does, and close it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def check(context: CommandContext, file: Path | None, strict: bool, start: bool, as_json: bool) -> None:
    """Tell everything that is wrong with settings, with file, line and key.

    FILE is read in place of the one that HOOKLINE_CONFIG names; variables are checked as well. With --start
    the state folder and the database are opened, and keys and accounts that are kept there are checked too.
    """
    from hookline.config.check import check_settings

    environ = _environ(context, file)
    report = check_settings(environ, make_host=context.make_host)
    problems = [problem for problem in report.problems if not problem.is_warning]
    started = _start(context, environ) if start and not problems else ""
    is_sound = not started and (report.is_sound if not strict else not report.problems)
    if as_json:
        echo_json(_as_json(report, started, is_sound=is_sound))
    else:
        for problem in report.problems:
            click.echo(f"{problem.place}: {'warning: ' if problem.is_warning else ''}{problem.message}")
        if started:
            click.echo(f"the gateway does not start: {started}")
        if is_sound:
            click.echo(f"{report.file or 'The settings'}: all is well.")
    if not is_sound:
        raise click.exceptions.Exit(CommandFailedError.exit_code)


@command.command("schema")
@pass_context
def schema(context: CommandContext) -> None:
    """Print the JSON Schema of the settings file, for editors.

    It holds the tables of the plugins and connectors that are installed here. Name it in the first line of
    the file, and an editor that knows TOML completes and checks it: `#:schema ./hookline.schema.json`.
    """
    from hookline.config.schema import make_schema
    from hookline.config.surroundings import look_around
    from hookline.settings import Settings

    echo_json(make_schema(look_around(Settings(), make_host=context.make_host)))


def _environ(context: CommandContext, file: Path | None) -> dict[str, str]:
    environ = dict(context.environ)
    if file is not None:
        environ["HOOKLINE_CONFIG"] = str(file)
    return environ


def _start(context: CommandContext, environ: dict[str, str]) -> str:
    from dataclasses import replace

    from hookline.errors import HooklineError

    try:
        with replace(context, environ=environ).open_gateway():
            return ""
    except HooklineError as exc:
        return exc.message


def _as_json(report: ConfigReport, started: str, *, is_sound: bool) -> dict[str, object]:
    found: list[dict[str, object]] = [
        {
            "key": ".".join(problem.key),
            "message": problem.message,
            "place": problem.place,
            "file": problem.file,
            "line": problem.line,
            "severity": "warning" if problem.is_warning else "error",
        }
        for problem in report.problems
    ]
    if started:
        found.append(
            {"key": "", "message": started, "place": "start", "file": None, "line": None, "severity": "error"}
        )
    return {"ok": is_sound, "file": str(report.file) if report.file else None, "problems": found}
