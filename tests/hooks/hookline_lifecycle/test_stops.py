"""Texts end at a stop text, however they are cut into pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hookline_lifecycle.stops import StopCutter

_LETTERS = st.text("ab\n", max_size=30)


@given(pieces=st.lists(_LETTERS), stops=st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=4))
def test_pieces_are_cut_as_the_whole_would_be(pieces: list[str], stops: list[str]) -> None:
    text = "".join(pieces)
    cutter = StopCutter(tuple(stops))
    passed = "".join([cutter.feed(piece) for piece in pieces]) + cutter.finish()
    # Read letter by letter: the text ends where a stop text is whole for the first time.
    found = [
        (end, end - len(stop)) for end in range(len(text) + 1) for stop in stops if text[:end].endswith(stop)
    ]
    assert passed == (text[: min(found)[1]] if found else text)
    assert cutter.has_stopped == bool(found)


def test_what_cannot_be_a_stop_text_any_more_is_passed_on_at_once() -> None:
    cutter = StopCutter(("END",))
    assert [cutter.feed(piece) for piece in ("one E", "N", "X two", " END", " three")] == [
        "one ",
        "",
        "ENX two",
        " ",
        "",
    ]
    assert cutter.has_stopped
    assert cutter.finish() == ""


def test_without_stop_texts_nothing_is_held_back() -> None:
    cutter = StopCutter(())
    assert cutter.feed("anything") == "anything"
    assert (cutter.finish(), cutter.has_stopped) == ("", False)


def test_what_is_held_back_at_the_end_is_text() -> None:
    cutter = StopCutter(("END",))
    assert cutter.feed("the EN") == "the "
    assert (cutter.finish(), cutter.has_stopped) == ("EN", False)
