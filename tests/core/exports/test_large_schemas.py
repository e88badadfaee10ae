"""Schemas whose types hold each other, and very wide ones: every export is quick and of a sane size."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from export_runs import gateway_of_one
from hookline.engine.field_rows import read_fields
from hookline.engine.samples import make_sample
from hookline.errors import ConfigurationError
from hookline.exports.blueprints import make_blueprint
from hookline.exports.export import make_export
from hookline.exports.form_fields import read_form, read_outputs
from hookline.exports.schema_reading import alternatives_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.exports.blueprint import OutputField

Schema = dict[str, Any]
ANY: Schema = {"type": "object"}
MAX_SECONDS = 5  # of processor time, for all targets together; each of these took minutes or an hour once
MAX_BYTES = 3_000_000


def held(first: str, definitions: Schema) -> Schema:
    return {"type": "object", "properties": {"x": {"$ref": f"#/$defs/{first}"}}, "$defs": definitions}


def reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


OBJECTS_IN_EACH_OTHER = held(
    "T0",
    {
        f"T{one}": {
            "type": "object",
            "properties": {f"p{other}": reference(f"T{other}") for other in range(10)},
        }
        for one in range(10)
    },
)
EQUAL_BRANCHES = held(
    "U0",
    {
        **{f"U{one}": {"anyOf": [reference(f"U{one + 1}"), reference(f"U{one + 1}")]} for one in range(22)},
        "U22": {"type": "string"},
    },
)
UNIONS_OF_EACH_OTHER = held(
    "U0",
    {
        f"U{one}": {"anyOf": [{"type": "string"}, *[reference(f"U{other}") for other in range(10)]]}
        for one in range(10)
    },
)
NARROWED_UNIONS_OF_EACH_OTHER = held(
    "U0",
    {
        f"U{one}": {
            "minLength": one,
            "anyOf": [{"type": "string"}, *[{**reference(f"U{other}")} for other in range(10)]],
        }
        for one in range(10)
    },
)
LISTS_OF_EACH_OTHER = held(
    "L",
    {
        "L": {"anyOf": [{"type": "array", "title": str(one), "items": reference("L")} for one in range(40)]},
    },
)
PAIRS = held(
    "D0",
    {
        **{
            f"D{one}": {
                "type": "object",
                "properties": {"a": reference(f"D{one + 1}"), "b": reference(f"D{one + 1}")},
            }
            for one in range(24)
        },
        "D24": {"type": "string"},
    },
)
SCHEMAS = {
    "objects in each other": OBJECTS_IN_EACH_OTHER,
    "equal branches": EQUAL_BRANCHES,
    "unions of each other": UNIONS_OF_EACH_OTHER,
    "narrowed unions of each other": NARROWED_UNIONS_OF_EACH_OTHER,
    "lists of each other": LISTS_OF_EACH_OTHER,
    "pairs": PAIRS,
}


def export_all(input: Schema, output: Schema) -> dict[str, int]:
    """Return the size of every export; one that the target refuses has none."""
    gateway = gateway_of_one(input, output)
    sizes: dict[str, int] = {}
    for name, target in gateway.export_targets.items():
        try:
            export = make_export(target, make_blueprint(gateway, server_url="https://hooks.example.com"))
        except ConfigurationError:
            sizes[name] = 0
        else:
            sizes[name] = sum(map(len, export.files.values()))
    return sizes


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
@pytest.mark.parametrize("place", ["input", "output"])
def test_types_that_hold_each_other_come_out_of_every_export_at_once(schema: Schema, place: str) -> None:
    begun = time.process_time()

    sizes = export_all(*((schema, ANY) if place == "input" else (ANY, schema)))

    assert time.process_time() - begun < MAX_SECONDS
    assert {name: size for name, size in sizes.items() if size > MAX_BYTES} == {}
    assert {"html", "make", "openapi", "zapier"} <= {name for name, size in sizes.items() if size}


def test_a_very_wide_input_comes_out_of_every_export_at_once() -> None:
    names = [f"f{number}" for number in range(4000)]
    wide: Schema = {
        "type": "object",
        "properties": {**{name: {"type": "string"} for name in names}, "stream": {"type": "boolean"}},
        "required": names[:2000],
        "anyOf": [{"required": [name]} for name in names[2000:]],
    }
    begun = time.process_time()

    sizes = export_all(wide, ANY)

    assert time.process_time() - begun < 4 * MAX_SECONDS
    assert sizes["make"] > 0


def test_many_fields_of_such_a_type_are_read_at_once() -> None:
    schema: Schema = {
        **NARROWED_UNIONS_OF_EACH_OTHER,
        "properties": {f"f{number}": reference(f"U{number % 10}") for number in range(300)},
    }
    begun = time.process_time()

    fields = read_form(schema)

    assert time.process_time() - begun < MAX_SECONDS
    assert {one.kind for one in fields} == {"text"}


def test_alternatives_that_several_references_lead_to_come_once() -> None:
    definitions = {"A": {"anyOf": [{"type": "string"}, {"type": "null"}]}}
    root: Schema = {"$defs": definitions}

    found = list(alternatives_of({"anyOf": [reference("A"), reference("A"), {"type": "integer"}]}, root))

    assert found == [{"type": "string"}, {"type": "null"}, {"type": "integer"}]


def test_what_stands_beside_a_union_tells_its_alternatives_apart() -> None:
    root: Schema = {"$defs": {"A": {"type": "string"}}}
    branches = [{"minLength": 1, "anyOf": [reference("A")]}, {"minLength": 2, "anyOf": [reference("A")]}]

    found = list(alternatives_of({"anyOf": branches}, root))

    assert found == [{"minLength": 1, "type": "string"}, {"minLength": 2, "type": "string"}]


def test_a_field_with_too_many_alternatives_takes_anything() -> None:
    choices = {"anyOf": [{"const": str(number)} for number in range(3000)]}
    few = {"anyOf": choices["anyOf"][:1000]}

    many_field, few_field = read_form({"properties": {"many": choices, "few": few}})

    assert (many_field.kind, many_field.takes_more) == ("text", True)
    assert (few_field.kind, len(few_field.choices)) == ("choice", 1000)


def count(outputs: Iterable[OutputField]) -> int:
    return sum(1 + count(one.members) for one in outputs)


def test_an_output_of_very_many_members_is_read_less_deep() -> None:
    [x] = read_outputs(OBJECTS_IN_EACH_OTHER)

    assert count([x]) == 1 + 10 + 100 + 1000
    assert {one.kind for one in x.members[0].members[0].members} == {"json"}


def test_a_wide_output_is_read_whole() -> None:
    members: Schema = {f"f{number}": {"type": "object", "properties": {"a": {}}} for number in range(3000)}

    outputs = read_outputs({"type": "object", "properties": members})

    assert (len(outputs), {one.kind for one in outputs}) == (3000, {"json"})


def test_a_sample_of_types_that_hold_each_other_has_an_end() -> None:
    assert 50 < str(make_sample(OBJECTS_IN_EACH_OTHER, OBJECTS_IN_EACH_OTHER)).count("p") <= 1000


def test_what_has_to_be_there_outlasts_what_may_be() -> None:
    """The first member uses up what may be made for what may be there; the second has what its type needs."""
    last = {"type": "object", "properties": {"may": {"const": 2}, "must": {"const": 1}}, "required": ["must"]}
    objects = OBJECTS_IN_EACH_OTHER["$defs"]
    schema: Schema = {
        "type": "object",
        "properties": {"x": reference("T0"), "y": reference("Last")},
        "$defs": {**objects, "Last": last},
    }

    sample: Any = make_sample(schema, schema)

    assert sample["y"] == {"must": 1}


def test_rows_of_fields_tell_what_lists_of_each_other_hold() -> None:
    [row] = read_fields(LISTS_OF_EACH_OTHER)

    assert row.type == "list of list of list of list"
