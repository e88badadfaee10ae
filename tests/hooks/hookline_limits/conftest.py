"""Stores for every test of limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from limits_lab import KINDS, LabClock, RedisClock, StoreLab, follow_clock
from servers import redis_server, shared_redis_server

if TYPE_CHECKING:
    from hookline_limits.store import Store

__all__ = ["lab", "redis_server", "shared_redis_server", "store"]


@pytest.fixture(params=KINDS)
def lab(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StoreLab]:
    """Each kind of store in turn, over a clock that the test moves."""
    if request.param != "redis":
        yield StoreLab(kind=request.param, clock=LabClock(), folder=tmp_path)
        return
    server = request.getfixturevalue("redis_server")
    follow_clock(monkeypatch)
    clock = RedisClock(server.url)
    yield StoreLab(kind="redis", clock=clock, folder=tmp_path, url=server.url)
    clock.close()


@pytest.fixture
def store(lab: StoreLab) -> Iterator[Store]:
    """A store that holds nothing."""
    opened = lab.open()
    yield opened
    opened.close()
