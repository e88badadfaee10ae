"""Examples of a document as samples of actions: those that are small, whole, and fit their schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hookline.engine.references import as_names
from hookline.importing import reasons
from hookline.importing.answers import ITEMS, RESULT
from hookline.importing.document import list_of, object_of
from hookline.importing.keywords import is_small

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.connector import Connector
    from hookline.importing.actions import Drafted
    from hookline.importing.document import JsonObject
    from hookline.importing.findings import Findings

_MAX_SIZE = 1_500
_MAX_NEEDED = 60  # shared schemas of one action; to compile more takes longer than a sample is worth
_MISSING = object()


def add_samples(drafted: Iterable[Drafted], connector: Connector, findings: Findings) -> None:
    """Add a sample to every action whose document has a whole example for it.

    Args:
        drafted: The actions; their parts are changed in place.
        connector: The connector that they made, whose schemas are complete.
        findings: Told which examples do not fit.
    """
    for one in drafted:
        action = connector.actions.get(f"{connector.id}.{one.verb}")
        if action is None:
            continue
        output = _output_of(one)
        given = _input_of(one)
        if output is None or given is None or not (given or one.answer.example is not None):
            continue
        if not (is_small(given, _MAX_SIZE) and is_small(output, _MAX_SIZE)):
            continue
        if not _can_be_checked(action.input_schema) or not _can_be_checked(action.output_schema):
            continue
        if _fits(action.input_schema, given) and _fits(action.output_schema, output):
            sample: JsonObject = {"title": str(one.part.get("title", "Example"))[:200]}
            if given:
                sample["input"] = given
            one.part["samples"] = [{**sample, "output": output}]
        else:
            findings.add(reasons.SAMPLE, one.operation.place)


def _can_be_checked(schema: JsonObject) -> bool:
    return len(object_of(schema.get("$defs"))) <= _MAX_NEEDED


def _fits(schema: JsonObject, value: JsonObject) -> bool:
    import jsonschema_rs

    options = jsonschema_rs.RegexOptions()
    try:
        judge = jsonschema_rs.Draft202012Validator(schema, offline=True, pattern_options=options)
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError):
        return False
    return judge.is_valid(value)


def _output_of(one: Drafted) -> JsonObject | None:
    """Return the output that the document's example of an answer gives."""
    example = one.answer.example
    if one.answer.kind == "nothing":
        return {"done": True}
    if example is None or one.answer.kind != "json":
        return None
    if one.answer.pick is not None:
        return {ITEMS if isinstance(example, list) else RESULT: example}
    return cast("JsonObject", example) if isinstance(example, dict) else None


def _input_of(one: Drafted) -> JsonObject | None:
    """Return an input of the document's examples; None if a field that is needed has none."""
    properties = object_of(one.form.schema.get("properties"))
    found: JsonObject = {}
    body = None if one.body is None else one.body.example
    if one.body is not None and body is not None:
        if any(part.where == "content" for part in one.body.fields):
            found[one.form.names["content", one.body.fields[0].name]] = body
        else:
            for name, value in object_of(body).items():
                field = one.form.names.get(("body", name), "")
                if field in properties:
                    found[field] = value
    for name in as_names(one.form.schema.get("required")):
        if name in found:
            continue
        value = _example_of(object_of(properties.get(name)))
        if value is _MISSING:
            return None
        found[name] = value
    return found


def _example_of(schema: JsonObject) -> object:
    for keyword in ("examples", "enum"):
        values = list_of(schema.get(keyword))
        if values:
            return values[0]
    return schema.get("default", schema.get("const", _MISSING))
