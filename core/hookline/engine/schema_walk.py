"""Looking at every part of a schema that a stranger wrote: what it refers to, and what it must not hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import jsonschema_rs

from hookline.engine.references import parts_of
from hookline.engine.schema_keywords import HOLDS_SCHEMAS, IN_PLACE, INNER, subschemas
from hookline.engine.schema_weight import Path, Spot

JsonObject = dict[str, object]

MAX_DEPTH = 64
"""Most schemas inside of each other."""
MAX_SIZE = 200_000
"""Most keywords of one schema, without those of schemas that it shares with others."""
MAX_DEFINITIONS = 5_000
"""Most shared schemas that one schema needs, directly and through others; 50,000 take seconds to compile."""
MAX_DEFINITIONS_TOGETHER = 1_000_000
"""Most shared schemas that all schemas of one document need, each counted for every schema that needs it."""
MAX_PATTERN_LENGTH = 2_000
MAX_PATTERN_BYTES = 1_000_000
_MAX_PROBLEMS = 20

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFUSED = {
    "$id": "names schemas anew, which is not needed here; leave it out",
    "$anchor": "is a name for references that are not read here; leave it out",
    "$dynamicAnchor": "changes what references mean while a value is checked; write a plain `$ref`",
    "$dynamicRef": "changes what references mean while a value is checked; write a plain `$ref`",
    "$recursiveRef": "changes what references mean while a value is checked; write a plain `$ref`",
    "$vocabulary": "changes what keywords mean; leave it out",
}
_FRAGMENT = re.compile(r"#(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*\Z")
_TELLING = HOLDS_SCHEMAS | _REFUSED.keys() | {"$ref", "$schema", "pattern"}
"""A schema without any of these has nothing to look at inside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemaProblem:
    """What is wrong with a schema.

    Attributes:
        path: Where in the schema.
        message: What is wrong there, and what to do.
    """

    path: Path
    message: str


class SchemaWalk:
    """Looks at every subschema of one schema once.

    Args:
        schema: The schema.
        patterns: What was found wrong with regular expressions, by expression; added to.
        shared: Schemas that it may refer to.
        is_shared: Whether it is one of these, so that ``#`` and definitions of its own mean nothing.
    """

    def __init__(
        self,
        schema: JsonObject,
        patterns: dict[str, str | None],
        shared: Mapping[str, JsonObject],
        *,
        is_shared: bool = False,
    ) -> None:
        self._root = schema
        self._patterns = patterns
        self._shared = shared
        self._is_shared = is_shared
        self.problems: list[SchemaProblem] = []
        self.names: set[str] = set()
        self.own_spots: dict[str, Spot] = {}
        self._targets: dict[str, Path] = {}
        self.spot = Spot(path=())
        self._size = 0
        self._visit(schema, self.spot)
        for reference in (queue := list(self._targets)):
            if reference not in self.own_spots and reference != "#":
                self.own_spots[reference] = spot = Spot(path=self._targets[reference])
                target = self._find(reference)
                if target is not None and len(self.own_spots) <= MAX_DEFINITIONS:
                    known = set(self._targets)
                    self._visit(target, spot)
                    queue += [one for one in self._targets if one not in known]

    def _visit(self, schema: object, spot: Spot) -> None:
        stack: list[tuple[object, Path, Spot, int]] = [(schema, spot.path, spot, 0)]
        while stack and len(self.problems) < _MAX_PROBLEMS:
            if self._size > MAX_SIZE:
                self._add(spot.path, f"has more than {MAX_SIZE:,} values")
                return
            one, path, here, depth = stack.pop()
            here.looks += 1
            if not isinstance(one, dict):
                continue  # true and false; anything else is told by the check against the meta-schema
            self._size += 1 + len(one)
            if depth > MAX_DEPTH:
                self._add(path, "is nested too deeply")
                return
            self._check(one, path, here)
            if self._is_shared and ("$defs" in one or "definitions" in one):
                keyword = "$defs" if "$defs" in one else "definitions"
                self._add((*path, keyword), "is only for schemas that are not shared; make it one of them")
            for keyword, label, key, inner in subschemas(one):
                if isinstance(inner, dict) and _TELLING.isdisjoint(inner) and keyword not in IN_PLACE:
                    self._size += 1 + len(inner)
                    if self._size > MAX_SIZE:
                        break
                    continue
                if not isinstance(inner, dict) and keyword not in IN_PLACE:
                    continue  # true, false and nonsense hold nothing
                below = (*path, keyword) if key is None else (*path, keyword, key)
                if keyword in IN_PLACE:
                    stack.append((inner, below, here, depth + 1))
                elif keyword in INNER:
                    part = Spot(path=below)
                    here.inner.append((label, part))
                    stack.append((inner, below, part, depth + 1))
                elif not self._is_shared:
                    stack.append((inner, below, Spot(path=below), depth + 1))  # a definition
        if self._size > MAX_SIZE and not stack:
            self._add(spot.path, f"has more than {MAX_SIZE:,} values")

    def _check(self, schema: JsonObject, path: Path, spot: Spot) -> None:
        if not _REFUSED.keys().isdisjoint(schema):
            for keyword in _REFUSED.keys() & schema.keys():
                self._add((*path, keyword), _REFUSED[keyword])
        dialect = schema.get("$schema", _DIALECT)
        if dialect != _DIALECT:
            self._add((*path, "$schema"), f"must be {_DIALECT!r}, not {_shown(dialect)}")
        if "$ref" in schema:
            self._check_reference(schema["$ref"], (*path, "$ref"), spot)
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and (problem := self._judge(pattern)):
            self._add((*path, "pattern"), problem)
        by_pattern = schema.get("patternProperties")
        for pattern in by_pattern if isinstance(by_pattern, dict) else ():
            if isinstance(pattern, str) and (problem := self._judge(pattern)):
                self._add((*path, "patternProperties", pattern), problem)

    def _check_reference(self, reference: object, path: Path, spot: Spot) -> None:
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            self._add(
                path,
                f"{_shown(reference)} leads out of this document, and nothing is ever fetched; copy what it "
                "means and refer to that as `#/$defs/…`",
            )
            return
        parts = _parts_of(reference)
        if parts is None:
            self._add(
                path, f"{_shown(reference)} is no reference: write what it cannot hold as `%20`, in UTF-8"
            )
            return
        name = parts[1] if len(parts) > 1 and parts[0] == "$defs" else None
        own = self._root.get("$defs")
        is_own = name is None or (isinstance(own, dict) and name in own)
        if not is_own and name in self._shared:
            self.names.add(str(name))
            plain = f"#/$defs/{name}"
            if len(parts) == 2:
                spot.references[plain] = spot.references.get(plain, 0) + 1
                return
            self._add(
                path, f"{_shown(reference)} leads into a shared schema; make what it means one of its own"
            )
            return
        if self._is_shared or self._find(reference) is None:
            self._add(path, f"{_shown(reference)} leads nowhere")
            return
        spot.references[reference] = spot.references.get(reference, 0) + 1
        self._targets.setdefault(reference, tuple(parts))

    def _find(self, reference: str) -> object:
        here: object = self._root
        for key in _parts_of(reference) or ():
            if isinstance(here, dict):
                here = here.get(key)
            elif (
                isinstance(here, list)
                and key.isascii()
                and key.isdecimal()
                and len(key) < 6
                and int(key) < len(here)
            ):
                here = here[int(key)]
            else:
                return None
        return here if isinstance(here, (dict, bool)) else None

    def _judge(self, pattern: str) -> str | None:
        if pattern not in self._patterns:
            self._patterns[pattern] = judge_pattern(pattern)
        return self._patterns[pattern]

    def _add(self, path: Path, message: str) -> None:
        self.problems.append(SchemaProblem(path=path, message=message))


def judge_pattern(pattern: str) -> str | None:
    """Return why a regular expression cannot be used, or None if it is one that no text can slow down."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        return f"is longer than {MAX_PATTERN_LENGTH:,} characters"
    options = jsonschema_rs.RegexOptions(size_limit=MAX_PATTERN_BYTES)
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except (ValueError, jsonschema_rs.ValidationError):
        return (
            f"{_shown(pattern)} is not a regular expression that is read here: none may look ahead or back, "
            "refer to a group, or be very large"
        )
    return None


def _parts_of(reference: str) -> list[str] | None:
    """Return the parts of a pointer in a fragment; None if it is no fragment of a URI.

    What is percent-encoded is decoded first, a slash among it, and only then `~1` and `~0`.

    Source: RFC 6901, section 6; RFC 3986, section 3.5.
    """
    if not _FRAGMENT.match(reference):
        return None
    try:
        return parts_of(unquote(reference, errors="strict"))
    except UnicodeDecodeError:
        return None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
