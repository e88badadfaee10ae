"""Two stores as one: whatever happens to one of them, the other keeps nothing that does not run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hookline.clock import SYSTEM_CLOCK
from hookline.errors import StoreUnavailableError
from hookline_limits.composed_store import ComposedStore
from hookline_limits.memory_store import MemoryStore
from hookline_limits.sqlite_store import SqliteStore
from limits_lab import counter, must_refuse, must_take, take

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookline_limits.rules import Take
    from hookline_limits.store import Hold, Refusal

RUNNING = counter("2 concurrent")
MINUTE = counter("10 tokens / minute")
DAY = counter("100 tokens / day")


class Broken(MemoryStore):
    """Fails in its own way."""

    problem: BaseException | None = None

    def take(self, takes: Sequence[Take]) -> Hold | Refusal:
        if self.problem is not None:
            raise self.problem
        return super().take(takes)


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "limits.sqlite3", SYSTEM_CLOCK)
    yield opened
    opened.close()


def test_what_one_refuses_the_other_gives_back(lasting: SqliteStore) -> None:
    store = ComposedStore(MemoryStore(SYSTEM_CLOCK), lasting)
    must_take(store, (DAY, 95))

    assert must_refuse(store, (MINUTE, 3), (DAY, 6), (RUNNING, 1)).counter is DAY
    assert must_refuse(store, (MINUTE, 11), (DAY, 5), (RUNNING, 1)).counter is MINUTE

    assert store.look([MINUTE, DAY, RUNNING]) == [0, 95, 0]


@pytest.mark.parametrize(
    "problem", [StoreUnavailableError("Away."), RuntimeError(), OverflowError(), KeyboardInterrupt()]
)
def test_whatever_one_fails_with_the_other_gives_back(problem: BaseException) -> None:
    quick, lasting = MemoryStore(SYSTEM_CLOCK), Broken(SYSTEM_CLOCK)
    store = ComposedStore(quick, lasting)
    lasting.problem = problem

    for _ in range(5):
        with pytest.raises(type(problem)):
            take(store, (RUNNING, 1), (DAY, 1))

    assert quick.look([RUNNING]) == [0]


def test_each_take_is_told_and_settled_in_its_own_place(lasting: SqliteStore) -> None:
    store = ComposedStore(MemoryStore(SYSTEM_CLOCK), lasting)
    must_take(store, (DAY, 10), (MINUTE, 2)).settle([10, 2])

    hold = must_take(store, (MINUTE, 1), (DAY, 20), (RUNNING, 1))

    assert list(hold.used) == [3, 30, 1]
    assert hold.free_in_s(2) is None
    hold.settle([4, 10**30, 0])
    assert store.look([MINUTE, RUNNING]) == [6, 0]
    must_refuse(store, (DAY, 1))


def test_what_cannot_be_settled_is_booked_with_what_was_set_aside(
    lasting: SqliteStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = must_take(lasting, (DAY, 20), (RUNNING, 1))
    settle = lasting._settle
    tried: list[list[int]] = []

    def fail_once(one: object, actuals: list[int]) -> None:
        tried.append(actuals)
        if len(tried) == 1:
            raise ZeroDivisionError
        settle(one, actuals)  # type: ignore[arg-type]  # a hold

    monkeypatch.setattr(lasting, "_settle", fail_once)

    hold.settle([5, 0])
    lasting._keeper.close()

    assert tried == [[5, 0], [20, 1]]
    assert lasting.look([DAY, RUNNING]) == [20, 0]
    assert "could not be settled" in caplog.text
