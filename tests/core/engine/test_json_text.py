"""Reading what a stranger sends: what is refused, with which code, and what is never refused."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.engine.json_text import MAX_DEPTH, MAX_MEMBERS, _colons_outside_texts, parse_object
from hookline.errors import MalformedRequestError

REFUSED = {
    "nothing": (b"", "empty_body"),
    "white space": (b" \r\n\t", "empty_body"),
    "NaN": (b'{"a": NaN}', "invalid_json"),
    "Infinity": (b'{"a": Infinity}', "invalid_json"),
    "minus Infinity": (b'{"a": -Infinity}', "invalid_json"),
    "a number over all bounds": (b'{"a": 1e999}', "invalid_json"),
    "an integer over all bounds": (b'{"a:": ' + b"9" * 5000 + b"}", "invalid_json"),
    "a leading zero": (b'{"a": 01}', "invalid_json"),
    "single quotes": (b"{'a': 1}", "invalid_json"),
    "a trailing comma": (b'{"a": 1,}', "invalid_json"),
    "a comment": (b'{"a": 1} // x', "invalid_json"),
    "text after the end": (b"{} x", "invalid_json"),
    "two objects": (b"{}{}", "invalid_json"),
    "an open object": (b'{"a": 1', "invalid_json"),
    "a lone surrogate": (b'{"a": "\\ud800"}', "invalid_json"),
    "a lone low surrogate": (b'{"a": "\\udc00"}', "invalid_json"),
    "an encoded surrogate": (b'{"a": "\xed\xa0\x80"}', "invalid_json"),
    "invalid UTF-8": (b'{"a": "\xff"}', "invalid_json"),
    "overlong UTF-8": (b'{"a": "\xc0\xaf"}', "invalid_json"),
    "a control character": (b'{"a": "\x00"}', "invalid_json"),
    "a UTF-8 mark": (b'\xef\xbb\xbf{"a": 1}', "invalid_json"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "invalid_json"),
    "UTF-16 without mark": ('{"a": 1}'.encode("utf-16-le"), "invalid_json"),
    "big-endian UTF-16": ('{"a": 1}'.encode("utf-16-be"), "invalid_json"),
    "UTF-32": ('{"a": 1}'.encode("utf-32"), "invalid_json"),
    "an array": (b"[]", "not_an_object"),
    "a string": (b'"a"', "not_an_object"),
    "a number": (b"1", "not_an_object"),
    "true": (b"true", "not_an_object"),
    "null": (b"null", "not_an_object"),
    "the same key twice": (b'{"a": 1, "a": 1}', "duplicate_key"),
    "the same key twice, once escaped": (b'{"a": 1, "\\u0061": 2}', "duplicate_key"),
    "the same key twice inside": (b'{"x": [1, {"y": {"a": 1, "b": 2, "a": 3}}]}', "duplicate_key"),
    "the same key hidden by colons": (b'{"a": "::::", "a": "::"}', "duplicate_key"),
    "the empty key twice": (b'{"": 1, "": 2}', "duplicate_key"),
    "100,000 brackets": (b"[" * 100_000, "invalid_json"),
    "100,000 braces": (b'{"a":' * 100_000, "invalid_json"),
    "101 levels": (b'{"a":' * 101 + b"1" + b"}" * 101, "nested_too_deeply"),
    "too many keys": (json.dumps(dict.fromkeys(range(1_000_000), 1)).encode(), "too_many_members"),
    "too many keys in all": (
        json.dumps({"rows": [dict.fromkeys("abcdefghij", 1)] * 10_001}).encode(),
        "too_many_members",
    ),
}


@pytest.mark.parametrize(("content", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_plain_object_is_refused_at_once_and_by_name(content: bytes, code: str) -> None:
    started = time.thread_time()

    with pytest.raises(MalformedRequestError) as caught:
        parse_object(content)

    assert (caught.value.status, caught.value.code) == (400, code)
    assert len(caught.value.message) < 300
    assert time.thread_time() - started < 5


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'\xef\xbb\xbf{"a": 1}', "a UTF-8 byte-order mark"),
        ('{"a": 1}'.encode("utf-16"), "UTF-16"),
        ('{"a": 1}'.encode("utf-16-be"), "UTF-16"),
        (b"[" * 100_000, "nested deeper than 100 levels"),
        (b'{"a": 1} x', "line 1 column 10"),
        (b"[]", "not an array"),
        (b"null", "not null"),
        (b'{"n": 1, "n": 2}', "'n' twice"),
    ],
)
def test_the_message_says_what_is_wrong(content: bytes, words: str) -> None:
    with pytest.raises(MalformedRequestError) as caught:
        parse_object(content)

    assert words in caught.value.message


def test_a_duplicate_key_is_named_as_the_field_and_never_shown_at_full_length() -> None:
    key = "k" * 10_000

    with pytest.raises(MalformedRequestError) as caught:
        parse_object(json.dumps({key: 1}).encode()[:-1] + b', "' + key.encode() + b'": 2}')

    assert caught.value.field == "k" * 80


def test_utf_7_is_read_as_the_ascii_that_it_is() -> None:
    assert parse_object('{"a": "ä"}'.encode("utf-7")) == {"a": "+AOQ"}


def test_as_many_levels_and_members_as_allowed_are_read() -> None:
    deep = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    wide = {str(number): number for number in range(MAX_MEMBERS)}

    assert json.dumps(parse_object(deep)).encode().replace(b" ", b"") == deep
    assert parse_object(json.dumps(wide).encode()) == wide


def test_colons_inside_texts_are_no_sign_of_a_duplicate() -> None:
    value = {"a:b": ":::", "::": [{"x": "http://a:80/"}, {"x": "::1"}], ":": {}}

    assert parse_object(json.dumps(value).encode()) == value


def test_the_same_key_in_two_objects_is_no_duplicate() -> None:
    value = {"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 1}]}

    assert parse_object(json.dumps(value).encode()) == value


numbers = st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False))
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(texts, inner)),
    max_leaves=20,
)


@given(value=st.dictionaries(texts, values), is_ascii=st.booleans())
def test_every_object_is_read_as_it_was_written(value: dict[str, object], is_ascii: bool) -> None:
    assert parse_object(json.dumps(value, ensure_ascii=is_ascii).encode()) == value


@given(value=st.dictionaries(texts, values, min_size=1), position=st.integers(0, 1000))
def test_a_member_that_is_written_twice_is_always_found(value: dict[str, object], position: int) -> None:
    key = list(value)[position % len(value)]
    text = json.dumps({"outer": [value]})
    member = f"{json.dumps(key)}: 0"

    with pytest.raises(MalformedRequestError) as caught:
        parse_object((text[:-3] + f", {member}" + text[-3:]).encode())

    assert (caught.value.code, caught.value.field) == ("duplicate_key", key[:80])


@given(content=st.binary(max_size=40))
def test_any_bytes_are_read_or_refused_with_the_one_error(content: bytes) -> None:
    try:
        value = parse_object(content)
    except MalformedRequestError:
        return

    assert value == json.loads(content)


_TEXTS = ['"a"', '"b"', '":"', '"\\u003a"', '"\\u003A"', '"c:"', '"\\":"', '"\\\\"']
_PIECES = [*_TEXTS, "1", "1e2", "[]", "{}", '["x:y"]']


@given(
    keys=st.lists(st.sampled_from(_TEXTS), max_size=5),
    values=st.lists(st.sampled_from(_PIECES), min_size=5, max_size=5),
    space=st.sampled_from(["", " ", "\n"]),
)
def test_colons_in_texts_never_hide_a_duplicate(keys: list[str], values: list[str], space: str) -> None:
    members = [f"{key}{space}:{space}{value}" for key, value in zip(keys, values, strict=False)]
    text = "{" + ",".join(members) + "}"
    is_sound = len({json.loads(key) for key in keys}) == len(keys)
    if is_sound:
        assert parse_object(text.encode()) == json.loads(text)
    else:
        with pytest.raises(MalformedRequestError) as refused:
            parse_object(text.encode())
        assert refused.value.code == "duplicate_key"


def test_a_duplicate_deep_inside_is_not_made_up_for_by_colons_in_texts() -> None:
    texts = ('{"a":{"b":1,"b":":"}}', '{"a": [{"b": ":", "b": 1}], "\\u003a": 1}', '{"a":1,"a":"::"}')
    for text in texts:
        with pytest.raises(MalformedRequestError, match="twice"):
            parse_object(text.encode())


@given(value=st.dictionaries(texts, values), is_ascii=st.booleans(), indent=st.sampled_from([None, 1]))
def test_colons_are_counted_where_they_write_a_member(
    value: dict[str, object], is_ascii: bool, indent: int | None
) -> None:
    members = 0

    def count(pairs: list[tuple[str, object]]) -> None:
        nonlocal members
        members += len(pairs)

    content = json.dumps(value, ensure_ascii=is_ascii, indent=indent)
    json.loads(content, object_pairs_hook=count)

    assert _colons_outside_texts(content.encode()) in (members, None)


@pytest.mark.parametrize("quotes", [0, 1000])
def test_a_long_body_with_colons_and_escapes_in_its_texts_is_read(quotes: int) -> None:
    value = {"a": 'x: "y\\": \\' * quotes + "z: " * MAX_MEMBERS, "b": {"a": 1, "c:": 2}}

    assert parse_object(json.dumps(value).encode()) == value
    with pytest.raises(MalformedRequestError, match="twice"):
        parse_object(json.dumps(value).encode()[:-1] + b', "a": 1}')
