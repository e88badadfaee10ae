"""What comes out for the example connector, kept as files: a changed export shows in a review."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from hookline.exports.blueprints import make_blueprint
from hookline.exports.export import make_export
from hookline.gateway import Gateway, load_plugins
from hookline.settings import Settings

FOLDER = "docs/examples/exports"
SERVER = "https://hooks.example.com"


@pytest.fixture(scope="module")
def made(root: Path) -> Iterator[dict[str, bytes]]:
    """Every file of every export of the action `acme.find_contact`, by its path."""
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(root / "docs/examples/acme_connector")
    settings = Settings.model_validate({"state_dir": None})
    host = load_plugins(settings)
    host.register(import_module("hookline_acme"), name="acme")
    gateway = Gateway(settings, host=host, environ={})
    files = {}
    for target in gateway.export_targets.values():
        blueprint = make_blueprint(gateway, server_url=SERVER, action_ids=["acme.find_contact"])
        for name, content in make_export(target, blueprint).files.items():
            files[f"{target.name}/{name}"] = content
    yield files
    gateway.close()
    patch.undo()


def test_the_files_are_those_that_come_out(root: Path, made: dict[str, bytes]) -> None:
    folder = root / FOLDER
    if os.environ.get("HOOKLINE_WRITE_DOCS"):
        for name, content in made.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    kept = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "README.md"
    }

    assert sorted(kept) == sorted(made)
    assert [name for name in made if kept[name] != made[name]] == []


def test_every_target_is_among_them_and_its_author_did_nothing(root: Path, made: dict[str, bytes]) -> None:
    targets = {name.partition("/")[0] for name in made}
    source = (root / "docs/examples/acme_connector/hookline_acme/__init__.py").read_text("utf-8")

    assert len(targets) >= 8
    assert not any(target in source.lower() for target in targets - {"html"})
