"""Taking out what a continuation repeats, and nothing else."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline_openai.stream_overlap import MOST_CHARACTERS, Overlap

STORY = "Once upon a time there was a quick brown fox"
LINE = "The committee will meet again on Thursday in the large hall behind the old library building."


def joined(before: str, after: str, size: int = 3) -> str:
    """Return the whole text when ``after`` comes in pieces of so many characters."""
    overlap = Overlap(before)
    pieces = [overlap.feed(after[start : start + size]) for start in range(0, len(after), size)]
    return before + "".join(pieces) + overlap.flush()


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        (STORY, "a quick brown fox jumped.", f"{STORY} jumped."),
        (STORY, " a quick brown fox jumped.", f"{STORY} jumped."),
        (STORY, "…a quick brown fox jumped.", f"{STORY} jumped."),
        (STORY, "... a quick brown fox jumped.", f"{STORY} jumped."),
        (STORY, STORY + " jumped.", f"{STORY} jumped."),
        (STORY, "quick brown fox", STORY),
        ("A time there was a ga", "time there was a gateway", "A time there was a gateway"),
        ("This is important", "important matters", "This is important matters"),
        ("There was a gate", "gateway here", "There was a gateway here"),
        (STORY + " ", "quick brown fox jumped.", f"{STORY} jumped."),
        (STORY + " ", "a quick brown fox, then", f"{STORY} , then"),
        (f"A.\n\n{LINE}", f"\n\n{LINE}\n\nB.", f"A.\n\n{LINE}\n\nB."),
        ("これは仮想的な応答の例です", "仮想的な応答の例です。終わり", "これは仮想的な応答の例です。終わり"),
    ],
    ids=[
        "last words",
        "after a space",
        "after an ellipsis",
        "after three dots",
        "all from the start",
        "nothing new",
        "in the middle of a word",
        "a word glued to itself",
        "half a word and then all of it",
        "after a gap",
        "another sign after a gap",
        "a whole long line",
        "without spaces",
    ],
)
def test_repetition_is_taken_out(before: str, after: str, whole: str, size: int) -> None:
    assert joined(before, after, size) == whole


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("I like ban", "anas and apples."),
        (STORY, " jumped over the dog."),
        (STORY, ""),
        ("", "Hello there."),
        ("ha ha ha", " ha ha ha"),
        ("It was a very, very", " very good day."),
        ("no no no no no no no no", "no no no no no no, never"),
        ("| --- | --- ", "| --- | --- |"),
        ("    }\n    }\n", "    }\n}\n"),
        ("Row, row, row your boat\n", "Row, row, row your boat\nGently"),
        ("- done\n- Status: completed", "\n- Status: completed\n- end"),
        ("very important ", "important matters"),
        ("haha", "hahaha, no"),
        ("the bar", "barbarian"),
        ("a counter", "counter"[3:] + "act"),
        ("The end of the story is the end of", " the end of everything."),
        (STORY, "the quick brown fox jumped"),
        ("counterrevolutionary ideas", "revolutionary ideas are new"),
    ],
    ids=[
        "letters that happen to fit",
        "something new",
        "nothing",
        "nothing before",
        "laughter",
        "a doubled word",
        "a text that repeats itself",
        "a table",
        "code",
        "a refrain",
        "a list",
        "one word",
        "a laugh in pieces",
        "a short word",
        "the rest of a word",
        "a figure of speech",
        "almost the same words",
        "in the middle of a word",
    ],
)
def test_what_is_not_plainly_a_repetition_stays(before: str, after: str, size: int) -> None:
    assert joined(before, after, size) == before + after


def test_something_new_is_passed_on_with_its_first_letters() -> None:
    overlap = Overlap(STORY)

    assert overlap.feed(" jum") == " jum"
    assert overlap.feed("ped") == "ped"


def test_what_is_held_back_is_bounded() -> None:
    overlap = Overlap("ab " * 3000)

    passed = "".join(overlap.feed("ab ") for _ in range(3000))

    assert len(passed) >= 9000 - MOST_CHARACTERS
    assert passed + overlap.flush() == "ab " * 3000


def test_a_hostile_continuation_takes_little_time() -> None:
    began = time.perf_counter()
    overlap = Overlap("a" * 100_000)
    for _ in range(20_000):
        overlap.feed("a")
    overlap.flush()

    assert time.perf_counter() - began < 2


@given(before=st.text("ab \n", max_size=30), after=st.text("ab \n", max_size=30), size=st.integers(1, 5))
def test_only_a_beginning_is_ever_taken_out(before: str, after: str, size: int) -> None:
    rest = joined(before, after, size)[len(before) :]

    assert after.endswith(rest)
    assert joined(before, after, 1000)[len(before) :] == rest


@given(before=st.text(max_size=60), after=st.text(max_size=60))
def test_how_a_continuation_is_cut_makes_no_difference(before: str, after: str) -> None:
    assert joined(before, after, 1) == joined(before, after, 1000)
