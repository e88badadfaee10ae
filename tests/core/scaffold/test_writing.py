"""Writing a new plugin into a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from hookline.errors import ConfigurationError
from hookline.scaffold.writing import write_files

FILES = {"README.md": "# Acme\n", "hookline_acme/__init__.py": ""}


def written(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("exists", [True, False])
def test_files_are_written_into_a_new_or_an_empty_folder(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "plugins" / "hookline-acme"
    if exists:
        folder.mkdir(parents=True)

    write_files(folder, FILES, force=False)

    assert written(folder) == FILES


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(ConfigurationError, match="is not empty"):
        write_files(tmp_path, FILES, force=False)

    assert written(tmp_path) == {"notes.txt": "mine"}


def test_force_replaces_files_of_the_same_name_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "README.md").write_text("old")

    write_files(tmp_path, FILES, force=True)

    assert written(tmp_path) == {**FILES, "notes.txt": "mine"}


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "hookline-acme").write_text("")

    with pytest.raises(ConfigurationError, match="is no folder"):
        write_files(tmp_path / "hookline-acme", FILES, force=True)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="cannot be written: Not a directory") as caught:
        write_files(tmp_path / "file" / "hookline-acme", FILES, force=False)

    assert "--out" in caught.value.hint
