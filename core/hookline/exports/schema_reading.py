"""What a JSON Schema takes, as far as a form needs to know: types, alternatives, choices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from hookline.engine.references import as_names, as_object, follow

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.blueprint import FieldKind

_KINDS: dict[str, FieldKind] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "json",
    "object": "json",
}
SCALARS: frozenset[FieldKind] = frozenset({"text", "integer", "number", "boolean", "choice"})
_MAX_DEPTH = 24
_MAX_STEPS = 2000
_MAX_REVISITS = 300
"""Most schemas looked at for the alternatives of one, and most looked at again because something else stands
beside them: unions that hold each other have no end of them."""
_NOTES = frozenset({"title", "description", "default", "example", "examples", "deprecated", "$comment"})


def alternatives_of(schema: JsonObject, root: JsonObject) -> Iterator[JsonObject]:
    """Yield the alternatives of a schema, with local references followed and what is beside them kept.

    An alternative that is inside of itself adds nothing, and is left out; one that several references lead
    to comes once. Where there are too many, the last one takes anything.
    """
    yield from _Alternatives(root).of(schema, {}, frozenset())


class _Alternatives:
    def __init__(self, root: JsonObject) -> None:
        self._root = root
        self._steps = 0
        self._revisits = 0
        self._visited: set[int] = set()
        self._seen: dict[object, object] = {}

    @property
    def _is_too_much(self) -> bool:
        return self._steps > _MAX_STEPS or self._revisits > _MAX_REVISITS

    def of(self, schema: JsonObject, beside: JsonObject, above: frozenset[int]) -> Iterator[JsonObject]:
        """Yield the alternatives of a schema.

        Args:
            schema: The schema.
            beside: What stands beside the unions that it is in.
            above: Schemas that it is inside of.
        """
        schema = follow(schema, self._root)
        if self._is_too_much or id(schema) in above or len(above) > _MAX_DEPTH:
            return
        key = (id(schema), *((name, id(value)) for name, value in beside.items() if name not in _NOTES))
        if key in self._seen:
            return
        self._seen[key] = (schema, beside)  # kept, so that no other gets their identities
        self._steps += 1
        self._revisits += id(schema) in self._visited
        self._visited.add(id(schema))
        if self._is_too_much:
            yield {}
            return
        above |= {id(schema)}
        for keyword in ("anyOf", "oneOf"):
            branches = schema.get(keyword)
            if isinstance(branches, list) and not _only_narrow(branches, schema):
                rest = {**beside, **{name: value for name, value in schema.items() if name != keyword}}
                for branch in branches:
                    yield from self.of(as_object(branch), rest, above)
                return
        whole = schema.get("allOf")
        if isinstance(whole, list) and whole:
            merged = {name: value for name, value in schema.items() if name != "allOf"}
            for branch in whole:
                merged = _merge(merged, follow(as_object(branch), self._root))
            yield from self.of(merged, beside, above)
            return
        types = schema.get("type")
        if isinstance(types, list):
            for name in types:
                yield {**beside, **schema, "type": name}
        else:
            yield {**beside, **schema} if beside else schema


def types_of(alternatives: list[JsonObject]) -> set[str]:
    """Return the names of the types that some alternatives take; ``any`` if one takes everything."""
    found = set()
    for one in alternatives:
        if isinstance(one.get("type"), str):
            found.add(str(one["type"]))
        elif "const" in one or "enum" in one:
            values = one.get("enum", [one.get("const")])
            found.update(type_name(value) for value in cast("list[object]", values))
        elif "properties" in one:
            found.add("object")
        elif "items" in one or "prefixItems" in one:
            found.add("array")
        else:
            found.add("any")
    return found


def kind_of(alternatives: list[JsonObject], root: JsonObject) -> tuple[FieldKind, bool]:
    """Return what some alternatives take, null aside, and whether they take more than that.

    What takes text among other things counts as text, because that is what people type.
    """
    some = [one for one in alternatives if one.get("type") != "null" and one.get("const", "") is not None]
    if choices_of(some):
        return "choice", False
    types = types_of(some) - {"null"}
    if "string" in types or "any" in types or not types:
        return "text", len(types) > 1 or "any" in types
    if len(types) == 1:
        (name,) = types
        if name == "array" and item_kind_of(some, root) is not None:
            return "list", len(some) > 1
        return _KINDS.get(name, "json"), False
    if types == {"integer", "number"}:
        return "number", False
    return "json", False


def item_kind_of(alternatives: list[JsonObject], root: JsonObject) -> FieldKind | None:
    """Return what each entry of a list is, if that is a text, number or boolean; None otherwise."""
    lists = [one for one in alternatives if one.get("type") == "array" or "items" in one]
    items = lists[0].get("items") if lists else None
    if not isinstance(items, dict):
        return None
    entries = list(alternatives_of(items, root))
    if "array" in types_of(entries):
        return None  # lists of lists, which may hold themselves
    kind, takes_more = kind_of(entries, root)
    return kind if kind in SCALARS and not takes_more else None


def choices_of(alternatives: list[JsonObject]) -> list[object]:
    """Return the values of a choice, each once; empty if anything else is possible, or one is no scalar."""
    values: list[object] = []
    for one in alternatives:
        given = one.get("enum", [one["const"]] if "const" in one else None)
        if not isinstance(given, list):
            return []
        for value in given:
            if isinstance(value, (dict, list)):
                return []
            if value is not None and not any(_is_same(value, other) for other in values):
                values.append(value)
    return values


def takes_null(alternatives: list[JsonObject]) -> bool:
    """Tell whether null is among what some alternatives take."""
    return "null" in types_of(alternatives)


def _is_same(left: object, right: object) -> bool:
    return type(left) is type(right) and left == right  # 1, 1.0 and true are equal in Python


def _only_narrow(branches: list[object], schema: JsonObject) -> bool:
    """Tell whether branches only say which members are needed together: no alternatives of form."""
    return "properties" in schema and all(
        isinstance(one, dict) and set(one) <= {"required", "not", "properties"} for one in branches
    )


def _merge(left: JsonObject, right: JsonObject) -> JsonObject:
    merged = {**left, **right}
    if "properties" in left and "properties" in right:
        merged["properties"] = {**as_object(left["properties"]), **as_object(right["properties"])}
    needed = [*as_names(left.get("required")), *as_names(right.get("required"))]
    if needed:
        merged["required"] = list(dict.fromkeys(needed))
    return merged


def type_name(value: object) -> str:
    """Return the name of a JSON value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return {"str": "string", "list": "array"}.get(type(value).__name__, "object")
