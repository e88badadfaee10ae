"""``hookline version``: what is installed."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import click

from hookline import __version__
from hookline.cli.messages import echo_json

_PACKAGES = ("click", "flask", "granian", "httpx", "jsonschema-rs", "orjson", "pluggy", "pydantic")


@click.command("version")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Show the versions that a bug report needs."""
    packages = {name: _version_of(name) for name in _PACKAGES}
    if as_json:
        echo_json({"hookline": __version__, "python": platform.python_version(), "packages": packages})
        return
    click.echo(f"hookline {__version__}")
    click.echo(f"python   {platform.python_version()} on {platform.system()} {platform.machine()}")
    click.echo("with     " + ", ".join(f"{name} {number}" for name, number in packages.items()))


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
