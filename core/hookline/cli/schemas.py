"""``hookline schemas``: the published contracts, written from the catalog and compared with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline.cli.context import CommandContext, pass_context
from hookline.cli.messages import CommandError, CommandFailedError

if TYPE_CHECKING:
    from hookline.gateway import Gateway
    from hookline.schema_files import AnyContract

_dir_option = click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the files; that of the package hookline_schemas unless given.",
)
_connector_option = click.option(
    "--connector",
    "wanted",
    multiple=True,
    help="Only this connector; may be given more than once. Without it: the bundled ones, or all with --dir.",
)


@click.group("schemas")
def command() -> None:
    """Write the published JSON Schemas of actions, or compare them with the catalog."""


@command.command("write")
@_dir_option
@_connector_option
@click.option("--new-version", is_flag=True, help="Publish what changed as the next version.")
@click.option("--force", is_flag=True, help="Replace published files; right only before a first release.")
@pass_context
def write(
    context: CommandContext, folder: Path | None, wanted: tuple[str, ...], new_version: bool, force: bool
) -> None:
    """Write one file per action and direction; a published version is never edited."""
    from hookline.schema_files import SchemaFolder

    if new_version and force:
        raise click.UsageError("Give either --new-version or --force, not both.")
    path = folder or _package_folder()
    if folder is None and _is_installed(path):
        raise CommandError(
            "The package hookline_schemas is installed, not a source tree.", hint="Say where with --dir."
        )
    with context.open_gateway(sandbox=True) as gateway:
        contracts, _ = _select(gateway, wanted, is_own_folder=folder is None)
        written = SchemaFolder(path).write(contracts, new_version=new_version, force=force)
    for name in written:
        click.echo(f"wrote {name}")
    click.echo(f"{len(written)} written, {len(contracts) - len(written)} unchanged.")


@command.command("check")
@_dir_option
@_connector_option
@pass_context
def check(context: CommandContext, folder: Path | None, wanted: tuple[str, ...]) -> None:
    """Compare the files with the catalog; the exit status is 1 if they differ."""
    from hookline.schema_files import SchemaFolder

    with context.open_gateway(sandbox=True) as gateway:
        contracts, connectors = _select(gateway, wanted, is_own_folder=folder is None)
        differences = SchemaFolder(folder or _package_folder()).check(contracts, connectors=connectors)
    for difference in differences:
        click.echo(f"{difference.file}: {difference.problem}")
    if differences:
        raise CommandFailedError(
            f"{len(differences)} difference{'' if len(differences) == 1 else 's'} between files and catalog.",
            hint="If the catalog is right, publish it with `hookline schemas write --new-version`.",
        )
    click.echo(f"{len(contracts)} schemas are as published.")


@command.command("manifest")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; printed unless given."
)
def show_manifest(out: Path | None) -> None:
    """Print the JSON Schema of manifests, for editors.

    A manifest whose first line is `# yaml-language-server: $schema=manifest.v1.json` is checked and completed
    while you write it.
    """
    from hookline.manifest.json_schema import manifest_schema
    from hookline.schema_files import dump

    text = dump(manifest_schema())
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as exc:
        raise CommandError(f"{out} cannot be written: {exc.strerror}.") from exc
    click.echo(f"wrote {out}")


def _select(
    gateway: Gateway, wanted: tuple[str, ...], *, is_own_folder: bool
) -> tuple[list[AnyContract], frozenset[str]]:
    from hookline.schema_files import ManifestContract, bundled_connectors, contracts_of

    known = frozenset(gateway.catalog.connectors)
    for name in wanted:
        if name not in known:
            raise CommandError(
                f"There is no connector {name!r}; known: {', '.join(sorted(known)) or 'none'}.",
                hint="`hookline plugins list` shows what is installed and why.",
            )
    chosen = frozenset(wanted) or (bundled_connectors(gateway.host) if is_own_folder else known)
    contracts: list[AnyContract] = list(
        contracts_of(action for action in gateway.catalog if action.connector.id in chosen)
    )
    if is_own_folder and not wanted:
        contracts.append(ManifestContract())
    return contracts, chosen


def _package_folder() -> Path:
    import hookline_schemas

    return hookline_schemas.FOLDER


def _is_installed(path: Path) -> bool:
    return bool({"site-packages", "dist-packages"} & set(path.parts))
