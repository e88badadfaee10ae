"""What an action does not say about itself although forms, lists and documents show it.

The rules of quality and the suites of the testing kit ask the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from hookline.engine.references import as_object, follow

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject

BOTH = ("input", "output")
"""Directions of what an action is given and gives."""

_MAX_TITLE = 60


def schemas_of(action: Action, directions: Collection[str] = BOTH) -> list[tuple[str, JsonObject]]:
    """Return the schemas of an action, each with its direction."""
    schemas = {"input": action.input_schema, "output": action.output_schema}
    return [(direction, schemas[direction]) for direction in BOTH if direction in directions]


def fields_of(schema: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Yield path and schema of every field that a schema describes, those of its objects and lists included.

    What is referred to is looked at once; what comes from elsewhere than this document is left out.
    """
    yield from _walk(schema, schema, "", set())


def _walk(node: object, root: JsonObject, path: str, seen: set[int]) -> Iterator[tuple[str, JsonObject]]:
    if not isinstance(node, dict):
        return
    own = as_object(node)
    part = follow(own, root)
    if part is not own or part is root:
        if id(part) in seen:
            return
        seen.add(id(part))
    for name, member in as_object(part.get("properties")).items():
        where = f"{path}.{name}" if path else str(name)
        if isinstance(member, dict):
            yield where, member
            yield from _walk(member, root, where, seen)
    yield from _walk(part.get("items"), root, f"{path}[]", seen)
    for keyword in ("allOf", "anyOf", "oneOf"):
        branches = part.get(keyword)
        for branch in branches if isinstance(branches, list) else []:
            yield from _walk(branch, root, path, seen)


def naming_problems(action: Action) -> list[str]:
    """Return what is wrong with title and description."""
    problems = []
    if not action.title.strip() or len(action.title) > _MAX_TITLE:
        problems.append(f"{action.id}: its title must be 1 to {_MAX_TITLE} characters long.")
    described = action.description.strip().rstrip(".").lower()
    if described in ("", action.title.strip().lower()):
        problems.append(f"{action.id}: its description says no more than its title, {action.title!r}.")
    return problems


def field_problems(action: Action, *, directions: Collection[str] = BOTH) -> list[str]:
    """Return the fields that have neither title nor description, themselves or in what they refer to."""
    return [
        f"The field `{path}` of the {direction} of {action.id} has no title and no description."
        for direction, schema in schemas_of(action, directions)
        for path, field in fields_of(schema)
        if not any(one.get(key) for one in (field, follow(field, schema)) for key in ("title", "description"))
    ]


def missing_samples(action: Action) -> list[str]:
    """Return the needed fields without any example, if the action has no sample."""
    if action.samples:
        return []
    known = dict(fields_of(action.input_schema))
    required = action.input_schema.get("required")
    bare = [
        str(name)
        for name in (required if isinstance(required, list) else [])
        if not any(key in known.get(str(name), {}) for key in ("examples", "default", "enum", "const"))
    ]
    return [f"{action.id} has no sample, and its field `{name}` has no example." for name in bare]


def sample_problems(action: Action) -> list[str]:
    """Return where samples do not fit the schemas."""
    return [
        f"The {direction} of the sample {sample.title!r} of {action.id} does not fit: {problem}"
        for sample in action.samples
        for direction, value, schema in (
            ("input", sample.input, action.input_schema),
            ("output", sample.output, action.output_schema),
        )
        for problem in schema_problems(value, schema)
    ]


def schema_problems(value: object, schema: JsonObject) -> list[str]:
    """Return where a value does not fit a schema, in words."""
    import jsonschema
    from referencing import Registry

    checker = jsonschema.Draft202012Validator(schema, registry=Registry())
    return [
        f"`{'.'.join(map(str, problem.absolute_path)) or 'the whole'}`: {problem.message[:200]}"
        for problem in sorted(checker.iter_errors(value), key=str)
    ]
