"""``hookline new``: what it writes, asks and says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hookline.cli.group import build_cli
from hookline.manifest import load_manifest


def run(*arguments: str, folder: Path) -> Result:
    return CliRunner().invoke(build_cli(), ["new", *arguments, "--out", str(folder)])


def test_a_connector_is_written_and_the_next_commands_are_told(tmp_path: Path) -> None:
    done = run("connector", "acme", "--title", "Acme CRM", folder=tmp_path)

    assert done.exit_code == 0, done.output
    folder = tmp_path / "hookline-acme"
    assert 'title="Acme CRM"' in (folder / "hookline_acme/__init__.py").read_text()
    for line in (f"cd {folder}", "pip install -e '.[test]'", "pytest", "hookline serve --sandbox"):
        assert f"  {line}" in done.output
    assert "hookline_acme/py.typed" in done.output


def test_a_hook_plugin_is_written(tmp_path: Path) -> None:
    done = run("hook", "redact-names", "--license", "apache-2.0", folder=tmp_path)

    assert done.exit_code == 0, done.output
    assert (tmp_path / "hookline-redact-names/tests/test_redact_names.py").is_file()
    assert "Add the text of Apache-2.0 as the file LICENSE" in done.output


def test_nothing_is_asked_where_nobody_sits(tmp_path: Path) -> None:
    done = run("connector", "acme", folder=tmp_path)

    assert done.exit_code == 0
    assert "Licence" not in done.output


def test_what_is_not_given_is_asked_for_at_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hookline.scaffold.command.is_terminal", lambda: True)

    done = CliRunner().invoke(
        build_cli(),
        ["new", "connector", "acme", "--title", "Acme", "--out", str(tmp_path)],
        input="https://crm.acme.example\nmpl-2.0\nAda <ada@example.com>\n",
    )

    assert done.exit_code == 0, done.output
    project = (tmp_path / "hookline-acme/pyproject.toml").read_text()
    assert 'license = "MPL-2.0"' in project
    assert '{ name = "Ada", email = "ada@example.com" }' in project
    assert "https://crm.acme.example" in (tmp_path / "hookline-acme/hookline_acme/__init__.py").read_text()


def test_an_answer_that_is_not_valid_is_asked_for_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hookline.scaffold.command.is_terminal", lambda: True)

    done = CliRunner().invoke(
        build_cli(),
        ["new", "connector", "acme", "--out", str(tmp_path)],
        input="Acme\nnowhere\nhttps://crm.acme.example\nmit\n\n",
    )

    assert done.exit_code == 0, done.output
    assert "Error: --base-url 'nowhere' is no base URL. Write scheme, host and path" in done.output
    assert "https://crm.acme.example" in (tmp_path / "hookline-acme/hookline_acme/__init__.py").read_text()


def test_what_was_given_wrongly_is_told_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hookline.scaffold.command.is_terminal", lambda: True)
    words = ["new", "connector", "acme", "--base-url", "nowhere", "--out", str(tmp_path)]
    done = CliRunner().invoke(build_cli(), words)
    assert done.exit_code == 2
    assert "Name of the service" not in done.output


def test_a_folder_that_holds_something_needs_force(tmp_path: Path) -> None:
    run("hook", "acme", folder=tmp_path)

    refused = run("hook", "acme", folder=tmp_path)
    assert (refused.exit_code, "is not empty" in refused.output) == (2, True)
    assert run("hook", "acme", "--force", folder=tmp_path).exit_code == 0


MANIFEST = """\
manifest: 1
id: acme
title: Acme CRM
base_url: https://api.acme.example/v2
credential: none
actions:
  ping:
    title: Ping
    description: Ask whether somebody is there.
    method: GET
    path: /ping
    input: {}
    output: {type: object}
"""
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Acme CRM", "version": "1"},
    "servers": [{"url": "https://api.acme.example/v2"}],
    "paths": {"/ping": {"get": {"operationId": "ping", "responses": {"200": {"description": "Here."}}}}},
}


def test_a_repository_is_written_around_a_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "acme.yaml"
    manifest.write_text(MANIFEST)

    done = run("connector", "acme", "--from-manifest", str(manifest), folder=tmp_path)

    assert done.exit_code == 0, done.output
    package = tmp_path / "hookline-acme/hookline_acme"
    assert (package / "acme.yaml").read_text() == MANIFEST
    assert 'load_manifest(files("hookline_acme") / "acme.yaml")' in (package / "__init__.py").read_text()
    assert "API_KEY" not in (tmp_path / "hookline-acme/README.md").read_text()
    assert "hookline_acme/acme.yaml" in done.output


def test_a_repository_is_written_around_an_imported_document(tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(DOCUMENT))

    done = run("connector", "acme", "--openapi", str(document), "--package", folder=tmp_path)

    assert done.exit_code == 0, done.output
    package = tmp_path / "hookline-acme/hookline_acme"
    assert load_manifest(package / "acme.yaml").actions.keys() == {"acme.ping"}
    assert (package / "__init__.py").is_file()


def test_a_manifest_of_another_connector_is_refused(tmp_path: Path) -> None:
    manifest = tmp_path / "acme.yaml"
    manifest.write_text(MANIFEST)

    done = run("connector", "other", "--from-manifest", str(manifest), folder=tmp_path / "out")

    assert done.exit_code == 2
    assert "is the manifest of 'acme', and the plugin is to be called 'other'" in done.output
    assert list(tmp_path.iterdir()) == [manifest]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["connector", "openai"], "There is a plugin 'openai' already"),
        (["connector", "a b"], "cannot be called 'a b'"),
        (["connector", "acme", "--base-url", "acme"], "is no base URL"),
        (["connector", "acme", "--title", "a\nb"], "--title must be one line"),
        (["connector", "acme", "--only", "x"], "belong to --openapi"),
        (["hook", "acme", "--license", "gpl"], "is not one of 'mit'"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_written(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = run(*arguments, folder=tmp_path)

    assert done.exit_code == 2
    assert message in done.output
    assert list(tmp_path.iterdir()) == []
