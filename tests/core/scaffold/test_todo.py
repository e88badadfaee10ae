"""What a manifest leaves to be said when a package is made of it."""

from __future__ import annotations

import pytest

from hookline import BasicCredential, Connector, Sample
from hookline.manifest import connector_from
from hookline.scaffold.todo import find_todo

_BARE = """\
manifest: 1
id: acme
title: Acme
base_url: http://api.acme.example
actions:
  find:
    method: GET
    path: /things/{id}
    title: Find
    description: Find.
    input: {type: object, properties: {id: {type: string}}, required: [id]}
    output: {type: object, properties: {name: {type: string}}}
"""


def test_what_a_document_does_not_say_is_left_out_of_the_tests_with_its_reason() -> None:
    assert find_todo(connector_from(_BARE.encode(), name="acme.yaml")) == {
        "test_an_action_is_named_and_described": "1 titles or descriptions of actions are missing",
        "test_every_field_is_documented": "2 titles or descriptions of fields are missing",
        "test_an_action_has_samples": "1 samples, or examples of fields are missing",
        "test_the_connector_is_named": "its base URL is not https",
    }


def test_nothing_is_left_out_of_the_tests_of_a_whole_one() -> None:
    connector = Connector(
        "acme", title="Acme", base_url="https://api.acme.example", credential=BasicCredential()
    )
    field = {"type": "string", "title": "Id"}
    connector.endpoint(
        "find",
        "GET",
        "/things/{id}",
        description="Find one thing by its id.",
        input={"type": "object", "properties": {"id": field}, "required": ["id"]},
        output={"type": "object", "properties": {"id": field}},
        samples=[Sample(input={"id": "1"}, output={"id": "1"})],
    )
    assert find_todo(connector) == {}


@pytest.mark.parametrize("sample", [{"id": 1}, {}])
def test_a_sample_that_does_not_fit_is_told(sample: dict[str, object]) -> None:
    text = _BARE + f"    samples: [{{input: {sample}, output: {{name: x}}}}]\n".replace("'", "")
    assert "test_samples_satisfy_both_schemas" in find_todo(connector_from(text.encode(), name="acme.yaml"))
