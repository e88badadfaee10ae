"""What an action does not say about itself although forms, lists and documents show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.testing.findings import fields_of, schema_problems

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject

_MAX_TITLE = 60


def schemas_of(action: Action) -> list[tuple[str, JsonObject]]:
    """Return both schemas of an action, each with its direction."""
    return [("input", action.input_schema), ("output", action.output_schema)]


def naming_problems(action: Action) -> list[str]:
    """Return what is wrong with title and description."""
    problems = []
    if not action.title.strip() or len(action.title) > _MAX_TITLE:
        problems.append(f"{action.id}: its title must be 1 to {_MAX_TITLE} characters long.")
    described = action.description.strip().rstrip(".").lower()
    if described in ("", action.title.strip().lower()):
        problems.append(f"{action.id}: its description says no more than its title, {action.title!r}.")
    return problems


def field_problems(action: Action) -> list[str]:
    """Return the fields of both schemas that have neither title nor description."""
    return [
        f"The field `{path}` of the {direction} of {action.id} has no title and no description."
        for direction, schema in schemas_of(action)
        for path, field in fields_of(schema)
        if not (field.get("title") or field.get("description") or field.get("$ref"))
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
