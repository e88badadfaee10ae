"""Taking a credential out of what comes back, however it is cut."""

from __future__ import annotations

import base64
import html
import itertools
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline import Secret
from hookline.engine.scrubbing import HIDDEN, SHORTEST, Scrubber

VALUE = "user:canary+key/1"


def scrubber(value: str = VALUE) -> Scrubber:
    return Scrubber(Secret(value, allowed_origins=frozenset()))


@pytest.mark.parametrize(
    "form", [VALUE, quote(VALUE, safe=""), base64.b64encode(VALUE.encode()).decode(), "canary+key/1"]
)
def test_every_form_of_it_is_hidden(form: str) -> None:
    assert b"canary" not in scrubber().clean(b"a " + form.encode() + b" b")
    assert form.encode() not in scrubber().clean(b"a " + form.encode() + b" b")


def test_a_credential_that_is_too_short_to_be_told_from_other_text_is_left() -> None:
    assert scrubber("abc").clean(b"abc abc") == b"abc abc"
    assert list(scrubber("abc").clean_stream([b"ab", b"c"])) == [b"ab", b"c"]


@given(
    before=st.binary(max_size=20),
    after=st.binary(max_size=20),
    cuts=st.lists(st.integers(min_value=0, max_value=60), max_size=8),
)
def test_it_is_found_however_it_is_cut(before: bytes, after: bytes, cuts: list[int]) -> None:
    whole = before + VALUE.encode() + after
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[start:end] for start, end in itertools.pairwise(places)]

    found = b"".join(scrubber().clean_stream(pieces))

    assert VALUE.encode() not in found
    assert found == scrubber().clean(whole)


def _percent(char: str) -> str:
    return "".join(f"%{byte:02x}" for byte in char.encode())


WAYS: list[Callable[[str], str]] = [
    lambda char: char,
    lambda char: f"\\u{ord(char):04x}",
    lambda char: f"\\\\u{ord(char):04X}",
    lambda char: f"\\{char}" if char in "/\"'" else char,
    _percent,
    lambda char: _percent(char).upper(),
    lambda char: quote(_percent(char)),
    lambda char: f"&#{ord(char)};",
    lambda char: f"\\u0026#x{ord(char):x};",
    html.escape,
]
SECRET = "k/ab+cd ef&gh<\"'%z\\x=="


@given(
    before=st.text("ab \n:/{}", max_size=10),
    after=st.text("ab \n:/{}", max_size=10),
    ways=st.lists(st.sampled_from(WAYS), min_size=len(SECRET), max_size=len(SECRET)),
    cuts=st.lists(st.integers(min_value=0, max_value=200), max_size=8),
)
def test_it_is_found_however_its_signs_are_written(
    before: str, after: str, ways: list[Callable[[str], str]], cuts: list[int]
) -> None:
    written = "".join(char if char.isalnum() else way(char) for char, way in zip(SECRET, ways, strict=True))
    whole = (before + written + after).encode()
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[start:end] for start, end in itertools.pairwise(places)]

    found = b"".join(scrubber(SECRET).clean_stream(pieces))

    assert found == before.encode() + HIDDEN + after.encode()
    assert scrubber(SECRET).clean(whole) == found


@given(value=st.text(min_size=SHORTEST, max_size=30).map("key{}z".format), rest=st.text(max_size=30))
def test_json_stays_json_and_holds_it_nowhere(value: str, rest: str) -> None:
    content = json.dumps({"a": rest + value, value: [value], "rest": rest}).encode()

    found = json.loads(scrubber(value).clean(content))

    assert found["rest"] == rest
    assert found["a"] != rest + value
    assert value not in found


def test_what_only_looks_like_an_escape_is_left_as_it_is() -> None:
    content = b'100% \\q &x; \\u12 %zz C:\\new &#; {"a": "\\ud83d\\ude00"}'

    assert scrubber().clean(content) == content
    assert b"".join(scrubber().clean_stream([content[:5], content[5:20], content[20:]])) == content


def test_nothing_is_held_back_that_is_no_beginning_of_it() -> None:
    sent = scrubber().clean_stream(iter([b"data: hello\n\n", b"data: use", b"r and more"]))

    assert list(sent) == [b"data: hello\n\n", b"data: ", b"user and more"]


def test_headers_are_cleaned() -> None:
    found = scrubber().clean_headers([("location", f"/x?key={VALUE}"), ("etag", "1")])

    assert found == [("location", f"/x?key={HIDDEN.decode()}"), ("etag", "1")]
