"""``hookline export``: the catalog as files that platforms import."""

from __future__ import annotations

import difflib
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import CommandError, echo_json

if TYPE_CHECKING:
    from hookline.exports.export import Export
    from hookline.exports.target import ExportTarget
    from hookline.gateway import Gateway

_EXAMPLES = """\
\b
Examples:
  hookline export                                          what there is, and what to do with it
  hookline export openapi --server https://hooks.example.com --out openapi.json
  hookline export zapier --actions "openai.*" --report     what Zapier cannot say, and the way around it
  hookline export power-platform --out connector/          several files go into a folder, or a .zip
"""


@click.command("export", epilog=_EXAMPLES)
@click.argument("target", required=False)
@click.option("--out", type=click.Path(path_type=Path), help="File or folder to write; else it is printed.")
@click.option(
    "--actions",
    metavar="PATTERN",
    multiple=True,
    help='Only these actions, such as "openai.*"; may be given several times.',
)
@click.option("--server", metavar="URL", help="Address at which the platform reaches the gateway.")
@click.option("--file", "file_name", metavar="NAME", help="Print one of several files.")
@click.option("--report", is_flag=True, help="Tell what the platform cannot say, and how to reach it.")
@click.option("--json", "as_json", is_flag=True, help="Print the list or the report as JSON.")
@pass_context
def command(
    context: CommandContext,
    target: str | None,
    out: Path | None,
    actions: tuple[str, ...],
    server: str | None,
    file_name: str | None,
    report: bool,
    as_json: bool,
) -> None:
    """Write the actions in the form that a platform imports.

    Without TARGET, list the platforms. The same catalog gives the same bytes, so a changed export shows in a
    review.
    """
    with context.open_gateway() as gateway:
        if target is None:
            _list(gateway, as_json=as_json)
            return
        export = _make(gateway, _find(gateway, target), actions, server)
        if report:
            _report(export, as_json=as_json)
        elif out is not None:
            _write(export, out)
        else:
            _print(export, file_name)


def _list(gateway: Gateway, *, as_json: bool) -> None:
    from hookline.exports.views import describe_target

    targets = list(gateway.export_targets.values())
    if as_json:
        echo_json({"exports": [describe_target(one) for one in targets], "count": len(targets)})
        return
    for one in targets:
        click.echo(click.style(one.title, bold=True))
        _paragraph(one.summary, first="  ", rest="  ")
        click.echo(f"  hookline export {one.name} --out {one.out or one.file}\n")
    click.echo("Add `--server https://YOUR-GATEWAY`, the address at which the platform reaches the gateway.")


def _find(gateway: Gateway, name: str) -> ExportTarget:
    found = gateway.export_targets.get(name)
    if found is None:
        near = difflib.get_close_matches(name, gateway.export_targets, n=1)
        raise CommandError(
            f"There is no export {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""),
            hint="`hookline export` lists them.",
        )
    return found


def _make(gateway: Gateway, target: ExportTarget, patterns: tuple[str, ...], server: str | None) -> Export:
    from hookline.errors import InvalidInputError
    from hookline.exports.blueprints import make_blueprint, pick_actions
    from hookline.exports.export import make_export
    from hookline.exports.views import check_server_url
    from hookline.principal import ANYTHING

    settings = gateway.settings.server
    try:
        url = check_server_url(server or settings.public_url or f"http://localhost:{settings.port}")
    except InvalidInputError as exc:
        raise CommandError(exc.message.replace("`server`", "--server"), hint=exc.hint) from exc
    ids = pick_actions(gateway, patterns=patterns or ANYTHING)
    if not ids:
        raise CommandError(
            f"No action matches {', '.join(patterns) or 'anything'}.",
            hint="`hookline actions list` shows all actions; `openai.*` stands for all of one connector.",
        )
    if server is None and settings.public_url is None:
        click.echo(f"Note: the export leads to {url}. Name another address with --server.", err=True)
    return make_export(target, make_blueprint(gateway, server_url=url, action_ids=ids))


def _report(export: Export, *, as_json: bool) -> None:
    losses = export.losses
    if as_json:
        echo_json({"target": export.target.name, "losses": [one.as_json() for one in losses]})
        return
    if not losses:
        click.echo(f"{export.target.title} says all that the actions say; nothing was simplified.")
        return
    action = place = None
    for loss in losses:
        if loss.action != action:
            action, place = loss.action, None
            click.echo(click.style(action, bold=True))
        if loss.place != place:
            place = loss.place
            click.echo(f"  {place or '(the action as a whole)'}")
        _paragraph(loss.lost, first="    ", rest="    ")
        _paragraph(loss.instead, first="    → ", rest="      ")
    click.echo(f"\n{len(losses)} things that {export.target.title} cannot say as the actions do.")


def _paragraph(text: str, *, first: str, rest: str) -> None:
    width = min(shutil.get_terminal_size().columns, 100) if sys.stdout.isatty() else 100
    lines = textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    click.echo("\n".join(lines))


def _write(export: Export, out: Path) -> None:
    try:
        if len(export.files) == 1:
            path = out / export.main[0] if out.is_dir() else out
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(export.main[1])
            written = [path]
        elif out.suffix == ".zip":
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_bytes(export.as_archive())
            written = [out]
        else:
            written = [out / name for name in export.files]
            for path, content in zip(written, export.files.values(), strict=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    except OSError as exc:
        raise CommandError(f"{exc.filename or out} cannot be written: {exc.strerror}.") from exc
    for path in written:
        click.echo(f"wrote {path}", err=True)
    click.echo(export.target.next_step, err=True)
    if export.losses:
        click.echo(
            f"{len(export.losses)} things were simplified: `hookline export {export.target.name} --report`.",
            err=True,
        )


def _print(export: Export, file_name: str | None) -> None:
    if file_name is None and len(export.files) > 1:
        raise CommandError(
            f"{export.target.title} comes as {len(export.files)} files.",
            hint=f"Write them with `--out {export.target.out or export.target.file}`, or print one: "
            f"`--file {export.main[0]}`.",
        )
    name = file_name or export.main[0]
    if name not in export.files:
        known = ", ".join(list(export.files)[:8])
        raise CommandError(f"{export.target.title} has no file {name!r}.", hint=f"There are: {known}.")
    sys.stdout.flush()
    click.echo(export.files[name], nl=False)
