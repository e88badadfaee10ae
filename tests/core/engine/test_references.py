"""Following references within a schema."""

from __future__ import annotations

import pytest

from hookline.engine.references import follow, parts_of


@pytest.mark.parametrize(
    ("pointer", "parts"),
    [("", []), ("#", []), ("/", [""]), ("#/$defs/a~1b", ["$defs", "a/b"]), ("/a~01//c", ["a~1", "", "c"])],
)
def test_a_pointer_is_taken_apart_before_its_parts_are_read(pointer: str, parts: list[str]) -> None:
    assert parts_of(pointer) == parts


@pytest.mark.parametrize("reference", ["#/$defs/a~1b c", "#/$defs/a~1b%20c", "#/%24defs/a~1b c"])
def test_a_reference_is_followed_however_it_is_written(reference: str) -> None:
    target: dict[str, object] = {"type": "integer"}

    assert follow({"$ref": reference}, {"$defs": {"a/b c": target}}) is target


@pytest.mark.parametrize("reference", ["#/$defs/b", "#/$defs/loop", "#/"])
def test_a_reference_that_leads_nowhere_gives_an_empty_schema(reference: str) -> None:
    root: dict[str, object] = {"$defs": {"loop": {"$ref": "#/$defs/loop"}}}

    assert follow({"$ref": reference}, root) == {}
