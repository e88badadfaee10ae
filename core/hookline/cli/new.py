"""``hookline new``: the beginning of a plugin, written into files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import click

from hookline.cli.messages import CommandError
from hookline.scaffold.licences import LICENCES

_CONNECTOR_EXAMPLES = """\
\b
Examples:
  hookline new connector acme
  hookline new connector acme --title "Acme CRM" --base-url https://api.acme.example/v2 --no-input
  hookline new connector petstore --openapi petstore.yaml
  hookline new connector acme --openapi https://api.acme.example/openapi.json --out connectors/
  hookline new connector acme --openapi acme.json --only "contacts_*" --tag Billing --package
  hookline new connector acme --from-manifest connectors/acme.yaml
"""
_HOOK_EXAMPLES = """\
\b
Examples:
  hookline new hook redact-names
  hookline new hook redact-names --license apache-2.0 --author "Ada <ada@example.com>" --no-input
"""

F = TypeVar("F", bound=Callable[..., None])


def _common(function: F) -> F:
    """Add what every new distribution can be told."""
    options = [
        click.option(
            "--author", metavar="NAME", help='Who writes it: "Ada <ada@example.com>"; nobody by default.'
        ),
        click.option("--license", type=click.Choice(list(LICENCES)), help="Its licence; mit by default."),
        click.option(
            "--out",
            "folder",
            type=click.Path(file_okay=False, path_type=Path),
            default=".",
            help="Folder to write into; the current one unless given.",
        ),
        click.option("--no-input", is_flag=True, help="Ask nothing, also at a terminal."),
        click.option("--force", is_flag=True, help="Replace files that are there."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@click.group("new")
def command() -> None:
    """Write the first files of a plugin, to be read and changed by hand."""


@command.command("connector", epilog=_CONNECTOR_EXAMPLES)
@click.argument("name")
@click.option("--title", help="What people call the service; made from NAME unless given.")
@click.option("--base-url", metavar="URL", help="Where its API lives.")
@_common
@click.option(
    "--openapi",
    "source",
    metavar="SOURCE",
    help="File or URL of an OpenAPI document, 2.0 to 3.2, JSON or YAML.",
)
@click.option(
    "--only",
    metavar="PATTERN",
    multiple=True,
    help='Only operations whose verb, operationId or path fits, such as "contacts_*" or "/contacts*".',
)
@click.option(
    "--tag", "tags", metavar="TAG", multiple=True, help="Only operations that the document tags with it."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report of --openapi as JSON.")
@click.option("--package", is_flag=True, help="With --openapi: write a repository around the manifest.")
@click.option(
    "--from-manifest",
    "manifest",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Write a repository around a manifest that is there.",
)
def connector(
    name: str,
    title: str | None,
    base_url: str | None,
    author: str | None,
    license: str | None,
    folder: Path,
    no_input: bool,
    force: bool,
    source: str | None,
    only: tuple[str, ...],
    tags: tuple[str, ...],
    as_json: bool,
    package: bool,
    manifest: Path | None,
) -> None:
    """Write a connector: a repository in Python, or from an OpenAPI document a manifest, which needs none.

    NAME becomes the first part of its actions' ids; `acme` makes the distribution `hookline-acme`.

    Of an OpenAPI document it is told what becomes no action, with the reason and what to do. Put the file
    that is written into the folder that HOOKLINE_CONNECTORS_DIR names.
    """
    if source is None and (only or tags or as_json or package):
        raise CommandError(
            "--only, --tag, --json and --package belong to --openapi.", hint="Add --openapi SOURCE."
        )
    if manifest is not None and (source or title or base_url):
        raise CommandError(
            "--from-manifest takes all that it needs from the manifest.",
            hint="Leave out --openapi, --title and --base-url.",
        )

    def read(id: str, folder: Path) -> Path:
        from hookline.importing.command import import_document

        return import_document(
            id,
            str(source),
            folder,
            only=only,
            tags=tags,
            title=title,
            base_url=base_url,
            force=force,
            as_json=as_json,
            is_packaged=package,
        )

    if source is not None and not package:
        read(name, folder)
        return
    from hookline.scaffold.command import begin_package, begin_plugin
    from hookline.scaffold.writing import copy_manifest

    write: Callable[[str, Path], Path] | None = read if source is not None else None
    if manifest is not None:
        write = partial(copy_manifest, manifest)
    if write is not None:
        begin_package(
            name,
            write,
            author=author,
            license=license,
            out=folder,
            no_input=no_input,
            force=force,
        )
        return

    begin_plugin(
        "connector",
        name,
        title=title,
        base_url=base_url,
        author=author,
        license=license,
        out=folder,
        no_input=no_input,
        force=force,
    )


@command.command("hook", epilog=_HOOK_EXAMPLES)
@click.argument("name")
@_common
def hook(
    name: str,
    author: str | None,
    license: str | None,
    folder: Path,
    no_input: bool,
    force: bool,
) -> None:
    """Write a hook plugin: a repository in Python whose plugin changes what happens to calls.

    NAME says what it does; `redact-names` makes the distribution `hookline-redact-names`.
    """
    from hookline.scaffold.command import begin_plugin

    begin_plugin("hook", name, author=author, license=license, out=folder, no_input=no_input, force=force)
