"""``hookline export``: the catalog as files that platforms import."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import CommandError, echo_json
from hookline.cli.plugin_option import plugin_option

if TYPE_CHECKING:
    from hookline.exports.export import Export
    from hookline.exports.target import ExportTarget
    from hookline.exports.writing import Written
    from hookline.gateway import Gateway

_EXAMPLES = """\
\b
Examples:
  hookline export                                          what there is, and what to do with it
  hookline export openapi --server https://hooks.example.com --out openapi.json
  hookline export zapier --actions "openai.*" --report     what Zapier cannot say, and the way around it
  hookline export power-platform --out connector/          several files go into a folder, or a .zip
"""
_ACTIONS_HINT = "`hookline actions list` shows all actions; `openai.*` stands for all of one connector."
_SHOWN_FILES = 3


@click.command("export", epilog=_EXAMPLES)
@click.argument("target", required=False)
@click.option("--out", metavar="PATH", help="File, folder/ or archive.zip to write; else it is printed.")
@click.option(
    "--actions",
    metavar="PATTERN",
    multiple=True,
    help='Only these actions, such as "openai.*"; several with commas, or by several options.',
)
@click.option("--server", metavar="URL", help="Address at which the platform reaches the gateway.")
@click.option("--file", "file_name", metavar="NAME", help="Print one of several files.")
@click.option("--report", is_flag=True, help="Tell what the platform cannot say, and how to reach it.")
@click.option("--json", "as_json", is_flag=True, help="Print the list or the report as JSON.")
@plugin_option
@pass_context
def command(
    context: CommandContext,
    target: str | None,
    out: str | None,
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
    given = {"--out": out, "--actions": actions, "--server": server, "--file": file_name, "--report": report}
    _check_usage({name for name, value in given.items() if value not in (None, (), False)}, target, as_json)
    if out == "" or "" in actions:
        raise click.UsageError("--out and --actions cannot be empty.")
    if out == "-" and report:
        raise click.UsageError("--report is printed too: give --out a file, or leave it out.")
    with context.open_gateway() as gateway:
        if target is None:
            _list(gateway, as_json=as_json)
            return
        export = _make(gateway, _find(gateway, target), actions, server)
        if out not in (None, "-"):
            _write(export, str(out), has_report=report)
        elif not report:
            _print(export, file_name)
        if report:
            _report(export, as_json=as_json)


def _check_usage(given: set[str], target: str | None, as_json: bool) -> None:
    """Refuse options that would be left aside.

    Raises:
        UsageError: If there are any; says what to do.
    """
    if target is None and given:
        raise click.UsageError(
            f"{sorted(given)[0]} needs a TARGET, such as `hookline export openapi`; "
            "`hookline export` lists them."
        )
    if target is not None and as_json and "--report" not in given:
        raise click.UsageError("--json prints the list or the report: add --report, or leave it out.")
    if "--file" in given and given & {"--out", "--report"}:
        other = sorted(given & {"--out", "--report"})[0]
        raise click.UsageError(f"--file prints one file, and {other} is for all of them: leave one out.")


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
    from hookline.errors import NotFoundError
    from hookline.exports.wishes import find_target

    try:
        return find_target(gateway, name)
    except NotFoundError as exc:
        raise CommandError(exc.message, hint="`hookline export` lists them.") from exc


def _make(gateway: Gateway, target: ExportTarget, actions: tuple[str, ...], server: str | None) -> Export:
    from hookline.errors import InvalidInputError, NotFoundError
    from hookline.exports.blueprints import make_blueprint
    from hookline.exports.export import make_export
    from hookline.exports.wishes import check_server_url, is_public_address, pick_wanted, read_patterns

    settings = gateway.settings.server
    try:
        url = check_server_url(server or settings.public_url or f"http://localhost:{settings.port}")
        ids = pick_wanted(gateway, read_patterns(",".join(actions)))
    except (InvalidInputError, NotFoundError) as exc:
        message = exc.message.replace("`server`", "--server").replace("`actions`", "--actions")
        hint = _ACTIONS_HINT if exc.field != "server" else exc.hint
        raise CommandError(message, hint=hint) from exc
    if target.is_remote and not is_public_address(url):
        click.echo(
            f"Note: {target.title} reaches only public https:// addresses, and the export leads to {url}. "
            "Name another address with --server.",
            err=True,
        )
    elif server is None and settings.public_url is None:
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
    click.echo(f"\n{_count(len(losses), 'thing')} that {export.target.title} cannot say as the actions do.")


def _paragraph(text: str, *, first: str, rest: str) -> None:
    width = min(shutil.get_terminal_size().columns, 100) if sys.stdout.isatty() else 100
    lines = textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    click.echo("\n".join(lines))


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _write(export: Export, out: str, *, has_report: bool) -> None:
    from hookline.exports.writing import NotAFolderError, write_export

    target = export.target
    try:
        written = write_export(export, out)
    except NotAFolderError as exc:
        raise CommandError(
            f"{out} is a file, and {target.title} comes as {len(export.files)} files.",
            hint="Name a folder or a .zip.",
        ) from exc
    except OSError as exc:
        raise CommandError(f"{exc.filename or out} cannot be written: {exc.strerror}.") from exc
    for path in written.paths:
        click.echo(f"wrote {path}", err=True)
    click.echo(_next_step(target, written), err=True)
    if written.others:
        count = len(written.others)
        named = ", ".join(str(path.relative_to(written.whole)) for path in written.others[:_SHOWN_FILES])
        click.echo(
            f"Note: {_count(count, 'file')} in {written.whole} {'is' if count == 1 else 'are'} not of this "
            f"export: {named}{', …' if count > _SHOWN_FILES else ''}. Remove what an earlier export left.",
            err=True,
        )
    if export.losses and not has_report:
        click.echo(
            f"Simplified {_count(len(export.losses), 'thing')}: "
            f"`hookline export {target.name} --report` lists them.",
            err=True,
        )


def _next_step(target: ExportTarget, written: Written) -> str:
    takes_archive = target.out.endswith(".zip")
    if takes_archive and not written.is_archive:
        return f"{target.title} takes an archive: write it with `--out {target.out}`."
    if written.is_archive and not takes_archive:
        return f"Unpack {written.whole}. {target.next_step_with(target.file)}"
    return target.next_step_with(str(written.whole))


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
