"""The pepper: made once, by whichever process is first, and readable for nobody else."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hookline.errors import ConfigurationError
from hookline_auth.pepper import Pepper, PepperSource

TEXT = "p" * 43


def test_keys_are_derived_as_rfc_5869_says() -> None:
    expected = HKDF(
        algorithm=hashes.SHA256(), length=32, salt=b"hookline key pepper v1", info=b"hookline some purpose"
    ).derive(TEXT.encode())

    assert Pepper(TEXT.encode()).derive("some purpose") == expected


def test_a_hash_depends_on_pepper_and_secret_and_shows_neither() -> None:
    one, other = Pepper(TEXT.encode()), Pepper(b"q" * 43)

    assert len({one.hash("a"), one.hash("b"), other.hash("a"), one.id, one.derive("a").hex()}) == 5
    assert one.hash("a") == Pepper(TEXT.encode()).hash("a")
    assert one.hash("a").partition(":")[0] == one.id
    assert TEXT not in repr(vars(one))


def test_the_file_is_made_for_its_owner_only_and_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "hookline"
    found = PepperSource({}, folder).get()

    path = folder / "key.pepper"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0
    assert [entry.name for entry in folder.iterdir()] == ["key.pepper"]
    assert PepperSource({}, folder).get().id == found.id


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    PepperSource({}, tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_processes_that_start_at_once_agree_on_one_pepper(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from hookline_auth.pepper import PepperSource\n"
        "sys.stdin.readline()\n"
        "print(PepperSource({}, pathlib.Path(sys.argv[1])).get().id)"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "state")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    outputs = [racer.communicate(timeout=60)[0].strip() for racer in racers]

    assert len(set(outputs)) == 1
    assert len(outputs[0]) == 16
    assert [entry.name for entry in (tmp_path / "state").iterdir()] == ["key.pepper"]


def test_a_pepper_of_the_environment_wins_and_no_file_is_made(tmp_path: Path) -> None:
    found = PepperSource({"HOOKLINE_KEY_PEPPER": TEXT}, tmp_path).get()

    assert found.id == Pepper(TEXT.encode()).id
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", " ", "short", "x" * 31])
def test_s26_a_pepper_that_could_be_guessed_refuses_to_start(text: str, tmp_path: Path) -> None:
    """S26: an empty secret is never taken for one, and it is not repeated."""
    with pytest.raises(ConfigurationError, match="at least 32 characters") as caught:
        PepperSource({"HOOKLINE_KEY_PEPPER": text}, tmp_path)
    assert not text.strip() or text not in caught.value.message


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 50, b"x" * 31])
def test_a_damaged_file_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key.pepper"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(ConfigurationError, match=r"key\.pepper"):
        PepperSource({}, tmp_path).get()
    assert path.read_bytes() == content


def test_a_file_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pepper"
    path.write_text(TEXT)
    path.chmod(0o644)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        PepperSource({}, tmp_path).get()
    path.chmod(0o440)  # as a mounted secret
    assert PepperSource({}, tmp_path).get().id == Pepper(TEXT.encode()).id


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="HOOKLINE_KEY_PEPPER"):
        PepperSource({}, tmp_path / "file" / "state").get()


def test_without_a_folder_the_pepper_lives_as_long_as_the_process() -> None:
    one = PepperSource({}, None)

    assert one.get() is one.get()
    assert one.get().id != PepperSource({}, None).get().id
    assert os.environ.get("HOOKLINE_KEY_PEPPER") is None
