"""Counters in the memory of one process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hookline_limits.memory_counts import GONE, MOST_COUNTERS, MOST_HOLDERS, OWN_SHARE, Groups
from hookline_limits.store import Refusal, bounded
from hookline_limits.windows import SECOND_US, end_us_of, slot_at, utc_us, wait_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookline.clock import Clock
    from hookline_limits.memory_counts import Cell, Count
    from hookline_limits.rules import Counter, Rule, Take
    from hookline_limits.store import Hold


class _Hold:
    """What was set aside in memory."""

    __slots__ = ("_cells", "_found", "_is_settled", "_store", "_takes", "_window_us", "used")

    def __init__(
        self,
        store: MemoryStore,
        takes: Sequence[Take],
        found: list[Count],
        cells: list[Cell],
        used: list[int],
        window_us: int,
    ) -> None:
        self._store = store
        self._takes = takes
        self._is_settled = False
        self._found = found
        self._cells = cells
        self._window_us = window_us
        self.used = used

    def free_in_s(self, index: int) -> float | None:
        rule = self._takes[index].counter.rule
        with self._store.lock:
            for cell in self._found[index].cells:
                if cell.amount:
                    break
            slot = cell.slot  # that of the present, if nothing was taken
        end_us = end_us_of(rule.mode, rule.slot_us, slot)
        if end_us is None:
            return None
        left_us = end_us - (self._window_us if rule.slot_us else self._store.now_us(rule))
        return left_us / SECOND_US if left_us > 0 else 0.0

    def settle(self, actuals: Sequence[int]) -> None:
        with self._store.lock:
            if self._is_settled:
                return
            self._is_settled = True
            each = zip(self._found, self._cells, self._takes, bounded(actuals), strict=True)
            for count, cell, (counter, amount), actual in each:
                change = actual - amount
                if change:
                    cell.amount += change
                    if cell.slot != GONE:
                        count.used += change
                if counter.rule.mode == "now":
                    self._store.groups.drop(counter, count)


class MemoryStore:
    """Counts in memory; each step takes a few microseconds, however many holders there are.

    Windows go by the monotonic clock, so that nothing happens to them when the time of day is set.

    Args:
        clock: What time it is.
        most_holders: Holders of one group that are counted apart.
        most_counters: Counters of all groups together.
        own_share: Holders of one group that are counted apart although there are that many.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        most_holders: int = MOST_HOLDERS,
        most_counters: int = MOST_COUNTERS,
        own_share: int = OWN_SHARE,
    ) -> None:
        self.lock = threading.Lock()
        self._clock = clock
        self.groups = Groups(
            self.now_us, most_holders=most_holders, most_counters=most_counters, own_share=own_share
        )

    def take(self, takes: Sequence[Take]) -> Hold | Refusal:
        """Set all aside that is to be taken, or nothing of it."""
        refusal: Refusal | None = None
        found: list[Count] = []
        cells: list[Cell] = []
        used: list[int] = []
        is_crowded = False
        by_name = self.groups.by_name
        window_us = int(self._clock.monotonic() * SECOND_US)
        with self.lock:
            for take in takes:
                counter, amount = take
                rule = counter.rule
                if rule.slot_us:
                    now_us = window_us
                    slot = window_us // rule.slot_us
                else:
                    now_us = self.now_us(rule)
                    slot = slot_at(rule.mode, 0, now_us)
                group = by_name.get(rule.group)
                count = group.get(counter.name) if group is not None else None
                if group is None or count is None:
                    count, is_shared = self.groups.add(counter, slot)
                    is_crowded |= is_shared
                elif count.cells[-1].slot != slot:
                    count.advance(slot, slot - rule.reach)
                    group.move_to_end(counter.name)
                found.append(count)
                if count.used + amount > rule.amount:
                    refusal = _worse(refusal, self._refuse(take, count, amount, now_us))
            if is_crowded and len(takes) > 1:
                refusal = self._look_together(takes, found, refusal)
            if refusal is not None:
                for take, count in zip(takes, found, strict=True):
                    if take.counter.rule.mode == "now":
                        self.groups.drop(take.counter, count)
                return refusal
            for count, (_, amount) in zip(found, takes, strict=True):
                cell = count.cells[-1]
                cell.amount += amount
                count.used += amount
                cells.append(cell)
            for count in found:  # several takes may have the same
                used.append(count.used)
            return _Hold(self, takes, found, cells, used, window_us)

    def shares(self, rule: Rule) -> bool:
        """Return False: nobody else sees this memory."""
        return False

    def look(self, counters: Sequence[Counter]) -> list[int]:
        """Return what is taken or set aside of each counter."""
        found = []
        with self.lock:
            for rule, name, _ in counters:
                group = self.groups.by_name.get(rule.group)
                count = None if group is None else group.get(name)
                if count is not None:
                    slot = slot_at(rule.mode, rule.slot_us, self.now_us(rule))
                    if count.cells[-1].slot != slot:
                        count.advance(slot, slot - rule.reach)
                found.append(0 if count is None else count.used)
        return found

    def check(self) -> str | None:
        """Return None: memory is always there."""
        return None

    def close(self) -> None:
        """Forget everything."""
        with self.lock:
            self.groups.clear()

    def now_us(self, rule: Rule) -> int:
        """Return the present, by the clock that a rule goes by."""
        if rule.slot_us:
            return int(self._clock.monotonic() * SECOND_US)
        return utc_us(self._clock.now()) if rule.mode != "now" else 0

    def __len__(self) -> int:
        """Return how many counters there are."""
        return len(self.groups)

    def _look_together(
        self, takes: Sequence[Take], found: list[Count], refusal: Refusal | None
    ) -> Refusal | None:
        """Look whether what falls into one counter, because there are too many, fits into it together."""
        for take, count in zip(takes, found, strict=True):
            amount = sum(other.amount for other, same in zip(takes, found, strict=True) if same is count)
            if amount > take.amount and count.used + amount > take.counter.rule.amount:
                now_us = self.now_us(take.counter.rule)
                refusal = _worse(refusal, self._refuse(take, count, amount, now_us))
        return refusal

    def _refuse(self, take: Take, count: Count, amount: int, now_us: int) -> Refusal:
        rule = take.counter.rule
        wait = wait_us(
            rule.mode,
            rule.slot_us,
            [(cell.slot, cell.amount) for cell in count.cells],
            excess=count.used + amount - rule.amount,
            now_us=now_us,
        )
        return Refusal(take.counter, count.used, None if wait is None else wait / SECOND_US)


def _worse(one: Refusal | None, other: Refusal) -> Refusal:
    """Return the refusal that lasts longer."""
    return one if one is not None and (one.wait_s or 0) >= (other.wait_s or 0) else other
