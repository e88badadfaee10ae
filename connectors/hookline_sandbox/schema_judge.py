"""Judge schemas that callers wrote, and what was made by them, in time that no schema can stretch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from hookline_sandbox.patterns import matcher_of
from hookline_sandbox.schema_effort import Effort, TooMuchError

if TYPE_CHECKING:
    from hookline.engine.validation import SchemaValidator

Schema: TypeAlias = Mapping[str, Any]

# Python reads these differently or not at all; with flags it writes out ranges, which takes seconds.
_IS_NOT_PYTHON = re.compile(r"\(\?[aiLmsux-]|\(\?<[A-Za-z]\w*>|\\[cpPu]")
_PATTERN_STEPS = 1_000


def explain_invalid_schema(schema: Schema | None) -> str | None:
    """Return what is wrong with a schema as such, or None."""
    return None if schema is None else _explain(_plain(schema))


def validator_of(schema: Schema | bool) -> SchemaValidator | None:
    """Return what tells whether a value fits a schema, or None if that cannot be told, or not quickly.

    References that lead elsewhere, expressions that look ahead, and schemas whose parts multiply each other
    are such that it cannot be told.

    Raises:
        TooMuchError: If its expressions alone are too much.
    """
    return _validator(_plain(schema))


def _plain(schema: Schema | bool) -> bytes:
    """Return a schema as JSON, without its name and draft: a draft that is not known would be fetched."""
    if isinstance(schema, bool):
        return orjson.dumps(schema)
    plain = {name: value for name, value in schema.items() if name not in ("$schema", "$id")}
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


@lru_cache(maxsize=64)
def _explain(schema: bytes) -> str | None:
    import jsonschema_rs

    read = orjson.loads(schema)
    try:
        jsonschema_rs.meta.validate(read)
    except jsonschema_rs.ValidationError as exc:
        return f"{exc.message} (at {_json_path(exc.instance_path)})"
    except (ValueError, jsonschema_rs.ReferencingError) as exc:
        return str(exc).splitlines()[0]
    effort = Effort()
    for pattern in _patterns_in(read):
        try:
            effort.spend(len(pattern))
        except TooMuchError:
            return "its regular expressions are too long"
        problem = None if _IS_NOT_PYTHON.search(pattern) else _problem_of(pattern)
        if problem is not None:
            return f"{pattern!r} is not a 'regex': {problem}"
    return None


def _problem_of(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except re.error as exc:
        return exc.msg
    except (RecursionError, OverflowError, Warning):
        return None
    return None


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> SchemaValidator | None:
    from hookline.engine.schema_guard import SchemaGuard
    from hookline.engine.validation import SchemaValidator
    from hookline.errors import ConfigurationError

    read = orjson.loads(schema)
    if not isinstance(read, dict):
        return None
    effort = Effort()
    for pattern in _patterns_in(read):
        effort.spend(_PATTERN_STEPS)
        if matcher_of(pattern) is None:
            return None
    guard = SchemaGuard()
    if guard.judge(read).problems:
        return None
    try:
        return SchemaValidator(read, name="the answer", is_foreign=True, depths=guard.depths(read))
    except ConfigurationError:
        return None


def _patterns_in(schema: Schema) -> Iterator[str]:
    """Yield each regular expression of a schema once."""
    from hookline.engine.schema_keywords import subschemas

    found: set[str] = set()
    todo: list[object] = [schema]
    while todo:
        here = todo.pop()
        if not isinstance(here, dict):
            continue
        by_name = here.get("patternProperties")
        named = [here.get("pattern"), *(by_name if isinstance(by_name, dict) else ())]
        for pattern in named:
            if isinstance(pattern, str) and pattern not in found:
                found.add(pattern)
                yield pattern
        todo += [inner for _, _, _, inner in subschemas(here)]


def _json_path(parts: list[str | int]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
