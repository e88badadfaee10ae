"""The second opinion on published schemas: the reference implementation of JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import Connector, Sample
from hookline.schema_files import Contract, judge

if TYPE_CHECKING:
    from hookline.action import JsonObject


def contract(input_schema: JsonObject, sample: JsonObject) -> Contract:
    connector = Connector("acme", title="Acme", base_url="https://api.acme.example")
    action = connector.endpoint(
        "greet",
        "POST",
        "/greet",
        input=input_schema,
        output={"type": "object"},
        samples=[Sample(title="Ada", input=sample, output={})],
    )
    return Contract(action=action, direction="input")


def test_a_sound_schema_with_a_fitting_sample_has_no_fault() -> None:
    assert list(judge(contract({"type": "object", "required": ["name"]}, {"name": "Ada"}))) == []


def test_a_sample_that_does_not_fit_is_named_with_its_fault() -> None:
    [difference] = judge(contract({"properties": {"name": {"type": "string"}}}, {"name": 5}))

    assert difference.file == "acme.greet.input.v1.json"
    assert difference.problem == "does not fit the sample 'Ada': $.name 5 is not of type 'string'"


def test_what_is_no_schema_is_told_with_its_place() -> None:
    [difference] = judge(contract({"properties": {"name": {"type": "word"}}}, {}))

    assert "is no JSON Schema 2020-12: $.properties.name.type" in difference.problem
