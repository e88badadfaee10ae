"""Sealed content: it opens only where it belongs, and its keys are found by all who need them."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import fake_clock
from fake_clock import FakeClock
from hookline.errors import ConfigurationError
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings, load_settings
from hookline.store.seals import CONTENT_KEYS, SealError, Seals

A, B = (base64.b64encode(letter * 32).decode() for letter in (b"a", b"b"))


def seals(folder: Path | None = None, text: str = "", clock: FakeClock | None = None) -> Seals:
    return Seals(state_dir=folder, text=text, clock=clock or FakeClock())


def test_content_opens_in_its_own_place_and_shows_nothing_before(tmp_path: Path) -> None:
    sealed = seals(tmp_path).seal(b"the answer", "kept_replies", "row-1")

    assert b"the answer" not in sealed
    assert seals(tmp_path).unseal(sealed, "kept_replies", "row-1") == b"the answer"
    assert stat.S_IMODE((tmp_path / "content.key").stat().st_mode) == 0o600


def test_empty_content_and_no_label_are_fine() -> None:
    one = seals()

    assert one.unseal(one.seal(b"")) == b""
    assert one.unseal(one.seal(b"x" * 1_000_000, "\ud800"), "\ud800") == b"x" * 1_000_000


@pytest.mark.parametrize(
    "label",
    [(), ("jobs",), ("row-1",), ("jobs", "row-2"), ("row-1", "jobs"), ("jobsrow-1",), ("jobs", "row-1", "")],
)
def test_content_does_not_open_in_another_place(label: tuple[str, ...]) -> None:
    one = seals()
    sealed = one.seal(b"the answer", "jobs", "row-1")

    with pytest.raises(SealError, match="sealed for another place"):
        one.unseal(sealed, *label)


def test_content_that_was_changed_or_cut_anywhere_does_not_open() -> None:
    one = seals()
    sealed = one.seal(b"the answer", "jobs")

    for length in range(len(sealed)):
        with pytest.raises(SealError):
            one.unseal(sealed[:length], "jobs")
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(SealError):
            one.unseal(changed, "jobs")
    with pytest.raises(SealError):
        one.unseal(sealed + b"\0", "jobs")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02" * 60, b"\x01" + b"\0" * 100, "ä".encode() * 50])
def test_garbage_does_not_open(sealed: bytes) -> None:
    with pytest.raises(SealError):
        seals().unseal(sealed)


def test_content_of_a_foreign_key_does_not_open_and_names_the_key() -> None:
    sealed = seals(text=A).seal(b"the answer")

    with pytest.raises(SealError, match=f"the key {sealed[1:9].hex()}, which is not there"):
        seals(text=B).unseal(sealed)


def test_the_first_key_seals_and_all_of_them_open() -> None:
    old, both, new = seals(text=A), seals(text=f"{B}, {A}"), seals(text=B)

    assert both.unseal(old.seal(b"1")) == b"1"
    assert new.unseal(both.seal(b"2")) == b"2"


def test_a_key_that_came_a_moment_ago_is_found_and_one_that_is_missing_is_not_looked_for_at_once(
    tmp_path: Path,
) -> None:
    """The file is put in place after the keys were read; it is read again a second later."""
    clock = FakeClock()
    sealed = seals(tmp_path / "one").seal(b"1")
    other = seals(tmp_path / "two", clock=clock)
    other.seal(b"2")
    with pytest.raises(SealError):
        other.unseal(sealed)
    os.replace(tmp_path / "one" / "content.key", tmp_path / "two" / "content.key")
    with pytest.raises(SealError):
        other.unseal(sealed)

    clock.advance(1)

    assert other.unseal(sealed) == b"1"


def test_a_file_that_others_can_read_is_told_of(tmp_path: Path) -> None:
    sealed = seals(tmp_path).seal(b"1")
    (tmp_path / "content.key").chmod(0o644)

    with pytest.raises(SealError, match="chmod 600"):
        seals(tmp_path).unseal(sealed)
    with pytest.raises(SealError, match="chmod 600"):
        seals(tmp_path).seal(b"1")


def test_without_a_folder_the_key_is_in_memory() -> None:
    sealed = seals().seal(b"1")

    with pytest.raises(SealError):
        seals().unseal(sealed)


def test_threads_that_seal_first_at_once_use_one_key() -> None:
    one, barrier = seals(), threading.Barrier(8)
    made: list[bytes] = []

    def work() -> None:
        barrier.wait(10)
        made.append(one.seal(b"1"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert [one.unseal(sealed) for sealed in made] == [b"1"] * 8
    assert len({sealed[:9] for sealed in made}) == 1


_WORK = """
import sys
from pathlib import Path
from fake_clock import FakeClock
from hookline.store.seals import Seals
seals = Seals(state_dir=Path(sys.argv[1]), text="", clock=FakeClock())
print("ready", flush=True)
sys.stdin.readline()
print(seals.seal(b"the answer", "jobs").hex())
"""


def test_processes_that_seal_first_at_once_can_read_each_other(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(fake_clock.__file__).parent)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _WORK, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )
        for _ in range(4)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    got = [bytes.fromhex(worker.communicate(timeout=60)[0].strip()) for worker in workers]

    one = seals(tmp_path)
    assert [one.unseal(sealed, "jobs") for sealed in got] == [b"the answer"] * 4
    assert [entry.name for entry in tmp_path.iterdir()] == [CONTENT_KEYS.file]


def test_sealing_and_opening_take_microseconds(tmp_path: Path) -> None:
    """Bounded loosely: reading the key file each time would take far longer."""
    one = seals(tmp_path)
    one.unseal(one.seal(b"x" * 1000, "jobs", "1"), "jobs", "1")

    began_s = time.perf_counter()
    for _ in range(1000):
        one.unseal(one.seal(b"x" * 1000, "jobs", "1"), "jobs", "1")

    assert (time.perf_counter() - began_s) / 1000 < 0.0002


def test_a_gateway_has_seals_and_opens_nothing_for_them(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    gateway = Gateway(Settings(state_dir=folder), host=PluginHost(), environ={})
    try:
        assert not folder.exists()
        assert gateway.seals.unseal(gateway.seals.seal(b"1", "a"), "a") == b"1"
        assert [entry.name for entry in folder.iterdir()] == ["content.key"]
    finally:
        gateway.close()


def test_a_gateway_takes_its_keys_from_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(f"{A}\n")
    settings = load_settings({"HOOKLINE_CONTENT_KEY_FILE": str(path), "HOOKLINE_STATE_DIR": str(tmp_path)})
    gateway = Gateway(settings, host=PluginHost(), environ={})
    try:
        assert seals(text=A).unseal(gateway.seals.seal(b"1")) == b"1"
        assert A not in repr(settings)
        assert not (tmp_path / "content.key").exists()
    finally:
        gateway.close()


@pytest.mark.parametrize("text", ["x", A[:-4], f"{A},", f"{A};{B}"])
def test_a_setting_that_is_no_key_keeps_the_gateway_from_starting_and_is_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError, match="content_key: key number") as caught:
        load_settings({"HOOKLINE_CONTENT_KEY": text})

    assert text not in caught.value.message


def test_importing_seals_loads_nothing_heavy() -> None:
    code = (
        "import sys, hookline.store.seals;"
        "print(sorted({'sqlalchemy', 'cryptography', 'pydantic'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
