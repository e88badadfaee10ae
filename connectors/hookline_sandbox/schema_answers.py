"""Make a JSON value that satisfies a JSON Schema, for structured answers and for the arguments of tools.

The maker guesses and the validator judges: several variants are made, each taking other branches and values,
and the first one that is valid is the answer. A schema that nothing satisfies gets the best guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import orjson

from hookline_sandbox.patterns import finds
from hookline_sandbox.schema_effort import Effort
from hookline_sandbox.schema_judge import validator_of
from hookline_sandbox.schema_merge import TooDeepError, flatten
from hookline_sandbox.schema_scalars import make_number, make_string

Json: TypeAlias = Any
Schema: TypeAlias = Mapping[str, Any]

_VARIANTS = 32
_MAX_VALUES = 20_000
_DEPTH_OF_CLOSING = 10
_DEPTH_OF_GIVING_UP = 60


def answer_for(schema: Schema | bool | None, *, about: str = "", effort: Effort | None = None) -> Json:
    """Return a value that satisfies a schema.

    Args:
        schema: Any JSON Schema 2020-12; references are followed inside it only. None is "any object".
        about: Shown in texts that the schema leaves free.
        effort: Counts what is done; one for all answers of a request.

    Raises:
        TooMuchError: If the schema asks for more than is made.
    """
    if schema is None or schema is True:
        return {}
    effort = effort or Effort()
    validator = validator_of(schema)
    guess: Json = {}
    for variant in range(_VARIANTS):
        try:
            value = _Maker(schema, variant, about, effort).make(schema)
        except (TooDeepError, RecursionError, ValueError, TypeError, OverflowError):
            continue
        if validator is None or validator.fits(value):
            return value
        guess = guess or value
    return guess


class _Maker:
    """Makes one variant of the value."""

    def __init__(self, root: Schema | bool, variant: int, about: str, effort: Effort) -> None:
        self._root = root
        self._variant = variant
        self._about = about
        self._effort = effort
        self._made = 0

    def make(
        self,
        schema: Schema | bool,
        *,
        name: str = "",
        depth: int = 0,
        refs: tuple[str, ...] = (),
        salt: int = 0,
    ) -> Json:
        """Return a value for one schema; ``salt`` tells the items of an array apart."""
        self._made += 1
        self._effort.write(len(name))
        if schema is False or depth > _DEPTH_OF_GIVING_UP or self._made > _MAX_VALUES:
            raise TooDeepError
        closing = depth >= _DEPTH_OF_CLOSING or any(refs.count(ref) > 1 for ref in refs)
        problem: Exception = TooDeepError()
        flattened = flatten(
            schema, self._root, refs=refs, choice=self._variant, closing=closing, effort=self._effort
        )
        for flat, new_refs in flattened:
            try:
                return self._make_flat(
                    flat, name=name, depth=depth, refs=new_refs, salt=salt, closing=closing
                )
            except TooDeepError as exc:
                problem = exc
        raise problem

    def _make_flat(
        self, flat: Schema, *, name: str, depth: int, refs: tuple[str, ...], salt: int, closing: bool
    ) -> Json:
        if "const" in flat:
            return self._copied(flat["const"])
        if "enum" in flat:
            return self._pick(flat["enum"], salt)
        match self._type_of(flat, closing):
            case "null":
                return None
            case "boolean":
                return (salt + self._variant) % 2 == 0
            case "integer":
                return make_number(flat, whole=True, salt=salt + self._variant, effort=self._effort)
            case "number":
                value = make_number(flat, whole=False, salt=salt + self._variant, effort=self._effort)
                return value + 0.5 if self._variant % 2 and "multipleOf" not in flat else value
            case "array":
                return self._array(flat, name=name, depth=depth, refs=refs, closing=closing)
            case "object":
                return self._object(flat, depth=depth, refs=refs, closing=closing, salt=salt)
            case _:
                return make_string(flat, name=name, about=self._about, salt=salt, effort=self._effort)

    def _pick(self, values: Sequence[Json], salt: int) -> Json:
        if not values:
            raise TooDeepError
        return self._copied(values[(salt + self._variant) % len(values)])

    def _copied(self, value: Json) -> Json:
        """Return a value that the schema spells out, after it was counted."""
        if isinstance(value, str):
            self._effort.write(len(value))
        elif isinstance(value, dict | list):
            self._effort.write(len(orjson.dumps(value)))
        return value

    def _type_of(self, flat: Schema, closing: bool) -> str:
        named = flat.get("type")
        if isinstance(named, list):
            simple = [name for name in named if name not in ("array", "object")]
            if closing:
                return "null" if "null" in named else str((simple or named)[0])
            full = [name for name in named if name != "null"] or named
            return str(full[(self._variant // 2) % len(full)])
        if isinstance(named, str):
            return named
        for kind, keywords in _TELLING_KEYWORDS.items():
            if any(keyword in flat for keyword in keywords):
                return kind
        return _ANY_TYPE[self._variant // 2 % len(_ANY_TYPE)]

    def _object(
        self, flat: Schema, *, depth: int, refs: tuple[str, ...], closing: bool, salt: int
    ) -> dict[str, Json]:
        properties: Schema = flat.get("properties", {})
        required = dict.fromkeys(flat.get("required", ()))
        most = flat.get("maxProperties")
        names = list(dict.fromkeys([*properties, *required]))
        if most is not None and len(names) > most:
            names = sorted(names, key=lambda name: name not in required)[:most]
        made: dict[str, Json] = {}
        self._effort.spend(len(names))
        for name in names:
            is_required = name in required
            if not is_required and (closing or self._variant % 4 == 3):
                continue
            try:
                made[name] = self.make(
                    self._schema_of(flat, name), name=name, depth=depth + 1, refs=refs, salt=salt
                )
            except TooDeepError:
                if is_required:
                    raise
        for name in self._spare_names(flat):
            if len(made) >= flat.get("minProperties", 0):
                break
            if name not in made:
                made[name] = self.make(self._schema_of(flat, name), name=name, depth=depth + 1, refs=refs)
        return made

    def _spare_names(self, flat: Schema) -> Iterator[str]:
        yield from flat.get("properties", {})
        names, patterns = flat.get("propertyNames"), flat.get("patternProperties", {})
        for index in range(flat.get("minProperties", 0)):
            self._effort.spend()
            if isinstance(names, dict):
                yield str(self.make({"type": "string", **names}, name="key", salt=index))
            elif patterns and flat.get("additionalProperties") is False:
                for pattern in patterns:
                    yield make_string(
                        {"pattern": pattern}, name="key", about="", salt=index, effort=self._effort
                    )
            else:
                yield f"key_{index + 1}"

    def _schema_of(self, flat: Schema, name: str) -> Schema | bool:
        parts: list[Schema | bool] = []
        if name in flat.get("properties", {}):
            parts.append(flat["properties"][name])
        patterns: Schema = flat.get("patternProperties", {})
        for pattern, part in patterns.items():
            self._effort.spend(1 + len(name) // 100)
            if finds(pattern, name):
                parts.append(part)
        if not parts:
            rest: Schema | bool = flat.get("additionalProperties", True)
            return rest
        return parts[0] if len(parts) == 1 else {"allOf": parts}

    def _array(
        self, flat: Schema, *, name: str, depth: int, refs: tuple[str, ...], closing: bool
    ) -> list[Json]:
        first: Sequence[Schema | bool] = flat.get("prefixItems", ())
        items: Schema | bool = flat.get("items", True)
        least, most = flat.get("minItems", 0), flat.get("maxItems")
        wanted = max(least, len(first), 0 if closing or self._variant % 4 == 3 else 1)
        contains = flat.get("contains")
        contained = 0 if contains is None else flat.get("minContains", 1)
        wanted = max(wanted, len(first) + contained) if contained else wanted
        wanted = wanted if most is None else min(wanted, most)
        made: list[Json] = []
        for index in range(wanted):
            schema = first[index] if index < len(first) else items
            if contains is not None and wanted - index <= contained:
                schema = {"allOf": [schema, contains]}
            value = self._item(schema, made, name, depth, refs, index, unique=bool(flat.get("uniqueItems")))
            if value is _MISSING:
                if len(made) < least:
                    raise TooDeepError
                break
            made.append(value)
        return made

    def _item(
        self,
        schema: Schema | bool,
        made: Sequence[Json],
        name: str,
        depth: int,
        refs: tuple[str, ...],
        index: int,
        *,
        unique: bool,
    ) -> Json:
        for salt in range(index, index + (64 if unique else 1)):
            try:
                value = self.make(schema, name=name, depth=depth + 1, refs=refs, salt=salt)
            except TooDeepError:
                return _MISSING
            self._effort.spend(1 + (len(made) if unique else 0))
            if not unique or value not in made:
                return value
        return _MISSING


_MISSING = object()
_ANY_TYPE = ("string", "object", "integer", "null", "boolean", "array")
_TELLING_KEYWORDS = {
    "object": (
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "minProperties",
        "propertyNames",
    ),
    "array": ("items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
