"""Where keys of a TOML text stand; the values that tomllib reads there are the oracle."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.toml_places import find_places, line_of

TEXT = '''# a comment with [brackets] and "quotes"
plain = 1
"quoted key" = "a = b"  # not a key = 1
'single' = 'x'
dotted.inner."deep est" = true
text = """
not_a_key = 1
[not_a_table]
a quote " and two "" and an escaped \\""" here
"""
raw = \'\'\'
still = "text"\'\'\'
list = [
  "one", # a comment, with ]
  [ "nested", ], { inside = 1, other = { far = 2 } },
  """three
lines""",
  2026-12-01T03:50:00Z,
]

[table]
key = { a = "}", b = [1, 2] }

[table."with.dot"]
x = 1
[[many]]
n = 1
[many.part]
m = 1
[[many]]
n = 2
[[many.part2]]
o = 1
'''

EXPECTED = {
    ("plain",): 2,
    ("quoted key",): 3,
    ("single",): 4,
    ("dotted", "inner", "deep est"): 5,
    ("text",): 6,
    ("raw",): 11,
    ("list",): 13,
    ("list", "0"): 14,
    ("list", "1", "0"): 15,
    ("list", "2", "inside"): 15,
    ("list", "2", "other", "far"): 15,
    ("list", "3"): 16,
    ("list", "4"): 18,
    ("table",): 21,
    ("table", "key", "a"): 22,
    ("table", "key", "b", "1"): 22,
    ("table", "with.dot", "x"): 25,
    ("many", "0", "n"): 27,
    ("many", "0", "part", "m"): 29,
    ("many", "1", "n"): 31,
    ("many", "1", "part2", "0", "o"): 33,
}


def test_every_kind_of_key_is_found_on_its_line() -> None:
    tomllib.loads(TEXT)
    places = find_places(TEXT)

    assert {path: places.get(path) for path in EXPECTED} == EXPECTED


def _leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _leaves(one, (*path, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _leaves(one, (*path, str(number)))
    if path:
        yield path


def test_every_value_that_tomllib_reads_has_a_place_and_nothing_else_has() -> None:
    assert set(find_places(TEXT)) == set(_leaves(tomllib.loads(TEXT)))


def test_what_is_not_there_is_told_at_the_nearest_table() -> None:
    places = find_places(TEXT)

    assert line_of(places, ("table", "missing")) == 21
    assert line_of(places, ("nowhere",)) is None


_WORD = st.text(alphabet="abc_-", min_size=1, max_size=4)
_QUOTED = st.text(alphabet="a.b #=[]{}'é", min_size=1, max_size=6).map(lambda text: f'"{text}"')
_VALUE = st.recursive(
    st.sampled_from(["1", "true", '"a#b"', "'c]d'", '"""x\n[y]\nz = 1"""', "'''q\n'''", "1.5", '"\\""']),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: "[ # c\n" + ",\n".join(items) + ",\n]"),
    ),
    max_leaves=4,
)


@given(st.lists(st.tuples(st.one_of(_WORD, _QUOTED), _VALUE), max_size=6, unique_by=lambda pair: pair[0]))
def test_texts_that_nobody_thought_of_have_the_same_keys_as_tomllib_reads(
    members: list[tuple[str, str]],
) -> None:
    text = "".join(f"{key} = {value} # end\n" for key, value in members)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # a quoted key that equals a plain one
    places = find_places(text)
    assert set(places) == set(_leaves(values))
    lines = text.splitlines()
    for key, _ in members:
        name = next(iter(tomllib.loads(f"{key} = 0")))
        assert re.match(re.escape(key), lines[places[(name,)] - 1])


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "a = 1"])
def test_short_texts_are_read(text: str) -> None:
    assert set(find_places(text)) == set(_leaves(tomllib.loads(text)))
