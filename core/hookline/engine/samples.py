"""Samples: an input that fits, and an output with every field that it can have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.engine.references import as_names, as_object, follow
from hookline.engine.simple_samples import simple_sample

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.engine.catalog import CatalogEntry

_MAX_DEPTH = 12
_END = object()  # stands for what would hold itself
_MAX_FOLLOWED = 1000
"""Most values made behind references: types that hold each other make more of them with each level."""
_MAX_REPEATED = 20
_TOLD = ("const", "default", "examples", "enum")


def sample_of(entry: CatalogEntry) -> JsonObject:
    """Return a sample of an action's output.

    It is the richest of the samples that the action declares. What it lacks is made from the output's
    schema: its examples, or a value of its type.
    """
    action = entry.action
    schema = action.output_schema
    declared = max((sample.output for sample in action.samples), key=_richness, default=None)
    if declared is None:
        made = _Maker(schema).make(schema)
        return made if isinstance(made, dict) else {}
    whole = dict(declared)
    maker = _Maker(schema)
    for name, member in as_object(follow(schema, schema).get("properties")).items():
        if name not in whole:
            whole[name] = [] if name == "warnings" else maker.make(member)
            if entry.output.problems(whole):
                del whole[name]
    return whole


def sample_input_of(entry: CatalogEntry) -> JsonObject:
    """Return an input that fits: the first that the action declares, or one made from its schema."""
    action = entry.action
    if action.samples:
        return dict(action.samples[0].input)
    schema = action.input_schema
    found: dict[int, JsonObject] = {}
    for only_needed in (True, False):
        made = _Maker(schema, only_needed=only_needed).make(schema)
        if isinstance(made, dict):
            problems = len(entry.input.problems(made))
            if not problems:
                return made
            found.setdefault(problems, made)
    return found[min(found)] if found else {}


def make_sample(schema: object, root: JsonObject, *, only_needed: bool = False) -> object:
    """Return a value that a schema takes, as far as a quick look tells; None if it does not.

    Args:
        schema: The schema.
        root: The whole schema, into which its references lead.
        only_needed: Whether members are left out that need not be there.
    """
    made = _Maker(root, only_needed=only_needed).make(schema)
    return None if made is _END else made


def _richness(output: JsonObject) -> int:
    return sum(value not in (None, [], {}, "") for value in output.values())


class _Maker:
    """Makes values that a schema takes, as far as that can be told from a quick look.

    Args:
        root: The whole schema, into which references lead.
        only_needed: Whether members are left out that need not be there.
    """

    def __init__(self, root: JsonObject, *, only_needed: bool = False) -> None:
        self._root = root
        self._only_needed = only_needed
        self._followed = 0
        self._repeated = 0

    def make(self, schema: object, above: frozenset[str] = frozenset()) -> object:
        """Return a value.

        Args:
            schema: What it has to fit.
            above: References that it stands inside of: a schema that holds itself is not followed twice.
        """
        own = as_object(schema)
        if schema is False or own.get("not") == {}:
            return _END  # nothing fits
        reference = own.get("$ref")
        if above or reference is not None:
            self._followed += 1
            if self._followed > _MAX_FOLLOWED:
                return _END
        if isinstance(reference, str):
            if reference in above or len(above) > _MAX_DEPTH:
                return _END
            above = above | {reference}
        own = follow(own, self._root)
        told = _told(own)
        if told is not _END:
            return told
        whole = own.get("allOf")
        if isinstance(whole, list) and whole:
            return self._join([{**own, "allOf": []}, *whole], above)
        return self._make_plain(own, above)

    def _make_plain(self, own: JsonObject, above: frozenset[str]) -> object:
        branches = next(
            (own[name] for name in ("anyOf", "oneOf") if isinstance(own.get(name), list) and own[name]), None
        )
        if isinstance(branches, list) and "properties" not in own and not _only_needs(branches):
            found = next((one for one in branches if one != {"type": "null"}), branches[0])
            return self.make(found, above)
        kind = own.get("type")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        if kind == "object" or "properties" in own:
            return self._make_object(own, above, branches)
        if kind == "array":
            return self._make_list(own, above)
        return simple_sample(kind, own)

    def _make_object(self, own: JsonObject, above: frozenset[str], branches: object) -> JsonObject:
        needed = as_names(own.get("required"))
        if isinstance(branches, list):
            needed += as_names(as_object(branches[0]).get("required"))
        members = as_object(own.get("properties"))
        is_bare = self._only_needed or (bool(above) and self._followed > _MAX_FOLLOWED // 2)
        known = frozenset(needed)
        wanted = [name for name in [*members, *needed] if not is_bare or name in known]
        made = {name: self.make(members.get(name), above) for name in dict.fromkeys(wanted)}
        return {name: value for name, value in made.items() if value is not _END}

    def _make_list(self, own: JsonObject, above: frozenset[str]) -> list[object]:
        first = own.get("prefixItems")
        if isinstance(first, list):
            made = [self.make(one, above) for one in first]
            return [None if one is _END else one for one in made]
        if not isinstance(own.get("items"), dict):
            return []
        if own.get("maxItems") == 0:
            return []
        entry = self.make(own["items"], above)
        if entry is _END:
            return []
        least = own.get("minItems")
        made = [entry]
        while isinstance(least, int) and len(made) < least and self._repeated < _MAX_REPEATED:
            self._repeated += 1
            made.append(self.make(own["items"], above))
        return [one for one in made if one is not _END]

    def _join(self, parts: list[object], above: frozenset[str]) -> object:
        made = [self.make({**part, "allOf": None}, above) for part in map(as_object, parts)]
        objects = [one for one in made if isinstance(one, dict)]
        if objects:
            return {name: value for one in objects for name, value in one.items()}
        followed = [follow(as_object(part), self._root) for part in parts]
        joined = {name: value for one in reversed(followed) for name, value in one.items()}
        told = _told(joined)
        if told is not _END:
            return told
        kind = joined.get("type")
        simple = simple_sample(kind, joined)
        fits = simple is not None and not any("anyOf" in one or "oneOf" in one for one in followed)
        return simple if fits else next((one for one in made if one is not None and one is not _END), None)


def _told(schema: JsonObject) -> object:
    """Return the value that a schema names itself."""
    for name in _TOLD:
        value = schema.get(name)
        if name in ("const", "default") and name in schema:
            return value
        if name in ("examples", "enum") and isinstance(value, list) and value:
            return value[0]
    return _END


def _only_needs(branches: list[object]) -> bool:
    return all(isinstance(one, dict) and set(one) == {"required"} for one in branches)
