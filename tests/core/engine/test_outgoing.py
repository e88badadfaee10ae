"""What plugins may put on a request: judged at a glance as it is judged header by header."""

from __future__ import annotations

from typing import cast

from hypothesis import example, given
from hypothesis import strategies as st

from hookline.engine.outgoing import _misdeed_in, check_request
from hookline.errors import InvalidInputError
from hookline.upstream import UpstreamRequest

_PIECES = st.sampled_from(["a", "x-b", "\n", "\r\n", " ", ":", "A", "é", "\t", "", "\x00", "~"])
_TEXTS = st.lists(_PIECES, max_size=3).map("".join)


class _Connection:
    origin = "https://api.openai.com:443"


class _Call:
    connection = _Connection()


def _judged_at_once(headers: dict[str, str]) -> str | None:
    request = UpstreamRequest(
        method="GET", base_url="https://api.openai.com/v1", path="/models", headers=headers
    )
    try:
        return check_request(_Call(), request)  # type: ignore[arg-type]  # all of it that is looked at
    except InvalidInputError as exc:
        return f"refused {exc.field}"


def _judged_one_by_one(headers: dict[str, str]) -> str | None:
    try:
        return _misdeed_in(headers)
    except InvalidInputError as exc:
        return f"refused {exc.field}"


@given(st.dictionaries(_TEXTS, _TEXTS, max_size=4))
@example({})
@example({"a\nb": "c"})
@example({"a": "b\nc"})
@example({"a\nb": "c\nd"})
@example({"": "", "a": ""})
@example({"a": "x" * 100_000})
@example({"a" * 100_000 + "!": "x", "b c": ""})
def test_all_headers_together_are_judged_as_each_of_them(headers: dict[str, str]) -> None:
    assert _judged_at_once(headers) == _judged_one_by_one(headers)


def test_a_header_that_is_no_text_is_told() -> None:
    for headers in ({"a": 1}, {1: "a"}, {"a": b"b"}, {None: None}):
        told = _judged_at_once(cast("dict[str, str]", headers))
        assert told == "set a header that is not text"
