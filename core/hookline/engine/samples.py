"""Samples: an input that fits, and an output with every field that it can have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.engine.references import as_object, follow

if TYPE_CHECKING:
    from hookline.connector import JsonObject
    from hookline.engine.catalog import CatalogEntry

_MAX_DEPTH = 12
_END = object()  # stands for what would hold itself
_TEXTS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1M",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "6f1c2b1e-3d5a-4f0a-9a57-0d2f1f6b7c11",
}


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
    made = [_Maker(schema, only_needed=only_needed).make(schema) for only_needed in (True, False)]
    inputs = [one for one in made if isinstance(one, dict)]
    return min(inputs, key=lambda one: len(entry.input.problems(one)), default={})


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
        if isinstance(reference, str):
            if reference in above or len(above) > _MAX_DEPTH:
                return _END
            above = above | {reference}
        own = follow(own, self._root)
        for name in ("const", "default"):
            if name in own:
                return own[name]
        for name in ("examples", "enum"):
            values = own.get(name)
            if isinstance(values, list) and values:
                return values[0]
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
        return _simple(kind, own)

    def _make_object(self, own: JsonObject, above: frozenset[str], branches: object) -> JsonObject:
        needed = _names(own.get("required"))
        if isinstance(branches, list):
            needed += _names(as_object(branches[0]).get("required"))
        members = as_object(own.get("properties"))
        wanted = [name for name in [*members, *needed] if not self._only_needed or name in needed]
        made = {name: self.make(members.get(name), above) for name in dict.fromkeys(wanted)}
        return {name: value for name, value in made.items() if value is not _END}

    def _make_list(self, own: JsonObject, above: frozenset[str]) -> list[object]:
        first = own.get("prefixItems")
        if isinstance(first, list):
            made = [self.make(one, above) for one in first]
            return [None if one is _END else one for one in made]
        if not isinstance(own.get("items"), dict):
            return []
        entry = self.make(own["items"], above)
        return [] if entry is _END else [entry]

    def _join(self, parts: list[object], above: frozenset[str]) -> object:
        made = [self.make({**part, "allOf": None}, above) for part in map(as_object, parts)]
        objects = [one for one in made if isinstance(one, dict)]
        if objects:
            return {name: value for one in objects for name, value in one.items()}
        return next((one for one in made if one is not None), None)


def _only_needs(branches: list[object]) -> bool:
    return all(isinstance(one, dict) and set(one) == {"required"} for one in branches)


def _names(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _simple(kind: object, schema: JsonObject) -> object:
    if kind == "boolean":
        return False
    if kind in ("integer", "number"):
        least = schema.get("minimum", schema.get("exclusiveMinimum"))
        if not isinstance(least, (int, float)):
            return 1
        return least if "minimum" in schema and least > 0 else least + 1
    if kind == "string":
        text = _TEXTS.get(str(schema.get("format")), str(schema.get("title") or "text"))
        length = schema.get("minLength")
        return text.ljust(length, ".") if isinstance(length, int) and length < 1000 else text
    return None
