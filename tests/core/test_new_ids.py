from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path

import pytest

from hookline.call import new_call_id
from hookline.new_ids import new_id


def test_ids_are_all_different_and_look_alike() -> None:
    ids = [new_id() for _ in range(5000)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[0-9a-f]{24}", one) for one in ids)
    assert re.fullmatch(r"call_[0-9a-f]{24}", new_call_id())


def test_later_ids_come_later_in_order() -> None:
    ids = []
    for _ in range(20):
        ids.append(new_id())
        time.sleep(0.005)
    assert ids == sorted(ids)


def test_what_follows_the_time_is_all_different() -> None:
    assert len({new_id()[10:] for _ in range(5000)}) == 5000


def test_threads_never_get_the_same_one() -> None:
    found: list[list[str]] = [[] for _ in range(8)]
    threads = [
        threading.Thread(target=lambda mine=mine: mine.extend(new_id() for _ in range(3000)))
        for mine in found
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [one for mine in found for one in mine]
    assert len(set(ids)) == len(ids) == 24_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_has_ids_of_its_own(tmp_path: Path) -> None:
    new_id()
    child = os.fork()
    if child == 0:
        (tmp_path / "ids").write_text("\n".join(new_id() for _ in range(300)))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    theirs = set((tmp_path / "ids").read_text().split())
    assert len(theirs) == 300
    assert theirs.isdisjoint(new_id() for _ in range(300))
