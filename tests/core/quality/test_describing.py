"""What an action does not say about itself."""

from __future__ import annotations

from typing import Any

from hookline import Action, Connector
from hookline.quality.describing import field_problems, fields_of

TREE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "bare": {"type": "string"},
        "named": {"$ref": "#/$defs/Named"},
        "said": {"$ref": "#/$defs/Unnamed", "title": "Said"},
        "unnamed": {"$ref": "#/$defs/Unnamed"},
        "lost": {"$ref": "#/$defs/lost"},
        "many": {"title": "Many", "items": {"anyOf": [{"$ref": "#/$defs/Loop"}, {"type": "null"}]}},
        "whole": {"title": "Whole", "$ref": "#"},
    },
    "$defs": {
        "Named": {"title": "Named", "properties": {"inner": {}}},
        "Unnamed": {"type": "string"},
        "Loop": {"properties": {"next": {"description": "The next.", "$ref": "#/$defs/Loop"}, "end": {}}},
    },
}


def action_of(**schemas: dict[str, Any]) -> Action:
    connector = Connector("acme", title="Acme", base_url="https://api.acme.example")
    connector.endpoint("look", title="Look", method="POST", path="/look", **schemas)  # type: ignore[arg-type]
    return connector.actions["acme.look"]


def test_fields_are_found_wherever_they_are_described_and_once() -> None:
    paths = "bare named named.inner said unnamed lost many many[].next many[].end whole"

    assert [path for path, _ in fields_of(TREE)] == paths.split()


def test_a_field_is_described_by_itself_or_by_what_it_refers_to() -> None:
    action = action_of(input=TREE, output={"type": "object", "properties": {"out": {}}})

    assert [problem.split("`")[1] for problem in field_problems(action, directions=("input",))] == [
        "bare",
        "named.inner",
        "unnamed",
        "lost",
        "many[].end",
    ]
    assert field_problems(action)[-1] == (
        "The field `out` of the output of acme.look has no title and no description."
    )
