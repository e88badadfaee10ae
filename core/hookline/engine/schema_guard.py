"""Judging schemas that strangers wrote, before anything is made from them.

A schema can be an attack: it can ask to fetch something, it can hold itself, and each of its levels can be
looked at twice, so that thirty lines take minutes. What is refused here would do such a thing whatever is
compared with it. What does it with deeply nested values only has a bound on their depth, told by `depths`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hookline.engine.compiled_schemas import CompiledSchemas
from hookline.engine.schema_walk import (
    MAX_DEFINITIONS,
    MAX_DEFINITIONS_TOGETHER,
    SchemaProblem,
    SchemaWalk,
)
from hookline.engine.schema_weight import MAX_SPREAD, Depths, Growth, Known, Spot, Weights

JsonObject = dict[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What was found out about a schema.

    Attributes:
        problems: What is wrong with it; empty if it may be used.
        needed: Names of the shared schemas that it needs, directly and through others.
    """

    problems: tuple[SchemaProblem, ...]
    needed: Sequence[str]


class SchemaGuard:
    """Judges schemas that may refer to shared ones.

    Args:
        shared: Schemas by name that every other may refer to as ``#/$defs/<name>``.

    Attributes:
        compiled: Those of the judged schemas that need many others, compiled.
    """

    def __init__(self, shared: Mapping[str, JsonObject] | None = None) -> None:
        self.compiled = CompiledSchemas()
        self._shared = shared or {}
        self._spots: dict[str, Spot] = {}
        self._problems: dict[str, list[SchemaProblem]] = {}
        self._needed_together = 0
        self._needs: dict[str, list[str]] = {}
        self._needs_too_many: set[str] = set()
        self._too_many: list[str] = []
        self._patterns: dict[str, str | None] = {}
        self._known = Known()
        self._steps: dict[str, int] = {}
        for name, schema in self._shared.items():
            walk = SchemaWalk(schema, self._patterns, self._shared, is_shared=True)
            self._spots[f"#/$defs/{name}"] = walk.spot
            self._problems[name] = walk.problems
            self._needs[name] = sorted(walk.names)

    def shared_problems(self) -> Iterator[tuple[str, SchemaProblem]]:
        """Yield what is wrong with shared schemas, with their names."""
        for name, problems in self._problems.items():
            yield from ((name, problem) for problem in problems)
        for name in self._shared:
            for problem in self._weigh(self._spots[f"#/$defs/{name}"], {}):
                yield name, problem

    def judge(self, schema: JsonObject) -> Verdict:
        """Return what is wrong with a schema, and what it needs.

        What is wrong with shared ones is told by `shared_problems`.

        Args:
            schema: A schema, with or without ``$defs`` of its own.
        """
        walk = SchemaWalk(schema, self._patterns, self._shared)
        needed = self._closure(walk.names)
        if walk.problems:
            return Verdict(problems=tuple(dict.fromkeys(walk.problems)), needed=needed)
        found = list(self._weigh(walk.spot, walk.own_spots))
        if len(needed) > MAX_DEFINITIONS:
            message = f"needs more than {MAX_DEFINITIONS:,} shared schemas; describe less of it"
            found.append(SchemaProblem(path=(), message=message))
        elif len(needed) > MAX_DEFINITIONS_TOGETHER - self._needed_together:
            message = (
                "needs many shared schemas, and together with those before it more than "
                f"{MAX_DEFINITIONS_TOGETHER:,}; describe less of it"
            )
            found.append(SchemaProblem(path=(), message=message))
        else:
            self._needed_together += len(needed)
            found = found or list(self._check_spread(walk, needed))
        own = schema.get("$defs")
        found += [
            SchemaProblem(
                path=("$defs", name), message="is the name of a shared schema too; choose another one"
            )
            for name in (own if isinstance(own, dict) else ())
            if name in needed
        ]
        return Verdict(problems=tuple(found), needed=needed)

    def complete(self, schema: JsonObject, needed: Sequence[str]) -> JsonObject:
        """Return a schema that holds the shared schemas it needs."""
        if not needed:
            return schema
        own = schema.get("$defs")
        shared = {name: self._shared[name] for name in needed}
        return {**schema, "$defs": {**shared, **(own if isinstance(own, dict) else {})}}

    def depths(self, schema: JsonObject) -> Depths:
        """Return how deep values may be nested that are compared with a schema without a problem."""
        walk = SchemaWalk(schema, self._patterns, self._shared)
        return Growth({**self._spots, **walk.own_spots, "#": walk.spot}).depths(walk.spot)

    def _closure(self, names: set[str]) -> list[str]:
        """Return the shared schemas that some need, with themselves; no more than tell that it fails."""
        most = min(MAX_DEFINITIONS, MAX_DEFINITIONS_TOGETHER - self._needed_together)
        found = self._reached(sorted(names), most)
        if len(found) > MAX_DEFINITIONS:
            for name in sorted(names):  # so that others that need the same one are judged at once
                if len(self._reached([name], MAX_DEFINITIONS)) > MAX_DEFINITIONS:
                    self._needs_too_many.add(name)
                    self._too_many = found
                    break
        return found

    def _reached(self, names: list[str], most: int) -> list[str]:
        found = dict.fromkeys(names)
        queue = list(found)
        for name in queue:
            if len(found) > most:
                break
            if name in self._needs_too_many:
                return self._too_many
            for inner in self._needs.get(name, ()):
                if inner not in found:
                    found[inner] = None
                    queue.append(inner)
        return list(found)

    def _weigh(self, spot: Spot, own: Mapping[str, Spot]) -> Iterator[SchemaProblem]:
        """Yield a problem for a spot of a schema where a value is compared with too much."""
        weights = Weights(self._spots, own, spot, self._known)
        for one in _every(spot, *own.values()):
            problem = weights.problem_of(one)
            if problem is not None:
                yield SchemaProblem(path=one.path, message=problem)
                return

    def _check_spread(self, walk: SchemaWalk, needed: Sequence[str]) -> Iterator[SchemaProblem]:
        """Yield a problem if it would take long to work out how comparing grows with the value."""
        steps = self._count_steps(walk.spot, walk.own_spots)
        for name in needed:
            if name not in self._steps:
                self._steps[name] = self._count_steps(self._spots[f"#/$defs/{name}"], {})
            steps += self._steps[name]
        if steps > MAX_SPREAD:
            message = (
                "holds many parts that are each compared with many schemas, which takes more than "
                f"{MAX_SPREAD:,} steps to look through; describe less of it"
            )
            yield SchemaProblem(path=(), message=message)

    def _count_steps(self, spot: Spot, own: Mapping[str, Spot]) -> int:
        """Return the steps of `Growth` at all spots of a schema; none if it is not sound, which is told."""
        weights = Weights(self._spots, own, spot, self._known)
        steps = 0
        for one in _every(spot, *own.values()):
            if weights.problem_of(one) is not None:
                return 0
            is_reference = not one.inner and list(one.references.values()) == [1]
            steps += 1 if is_reference else weights.spread(one).steps
        return steps


def _every(*spots: Spot) -> Iterator[Spot]:
    """Yield spots and those inside of them."""
    queue = list(spots)
    for one in queue:
        queue += [inner for _, inner in one.inner]
        yield one
