"""JSON Schema 2020-12 as schemas of Swagger 2.0, which has no unions, no null, no tuples and no conditions.

What comes out takes at least what the schema takes; null stands as ``x-nullable``. For a form it is narrowed
to what people can fill in: of text or something else the text remains, and objects of several kinds become
one with the members of all. Each of these is noted as lost.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hookline.exports.targets.power_platform.schema_shape_reader import ShapeReader
from hookline.exports.targets.power_platform.schema_shapes import ALL_TYPES, Shape, key_of, restrict
from hookline.exports.targets.power_platform.swagger_definitions import Definitions
from hookline.exports.targets.power_platform.swagger_values import describe_values

if TYPE_CHECKING:
    from hookline.action import JsonObject

NoteLoss = Callable[[str, str], None]
"""Takes a place such as ``messages[].content``, and what is lost there, as a key of ``LOSSES``."""

Decorate = Callable[[str, Shape, int], "JsonObject"]
"""Returns what a platform adds to a member, by its name, its shape, and how deep it lies from 1 on."""

LOSSES = {
    "alternatives": "Several kinds of object became one with the members of all.",
    "anything": "It takes any value; here it is a text.",
    "conditions": "Which members depend on which is not said.",
    "contains": "What a list has to hold is not said.",
    "deep": "What lies so deep is not described.",
    "more_than_text": "It takes more than text; here it is a text.",
    "names": "How members may be called is not said.",
    "needed": "Which members have to be there together is not said.",
    "not": "What is excluded is not said.",
    "nullable": "It takes null, which no form can send.",
    "object_choices": "Its choices are whole objects or lists; here their members stand on their own.",
    "pattern": "Only one of its patterns is said.",
    "pattern_members": "Members whose names follow a pattern are not shown.",
    "reference": "What it refers to is kept elsewhere and not shown.",
    "step": "Only one of the numbers that it is a multiple of is said.",
    "tuple": "Which entry of the list means what is not said.",
    "types": "It can be of several types.",
    "unevaluated": "That nothing else may be there is not said.",
    "unnamed": "A member without a name, or one called $ref, is not shown.",
    "untyped": "It does not say of which type it is; here it is an object or a list.",
    "written_out": "It takes several types; here it is a text.",
}
"""What can be lost, by a code."""

_MAX_DEPTH = 20
_MAX_PIECES = 2000
_UNSAYABLE = ("", "$ref")
_TEXT = frozenset({"string"})
_OBJECT = frozenset({"object"})
_NUMBERS = frozenset({"integer", "number"})


def _say_nothing(place: str, code: str) -> None:
    """Note no loss."""


def _add_nothing(name: str, shape: Shape, depth: int) -> JsonObject:
    """Add nothing to a member."""
    return {}


@dataclass(kw_only=True, slots=True)
class SwaggerSchemas:
    """Writes the schemas of one part of a document, such as the input of one action.

    Attributes:
        root: The whole schema.
        name: What the names of its definitions begin with.
        is_form: Whether people fill it in, so that it is narrowed.
        note: Called with each loss: its place, and a key of `LOSSES`.
        decorate: What to add to each member.
    """

    root: object
    name: str
    is_form: bool = False
    note: NoteLoss = _say_nothing
    decorate: Decorate = _add_nothing
    reader: ShapeReader = field(init=False)
    definitions: Definitions = field(init=False)
    _pieces: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.reader = ShapeReader(self.root, is_closed=self.is_form)
        self.definitions = Definitions(self.name)

    def write(self) -> tuple[JsonObject, Mapping[str, JsonObject]]:
        """Return the whole schema, and the definitions that it refers to."""
        return self.definitions.settle(self._lower(self.root, ""))

    def write_object(
        self, *, first: Iterable[str] = (), without: Container[str] = ()
    ) -> tuple[JsonObject, Mapping[str, JsonObject]]:
        """Return the same for what is an object in any case, such as a body.

        Args:
            first: Members that come first, in their order.
            without: Members that are left out.
        """
        shape = restrict(self.reader.read(self.root), _OBJECT)
        self._note_all(shape, "")
        names = [name for name in dict.fromkeys([*first, *shape.members]) if name not in without]
        shape = replace(
            shape,
            members={name: shape.members[name] for name in names if name in shape.members},
            needed=tuple(name for name in shape.needed if name not in without),
        )
        return self.definitions.settle(self._object(shape, "", 0))

    def _lower(self, schema: object, place: str, name: str | None = None, depth: int = 0) -> JsonObject:
        """Return a schema in Swagger's terms; objects and lists as references to where they are kept."""
        shape = self.reader.read(schema)
        if depth > _MAX_DEPTH or self._pieces > _MAX_PIECES:
            self.note(place, "deep")
            shape = Shape(types=_TEXT) if self.is_form else Shape()
        self._pieces += 1
        extras = {} if name is None else self.decorate(name, shape, depth)
        key = key_of([self.reader.target_of(schema) or schema, extras])
        if self.definitions.has(key):
            return self.definitions.refer(key)
        self._note_all(shape, place)
        if self.is_form:
            shape = self._fillable(shape, place)
        live = shape.types - {"null"}
        if live == {"object"} or (shape.types == ALL_TYPES and shape.members):
            self.definitions.begin(key, self.reader.target_of(schema) or place)
            made = self._object(shape, place, depth)
        elif live == {"array"}:
            self.definitions.begin(key, self.reader.target_of(schema) or place)
            made = self._list(shape, place, depth)
        else:
            return {**self._simple(shape, live, place), **_null(shape), **extras}
        return self.definitions.finish(key, {**made, **_null(shape), **extras})

    def _note_all(self, shape: Shape, place: str) -> None:
        for code in sorted(shape.lost):
            self.note(place, code)

    def _fillable(self, shape: Shape, place: str) -> Shape:
        """Return what of a shape people can fill in."""
        live = shape.types - {"null"}
        if shape.types == ALL_TYPES and (shape.members or shape.needed or shape.items is not True):
            self.note(place, "untyped")
            return restrict(shape, _OBJECT if shape.members or shape.needed else frozenset({"array"}))
        if shape.types != ALL_TYPES and "null" in shape.types:
            self.note(place, "nullable")
        if len(live) < 2 or live == _NUMBERS:
            return shape
        texts = restrict(shape, _TEXT)
        if "string" in live and not texts.is_nothing:
            self.note(place, "anything" if shape.types == ALL_TYPES else "more_than_text")
            return texts
        self.note(place, "written_out")
        return Shape(types=_TEXT, notes=shape.notes)

    def _simple(self, shape: Shape, live: frozenset[str], place: str) -> JsonObject:
        if live == _NUMBERS:
            return describe_values(shape, "number")
        if len(live) == 1:
            return describe_values(shape, next(iter(live)))
        if shape.types != ALL_TYPES and live:
            self.note(place, "types")
        return describe_values(shape, None)

    def _object(self, shape: Shape, place: str, depth: int) -> JsonObject:
        members: JsonObject = {}
        is_whole = True
        for name, member in shape.members.items():
            live = self.reader.read(member).types - {"null"} if member is not False else frozenset()
            if name in _UNSAYABLE:
                self.note(place, "unnamed")
                is_whole = False
            elif self.is_form and not live:
                if not self.reader.read(member).is_nothing:
                    self.note(_inside(place, name), "nullable")
            elif live or not self.reader.read(member).is_nothing:
                members[name] = self._lower(member, _inside(place, name), name, depth + 1)
        others = False if self.reader.read(shape.others).is_nothing else shape.others
        for name in shape.needed:
            if name not in shape.members and name not in _UNSAYABLE and others is not False:
                members[name] = self._lower(others, _inside(place, name), name, depth + 1)
        made = describe_values(shape, None if shape.types == ALL_TYPES else "object")
        if members:
            made["properties"] = members
        needed = [name for name in shape.needed if name in members]
        if needed:
            made["required"] = needed
        if others is False:
            if is_whole:
                made["additionalProperties"] = False
        elif isinstance(others, dict):
            made["additionalProperties"] = self._lower(others, _inside(place, "*"), None, depth + 1)
        return made

    def _list(self, shape: Shape, place: str, depth: int) -> JsonObject:
        made = describe_values(shape, "array")
        if self.reader.read(shape.items).is_nothing:
            return {**made, "items": {}, "maxItems": 0}
        return {**made, "items": self._lower(shape.items, f"{place}[]", None, depth + 1)}


def _null(shape: Shape) -> JsonObject:
    return {"x-nullable": True} if "null" in shape.types and shape.types != ALL_TYPES else {}


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
