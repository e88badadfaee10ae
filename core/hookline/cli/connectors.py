"""``hookline connectors``: which services there are, and whether a manifest is right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import CommandError, CommandFailedError, echo_json, print_table

if TYPE_CHECKING:
    from hookline.manifest.checking import ManifestReport
    from hookline.manifest.problems import ManifestProblem


@click.group("connectors")
def command() -> None:
    """List connectors, and check manifests, which are connectors without Python."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def list_(context: CommandContext, as_json: bool) -> None:
    """List every connector with where it comes from, and manifests that cannot be used."""
    with context.open_gateway(sandbox=True, warns=False) as gateway:
        rows = []
        for id, connector in sorted(gateway.catalog.connectors.items()):
            info = gateway.plugin_of(id)
            rows.append(
                {
                    "id": id,
                    "title": connector.title,
                    "actions": len(connector.actions),
                    "source": "" if info is None else info.name,
                    "problem": "" if info is None else info.problem,
                }
            )
        rows += [
            {"id": "", "title": "", "actions": 0, "source": info.name, "problem": info.problem}
            for info in gateway.host.plugins.values()
            if info.name.startswith("manifest:") and info.status != "active"
        ]
    if as_json:
        echo_json({"connectors": rows})
        return
    print_table(
        ["connector", "title", "actions", "from", "problem"],
        [[str(value) for value in row.values()] for row in rows],
        flexible="problem",
    )


@command.command("check")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE|FOLDER...", type=click.Path(exists=True, path_type=Path)
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--no-hints", is_flag=True, help="Say only what is wrong, not what could be better.")
def check(files: tuple[Path, ...], as_json: bool, no_hints: bool) -> None:
    """Check manifests: form, schemas, references, samples and expressions. Of a folder, each in it.

    The exit status is 1 if one of them cannot be used. Hints say what is missing for good forms; they change
    nothing about the status.
    """
    from hookline.manifest.checking import check_manifest

    reports = [check_manifest(path) for given in files for path in _manifests_of(given)]
    if as_json:
        echo_json({"files": [_described(report) for report in reports]})
    else:
        for report in reports:
            _print(report, with_hints=not no_hints)
    bad = sum(bool(report.problems) for report in reports)
    if bad:
        raise CommandFailedError(
            f"{bad} of {len(reports)} manifests cannot be used."
            if len(reports) > 1
            else "The manifest cannot be used.",
            hint="`hookline schemas manifest` prints the format for an editor that completes and checks it.",
        )


def _manifests_of(path: Path) -> list[Path]:
    """Return a file itself, or the manifests of a folder as a gateway reads them."""
    from hookline.manifest.folder import SUFFIXES, is_statement

    if not path.is_dir():
        return [path]
    try:
        found = sorted(one for one in path.iterdir() if one.name.endswith(SUFFIXES))
    except OSError as exc:
        raise CommandError(f"{path} cannot be read: {exc.strerror}.") from exc
    found = [one for one in found if not one.name.startswith(".") and not is_statement(one)]
    if not found:
        raise CommandError(f"{path} holds no manifest.", hint=f"Manifests end in {', '.join(SUFFIXES)}.")
    return found


def _print(report: ManifestReport, *, with_hints: bool) -> None:
    for problem in report.problems:
        click.echo(str(problem))
    if report.connector is None:
        return
    count = len(report.connector.actions)
    click.echo(f"{report.file}: {report.connector.id}, {count} action{'' if count == 1 else 's'}, is right.")
    for hint in report.hints if with_hints else ():
        click.echo(f"  hint: {hint}")


def _described(report: ManifestReport) -> dict[str, object]:
    def told(problems: tuple[ManifestProblem, ...]) -> list[dict[str, object]]:
        from hookline.manifest.problems import dotted

        return [{"line": one.line, "key": dotted(one.path), "message": one.message} for one in problems]

    connector = report.connector
    return {
        "file": report.file,
        "id": None if connector is None else connector.id,
        "actions": [] if connector is None else sorted(connector.actions),
        "problems": told(report.problems),
        "hints": told(report.hints),
    }
