"""Schemas of a document as JSON Schema 2020-12: shared ones once, by name, and none that never ends.

A schema that the document shares is converted once for inputs and once for outputs, because what the
service fills in (``readOnly``) is no input, and what it never tells (``writeOnly``) no output. Where both are
the same they share one name.

``oneOf`` becomes ``anyOf``: documents often have branches that overlap, and then a value that the service
takes would be refused here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from hookline.engine.references import parts_of
from hookline.errors import ConfigurationError
from hookline.importing import reasons
from hookline.importing.document import MAX_HOPS, Document, JsonObject, list_of, object_of
from hookline.importing.exactness import is_exact
from hookline.importing.keywords import is_nullable, is_safe_pattern, simple_keywords, types_of
from hookline.importing.object_view import (
    MAX_DESCRIPTION,
    MAX_FIELD_NAME,
    Direction,
    other_side_fields,
    sides_of,
)
from hookline.importing.shared_schemas import Key, SharedSchema, break_circles, closure_of_sides
from hookline.importing.texts import clean, one_line

if TYPE_CHECKING:
    from hookline.importing.findings import Reason

MAX_FIELDS = 400_000
"""Most fields of all actions together."""

PREFIX = "#/$defs/"
"""What references to shared schemas begin with in a manifest."""

MAX_TITLE = 100
_MAX_INLINE_DEPTH = 8
_MAX_NAME = 60
_MAX_PROPERTIES = 2_000

_IN_PLACE = ("allOf", "anyOf", "oneOf")
_ONE_INSIDE = ("contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties")
_CONDITIONS = ("if", "then", "else")
_UNNAMED = re.compile(r"[^A-Za-z0-9_.-]+")


class Schemas:
    """Converts the schemas of one document, and keeps those that are shared.

    Args:
        document: The document.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._findings = document.findings
        self._shared: dict[Key, SharedSchema] = {}
        self._waiting: list[SharedSchema] = []
        self._loose: list[tuple[JsonObject, Key, bool]] = []
        self._current: SharedSchema | None = None
        self._place = ""
        self._fields = 0
        self._around: dict[int, dict[Direction, set[str]]] = {}  # of branches of an ``allOf``, by identity
        self._known: dict[
            tuple[int, Direction], tuple[object, JsonObject]
        ] = {}  # by identity, with what has it
        self._keys: dict[int, Key] = {}  # what loose references lead to, by identity
        self._deep: dict[int, tuple[int, object]] = {}  # as above: what is nested too deeply

    def convert(self, raw: object, *, direction: Direction, place: str) -> JsonObject:
        """Return one schema as JSON Schema; its references get their targets' names from `finish`.

        Args:
            raw: The schema as the document has it.
            direction: Whether callers give it or get it.
            place: Where it stands, for findings.
        """
        self._fields += 1
        if self._fields > MAX_FIELDS:
            raise ConfigurationError(
                f"{self._document.name} would become more than {MAX_FIELDS:,} fields. "
                "Choose the operations that you need with --only or --tag."
            )
        self._current, self._place = None, place
        known = self._known.get((id(raw), direction))
        if known is None:
            made = self._convert(raw, direction, 0, True, "part")
            self._convert_shared()
            known = self._known[id(raw), direction] = (raw, made)
        return self._copy(known[1])

    def _copy(self, made: JsonObject) -> JsonObject:
        """Return a copy that may be changed at its top, and that gets its name if it is a reference."""
        copied = dict(made)
        if "$ref" in made:
            key = self._keys[id(made)]
            self._loose.append((copied, key, True))
            self._keys[id(copied)] = key
        return copied

    def _convert_shared(self) -> None:
        while self._waiting:
            one = self._waiting.pop()
            self._current, self._place = one, one.key[0]
            one.made = self._convert(one.raw, one.key[1], 0, True, one.hint)

    def finish(self) -> dict[str, JsonObject]:
        """Name all shared schemas, write the names into the references, and return the schemas by name."""
        break_circles(self._shared, self._findings)
        sided = closure_of_sides(self._shared)
        named: dict[str, JsonObject] = {}
        names: dict[str, str] = {}
        numbers: dict[str, int] = {}
        for key in sorted(self._shared):
            pointer, direction = key
            one = self._shared[key]
            is_twin = direction == "input" and (pointer, "output") in self._shared and key in sided
            wanted = f"{one.hint}{'Input' if is_twin else ''}"
            at = f"{pointer} {direction if is_twin else ''}"
            if at not in names:
                names[at] = free_name(wanted, named, numbers)
                named[names[at]] = {}
            one.name = names[at]
            if not named[one.name]:
                named[one.name] = one.made or {}
        for one in self._shared.values():
            self._write_names(one.references)
        self._write_names(self._loose)
        return dict(sorted(named.items()))

    # ------------------------------------------------------------ conversion

    def _note(self, reason: Reason, what: str = "") -> None:
        self._findings.add(reason, self._place, what)

    def _convert(
        self, raw: object, direction: Direction, depth: int, is_in_place: bool, hint: str
    ) -> JsonObject:
        if raw is True or raw is None:
            return {}
        if raw is False:
            return {"not": {}}
        if not isinstance(raw, dict):
            self._note(reasons.WRONG_PART, f"schema of {hint}")
            return {}
        reference = raw.get("$ref")
        if isinstance(reference, str):
            return self._refer(cast("JsonObject", raw), reference, direction, is_in_place)
        if depth > _MAX_INLINE_DEPTH:
            number, _ = self._deep.setdefault(id(raw), (len(self._deep), raw))
            return self._share(f"~{number:06}", raw, hint, direction, is_in_place)
        return self._convert_whole(cast("JsonObject", raw), direction, depth, is_in_place, hint)

    def _convert_whole(
        self, raw: JsonObject, direction: Direction, depth: int, is_in_place: bool, hint: str
    ) -> JsonObject:
        types = types_of(raw, self._note)
        made: JsonObject = {}
        if title := one_line(raw.get("title"), MAX_TITLE):
            made["title"] = title
        if description := clean(raw.get("description"), MAX_DESCRIPTION):
            made["description"] = description
        if not types and not any(name in raw for name in _IN_PLACE):
            types = ["object"] if isinstance(raw.get("properties"), dict) else types
            types = ["array"] if "items" in raw and not types else types
            if types and is_nullable(raw):
                types.append("null")
        if types:
            made["type"] = types[0] if len(types) == 1 else types
        made |= simple_keywords(raw, types, self._note)
        if not types or "object" in types:
            self._add_object(raw, made, direction, depth, hint)
        if not types or "array" in types:
            self._add_array(raw, made, direction, depth, hint)
        self._add_combined(raw, made, direction, depth, is_in_place, hint)
        return _or_null(made) if is_nullable(raw) else made

    def _add_object(
        self, raw: JsonObject, made: JsonObject, direction: Direction, depth: int, hint: str
    ) -> None:
        properties = raw.get("properties")
        if properties is not None and not isinstance(properties, dict):
            self._note(reasons.WRONG_PART, "properties")
        left_out: set[str] = set()
        if isinstance(properties, dict) and properties:
            members: JsonObject = {}
            for name, member in properties.items():
                if self._is_other_side(member, direction):
                    left_out.add(name)
                elif len(name) > MAX_FIELD_NAME or len(members) >= _MAX_PROPERTIES:
                    self._note(reasons.WRONG_PART, f"field {name[:60]}")
                    left_out.add(name)
                else:
                    members[name] = self._convert(member, direction, depth + 1, False, f"{hint}_{name}")
            made["properties"] = members
        needed = [one for one in list_of(raw.get("required")) if isinstance(one, str)]
        if needed:
            left_out |= self._left_out_around(raw, direction)
        required = [one for one in needed if one not in left_out]
        if required:
            made["required"] = list(dict.fromkeys(required))
        others = raw.get("additionalProperties")
        if isinstance(others, bool):
            made["additionalProperties"] = others
        elif others is not None:
            made["additionalProperties"] = self._convert(others, direction, depth + 1, False, f"{hint}_value")
        patterns = raw.get("patternProperties")
        for pattern, member in object_of(patterns).items():
            if is_safe_pattern(pattern):
                below = cast("JsonObject", made.setdefault("patternProperties", {}))
                below[pattern] = self._convert(member, direction, depth + 1, False, f"{hint}_value")
            else:
                self._note(reasons.PATTERN, f"pattern {pattern[:60]}")
                made.pop("additionalProperties", None)

    def _left_out_around(self, raw: JsonObject, direction: Direction) -> set[str]:
        """Return the other side's fields in the ``allOf`` that a schema has or is a part of."""
        found = set(self._around.get(id(raw), {}).get(direction, ()))
        if "allOf" in raw:
            found |= other_side_fields(self._document, raw, direction)
        return found

    def _tell_branches(self, raw: JsonObject) -> None:
        """Remember for the branches of an ``allOf`` which fields the others of it leave out."""
        around = self._around.get(id(raw), {})
        both: tuple[Direction, Direction] = ("input", "output")
        own = {one: around.get(one, set()) | other_side_fields(self._document, raw, one) for one in both}
        if not any(own.values()):
            return
        if self._current is not None:
            self._current.has_sides = True
        for branch in list_of(raw["allOf"])[:200]:
            if isinstance(branch, dict) and "$ref" not in branch:
                self._around[id(branch)] = own

    def _add_array(
        self, raw: JsonObject, made: JsonObject, direction: Direction, depth: int, hint: str
    ) -> None:
        items = raw.get("items")
        if isinstance(items, list):  # a tuple, as drafts before 2020-12 had it
            made["prefixItems"] = [
                self._convert(one, direction, depth + 1, False, f"{hint}_item") for one in items[:100]
            ]
        elif items is not None:
            made["items"] = self._convert(items, direction, depth + 1, False, f"{hint}_item")
        prefix = list_of(raw.get("prefixItems"))
        if prefix:
            made["prefixItems"] = [
                self._convert(one, direction, depth + 1, False, f"{hint}_item") for one in prefix[:100]
            ]

    def _add_combined(
        self,
        raw: JsonObject,
        made: JsonObject,
        direction: Direction,
        depth: int,
        is_in_place: bool,
        hint: str,
    ) -> None:
        for keyword in _IN_PLACE:
            given = raw.get(keyword)
            if given is None:
                continue
            if keyword == "allOf":
                self._tell_branches(raw)
            branches = [
                self._convert(one, direction, depth + 1, is_in_place, hint) for one in list_of(given)[:200]
            ]
            if not branches:
                self._note(reasons.WRONG_PART, keyword)
                continue
            target = "anyOf" if keyword == "oneOf" else keyword
            if target in made:
                made.setdefault("allOf", [])
                cast("list[JsonObject]", made["allOf"]).append({target: branches})
            else:
                made[target] = branches
        for keyword in _ONE_INSIDE:
            if isinstance(raw.get(keyword), (dict, bool)):
                made[keyword] = self._convert(raw[keyword], direction, depth + 1, False, hint)
        if "maxContains" in made and not is_exact(raw.get("contains")):
            self._note(reasons.RULE, "maxContains")
            del made["maxContains"]
        if isinstance(raw.get("not"), (dict, bool)) and self._keeps(raw, "not"):
            made["not"] = self._convert(raw["not"], direction, depth + 1, is_in_place, hint)
        if isinstance(raw.get("if"), (dict, bool)) and self._keeps(raw, "if"):
            for keyword in _CONDITIONS:
                if isinstance(raw.get(keyword), (dict, bool)):
                    made[keyword] = self._convert(raw[keyword], direction, depth + 1, is_in_place, hint)

    def _keeps(self, raw: JsonObject, keyword: str) -> bool:
        """Tell whether a rule is taken over: what is said less exactly inside of it would turn it around."""
        if is_exact(raw[keyword]):
            return True
        self._note(reasons.RULE, keyword)
        return False

    def _is_other_side(self, member: object, direction: Direction) -> bool:
        """Tell whether a field is filled in by the other side only, and note that there are such fields."""
        sides = sides_of(self._document, member)
        if sides and self._current is not None:
            self._current.has_sides = True
        return direction in sides

    # ------------------------------------------------------------ references

    def _refer(self, raw: JsonObject, reference: str, direction: Direction, is_in_place: bool) -> JsonObject:
        told: JsonObject = {}
        if description := clean(raw.get("description"), MAX_DESCRIPTION):
            told["description"] = description
        if title := one_line(raw.get("title"), MAX_TITLE):
            told["title"] = title
        if not reference.startswith("#"):
            if reference in object_of(self._document.root.get("definitions")) and "/" not in reference:
                reference = f"#/definitions/{reference}"  # a slip that Swagger 1 has left in documents
            else:
                self._note(reasons.REMOTE_PART, reference)
                return told
        try:
            pointer, target = self._end_of(reference)
        except KeyError:
            self._note(reasons.LOST_PART, reference)
            return told
        made = self._share(pointer, target, _name_of(pointer), direction, is_in_place)
        if is_nullable(raw):
            made = {"anyOf": [made, {"type": "null"}]}
        if not told:
            return made
        told.update(made)  # the same object must stay the one that gets its name
        return self._moved(made, told) if "$ref" in made else told

    def _moved(self, old: JsonObject, new: JsonObject) -> JsonObject:
        """Let a reference that was noted be another object."""
        references = self._loose if self._current is None else self._current.references
        for index in range(len(references) - 1, -1, -1):
            if references[index][0] is old:
                references[index] = (new, *references[index][1:])
                if self._current is None:
                    self._keys[id(new)] = references[index][1]
                break
        return new

    def _end_of(self, reference: str) -> tuple[str, object]:
        """Return where a reference leads in the end: references that only hand on are passed through."""
        seen = 0
        while True:
            target = self._document.at(reference)
            further = target.get("$ref") if isinstance(target, dict) else None
            if not isinstance(further, str) or not further.startswith("#"):
                return reference, target
            reference = further
            seen += 1
            if seen > MAX_HOPS:
                raise KeyError(reference)

    def _share(
        self, pointer: str, raw: object, hint: str, direction: Direction, is_in_place: bool
    ) -> JsonObject:
        key = (pointer, direction)
        if key not in self._shared:
            one = SharedSchema(key=key, raw=raw, hint=clean_name(hint))
            self._shared[key] = one
            self._waiting.append(one)
        reference: JsonObject = {"$ref": ""}
        references = self._loose if self._current is None else self._current.references
        references.append((reference, key, is_in_place))
        if self._current is None:
            self._keys[id(reference)] = key
        return reference

    def _write_names(self, references: list[tuple[JsonObject, Key, bool]]) -> None:
        for reference, key, _ in references:
            if "$ref" in reference:
                reference["$ref"] = PREFIX + self._shared[key].name


_BESIDE = ("title", "description", "default", "examples", "deprecated")


def _or_null(made: JsonObject) -> JsonObject:
    """Let a schema allow null too, whose type does already if it has one."""
    if "type" not in made and "anyOf" in made and "allOf" not in made:
        cast("list[JsonObject]", made["anyOf"]).append({"type": "null"})
        return made
    if "type" not in made and "allOf" in made and "anyOf" not in made:
        made["anyOf"] = [{"allOf": made.pop("allOf")}, {"type": "null"}]
        return made
    if not any(name in made for name in ("allOf", "anyOf", "not", "if", "const")):
        return made
    inside = {name: value for name, value in made.items() if name not in _BESIDE}
    types = inside.get("type")
    if isinstance(types, list):
        rest = [one for one in types if one != "null"]
        inside["type"] = rest[0] if len(rest) == 1 else rest
    beside = {name: value for name, value in made.items() if name in _BESIDE}
    return {**beside, "anyOf": [inside, {"type": "null"}]}


def _name_of(pointer: str) -> str:
    """Return what to call the schema at a pointer: its own name, or that of what it is a part of."""
    parts = parts_of(pointer)
    for prefix in (["components", "schemas"], ["definitions"]):
        if parts[: len(prefix)] == prefix and len(parts) == len(prefix) + 1:
            return parts[-1]
    plain = {"paths", "schema", "content", "properties", "responses", "components", "schemas", "definitions"}
    return "_".join(part for part in parts if part not in plain and "/" not in part.strip("/")) or "part"


def clean_name(hint: str) -> str:
    """Return a text as the name of a shared schema."""
    return _UNNAMED.sub("_", hint).strip("_.-")[:_MAX_NAME].rstrip("_.-") or "part"


def free_name(wanted: str, taken: dict[str, JsonObject], numbers: dict[str, int]) -> str:
    """Return a name that is not taken: the wanted one, with a number behind it if need be.

    Args:
        wanted: The name.
        taken: Those that are taken.
        numbers: How far each name was counted; changed in place, so that none is counted from the start.
    """
    name, number = wanted, numbers.get(wanted, 1)
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    numbers[wanted] = number
    return name
