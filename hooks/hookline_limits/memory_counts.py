"""The counters of one process, and how many of them there may be."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from hookline_limits.windows import slot_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline_limits.rules import Counter, Rule

MOST_HOLDERS = 200_000
"""Holders of one group that are counted apart; more of them count together, as if they were one."""

MOST_COUNTERS = 500_000
"""Counters of all groups; when there are so many, groups get no more than their own share."""

OWN_SHARE = 1000
"""Holders of a group that are counted apart however many others have, so that nobody takes their room."""

GONE = -1
"""Slot of a cell that no longer counts."""

_TIDY = 2  # idle counters looked at for each new one, so that they go faster than they come
_OTHERS = "*"  # no plain name holds this character


class Cell:
    """What was taken in one slot."""

    __slots__ = ("amount", "slot")

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.amount = 0


class Count:
    """One counter: its cells from the oldest to that of the present, and their sum."""

    __slots__ = ("cells", "used")

    def __init__(self, slot: int) -> None:
        self.used = 0
        self.cells = [Cell(slot)]

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
            gone.slot = GONE
        if not cells or cells[-1].slot != slot:
            cells.append(Cell(slot))


class Group(OrderedDict[str, Count]):
    """Counters whose names begin alike, those that were idle for longest first."""

    __slots__ = ("rule",)

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.rule = rule


class Groups:
    """All counters; only for whoever holds the store's lock.

    Args:
        now_us: Returns the present by the clock that a rule goes by.
        most_holders: Holders of one group that are counted apart.
        most_counters: Counters of all groups together.
        own_share: Holders of one group that are counted apart although there are that many.

    Attributes:
        by_name: The groups that have counters; to be read only.
    """

    def __init__(
        self, now_us: Callable[[Rule], int], *, most_holders: int, most_counters: int, own_share: int
    ) -> None:
        self._now_us = now_us
        self._most_holders = most_holders
        self._most_counters = most_counters
        self._own_share = own_share
        self.by_name: OrderedDict[str, Group] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        """Return how many counters there are."""
        return self._size

    def add(self, counter: Counter, slot: int) -> tuple[Count, bool]:
        """Return a new counter, or that of all others if there are too many, and which of both it is."""
        rule, name, _ = counter
        group = self.by_name.get(rule.group)
        if group is None:
            group = self.by_name[rule.group] = Group(rule)
        first = slot - rule.reach
        self._tidy(group, first)
        if rule.mode != "now":  # those go by themselves, and come with every call
            self._tidy_another(group)
        is_full = self._size >= self._most_counters and len(group) >= self._own_share
        if is_full or len(group) >= self._most_holders:
            name = _OTHERS
            count = group.get(name)
            if count is not None:
                if count.cells[-1].slot != slot:
                    count.advance(slot, first)
                    group.move_to_end(name)
                return count, True
        group[name] = count = Count(slot)
        self._size += 1
        return count, name is _OTHERS

    def drop(self, counter: Counter, count: Count) -> None:
        """Forget a counter of what runs now if nothing runs any more."""
        if count.used:
            return
        group = self.by_name.get(counter.rule.group)
        for name in () if group is None else (counter.name, _OTHERS):
            if group is not None and group.get(name) is count:
                del group[name]
                self._size -= 1

    def clear(self) -> None:
        """Forget all."""
        self.by_name.clear()
        self._size = 0

    def _tidy(self, group: Group, first: int) -> None:
        """Forget some of the counters of a group in which nothing counts any more."""
        for _ in range(_TIDY):
            oldest = next(iter(group), None)
            if oldest is None or group[oldest].cells[-1].slot >= first:
                return
            del group[oldest]
            self._size -= 1

    def _tidy_another(self, group: Group) -> None:
        """Do the same with one of the others, in turn: nobody may come to theirs any more."""
        name, other = next(iter(self.by_name.items()))
        if other is not group:
            rule = other.rule
            self._tidy(other, slot_at(rule.mode, rule.slot_us, self._now_us(rule)) - rule.reach)
            if not other:
                del self.by_name[name]
                return
        self.by_name.move_to_end(name)
