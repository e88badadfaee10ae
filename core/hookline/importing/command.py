"""``hookline new connector NAME --openapi SOURCE``: writes the manifest, tells what became of all."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from hookline.cli.messages import CommandError, echo_json, print_table
from hookline.file_output import write_new, write_over
from hookline.importing.heading import heading_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hookline.importing.findings import Reason
    from hookline.importing.openapi import Imported

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_LARGE_BYTES = 1_000_000
_MAX_PLACES = 3


def import_document(
    name: str,
    source: str,
    folder: Path,
    *,
    only: tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
    title: str | None = None,
    base_url: str | None = None,
    force: bool = False,
    as_json: bool = False,
    is_packaged: bool = False,
) -> Path:
    """Write the manifest of a document, and tell what became of its operations.

    Args:
        name: Id of the connector.
        source: File or URL of the document.
        folder: Where the manifest goes.
        only: Patterns of verbs, operationIds or paths.
        tags: Tags of the document.
        title: What people call the service; the document's title by default.
        base_url: Where the service is; what the document says by default.
        force: Whether a file that is there is replaced.
        as_json: Whether the report is printed as JSON.
        is_packaged: Whether a distribution is written around it, which is installed and needs no folder.

    Returns:
        The file that was written.

    Raises:
        CommandError: If the name is none, or the file is there already.
        ConfigurationError: If the document cannot be read.
    """
    path = _check(name, folder, force=force)
    imported, content = _import(name, source, only, tags, title, base_url)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (write_over if force else write_new)(path, content)
    except OSError as exc:
        if isinstance(exc, FileExistsError) and os.path.lexists(path):  # it came meanwhile
            raise _is_there(path) from None
        raise CommandError(f"{exc.filename or path} cannot be written: {exc.strerror}.") from exc
    if as_json:
        echo_json(report_of(imported, path, name))
    else:
        _print(imported, path, name, is_packaged=is_packaged)
    return path


def _check(name: str, folder: Path, *, force: bool) -> Path:
    if not _NAME.match(name):
        guess = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")[:40]
        raise CommandError(
            f"{name!r} is no name of a connector: lower-case letters, digits and underscores, at most 40.",
            hint=f"Take {guess!r}." if _NAME.match(guess) else "",
        )
    path = folder / f"{name}.yaml"
    if os.path.lexists(path) and not force:
        raise _is_there(path)
    return path


def _is_there(path: Path) -> CommandError:
    what = ", and is a link" if path.is_symlink() else ", and may have been changed by hand"
    return CommandError(
        f"{path} is there already{what}.", hint="Replace it with --force, or write elsewhere with --out."
    )


def _import(
    name: str,
    source: str,
    only: tuple[str, ...],
    tags: tuple[str, ...],
    title: str | None,
    base_url: str | None,
) -> tuple[Imported, bytes]:
    from hookline.importing.openapi import import_openapi
    from hookline.importing.source import read_source
    from hookline.manifest.writing import write_manifest_text

    found = read_source(source)
    if len(found.content) > _LARGE_BYTES:
        click.echo(f"Reading {found.name}, {len(found.content) / 1e6:,.1f} MB …", err=True)
    with _without_collector():
        imported = import_openapi(
            found.content, connector_id=name, name=found.name, url=found.url, only=only, tags=tags
        )
        if title:
            imported.manifest["title"] = title
        if base_url:
            imported.manifest["base_url"] = base_url.rstrip("/")
        if len(found.content) > _LARGE_BYTES:
            click.echo(f"Writing {imported.actions:,} actions …", err=True)
        text = heading_of(imported, name) + write_manifest_text(imported.manifest)
        content = text.encode("utf-8", "replace")
        _read_back(content, imported)
    return imported, content


def _read_back(content: bytes, imported: Imported) -> None:
    """Refuse to write what no gateway would read as what was meant."""
    from hookline.manifest.problems import UnreadableError
    from hookline.manifest.reading import read_manifest_text

    try:
        is_same = read_manifest_text(content) == imported.manifest
    except UnreadableError as exc:
        raise CommandError(
            f"The manifest of {imported.name} could not be read back: it {exc.problem}.",
            hint="Choose the operations that you need with --only or --tag.",
        ) from None
    if not is_same:
        raise CommandError(
            f"The manifest of {imported.name} would be read back as something else.",
            hint="Choose the operations that you need with --only or --tag.",
        )


@contextmanager
def _without_collector() -> Iterator[None]:
    """Run without the garbage collector, which looks again and again at a tree that holds no circles."""
    import gc

    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def report_of(imported: Imported, path: Path, name: str) -> dict[str, object]:
    """Return what became of a document, for programs."""
    findings = imported.findings
    return {
        "source": imported.name,
        "openapi": imported.version,
        "file": str(path),
        "connector": name,
        "operations": imported.operations,
        "chosen": imported.chosen,
        "actions": imported.actions,
        "pages": imported.paged,
        "set": [{"name": variable, "value": what} for variable, what in settings_of(imported, name)],
        "notes": imported.security.notes,
        "findings": [
            {
                "code": one.code,
                "weight": one.weight,
                "count": findings.counts[one],
                "why": one.why,
                "do": one.do,
                "places": [
                    {"place": found.place, **({"what": found.what} if found.what else {})}
                    for found in findings.of(one)
                ],
            }
            for one in findings
        ],
    }


def settings_of(imported: Imported, name: str) -> list[tuple[str, str]]:
    """Return the variables to set, and what each holds."""
    credential = imported.security.credential
    found = []
    if credential != "none":
        kind = credential if isinstance(credential, str) else str(dict(credential)["kind"])  # type: ignore[call-overload]  # a part of a manifest
        what = {
            "bearer": "an access token, or an API key that is sent as one",
            "basic": "`user:password`",
            "header": "an API key",
            "query": "an API key",
            "oauth2": "`client_id:client_secret`",
        }[kind]
        found.append((f"HOOKLINE_{name.upper()}_API_KEY", what))
    if str(imported.manifest["base_url"]).endswith(".invalid"):
        found.append((f"HOOKLINE_{name.upper()}_BASE_URL", "where the service is; the document does not say"))
    return found


def _print(imported: Imported, path: Path, name: str, *, is_packaged: bool) -> None:
    click.echo(f"wrote {path}")
    click.echo(
        f"{imported.name}, OpenAPI {imported.version}: {_count(imported.operations, 'operation')}"
        + (f", {imported.chosen:,} chosen" if imported.chosen is not None else "")
        + f", {_count(imported.actions, 'action')}."
    )
    if imported.paged:
        shown = ", ".join(list(imported.paged)[:_MAX_PLACES])
        click.echo(
            f"{_count(len(imported.paged), 'action')} can go through all pages (`max_items`): {shown}"
            + (", …" if len(imported.paged) > _MAX_PLACES else ".")
        )
    rows = [_row(imported, one) for one in imported.findings]
    if rows:
        click.echo()
        print_table(["", "count", "why, where, and what to do"], rows, flexible="why, where, and what to do")
    click.echo()
    for variable, what in settings_of(imported, name):
        click.echo(f"Set   {variable}: {what}.")
    for note in imported.security.notes:
        click.echo(f"      {note}")
    click.echo(f"Read  {path}: rename, hide and describe actions by hand.")
    if is_packaged:
        return
    first = imported.manifest.get("test") or next(iter(dict(imported.manifest["actions"])))  # type: ignore[call-overload]  # an object
    click.echo(f"Use   HOOKLINE_CONNECTORS_DIR={path.parent} hookline actions show {name}.{first}")


def _row(imported: Imported, reason: Reason) -> list[str]:
    found = imported.findings.of(reason)
    places = "; ".join(str(one) for one in found[:_MAX_PLACES])
    more = imported.findings.counts[reason] - min(len(found), _MAX_PLACES)
    where = f"{places}; and {more:,} more" if more > 0 else places
    weight = {"left_out": "left out", "simplified": "simplified", "note": "note"}[reason.weight]
    return [weight, f"{imported.findings.counts[reason]:,}", f"{reason.why}\n{where}\n→ {reason.do}"]


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
