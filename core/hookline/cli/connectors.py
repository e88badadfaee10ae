"""``hookline connectors``: which services there are, and whether a manifest is right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import CommandFailedError, echo_json, print_table

if TYPE_CHECKING:
    from hookline.manifest.checking import ManifestReport
    from hookline.manifest.problems import ManifestProblem


@click.group("connectors", short_help="List connectors, and check those without Python.")
def command() -> None:
    """List connectors, and check manifests, which are connectors without Python."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def list_(context: CommandContext, as_json: bool) -> None:
    """List every connector with where it comes from, and manifests that cannot be used."""
    with context.open_gateway(sandbox=True) as gateway:
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
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--no-hints", is_flag=True, help="Say only what is wrong, not what could be better.")
def check(files: tuple[Path, ...], as_json: bool, no_hints: bool) -> None:
    """Check manifests: form, schemas, references, samples and expressions.

    The exit status is 1 if one of them cannot be used. Hints say what is missing for good forms; they change
    nothing about the status.
    """
    from hookline.manifest.checking import check_manifest

    reports = [check_manifest(path) for path in files]
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
