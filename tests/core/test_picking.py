"""What an expression may ask for: bounds on its work, on what it makes, and on what it finds."""

from __future__ import annotations

import time

import pytest

from hookline.errors import ConfigurationError
from hookline.picking import PickError, compile_pick, find

JsonObject = dict[str, object]


def _find(expression: str, value: object) -> object:
    return find(compile_pick(expression, where="test"), value)


def _piped(step: str, times: int) -> str:
    return " | ".join([step] * times)


_ITEMS: JsonObject = {"a": [{"id": 3, "tags": ["x", "y"]}, {"id": 1, "tags": []}], "n": "grün"}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("a[].tags[]", ["x", "y"]),
        ("a[*].tags | []", ["x", "y"]),
        ("n[]", None),
        ("a[1:].id", [1]),
        ("n[1:]", None),
        ("a[?id > `2`].id", [3]),
        ("a[?tags == ['x', 'y']].id", [3]),
        ("a[0] == a[1]", False),
        ("a[0].id == `true`", False),
        ("n < a", None),
        ("sort_by(a, &id)[*].id", [1, 3]),
        ("max_by(a, &id).id", 3),
        ("map(&id, a)", [3, 1]),
        ("sort(a[].tags[])", ["x", "y"]),
        ("join('-', a[].tags[])", "x-y"),
        ("reverse(n)", "nürg"),
        ("reverse(a)[0].id", 1),
        ("contains(a[0].tags, 'y')", True),
        ("to_string(a[1])", '{"id":1,"tags":[]}'),
        ("to_string(n)", "grün"),
        ("merge(a[0], {id: n}).id", "grün"),
        ("keys(a[0])", ["id", "tags"]),
        ("length(a)", 2),
    ],
)
def test_what_is_counted_finds_what_the_specification_says(expression: str, found: object) -> None:
    assert _find(expression, _ITEMS) == found


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (_piped("[@,@][]", 40), [1]),
        (_piped("[@,@]", 40) + " | to_string(@)", [1]),
        (f"{{a: {_piped('[@,@]', 40)}, b: {_piped('[@,@]', 40)}}} | a == b", [1]),
        (f"{{a: [{_piped('[@,@]', 40)}], b: {_piped('[@,@]', 40)}}} | contains(a, b)", [1]),
        (_piped("join('',[@,@])", 40), "ab"),
        (_piped("to_string([@])", 40), "\\\\"),
        (_piped("[@,@][]", 18) + " | map(&contains(@, 'b'), @)", ["a" * 1_000_000]),
        (_piped("[@,@][]", 18) + " | sort(@)", ["a" * 1_000_000, "a" * 999_999 + "b"]),
        (_piped("[@,@][]", 18) + " | sort_by(@, &@)", ["a" * 1_000_000, "a" * 999_999 + "b"]),
        (_piped("[@,@][]", 18) + " | [*].reverse(@)", ["a" * 1_000_000]),
        (_piped("[@,@][]", 18), ["a" * 1_000_000]),
        (_piped("[@,@]", 30), {"a": 1}),
    ],
)
def test_what_asks_for_too_much_is_stopped_in_seconds(expression: str, value: object) -> None:
    before = time.monotonic()
    with pytest.raises(PickError, match=r"it takes more than|it makes more than|it finds too much"):
        _find(expression, value)
    assert time.monotonic() - before < 30


def test_a_large_answer_can_be_picked_from() -> None:
    rows: list[object] = [{"id": number, "name": "x" * 20, "more": {"a": number}} for number in range(50_000)]

    found = _find(
        "{rows: data[?id >= `0`].{id: id, name: name, a: more.a}, total: length(data)}", {"data": rows}
    )

    assert isinstance(found, dict)
    assert (len(found["rows"]), found["total"]) == (50_000, 50_000)
    assert _find("data", {"data": "x" * 50_000_000}) == "x" * 50_000_000


@pytest.mark.parametrize("expression", ["&a", "{a: &b}", "not_null(&a)", "to_array(a)[?&b]"])
def test_an_expression_that_finds_an_expression_is_refused(expression: str) -> None:
    with pytest.raises(ConfigurationError, match="finds an expression, which is no JSON"):
        compile_pick(expression, where="test")


def test_a_number_that_is_none_is_told() -> None:
    with pytest.raises(PickError):
        _find("ceil(to_number('inf'))", {})
