"""``hookline new connector NAME --openapi SOURCE``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hookline.cli.group import build_cli
from hookline.cli.plugin_commands import PluginCommands
from hookline.manifest.loading import load_manifest

DOCUMENT = Path(__file__).parent / "documents" / "pets_3.0.yaml"
NASTY = Path(__file__).parent / "nasty_openapi"

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(name: str, source: Path, *more: str) -> Result:
        arguments = ["new", "connector", name, "--openapi", str(source), "--out", str(tmp_path), *more]
        return CliRunner().invoke(build_cli(load_commands=PluginCommands), arguments, catch_exceptions=False)

    return run


def test_the_command_writes_a_manifest_that_loads_and_says_what_to_do(run: Run, tmp_path: Path) -> None:
    result = run("pets", DOCUMENT)

    assert result.exit_code == 0, result.output
    connector = load_manifest(tmp_path / "pets.yaml")
    assert sorted(connector.actions) == [
        "pets.add_pet",
        "pets.batch",
        "pets.delete_pet",
        "pets.get_pet",
        "pets.list_pets",
        "pets.login",
        "pets.set_photo",
        "pets.upload",
    ]
    assert connector.test == "list_pets"
    assert "pets_3.0.yaml, OpenAPI 3.0.3: 8 operations, 8 actions." in result.output
    assert "1 action can go through all pages (`max_items`): list_pets." in result.output
    assert "Set   HOOKLINE_PETS_API_KEY: an access token" in result.output
    assert f"HOOKLINE_CONNECTORS_DIR={tmp_path} hookline actions show pets.list_pets" in result.output


def test_the_file_begins_with_a_comment_and_is_the_same_every_time(run: Run, tmp_path: Path) -> None:
    run("pets", DOCUMENT)
    first = (tmp_path / "pets.yaml").read_text()
    run("pets", DOCUMENT, "--force")

    assert first.startswith("# The connector `pets`, made from pets_3.0.yaml (OpenAPI 3.0.3)")
    assert (tmp_path / "pets.yaml").read_text() == first


def test_a_file_that_is_there_is_not_replaced(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pets.yaml").write_text("mine")

    result = run("pets", DOCUMENT)

    assert (result.exit_code, (tmp_path / "pets.yaml").read_text()) == (2, "mine")
    assert "is there already, and may have been changed by hand" in result.output
    assert "--force" in result.output


def test_a_link_that_leads_nowhere_is_not_written_through(run: Run, tmp_path: Path) -> None:
    link, victim = tmp_path / "pets.yaml", tmp_path / "elsewhere" / "victim.txt"
    victim.parent.mkdir()
    link.symlink_to(victim)

    result = run("pets", DOCUMENT)

    assert (result.exit_code, victim.exists(), link.is_symlink()) == (2, False, True)
    assert "is there already, and is a link" in result.output


def test_with_force_a_link_is_replaced_and_what_it_leads_to_is_left_alone(run: Run, tmp_path: Path) -> None:
    link, victim = tmp_path / "pets.yaml", tmp_path / "victim.txt"
    victim.write_text("mine")
    link.symlink_to(victim)

    assert run("pets", DOCUMENT, "--force").exit_code == 0

    assert (victim.read_text(), link.is_symlink()) == ("mine", False)
    assert load_manifest(link).id == "pets"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["pets.yaml", "victim.txt"]


def test_a_link_that_comes_while_the_document_is_read_is_not_written_through(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hookline.importing import source

    read, victim = source.read_source, tmp_path / "victim.txt"

    def read_and_plant(address: str) -> source.Source:
        (tmp_path / "pets.yaml").symlink_to(victim)
        return read(address)

    monkeypatch.setattr(source, "read_source", read_and_plant)

    assert (run("pets", DOCUMENT).exit_code, victim.exists()) == (2, False)


@pytest.mark.parametrize(
    ("options", "verbs"),
    [
        (["--only", "*_pet"], ["add_pet", "delete_pet", "get_pet"]),
        (["--only", "setPhoto", "--only", "/upload"], ["set_photo", "upload"]),
        (["--tag", "pets", "--only", "GET *"], ["get_pet", "list_pets"]),
    ],
)
def test_operations_are_chosen_by_verb_id_path_method_and_tag(
    run: Run, tmp_path: Path, options: list[str], verbs: list[str]
) -> None:
    result = run("pets", DOCUMENT, *options)

    assert result.exit_code == 0, result.output
    assert sorted(load_manifest(tmp_path / "pets.yaml").actions) == [f"pets.{verb}" for verb in verbs]
    assert f"{len(verbs)} chosen" in result.output


def test_a_choice_of_nothing_names_what_there_is(run: Run) -> None:
    assert "verbs are such as add_pet, batch" in run("pets", DOCUMENT, "--only", "dogs").output
    assert "the document's tags are Pets" in run("pets", DOCUMENT, "--tag", "dogs").output


def test_the_report_is_there_for_programs_too(run: Run, tmp_path: Path) -> None:
    report = json.loads(run("acme", NASTY / "refs_to_files_and_addresses.yaml", "--json").stdout)

    assert (report["operations"], report["actions"]) == (4, 1)
    assert report["file"] == str(tmp_path / "acme.yaml")
    remote = next(one for one in report["findings"] if one["code"] == "remote_reference")
    assert remote["weight"] == "left_out"
    assert remote["count"] == 3
    assert {"place": "GET /file-operation", "what": "file:///etc/passwd"} in remote["places"]
    assert remote["do"].startswith("Bundle the document into one file")


def test_the_table_says_why_where_and_what_to_do(run: Run) -> None:
    output = run("acme", NASTY / "refs_to_files_and_addresses.yaml").output

    assert "left out" in output
    assert "GET /file-operation: file:///etc/passwd" in output
    assert "→ Bundle the document into one file first" in output


@pytest.mark.parametrize(
    ("name", "hint"), [("Pet Store", "Take 'pet_store'."), ("9lives", "Take 'lives'."), ("ü", "at most 40")]
)
def test_a_name_that_is_none_is_refused_with_one_that_is(run: Run, name: str, hint: str) -> None:
    result = run(name, DOCUMENT)

    assert result.exit_code == 2
    assert hint in result.output


def test_a_document_that_is_none_ends_the_command_with_a_message(run: Run, tmp_path: Path) -> None:
    result = run("acme", NASTY / "asyncapi.yaml")

    assert result.exit_code == 2
    assert "Error: asyncapi.yaml is AsyncAPI, and not OpenAPI." in result.output
    assert list(tmp_path.iterdir()) == []
