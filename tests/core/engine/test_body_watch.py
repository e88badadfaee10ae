"""Whether a body was changed in place: what is remembered of a large one tells no less than its text does."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.engine.body_watch import BodyWatch
from hookline.upstream import UpstreamRequest

_LEAVES = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.sampled_from([0.0, 1.0, "a", "b", ""]))
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=12,
)
_BODIES = st.dictionaries(st.sampled_from("abcd"), _VALUES, max_size=4)
_SIZES = pytest.mark.parametrize("is_large", [False, True])


def _request(body: dict[str, Any], *, is_large: bool) -> UpstreamRequest:
    content = b" " * 100_000 if is_large else b"{}"
    return UpstreamRequest(method="POST", base_url="https://h", path="/", body=body, content=content)


def _containers(value: object) -> list[Any]:
    if isinstance(value, dict):
        return [value, *(one for child in value.values() for one in _containers(child))]
    if isinstance(value, list):
        return [value, *(one for child in value for one in _containers(child))]
    return []


def _change(body: dict[str, Any], number: int, new: object) -> None:
    """Put a value somewhere, or take one away."""
    places = _containers(body)
    place = places[number % len(places)]
    if isinstance(place, list):
        if place and number % 2:
            place.pop(number % len(place))
        else:
            place.insert(number % (len(place) + 1), new)
    elif place and number % 2:
        del place[list(place)[number % len(place)]]
    else:
        place["abcz"[number % 4]] = new


@_SIZES
@given(body=_BODIES, number=st.integers(0, 200), new=_VALUES)
def test_every_change_is_noticed(body: dict[str, Any], number: int, new: object, *, is_large: bool) -> None:
    request = _request(body, is_large=is_large)
    before, watch = orjson.dumps(body), BodyWatch(request)
    assert not watch.is_changed(request)
    _change(body, number, new)
    if orjson.dumps(body) != before:
        assert watch.is_changed(request)


@_SIZES
@given(body=_BODIES)
def test_another_body_is_a_change_if_it_says_something_else(body: dict[str, Any], *, is_large: bool) -> None:
    request = _request(body, is_large=is_large)
    watch = BodyWatch(request)
    request.body = {**copy.deepcopy(body), "z": 1}
    assert watch.is_changed(request)
    request.body = None
    assert watch.is_changed(request)


@_SIZES
@pytest.mark.parametrize(("before", "after"), [(1, True), (0, False), (1, 1.0), (None, ""), ([], {})])
def test_values_that_python_calls_equal_are_told_apart(
    before: object, after: object, *, is_large: bool
) -> None:
    request = _request({"a": [{"b": before}]}, is_large=is_large)
    watch = BodyWatch(request)
    assert request.body is not None
    request.body["a"][0]["b"] = after  # type: ignore[index]  # it was made above
    assert watch.is_changed(request)


@_SIZES
def test_what_is_not_json_is_told(*, is_large: bool) -> None:
    request = _request({"a": []}, is_large=is_large)
    watch = BodyWatch(request)
    assert request.body is not None
    request.body["b"] = object()
    with pytest.raises(TypeError):
        watch.is_changed(request)


def test_a_large_body_with_many_parts_is_watched_as_well() -> None:
    body: dict[str, Any] = {"input": [[number] for number in range(5000)]}
    request = _request(body, is_large=True)
    watch = BodyWatch(request)
    assert not watch.is_changed(request)
    body["input"][4321][0] = "other"
    assert watch.is_changed(request)


def test_what_a_tuple_in_a_large_body_holds_is_watched_as_well() -> None:
    inside = {"b": 1}
    request = _request({"a": (inside,)}, is_large=True)
    watch = BodyWatch(request)
    assert not watch.is_changed(request)
    inside["b"] = 2
    assert watch.is_changed(request)


def test_no_body_is_none_before_and_after() -> None:
    request = UpstreamRequest(method="GET", base_url="https://h", path="/")
    assert not BodyWatch(request).is_changed(request)
