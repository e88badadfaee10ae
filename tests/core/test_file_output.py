"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hookline.file_output import PRIVATE, write_new, write_over


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_takes_no_other_s_place(tmp_path: Path) -> None:
    path, link = tmp_path / "a", tmp_path / "link"
    link.symlink_to("nowhere")
    write_new(path, b"one")

    for taken in (path, link):
        with pytest.raises(FileExistsError):
            write_new(taken, b"two")

    assert (path.read_bytes(), sorted(os.listdir(tmp_path))) == (b"one", ["a", "link"])


def test_a_file_is_private_before_anything_stands_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: modes.append(os.fstat(descriptor).st_mode & 0o777))
    before = os.umask(0)
    try:
        write_new(tmp_path / "a", b"secret", mode=PRIVATE)
        write_new(tmp_path / "b", b"open")
        write_over(tmp_path / "c", b"secret", mode=0o640)
    finally:
        os.umask(before)

    assert modes == [0o600, 0o666, 0o640]


def test_what_replaces_a_file_is_no_more_open_than_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_new(path, b"one", mode=0o600)

    write_over(path, b"two")

    assert (path.read_bytes(), mode_of(path), os.listdir(tmp_path)) == (b"two", 0o600, ["a"])


def test_a_link_is_replaced_and_not_what_it_leads_to(tmp_path: Path) -> None:
    other, link = tmp_path / "other", tmp_path / "link"
    other.write_bytes(b"other")
    link.symlink_to(other)

    write_over(link, b"mine")

    assert (other.read_bytes(), link.read_bytes(), link.is_symlink()) == (b"other", b"mine", False)


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    pipe, folder = tmp_path / "pipe", tmp_path / "folder"
    os.mkfifo(pipe)
    folder.mkdir()

    for path in (pipe, folder):
        with pytest.raises(OSError, match="it is no file"):
            write_over(path, b"x")

    assert sorted(os.listdir(tmp_path)) == ["folder", "pipe"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "a"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, call, fail)

    with pytest.raises(OSError, match="No space"):
        write_over(path, b"new")

    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["a"])
