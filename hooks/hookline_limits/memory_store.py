"""Counters in the memory of one process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from hookline_limits.store import Refusal
from hookline_limits.windows import SECOND_US, end_us_of, slot_at, utc_us, wait_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookline.clock import Clock
    from hookline_limits.rules import Counter, Rule, Take
    from hookline_limits.store import Hold

MOST_HOLDERS = 200_000
"""Holders of one group that are counted apart; more of them count together, as if they were one."""

_GONE = -1  # slot of a cell that no longer counts
_TIDY = 2  # idle counters looked at for each new one, so that they go faster than they come
_OTHERS = "*"  # no plain name holds this character


class _Cell:
    """What was taken in one slot."""

    __slots__ = ("amount", "slot")

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.amount = 0


class _Count:
    """One counter: its cells from the oldest to that of the present, and their sum."""

    __slots__ = ("cells", "used")

    def __init__(self, slot: int) -> None:
        self.used = 0
        self.cells = [_Cell(slot)]

    def advance(self, slot: int, first: int) -> None:
        """Begin another slot, and forget those before the first that counts."""
        cells = self.cells
        if cells[-1].slot > slot:  # the clock was set back: what is from the future counts from now on
            for cell in cells:
                if cell.slot > slot:
                    cell.slot = slot
        while cells and cells[0].slot < first:
            gone = cells.pop(0)
            self.used -= gone.amount
            gone.slot = _GONE
        if not cells or cells[-1].slot != slot:
            cells.append(_Cell(slot))


class _Hold:
    """What was set aside in memory."""

    __slots__ = ("_found", "_is_settled", "_store", "_takes", "used")

    def __init__(self, store: MemoryStore, takes: Sequence[Take], found: list[_Count]) -> None:
        self._store = store
        self._takes = takes
        self._is_settled = False
        self._found = [(count, count.cells[-1]) for count in found]
        self.used = [count.used for count in found]

    def free_in_s(self, index: int) -> float | None:
        rule = self._takes[index].counter.rule
        with self._store.lock:
            cells = self._found[index][0].cells
            slot = next((cell.slot for cell in cells if cell.amount), cells[-1].slot)
        end_us = end_us_of(rule.mode, rule.slot_us, slot)
        return None if end_us is None else max(0, end_us - self._store.now_us(rule)) / SECOND_US

    def settle(self, actuals: Sequence[int]) -> None:
        with self._store.lock:
            if self._is_settled:
                return
            self._is_settled = True
            for (count, cell), take, actual in zip(self._found, self._takes, actuals, strict=True):
                change = actual - take.amount
                if change:
                    cell.amount += change
                    if cell.slot != _GONE:
                        count.used += change
                self._store.drop(take.counter, count)


class MemoryStore:
    """Counts in memory; each step takes a few microseconds, however many holders there are.

    Windows go by the monotonic clock, so that nothing happens to them when the time of day is set.

    Args:
        clock: What time it is.
        most_holders: Holders of one group that are counted apart.
    """

    def __init__(self, clock: Clock, *, most_holders: int = MOST_HOLDERS) -> None:
        self.lock = threading.Lock()
        self._clock = clock
        self._most_holders = most_holders
        self._groups: dict[str, OrderedDict[str, _Count]] = {}

    def take(self, takes: Sequence[Take]) -> Hold | Refusal:
        """Set all aside that is to be taken, or nothing of it."""
        refusal: Refusal | None = None
        found = []
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
                group = self._groups.get(rule.group)
                count = group.get(counter.name) if group is not None else None
                if group is None or count is None:
                    count = self._add(counter, slot)
                elif count.cells[-1].slot != slot:
                    count.advance(slot, slot - rule.reach)
                    group.move_to_end(counter.name)
                found.append(count)
                if count.used + amount > rule.amount:
                    refusal = _worse(refusal, self._refuse(take, count, now_us))
            if refusal is not None:
                for take, count in zip(takes, found, strict=True):
                    self.drop(take.counter, count)
                return refusal
            for count, take in zip(found, takes, strict=True):
                count.used += take.amount
                count.cells[-1].amount += take.amount
            return _Hold(self, takes, found)

    def shares(self, rule: Rule) -> bool:
        """Return False: nobody else sees this memory."""
        return False

    def look(self, counters: Sequence[Counter]) -> list[int]:
        """Return what is taken or set aside of each counter."""
        found = []
        with self.lock:
            for rule, name, _ in counters:
                group = self._groups.get(rule.group)
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
            self._groups.clear()

    def now_us(self, rule: Rule) -> int:
        """Return the present, by the clock that a rule goes by."""
        if rule.slot_us:
            return int(self._clock.monotonic() * SECOND_US)
        return utc_us(self._clock.now()) if rule.mode != "now" else 0

    def drop(self, counter: Counter, count: _Count) -> None:
        """Forget a counter of what runs now when nothing runs any more. Only with the lock."""
        if count.used or counter.rule.mode != "now":
            return
        group = self._groups.get(counter.rule.group)
        for name in () if group is None else (counter.name, _OTHERS):
            if group is not None and group.get(name) is count:
                del group[name]

    def __len__(self) -> int:
        """Return how many counters there are."""
        return sum(map(len, self._groups.values()))

    def _add(self, counter: Counter, slot: int) -> _Count:
        """Return a new counter, or that of all others if there are too many."""
        rule, name, _ = counter
        group = self._groups.setdefault(rule.group, OrderedDict())
        first = slot - rule.reach
        for _ in range(_TIDY):
            oldest = next(iter(group), None)
            if oldest is None or group[oldest].cells[-1].slot >= first:
                break
            del group[oldest]
        if len(group) >= self._most_holders:
            name = _OTHERS
            count = group.get(name)
            if count is not None:
                if count.cells[-1].slot != slot:
                    count.advance(slot, first)
                    group.move_to_end(name)
                return count
        group[name] = count = _Count(slot)
        return count

    def _refuse(self, take: Take, count: _Count, now_us: int) -> Refusal:
        rule = take.counter.rule
        wait = wait_us(
            rule.mode,
            rule.slot_us,
            [(cell.slot, cell.amount) for cell in count.cells],
            excess=count.used + take.amount - rule.amount,
            now_us=now_us,
        )
        return Refusal(take.counter, count.used, None if wait is None else wait / SECOND_US)


def _worse(one: Refusal | None, other: Refusal) -> Refusal:
    """Return the refusal that lasts longer."""
    return one if one is not None and (one.wait_s or 0) >= (other.wait_s or 0) else other
