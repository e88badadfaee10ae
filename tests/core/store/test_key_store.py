"""The keys: where they are, who may read them, and that no two processes make them at odds."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import fake_clock
from fake_clock import FakeClock
from hookline.errors import ConfigurationError
from hookline.store.key_store import KeyStore
from hookline.store.keyring import KeyPurpose, Keyring, new_key

KEY_FILE, KEY_VARIABLE, FORMAT = "some.key", "HOOKLINE_SOME_KEY", "hookline some keys, version 1"
PURPOSE = KeyPurpose(file=KEY_FILE, variable=KEY_VARIABLE, format=FORMAT, note="Keep it.")
A, B = (base64.b64encode(letter * 32).decode() for letter in (b"a", b"b"))


def store(folder: Path | None = None, **environ: str) -> KeyStore:
    return KeyStore(PURPOSE, state_dir=folder, text=environ.get(KEY_VARIABLE, ""), clock=FakeClock())


def ids(keyring: Keyring | None) -> list[str]:
    return [] if keyring is None else [key.id for key in keyring.keys]


def test_the_first_key_is_made_when_it_is_needed_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "deep"
    keys = store(folder)

    assert keys.load() is None
    assert not folder.exists()
    made = keys.ensure()

    path = folder / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(made.newest.value) == 32
    assert made.newest.created_at == "2026-11-22T12:00:00+00:00"
    assert [entry.name for entry in folder.iterdir()] == [KEY_FILE]
    assert store(folder).load() == made == keys.ensure()


def test_all_who_need_the_first_key_of_a_process_at_once_get_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = store()
    barrier = threading.Barrier(8)

    def slow_ring(**arguments: Any) -> Keyring:
        time.sleep(0.02)
        return Keyring(**arguments)

    monkeypatch.setattr("hookline.store.key_store.Keyring", slow_ring)
    made: list[Keyring] = []

    def make() -> None:
        barrier.wait(10)
        made.append(keys.ensure())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(made) == 8
    assert len({ring.newest.id for ring in made}) == 1
    assert keys.load() is made[0]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o620])
def test_a_file_that_others_can_read_or_write_is_refused_with_the_command_to_run(
    tmp_path: Path, mode: int
) -> None:
    store(tmp_path).ensure()
    path = tmp_path / KEY_FILE
    path.chmod(mode)

    with pytest.raises(ConfigurationError, match=f"Run: chmod 600 {path}"):
        store(tmp_path).load()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"keys": []}',
        b'{"format": "hookline some keys, version 1", "keys": []}',
        b'{"format": "hookline some keys, version 1", "keys": [1]}',
        b'{"format": "hookline some keys, version 1", "keys": [{"key": "c2hvcnQ="}]}',
        json.dumps({"format": "another", "keys": [{"key": A}]}).encode(),
        json.dumps({"format": "hookline some keys, version 1", "keys": [{"key": A + "!"}]}).encode(),
    ],
)
def test_a_damaged_file_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / KEY_FILE
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(ConfigurationError) as caught:
        store(tmp_path).ensure()

    assert caught.value.message == f"{path} is damaged: put back a copy of it. No key of it is shown here."
    assert caught.value.__cause__ is None
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match="cannot be"):
        store(tmp_path / "file").ensure()


def test_the_environment_goes_before_the_file_and_its_first_key_seals(tmp_path: Path) -> None:
    made = store(tmp_path).ensure()

    found = store(tmp_path, **{KEY_VARIABLE: f" {A} , {B}"}).ensure()

    assert ids(found) == [new_key(b"a" * 32).id, new_key(b"b" * 32).id]
    assert found.source == KEY_VARIABLE
    assert store(tmp_path).load() == made


@pytest.mark.parametrize("text", ["x", A[:-4], f"{A},", f"{A},short", f"{A};{B}", "ä" * 44])
def test_a_wrong_variable_is_refused_by_number_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        store(None, **{KEY_VARIABLE: text}).ensure()

    assert "key number" in caught.value.message
    assert text not in caught.value.message


def test_a_key_has_the_same_id_in_the_file_and_in_the_environment(tmp_path: Path) -> None:
    made = store(tmp_path).ensure()
    text = base64.b64encode(made.newest.value).decode()

    assert ids(store(None, **{KEY_VARIABLE: text}).load()) == ids(made)


def test_without_a_folder_keys_are_kept_in_memory() -> None:
    keys = store()

    assert keys.load() is None
    assert keys.ensure() is keys.ensure()
    assert ids(keys.ensure()) != ids(store().ensure())


def test_a_new_key_comes_first_and_old_ones_stay_until_they_are_removed(tmp_path: Path) -> None:
    keys = store(tmp_path)
    first = keys.ensure().newest
    second = keys.add().newest

    assert ids(keys.load()) == [second.id, first.id]
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert ids(keys.remove(frozenset({first.id, second.id}))) == [second.id]


def test_keys_that_are_not_in_a_file_cannot_be_changed() -> None:
    for keys in (store(), store(None, **{KEY_VARIABLE: A})):
        with pytest.raises(ConfigurationError, match="which this command cannot change"):
            keys.add()


_WORK = """
import sys
from pathlib import Path
from fake_clock import FakeClock
from hookline.store.key_store import KeyStore
from hookline.store.keyring import KeyPurpose
purpose = KeyPurpose(file="some.key", variable="", format="hookline some keys, version 1", note="")
keys = KeyStore(purpose, state_dir=Path(sys.argv[1]), text="", clock=FakeClock())
print("ready", flush=True)
sys.stdin.readline()
print(getattr(keys, sys.argv[2])().newest.id)
"""


@pytest.mark.parametrize("work", ["ensure", "add"])
def test_processes_that_begin_at_once_agree(tmp_path: Path, work: str) -> None:
    """All make the first key: they get the same. All add one: none is lost, it may have sealed something."""
    environ = {**os.environ, "PYTHONPATH": str(Path(fake_clock.__file__).parent)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _WORK, str(tmp_path), work],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )
        for _ in range(6)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    got = [worker.communicate(timeout=60)[0].strip() for worker in workers]

    assert [worker.returncode for worker in workers] == [0] * 6
    kept = ids(store(tmp_path).load())
    if work == "ensure":
        assert set(got) == set(kept)
        assert len(kept) == 1
    else:
        assert len(kept) == 7
        assert set(got) <= set(kept)
    assert {entry.name for entry in tmp_path.iterdir()} <= {KEY_FILE, f".{KEY_FILE}.lock"}
