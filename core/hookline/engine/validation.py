"""Checking a value against a JSON Schema, and saying in plain words what is wrong with it.

`jsonschema_rs` does the checking: it is about 500 times as fast as `jsonschema` and no pattern can hang it.
It never fetches a reference: validators are built offline.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import jsonschema_rs

from hookline.engine.explanation import Explanation, Problem
from hookline.engine.schema_weight import NO_BOUND, Depths
from hookline.errors import ConfigurationError, InvalidInputError
from hookline.text import join_sentences

JsonObject = dict[str, object]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MAX_PROBLEMS = 10
_MAX_EXPLAINED = 2_000
_MAX_PATTERN_BYTES = 1_000_000


class SchemaValidator:
    """A compiled JSON Schema 2020-12; safe to share between threads.

    Args:
        schema: The schema.
        name: What it describes, for error messages.
        is_foreign: Whether a caller wrote it: then no pattern may take long, and one that looks ahead or
            back is refused.
        depths: How deep a value may be nested; see `hookline.engine.schema_guard`.

    Raises:
        ConfigurationError: If the schema is not valid or refers to another document.
    """

    def __init__(
        self, schema: JsonObject, *, name: str, is_foreign: bool = False, depths: Depths = NO_BOUND
    ) -> None:
        self.schema = schema
        self._depths = depths
        patterns = jsonschema_rs.RegexOptions(size_limit=_MAX_PATTERN_BYTES) if is_foreign else None
        dialect = schema.get("$schema", DIALECT)
        if dialect != DIALECT:  # `meta.validate` would fetch it, `offline` or not
            raise ConfigurationError(
                f"The schema of {name} is not valid: its $schema must be {DIALECT!r}, not {dialect!r}."
            )
        try:
            jsonschema_rs.meta.validate(schema)
            self._validator = jsonschema_rs.Draft202012Validator(
                schema, offline=True, pattern_options=patterns
            )
        except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as exc:
            raise ConfigurationError(
                f"The schema of {name} is not valid: {str(exc).splitlines()[0]}"
            ) from exc

    def fits(self, value: object) -> bool:
        """Tell whether ``value`` fits the schema."""
        levels = self._depths.judged
        return (levels is None or not is_deeper(value, levels)) and self._validator.is_valid(value)

    def check(self, value: JsonObject) -> None:
        """Return if ``value`` fits the schema.

        Raises:
            InvalidInputError: If it does not; ``field`` is the first field at fault and
                ``details["problems"]`` lists up to ten.
        """
        if self.fits(value):
            return
        problems = self.problems(value)
        more = len(problems) - 3
        raise InvalidInputError(
            join_sentences(*map(str, problems[:3]), f"And {more} more" if more > 0 else ""),
            field=problems[0].field or None,
            details={
                "problems": [{"field": problem.field, "message": problem.message} for problem in problems]
            },
        )

    def problems(self, value: object) -> list[Problem]:
        """Return at most ten problems of ``value``; none if it fits."""
        if is_deeper(value, self._depths.judged):
            return [_whole(f"This must not be nested deeper than {self._depths.judged} levels.")]
        if is_deeper(value, self._depths.explained):
            return [] if self.fits(value) else [self._unexplained()]
        found: dict[Problem, None] = {}
        explanation = Explanation(self.schema, value)
        for error in self._errors(value):
            for problem in explanation.of(error):
                found.setdefault(problem)
                if len(found) == _MAX_PROBLEMS:
                    return list(found)
        return list(found)

    def _unexplained(self) -> Problem:
        levels = self._depths.explained
        return _whole(f"This does not fit; where is not told of what is nested deeper than {levels} levels.")

    def _errors(self, value: object) -> Iterator[jsonschema_rs.ValidationError]:
        """Yield some errors: of a large value only the first, as looking for all takes seconds there."""
        if _is_small(value):
            yield from islice(self._validator.iter_errors(value), 4 * _MAX_PROBLEMS)
            return
        first: jsonschema_rs.ValidationError | None = None
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as exc:
            first = exc.with_traceback(None)  # its traceback would hold this frame, and with it the value
        if first is not None:
            yield first


def _whole(message: str) -> Problem:
    return Problem(field="", message=message)


def is_deeper(value: object, levels: int | None) -> bool:
    """Tell whether objects and lists of a value stand more than so many levels inside of each other."""
    if levels is None:
        return False
    level = [value]
    for _ in range(levels + 1):
        below: list[object] = []
        for one in level:
            if isinstance(one, dict):
                below += [inner for inner in one.values() if isinstance(inner, (dict, list))]
            elif isinstance(one, list):
                below += [inner for inner in one if isinstance(inner, (dict, list))]
        if not below:
            return False
        level = below
    return True


def _is_small(value: object) -> bool:
    size = 1
    level = [value]
    while level:
        below: list[object] = []
        for item in level:
            if isinstance(item, (dict, list)):
                size += len(item)
                if size > _MAX_EXPLAINED:
                    return False
                below += item.values() if isinstance(item, dict) else item
        level = below
    return True
