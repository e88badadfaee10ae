from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result

from hookline.schema_files import digest, first_difference

Plugins = dict[str, Callable[..., object]]
Run = Callable[..., Result]
_FILES = [
    f"acme.{verb}.{direction}.v1.json" for verb in ("count", "greet") for direction in ("input", "output")
]


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    """A folder in which everything was published once."""
    path = tmp_path / "published"
    assert run("schemas", "write", "--dir", str(path)).exit_code == 0
    return path


def _raise_maximum(plugins: Plugins) -> None:
    plugins["acme"] = partial(plugins["acme"], most_times=4)


def test_write_makes_one_file_per_action_and_direction_and_pins_each(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["PINNED.json", *_FILES]
    pins = json.loads((folder / "PINNED.json").read_text())
    assert pins == {name: digest((folder / name).read_bytes()) for name in _FILES}


def test_a_file_states_dialect_name_and_title_and_ends_with_a_newline(folder: Path) -> None:
    text = (folder / "acme.greet.input.v1.json").read_text()
    schema = json.loads(text)
    assert list(schema)[:3] == ["$schema", "$id", "title"]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:hookline:schema:acme.greet:input:v1"
    assert schema["title"] == "Greet somebody: input"
    assert list(schema["properties"]) == ["name", "times", "tone", "extra", "stream"]
    assert text.endswith("}\n")


def test_writing_again_changes_nothing(run: Run, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    result = run("schemas", "write", "--dir", str(folder))
    assert (result.exit_code, result.output) == (0, "0 written, 4 unchanged.\n")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_check_accepts_what_was_written(run: Run, folder: Path) -> None:
    result = run("schemas", "check", "--dir", str(folder))
    assert (result.exit_code, result.output) == (0, "4 schemas are as published.\n")


def test_check_names_file_and_place_of_a_change_and_ends_with_1(
    run: Run, folder: Path, plugins: Plugins
) -> None:
    _raise_maximum(plugins)
    result = run("schemas", "check", "--dir", str(folder))
    assert result.exit_code == 1
    assert result.stdout == (
        "acme.greet.input.v1.json: /properties/times/maximum is 3 in the file and 4 in the catalog\n"
    )
    assert "hookline schemas write --new-version" in result.stderr


def test_a_published_version_is_never_edited(run: Run, folder: Path, plugins: Plugins) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    _raise_maximum(plugins)
    result = run("schemas", "write", "--dir", str(folder))
    assert result.exit_code == 2
    assert "acme.greet.input.v1.json: /properties/times/maximum" in result.stderr
    assert "--new-version" in result.stderr
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_change_is_published_as_the_next_version_and_the_older_one_stays(
    run: Run, folder: Path, plugins: Plugins
) -> None:
    before = (folder / "acme.greet.input.v1.json").read_bytes()
    _raise_maximum(plugins)
    result = run("schemas", "write", "--dir", str(folder), "--new-version")
    assert result.output == "wrote acme.greet.input.v2.json\n1 written, 3 unchanged.\n"
    newer = json.loads((folder / "acme.greet.input.v2.json").read_text())
    assert newer["$id"] == "urn:hookline:schema:acme.greet:input:v2"
    assert newer["properties"]["times"]["maximum"] == 4
    assert (folder / "acme.greet.input.v1.json").read_bytes() == before
    assert run("schemas", "check", "--dir", str(folder)).exit_code == 0


def test_force_replaces_a_version_and_its_pin(run: Run, folder: Path, plugins: Plugins) -> None:
    _raise_maximum(plugins)
    assert run("schemas", "write", "--dir", str(folder), "--force").exit_code == 0
    assert not (folder / "acme.greet.input.v2.json").exists()
    assert run("schemas", "check", "--dir", str(folder)).exit_code == 0


def test_an_edit_by_hand_is_noticed_even_if_it_says_the_same(run: Run, folder: Path) -> None:
    path = folder / "acme.count.output.v1.json"
    path.write_text(path.read_text() + "\n")
    result = run("schemas", "check", "--dir", str(folder))
    assert result.exit_code == 1
    assert "acme.count.output.v1.json: was edited after it was published" in result.stdout


def test_a_file_that_is_gone_is_missing_and_was_published(run: Run, folder: Path) -> None:
    (folder / "acme.count.output.v1.json").unlink()
    assert run("schemas", "check", "--dir", str(folder)).stdout.splitlines() == [
        "acme.count.output.v1.json: is missing; `hookline schemas write` makes it",
        "acme.count.output.v1.json: was published, says PINNED.json, and is gone; bring it back",
    ]


def test_a_file_of_an_action_that_is_gone_is_told(run: Run, folder: Path) -> None:
    (folder / "acme.wave.input.v1.json").write_text("{}\n")
    told = run("schemas", "check", "--dir", str(folder)).stdout
    assert "acme.wave.input.v1.json: belongs to an action that no plugin has any more" in told
    assert "acme.wave.input.v1.json: is not listed in PINNED.json" in told


def test_an_unknown_connector_is_a_usage_error(run: Run, folder: Path) -> None:
    result = run("schemas", "check", "--dir", str(folder), "--connector", "nobody")
    assert result.exit_code == 2
    assert "There is no connector 'nobody'; known: acme." in result.stderr


@pytest.mark.parametrize(
    ("published", "current", "where"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, None),
        ({"a": 1}, {"a": True}, "/a is 1 in the file and true in the catalog"),
        ({"a/b": {"c": 1}}, {"a/b": {}}, "/a~1b/c is in the file and no longer in the catalog"),
        ({}, {"a": 1}, "/a is in the catalog and not in the file"),
        ({"a": [1, 2]}, {"a": [1]}, "/a has 2 items in the file and 1 in the catalog"),
        ({"a": [1]}, {"a": [2]}, "/a/0 is 1 in the file and 2 in the catalog"),
    ],
)
def test_the_first_difference_is_found_whatever_the_order(
    published: object, current: object, where: str
) -> None:
    assert first_difference(published, current) == where
