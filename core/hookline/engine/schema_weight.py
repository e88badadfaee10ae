"""How much a schema asks to be looked at: with how many others one value is compared, and how that grows.

The sizes are those that `jsonschema_rs` was seen to bear. It looks at about 50 million subschemas a second to
say yes or no, makes 4 kB of explanation for each that a value does not fit, and overflows its stack where
tens of thousands of references lead from one to the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hookline.engine.schema_keywords import Label

Path = tuple[str | int, ...]

MAX_LOOKS = 5_000
"""Most subschemas that one value is compared with."""
MAX_CHAIN = 200
"""Most references that lead from one to the next without going into the value."""
MAX_SPREAD = 500_000
"""Most steps to work out how comparing grows: all that each value is compared with, and its parts."""
_MAX_JUDGED_LOOKS = 2_000_000
_MAX_LEVELS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Depths:
    """How deep a value may be nested that is compared with a schema.

    Attributes:
        judged: Most levels for an answer of yes or no; None if there is no bound but that of JSON itself.
        explained: Most levels for an explanation of what is wrong.
    """

    judged: int | None = None
    explained: int | None = None


NO_BOUND = Depths()


@dataclass(slots=True, eq=False)
class Spot:
    """All subschemas that one value is compared with at once, but for those behind references.

    Attributes:
        path: Where the first of them stands.
        looks: How many they are.
        references: How often each reference stands among them.
        inner: Spots for parts of the value, and for which parts.
    """

    path: Path
    looks: int = 0
    references: dict[str, int] = field(default_factory=dict)
    inner: list[tuple[Label, Spot]] = field(default_factory=list)


_NOWHERE = Spot(path=(), looks=1)


class Spread(NamedTuple):
    """How much is found at a spot, at most, through references.

    Attributes:
        spots: Spots, each as often as a way leads there.
        named: Their spots for named parts of the value.
        open: Their spots for other parts, each of which may be for named ones too.
    """

    spots: int
    named: int
    open: int

    @property
    def steps(self) -> int:
        """Steps to put together what looks at each part."""
        return self.spots + self.named + self.open + self.named * self.open


@dataclass(slots=True)
class Known:
    """What was counted for references.

    Attributes:
        looks: With how many subschemas a value is compared.
        chains: How many references lead from one to the next.
        spreads: How much is found.
    """

    looks: dict[str, int] = field(default_factory=dict)
    chains: dict[str, int] = field(default_factory=dict)
    spreads: dict[str, Spread] = field(default_factory=dict)


class Weights:
    """Counts with how many subschemas one value is compared at a spot, through references.

    Args:
        shared: Spots of shared schemas, by reference.
        own: Spots of definitions of the schema itself.
        root: Spot of the schema itself, ``#``.
        known: Counts of shared schemas, kept from schema to schema.
    """

    def __init__(
        self,
        shared: Mapping[str, Spot],
        own: Mapping[str, Spot],
        root: Spot,
        known: Known,
    ) -> None:
        self._shared = shared
        self._own = {**own, "#": root}
        self._known = known
        self._known_own = Known()
        self._circle: str | None = None

    def problem_of(self, spot: Spot) -> str | None:
        """Return what is wrong at a spot, or None."""
        if not spot.references and spot.looks <= MAX_LOOKS:
            return None
        for reference in spot.references:
            self._follow(reference)
            if self._circle is not None:
                return f"comes back to itself through {self._circle!r} without going into the value"
        if self._count_looks(spot) > MAX_LOOKS:
            return (
                f"makes a value be compared with more than {MAX_LOOKS:,} schemas at once; `allOf`, `anyOf` "
                "and `$ref` multiply each other here"
            )
        if self._count_chain(spot) > MAX_CHAIN:
            return f"leads through more than {MAX_CHAIN} references, one after another"
        return None

    def spread(self, spot: Spot) -> Spread:
        """Return how much is found at a spot that has no problem."""
        named = sum(label.name is not None for label, _ in spot.inner)
        behind = [self._of(one).spreads[one] for one in spot.references]
        return Spread(
            spots=min(1 + sum(one.spots for one in behind), MAX_SPREAD),
            named=min(named + sum(one.named for one in behind), MAX_SPREAD),
            open=min(len(spot.inner) - named + sum(one.open for one in behind), MAX_SPREAD),
        )

    def _follow(self, first: str) -> None:
        """Work out counts and lengths of a reference and of all behind it, without recursion."""
        if self._is_known(first):
            return
        stack = [(first, iter(self._spot_of(first).references))]
        path = {first}
        while stack:
            reference, rest = stack[-1]
            inner = next((one for one in rest if not self._is_known(one)), None)
            if inner is not None:
                if inner in path:
                    self._circle = inner
                    return
                path.add(inner)
                stack.append((inner, iter(self._spot_of(inner).references)))
                continue
            spot = self._spot_of(reference)
            known = self._of(reference)
            known.chains[reference] = 1 + self._count_chain(spot)
            known.spreads[reference] = self.spread(spot)
            known.looks[reference] = min(self._count_looks(spot), MAX_LOOKS + 1)
            stack.pop()
            path.discard(reference)

    def _spot_of(self, reference: str) -> Spot:
        return self._own.get(reference) or self._shared.get(reference) or _NOWHERE

    def _is_known(self, reference: str) -> bool:
        return reference in self._of(reference).looks

    def _of(self, reference: str) -> Known:
        return self._known_own if reference in self._own else self._known

    def _count_looks(self, spot: Spot) -> int:
        return spot.looks + sum(self._of(one).looks[one] * times for one, times in spot.references.items())

    def _count_chain(self, spot: Spot) -> int:
        return max((self._of(one).chains[one] for one in spot.references), default=0)


class Growth:
    """Counts how comparing grows with the depth of a value.

    Args:
        spots: Spots by reference.
    """

    def __init__(self, spots: Mapping[str, Spot]) -> None:
        self._spots = spots
        self._parts: dict[int, tuple[int, list[list[tuple[int, Spot]]]]] = {}

    def depths(self, root: Spot) -> Depths:
        """Return how deep a value may be so that comparing it stays bounded."""
        order = self._reachable(root)
        every = {id(groups): groups for groups in (self._of(spot)[1] for spot in order)}
        if all(sum(times for times, _ in group) <= 1 for groups in every.values() for group in groups):
            return NO_BOUND  # nothing is looked at twice, so it grows with the value and no faster
        costs = {id(spot): 0 for spot in order}
        explained: int | None = None
        for level in range(_MAX_LEVELS):
            before = costs
            costs = {}
            worst: dict[int, int] = {}  # by groups, which spots share
            for spot in order:
                looks, groups = self._of(spot)
                if id(groups) not in worst:
                    worst[id(groups)] = max(
                        (sum(times * before[id(one)] for times, one in group) for group in groups), default=0
                    )
                costs[id(spot)] = looks + worst[id(groups)]
            if explained is None and costs[id(root)] > MAX_LOOKS:
                explained = level
            if costs[id(root)] > _MAX_JUDGED_LOOKS:
                return Depths(judged=level, explained=explained)
            if costs == before:
                break
        return Depths(explained=explained)

    def _reachable(self, root: Spot) -> list[Spot]:
        found = {id(root): root}
        queue = [root]
        seen: set[int] = set()
        for spot in queue:
            groups = self._of(spot)[1]
            if id(groups) in seen:
                continue
            seen.add(id(groups))
            for group in groups:
                for _, inner in group:
                    if id(inner) not in found:
                        found[id(inner)] = inner
                        queue.append(inner)
        return queue

    def _of(self, spot: Spot) -> tuple[int, list[list[tuple[int, Spot]]]]:
        """Return the subschemas at a spot, and for every kind of part of a value what looks at it."""
        known = self._parts.get(id(spot))
        if known is None:
            known = self._parts[id(spot)] = self._of_reference(spot) or self._work_out(spot)
        return known

    def _of_reference(self, spot: Spot) -> tuple[int, list[list[tuple[int, Spot]]]] | None:
        """Return the parts of a spot that is one reference and no more, with those behind it; else None."""
        looks, target = 0, spot
        while not target.inner and list(target.references.values()) == [1]:
            looks += target.looks
            target = self._spots.get(next(iter(target.references)), _NOWHERE)
        if target is spot:
            return None
        known = self._parts.get(id(target))
        if known is None:
            known = self._parts[id(target)] = self._work_out(target)
        return looks + known[0], known[1]

    def _work_out(self, spot: Spot) -> tuple[int, list[list[tuple[int, Spot]]]]:
        counts: Counter[int] = Counter({id(spot): 1})
        spots = {id(spot): spot}
        queue = [(spot, 1)]
        looks = 0
        for one, times in queue:  # ends, and is short: what comes back to itself or multiplies was refused
            looks += one.looks * times
            for reference, number in one.references.items():
                target = self._spots.get(reference, _NOWHERE)
                counts[id(target)] += times * number
                spots[id(target)] = target
                queue.append((target, times * number))
        inner = [(label, counts[key], part) for key, one in spots.items() for label, part in one.inner]
        return looks, _group(inner)


def _group(inner: list[tuple[Label, int, Spot]]) -> list[list[tuple[int, Spot]]]:
    """Return, for every kind of part that a value can have, what looks at it and how often."""
    named: dict[tuple[str, str | int], list[tuple[int, Spot]]] = {}
    open_: list[tuple[Label, int, Spot]] = []
    for label, times, spot in inner:
        if label.name is None:
            open_.append((label, times, spot))
        else:
            named.setdefault((label.kind, label.name), []).append((times, spot))
    groups = []
    for (kind, name), group in named.items():
        more = [(times, spot) for label, times, spot in open_ if label.kind == kind and name not in label.but]
        groups.append(group + more)
    for kind in ("member", "item"):
        group = [(times, spot) for label, times, spot in open_ if label.kind == kind]
        if group:
            groups.append(group)
    return groups
