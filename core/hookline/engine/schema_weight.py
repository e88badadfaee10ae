"""How much a schema asks to be looked at: with how many others one value is compared, and how that grows.

The sizes are those that `jsonschema_rs` was seen to bear. It looks at about 50 million subschemas a second to
say yes or no, makes 4 kB of explanation for each that a value does not fit, and overflows its stack where
tens of thousands of references lead from one to the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.engine.schema_keywords import Label

Path = tuple[str | int, ...]

MAX_LOOKS = 5_000
"""Most subschemas that one value is compared with."""
MAX_CHAIN = 200
"""Most references that lead from one to the next without going into the value."""
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


class Weights:
    """Counts with how many subschemas one value is compared at a spot, through references.

    Args:
        shared: Spots of shared schemas, by reference.
        own: Spots of definitions of the schema itself.
        root: Spot of the schema itself, ``#``.
        looks: Counts of shared schemas, kept from schema to schema.
        chains: Lengths of chains of references that begin at shared schemas, kept too.
    """

    def __init__(
        self,
        shared: Mapping[str, Spot],
        own: Mapping[str, Spot],
        root: Spot,
        looks: dict[str, int],
        chains: dict[str, int],
    ) -> None:
        self._shared = shared
        self._own = {**own, "#": root}
        self._looks = looks
        self._chains = chains
        self._own_looks: dict[str, int] = {}
        self._own_chains: dict[str, int] = {}
        self._circle: str | None = None

    def problem_of(self, spot: Spot) -> str | None:
        """Return what is wrong at a spot, or None."""
        if not spot.references and spot.looks <= MAX_LOOKS:
            return None
        for reference in spot.references:
            self._follow(reference)
            if self._circle is not None:
                return f"comes back to itself through {self._circle!r} without going into the value"
        looks = spot.looks + sum(self._looks_of(one) * times for one, times in spot.references.items())
        if looks > MAX_LOOKS:
            return (
                f"makes a value be compared with more than {MAX_LOOKS:,} schemas at once; `allOf`, `anyOf` "
                "and `$ref` multiply each other here"
            )
        if max(map(self._chain_of, spot.references), default=0) > MAX_CHAIN:
            return f"leads through more than {MAX_CHAIN} references, one after another"
        return None

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
            is_own = reference in self._own
            looks, chains = (self._own_looks, self._own_chains) if is_own else (self._looks, self._chains)
            total = spot.looks + sum(self._looks_of(one) * times for one, times in spot.references.items())
            looks[reference] = min(total, MAX_LOOKS + 1)
            chains[reference] = 1 + max(map(self._chain_of, spot.references), default=0)
            stack.pop()
            path.discard(reference)

    def _spot_of(self, reference: str) -> Spot:
        return self._own.get(reference) or self._shared.get(reference) or _NOWHERE

    def _is_known(self, reference: str) -> bool:
        return reference in (self._own_looks if reference in self._own else self._looks)

    def _looks_of(self, reference: str) -> int:
        return (self._own_looks if reference in self._own else self._looks)[reference]

    def _chain_of(self, reference: str) -> int:
        return (self._own_chains if reference in self._own else self._chains)[reference]


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
        if all(sum(times for times, _ in group) <= 1 for spot in order for group in self._of(spot)[1]):
            return NO_BOUND  # nothing is looked at twice, so it grows with the value and no faster
        costs = {id(spot): 0 for spot in order}
        explained: int | None = None
        for level in range(_MAX_LEVELS):
            before = costs
            costs = {}
            for spot in order:
                looks, groups = self._of(spot)
                worst = max(
                    (sum(times * before[id(one)] for times, one in group) for group in groups), default=0
                )
                costs[id(spot)] = looks + worst
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
        for spot in queue:
            for group in self._of(spot)[1]:
                for _, inner in group:
                    if id(inner) not in found:
                        found[id(inner)] = inner
                        queue.append(inner)
        return queue

    def _of(self, spot: Spot) -> tuple[int, list[list[tuple[int, Spot]]]]:
        """Return the subschemas at a spot, and for every kind of part of a value what looks at it."""
        known = self._parts.get(id(spot))
        if known is None:
            known = self._parts[id(spot)] = self._work_out(spot)
        return known

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
