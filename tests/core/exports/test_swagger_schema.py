"""JSON Schema 2020-12 written as Swagger 2.0: always valid, never stricter, and it ends."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from hookline.exports.swagger_schema import SwaggerSchemas
from swagger_checks import schema_problems, value_problems

NAMES = st.sampled_from(["a", "b", "c", "größe", "$ref", "", "with space"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, -1.5]),
    st.sampled_from(["", "a", "ab"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
REFERENCES = st.sampled_from(
    ["#", "#/$defs/One", "#/$defs/Two", "#/$defs/Tw%6f", "#/$defs/No", "#/properties/a"]
)
COUNTS = st.integers(0, 3)


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    members = st.dictionaries(NAMES, inner, max_size=3)
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "const": VALUES,
        "minimum": st.integers(-2, 2),
        "maximum": st.integers(-2, 2),
        "exclusiveMinimum": st.integers(-2, 2),
        "exclusiveMaximum": st.integers(-2, 2),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minLength": COUNTS,
        "maxLength": COUNTS,
        "pattern": st.sampled_from(["^a", "b$"]),
        "format": st.sampled_from(["date", "uri", "regex", "int32"]),
        "items": inner,
        "prefixItems": several,
        "minItems": COUNTS,
        "maxItems": COUNTS,
        "uniqueItems": st.booleans(),
        "contains": inner,
        "properties": members,
        "required": st.lists(NAMES, max_size=2, unique=True),
        "additionalProperties": inner,
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "."]), inner, max_size=1),
        "propertyNames": inner,
        "minProperties": COUNTS,
        "maxProperties": COUNTS,
        "dependentRequired": st.just({"a": ["b"]}),
        "allOf": several,
        "anyOf": several,
        "oneOf": several,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "$ref": REFERENCES,
        "title": st.sampled_from(["One", "Two"]),
        "description": st.just("Some text."),
        "default": VALUES,
        "examples": st.lists(VALUES, max_size=1),
        "contentEncoding": st.just("base64"),
        "readOnly": st.booleans(),
    }
    pairs = [st.tuples(st.just(name), value) for name, value in keywords.items()]
    return st.lists(st.one_of(pairs), min_size=1, max_size=4).map(dict)


SCHEMAS = st.recursive(st.booleans() | _schemas(st.booleans()), _schemas, max_leaves=8)
ROOTS = st.builds(
    lambda root, one, two: {**(root if isinstance(root, dict) else {}), "$defs": {"One": one, "Two": two}},
    SCHEMAS,
    SCHEMAS,
    SCHEMAS,
)
THOROUGH = settings(
    max_examples=int(__import__("os").environ.get("N", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _fits(schema: dict[str, Any], value: object) -> bool | None:
    """Tell whether a value fits; None where the schema itself cannot be applied."""
    from jsonschema.exceptions import ValidationError  # noqa: F401
    from referencing.exceptions import Unresolvable

    try:
        return bool(Draft202012Validator(schema).is_valid(value))
    except (Unresolvable, RecursionError):
        return None
    except Exception as exc:
        if type(exc).__name__ == "_WrappedReferencingError":
            return None
        raise


@THOROUGH
@given(schema=ROOTS, is_form=st.booleans())
def test_every_schema_becomes_valid_swagger(schema: dict[str, Any], is_form: bool) -> None:
    whole, definitions = SwaggerSchemas(root=schema, name="It", is_form=is_form).write()
    assert schema_problems(whole, definitions) == []


@THOROUGH
@given(schema=ROOTS, values=st.lists(VALUES, min_size=1, max_size=12))
def test_what_fitted_still_fits(schema: dict[str, Any], values: list[object]) -> None:
    whole, definitions = SwaggerSchemas(root=schema, name="It").write()
    for value in values:
        if _fits(schema, value):
            assert value_problems(value, whole, definitions) == []
