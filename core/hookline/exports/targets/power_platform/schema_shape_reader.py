"""Reading a JSON Schema 2020-12 as a flat shape."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hookline.engine.references import parts_of
from hookline.exports.targets.power_platform.schema_shapes import (
    ALL_TYPES,
    ANNOTATIONS,
    ANYTHING,
    MERGED,
    NOTHING,
    Range,
    Shape,
    either,
    is_anything,
    join,
    key_of,
    type_of,
    unite,
)

if TYPE_CHECKING:
    from hookline.action import JsonObject

_UNSAID = {
    "not": "not",
    "contains": "contains",
    "propertyNames": "names",
    "patternProperties": "pattern_members",
    "dependentRequired": "conditions",
    "dependentSchemas": "conditions",
    "dependencies": "conditions",
    "if": "conditions",
    "unevaluatedProperties": "unevaluated",
    "unevaluatedItems": "unevaluated",
    "$dynamicRef": "reference",
    "$recursiveRef": "reference",
}
_MAX_HOPS = 40
_MAX_MERGED = 20_000
_MAX_ALL_MERGED = 400_000


class ShapeReader:
    """Reads the schemas of one document.

    Args:
        root: The whole schema, into which references lead.
        is_closed: How members are united, see `unite`.
    """

    def __init__(self, root: object, *, is_closed: bool = False) -> None:
        self._root = root
        self._is_closed = is_closed
        self._known: dict[str, Shape] = {}
        self._merged = 0

    def read(self, schema: object) -> Shape:
        """Return the shape of a schema."""
        return self._read(schema, frozenset())

    def target_of(self, schema: object) -> str | None:
        """Return where a schema leads that is nothing but a reference; None for any other."""
        if isinstance(schema, dict) and set(schema) == {"$ref"} and isinstance(schema["$ref"], str):
            return unquote(schema["$ref"])
        return None

    def _read(self, schema: object, above: frozenset[str]) -> Shape:
        if schema is False:
            return NOTHING
        if not isinstance(schema, dict):
            return ANYTHING
        return self._read_merged(schema, above) if MERGED in schema else self._read_parts(schema, above)

    def _read_merged(self, schema: JsonObject, above: frozenset[str]) -> Shape:
        key = key_of(schema)
        if key not in self._known:
            self._merged += len(key)
            if len(key) > _MAX_MERGED or self._merged > _MAX_ALL_MERGED:
                self._known[key] = Shape(lost=frozenset({"deep"}))
            else:
                self._known[key] = self._read_parts(schema, above)
        return self._known[key]

    def _read_parts(self, schema: JsonObject, above: frozenset[str]) -> Shape:
        shape = _read_own(schema)
        reference = schema.get("$ref")
        if isinstance(reference, str):
            shape = join(shape, self._follow(unquote(reference), above))
        for part in _list_of(schema.get("allOf")):
            shape = join(shape, self._read(part, above))
        for keyword in ("anyOf", "oneOf"):
            branches = _list_of(schema.get(keyword))
            if branches:
                shape = join(shape, self._unite(branches, above))
        if all(name in schema for name in ("if", "then", "else")):
            shape = join(shape, _quietly(self._unite([schema["then"], schema["else"]], above)))
        return NOTHING if is_anything(schema.get("not", False)) else shape

    def _follow(self, reference: str, above: frozenset[str]) -> Shape:
        if reference in self._known:
            return self._known[reference]
        if reference in above or len(above) > _MAX_HOPS:
            return ANYTHING  # leads around in a circle
        found, target = _resolve(self._root, reference)
        if not found:
            return Shape(lost=frozenset({"reference"}))
        shape = self._read(target, above | {reference})
        self._known[reference] = shape
        return shape

    def _unite(self, branches: list[object], above: frozenset[str]) -> Shape:
        shapes = [self._read(one, above) for one in branches]
        united = unite(shapes, is_closed=self._is_closed)
        labels = _labels_of(branches)
        if labels:
            united = join(Shape(labels=labels), united)
        return united


def _resolve(root: object, reference: str) -> tuple[bool, object]:
    if reference == "#":
        return True, root
    if not reference.startswith("#/"):
        return False, None
    target = root
    for part in parts_of(reference):
        if isinstance(target, dict) and part in target:
            target = target[part]
        elif isinstance(target, list) and part.isascii() and part.isdecimal() and int(part) < len(target):
            target = target[int(part)]
        else:
            return False, None
    return True, target


def _read_own(schema: JsonObject) -> Shape:
    """Return what a schema says itself, without what it refers to and is made up of."""
    types = _types_of(schema.get("type"))
    lost = {code for keyword, code in _UNSAID.items() if keyword in schema}
    prefix = _list_of(schema.get("prefixItems"))
    items = _schema_of(schema.get("items"))
    most = _count(schema.get("maxItems"))
    if prefix:
        lost.add("tuple")
        if items is False:
            most = len(prefix) if most is None else min(most, len(prefix))
        items = either([*prefix, items])
    members = schema.get("properties")
    shape = Shape(
        types=types,
        number=_numbers(schema),
        step=_positive(schema.get("multipleOf")),
        length=Range(least=_count(schema.get("minLength")), most=_count(schema.get("maxLength"))),
        pattern=_text(schema.get("pattern")),
        format=_format_of(schema),
        items=items,
        count=Range(least=_count(schema.get("minItems")), most=most),
        is_unique=schema.get("uniqueItems") is True,
        members={name: _schema_of(one) for name, one in members.items()} if isinstance(members, dict) else {},
        needed=tuple(
            dict.fromkeys(name for name in _list_of(schema.get("required")) if isinstance(name, str))
        ),
        others=True if "patternProperties" in schema else _schema_of(schema.get("additionalProperties")),
        size=Range(least=_count(schema.get("minProperties")), most=_count(schema.get("maxProperties"))),
        notes={
            name: value
            for name, value in schema.items()
            if name in ANNOTATIONS or (isinstance(name, str) and name.startswith("x-"))
        },
        lost=frozenset(lost),
    )
    if isinstance(schema.get("enum"), list):
        shape = join(shape, _one_of_values(_list_of(schema["enum"])))
    if "const" in schema:
        shape = join(shape, _one_of_values([schema["const"]]))
    return shape


def _one_of_values(values: list[object]) -> Shape:
    """Return the shape of some values; what is no scalar is told by its members and entries."""
    scalars = [value for value in values if not isinstance(value, (dict, list))]
    shapes = [_whole(value) for value in values if isinstance(value, (dict, list))]
    types = frozenset(type_of(value) for value in scalars)
    if "number" in types:
        types |= {"integer"}
    if scalars:
        distinct = {key_of(value): value for value in scalars}
        shapes.insert(0, Shape(types=types, choices=tuple(distinct.values())))
    return _quietly(unite(shapes, is_closed=True))


def _quietly(shape: Shape) -> Shape:
    """Return a shape whose alternatives are told of in other words."""
    return replace(shape, lost=shape.lost - {"alternatives", "needed"})


def _whole(value: dict[str, object] | list[object]) -> Shape:
    lost = frozenset({"object_choices"})
    if isinstance(value, list):
        return Shape(
            types=frozenset({"array"}),
            items=either([{"const": one} for one in value]) if value else True,
            count=Range(least=len(value), most=len(value)),
            lost=lost,
        )
    return Shape(
        types=frozenset({"object"}),
        members={name: {"const": one} for name, one in value.items()},
        needed=tuple(value),
        others=False,
        lost=lost,
    )


def _labels_of(branches: list[object]) -> dict[str, str]:
    """Return the labels of a choice that is written as constants with titles."""
    labels: dict[str, str] = {}
    for one in branches:
        if one == {"type": "null"}:
            continue
        if not (isinstance(one, dict) and "const" in one):
            return {}
        if isinstance(one.get("title"), str):
            labels[key_of(one["const"])] = one["title"]
    are_told_apart = 1 < len(labels) == len(set(labels.values()))
    return labels if are_told_apart else {}


def _types_of(value: object) -> frozenset[str]:
    names = [value] if isinstance(value, str) else _list_of(value)
    types = frozenset(name for name in names if isinstance(name, str) and name in ALL_TYPES)
    if "number" in types:
        types |= {"integer"}
    return types or ALL_TYPES


def _numbers(schema: JsonObject) -> Range:
    plain = Range(least=_number(schema.get("minimum")), most=_number(schema.get("maximum")))
    strict = Range(
        least=_number(schema.get("exclusiveMinimum")),
        most=_number(schema.get("exclusiveMaximum")),
        is_above=True,
        is_below=True,
    )
    return plain.within(strict)


def _format_of(schema: JsonObject) -> str | None:
    if str(schema.get("contentEncoding", "")).lower() in ("base64", "base64url"):
        return "byte"
    return _text(schema.get("format"))


def _schema_of(value: object) -> object:
    return value if isinstance(value, (bool, dict)) else True


def _list_of(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _positive(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _count(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 and number == int(number) else None
