"""Splitting loses nothing, keeps to the limit, and respects borders."""

# ruff: noqa: RUF001 -- texts in other scripts are what is tested here

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline_context.borders import character_border, first_border
from hookline_context.cutting import keep_beginning, keep_end, split_text
from hookline_context.text_counter import BYTES, counter_for

NEWER = counter_for("o200k_base", "auto")
COUNTS = {
    "exact": lambda text: NEWER.count(text).tokens,
    "estimate": lambda text: counter_for("o200k_base", "estimate").count(text).tokens,
    "bytes": lambda text: BYTES.count(text).tokens,
    "characters": len,
}
TEXTS = st.text(alphabet="ab cd.!?\n\r\t。、汉字é\u0301👍\u200d👩🏽🇦🇹க\u0bcd", max_size=600) | st.text(
    max_size=300
)
PARAGRAPH = "One sentence stands here. Another one follows it! And is this the third? Yes.\n\n"


@pytest.mark.parametrize("name", COUNTS)
@given(text=TEXTS, limit=st.integers(16, 200))
def test_parts_put_together_are_the_text_and_each_keeps_to_the_limit(
    name: str, text: str, limit: int
) -> None:
    count = COUNTS[name]
    parts = split_text(text, limit, count)
    assert "".join(parts) == text
    assert all(parts)
    assert all(count(part) <= limit for part in parts)


@given(text=TEXTS, limit=st.integers(16, 200))
def test_no_part_begins_inside_a_character(text: str, limit: int) -> None:
    for part in split_text(text, limit, len)[1:]:
        assert unicodedata.category(part[0])[0] != "M"
        assert part[0] != "\u200d"


@given(text=TEXTS, limit=st.integers(16, 200))
def test_what_is_kept_of_a_text_is_its_beginning_or_its_end_and_fits(text: str, limit: int) -> None:
    for count in COUNTS.values():
        beginning, end = keep_beginning(text, limit, count), keep_end(text, limit, count)
        assert text.startswith(beginning)
        assert text.endswith(end)
        assert count(beginning) <= limit
        assert count(end) <= limit
        if count(text) <= limit:
            assert beginning == end == text


def test_paragraphs_come_before_sentences_and_sentences_before_words() -> None:
    parts = split_text(PARAGRAPH * 10, len(PARAGRAPH) * 3 + 20, len)
    assert {part[-2:] for part in parts} == {"\n\n"}
    sentences = PARAGRAPH.strip() + " "
    parts = split_text(sentences * 10, len(sentences) + 10, len)
    assert all(part.rstrip()[-1] in ".!?" for part in parts)
    parts = split_text("several words without any stop " * 20, 70, len)
    assert all(part.endswith(" ") for part in parts)


def test_lines_come_before_sentences() -> None:
    parts = split_text("name: value. More\n" * 20, 70, len)
    assert all(part.endswith("\n") for part in parts)


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ("今天天气很好。我们去公园散步！你来吗？" * 20, "。！？"),
        ("すべての人間は自由である。「平等である。」" * 20, "。」"),
        ("सभी मनुष्य स्वतंत्र हैं। सब समान हैं। " * 20, "।"),
        ("هل تأتي معنا؟ نعم. " * 20, "؟."),
        ("He said “Come here.” She came. " * 20, ".”"),
    ],
)
def test_sentences_end_as_their_script_ends_them(text: str, stops: str) -> None:
    parts = split_text(text, 60, len)
    assert len(parts) > 2
    assert all(part.rstrip()[-1] in stops for part in parts)


@pytest.mark.parametrize(
    "character", ["👩🏽‍💻", "🇦🇹", "e\u0301\u0301", "க்ஷ\u0bbf", "가\u11a8", "\r\n", "❤\ufe0f"]
)
def test_a_character_of_several_code_points_stays_whole(character: str) -> None:
    import re

    for limit in (16, 17, 18, 19, 23):
        for part in split_text(character * 50, limit, len):
            assert re.fullmatch(f"(?:{re.escape(character)})+", part) or character == "க்ஷ\u0bbf"
            assert unicodedata.category(part[0])[0] != "M"


def test_a_pile_of_marks_without_end_is_cut_all_the_same() -> None:
    text = "e" + "\u0301" * 1000
    assert character_border(text, 0, 500) == 500
    assert "".join(split_text(text, 100, len)) == text


def test_the_end_that_is_kept_begins_with_a_sentence_or_a_word() -> None:
    assert keep_end(PARAGRAPH * 20, 200, len).startswith("One sentence")
    assert keep_end("word " * 500, 203, len).startswith("word ")
    assert first_border("a long beginning. Then more", 0) == 0


def test_a_megabyte_without_any_border_is_split() -> None:
    text = "x" * 1_000_000
    asked: list[int] = []

    def count(part: str) -> int:
        asked.append(len(part))
        return NEWER.count(part).tokens

    parts = split_text(text, 20_000, count)
    assert "".join(parts) == text
    assert len(parts) < 10
    assert sum(asked) < 20 * len(text)


def test_white_space_and_stops_alone_are_split_in_bounded_time() -> None:
    for text in (
        " " * 300_000,
        "\n" * 300_000,
        "." * 300_000,
        ". " * 150_000,
        "\n \n" * 100_000,
        '."' * 150_000,
    ):
        parts = split_text(text, 5000, lambda part: len(part) // 2)
        assert "".join(parts) == text
