"""What ``hookline new`` does once it knows what is wanted: ask, write, and say what to do next."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline import __version__
from hookline.credential import BasicCredential, OAuth2Credential
from hookline.scaffold.licences import LICENCES
from hookline.scaffold.names import check_free, name_plugin
from hookline.scaffold.project import ProjectPlan, check_author, check_title, check_url, files_of
from hookline.scaffold.writing import check_folder, write_files

if TYPE_CHECKING:
    from hookline.credential import Credential
    from hookline.scaffold.names import PluginNames
    from hookline.scaffold.project import Kind


def begin_plugin(
    kind: Kind,
    name: str,
    *,
    title: str | None = None,
    base_url: str | None = None,
    author: str | None = None,
    license: str | None = None,
    out: Path,
    no_input: bool,
    force: bool,
) -> Path:
    """Write a new plugin below a folder, say what to do next, and return where it is.

    What is not given is asked for at a terminal, and chosen elsewhere.

    Args:
        kind: What kind of plugin.
        name: As it was typed.
        title: What people call the service.
        base_url: Where the service's API lives.
        author: Name and e-mail address.
        license: Key of `LICENCES`.
        out: Folder in which the plugin's own is made.
        no_input: Whether nothing is asked.
        force: Whether the plugin's folder may hold something already.

    Raises:
        ConfigurationError: If something given is not valid, or the folder is not empty.
    """
    names = name_plugin(name)
    check_free(names)
    asks = not no_input and is_terminal()
    if kind == "connector":
        title = title or _ask("Name of the service", names.words, asks=asks)
        base_url = base_url or _ask("Base URL of its API", _example_url(names), asks=asks)
    license, author = _about(license, author, asks=asks)
    plan = ProjectPlan(
        kind=kind,
        names=names,
        title=check_title(title or names.words),
        base_url=check_url(base_url) if base_url else "",
        author=check_author(author),
        licence=license,
        year=datetime.now(UTC).year,
        version=__version__,
    )
    folder = out / names.distribution
    made = files_of(plan)
    write_files(folder, made, force=force)
    _tell(folder, plan, list(made))
    return folder


def begin_package(
    name: str,
    write_manifest: Callable[[str, Path], Path],
    *,
    author: str | None = None,
    license: str | None = None,
    out: Path,
    no_input: bool,
    force: bool,
) -> Path:
    """Write a distribution around a manifest, say what to do next, and return where it is.

    Args:
        name: As it was typed.
        write_manifest: Writes the manifest of the connector of an id into a folder, and returns the file.
        author: Name and e-mail address.
        license: Key of `LICENCES`.
        out: Folder in which the distribution's own is made.
        no_input: Whether nothing is asked.
        force: Whether that folder may hold something already.

    Raises:
        ConfigurationError: If something given is not valid, or the folder is not empty.
    """
    from hookline.manifest import load_manifest
    from hookline.scaffold.todo import find_todo

    names = name_plugin(name)
    check_free(names)
    folder = out / names.distribution
    check_folder(folder, force=force)
    license, author = _about(license, author, asks=not no_input and is_terminal())
    file = write_manifest(names.id, folder / names.package)
    connector = load_manifest(file)
    plan = ProjectPlan(
        kind="manifest",
        names=names,
        title=check_title(connector.title[:60]),
        base_url=connector.base_url,
        takes_key=connector.credential is not None,
        key=_words_for(connector.credential),
        todo=tuple(find_todo(connector).items()),
        author=check_author(author),
        licence=license,
        year=datetime.now(UTC).year,
        version=__version__,
    )
    made = files_of(plan)
    write_files(folder, made, force=True)
    _tell(folder, plan, sorted([*made, file.relative_to(folder).as_posix()]))
    return folder


def _about(license: str | None, author: str | None, *, asks: bool) -> tuple[str, str]:
    """Return licence and author, asked for if they are not given."""
    if license is None:
        license = click.prompt("Licence", "mit", type=click.Choice(list(LICENCES))) if asks else "mit"
    if author is None:
        author = _ask("Author, as in `Ada <ada@example.com>`; empty for nobody", "", asks=asks)
    return str(license), author


def _words_for(credential: Credential | None) -> str:
    """Return what a service's credential is, in words."""
    if isinstance(credential, BasicCredential):
        return "User and password of your account, as `user:password`."
    if isinstance(credential, OAuth2Credential):
        parts = "client_id:client_secret" + (":refresh_token" if credential.grant == "refresh_token" else "")
        return f"What access tokens are fetched with, as `{parts}`."
    return "The key of your account."


def is_terminal() -> bool:
    """Tell whether somebody sits there who could be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _example_url(names: PluginNames) -> str:
    return f"https://api.{names.id.replace('_', '-')}.example/v1"


def _ask(question: str, default: str, *, asks: bool) -> str:
    return str(click.prompt(question, default)) if asks else default


def _tell(folder: Path, plan: ProjectPlan, files: list[str]) -> None:
    names = plan.names
    click.echo(f"Wrote {len(files)} files into {folder}:\n")
    for path in files:
        click.echo(f"  {path}")
    shows = f"# {names.id}.get_item is among its actions" if plan.kind == "connector" else "# runs it"
    if plan.kind == "manifest":
        shows = f"# the actions of {names.id} are among its own"
    click.echo(
        f"\nNext:\n\n  cd {folder}\n  pip install -e '.[test]'\n  pytest\n"
        f"  hookline serve --sandbox     {shows}\n"
    )
    if plan.todo:
        click.echo(
            f"To do in {names.package}/{names.id}.yaml; until then tests/test_{names.id}.py leaves it out:\n"
        )
        for _, reason in plan.todo:
            click.echo(f"  {reason}")
        click.echo()
    if note := LICENCES[plan.licence].note:
        click.echo(note)
