"""``hookline new``: the beginning of a plugin, written into files."""

from __future__ import annotations

from pathlib import Path

import click

_CONNECTOR_EXAMPLES = """\
\b
Examples:
  hookline new connector petstore --openapi petstore.yaml
  hookline new connector acme --openapi https://api.acme.example/openapi.json --out connectors/
  hookline new connector acme --openapi acme.json --only "contacts_*" --tag Billing
"""


@click.group("new", short_help="Begin a connector.")
def command() -> None:
    """Write the first files of a plugin, to be read and changed by hand."""


@command.command("connector", epilog=_CONNECTOR_EXAMPLES)
@click.argument("name")
@click.option(
    "--openapi",
    "source",
    metavar="SOURCE",
    required=True,
    help="File or URL of an OpenAPI document, 2.0 to 3.2, JSON or YAML.",
)
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    help="Folder to write into; the current one unless given.",
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
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def connector(
    name: str,
    source: str,
    folder: Path,
    only: tuple[str, ...],
    tags: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Write a connector: from an OpenAPI document a manifest, which needs no Python.

    NAME becomes the first part of its actions' ids. What of the document becomes no action is told, with
    the reason and what to do. Put the file into the folder that HOOKLINE_CONNECTORS_DIR names.
    """
    from hookline.importing.command import import_document

    import_document(name, source, folder, only=only, tags=tags, force=force, as_json=as_json)
