"""Taking a credential out of what comes back, however it is cut."""

from __future__ import annotations

import base64
import itertools
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline import Secret
from hookline.engine.scrubbing import HIDDEN, Scrubber

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


def test_nothing_is_held_back_that_is_no_beginning_of_it() -> None:
    sent = scrubber().clean_stream(iter([b"data: hello\n\n", b"data: use", b"r and more"]))

    assert list(sent) == [b"data: hello\n\n", b"data: ", b"user and more"]


def test_headers_are_cleaned() -> None:
    found = scrubber().clean_headers([("location", f"/x?key={VALUE}"), ("etag", "1")])

    assert found == [("location", f"/x?key={HIDDEN.decode()}"), ("etag", "1")]
