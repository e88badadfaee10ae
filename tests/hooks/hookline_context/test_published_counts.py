"""Every count that the API reported and somebody published; the file beside this one names the sources."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from hookline_context.amounts import Amount, known
from hookline_context.request_count import count_request
from hookline_context.text_counter import counter_for
from hookline_openai.model_table import find

PUBLISHED = json.loads(Path(__file__).with_name("published_counts.json").read_text(encoding="utf-8"))["cases"]


def count(model: str, request: dict[str, Any]) -> Amount:
    info = find(model)
    assert info is not None
    counter = counter_for(info.encoding, "auto")
    assert counter.is_exact
    return count_request({"model": model, **request}, "chat", counter).total


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: f"{case['from']}-{case['name']}-{case['model']}")
def test_a_published_request_is_counted_as_the_service_counted_it(case: dict[str, Any]) -> None:
    assert count(case["model"], case["request"]) == known(case["tokens"])


def test_all_published_requests_are_here() -> None:
    sources = [case["from"] for case in PUBLISHED]
    assert {name: sources.count(name) for name in sources} == {
        "helper": 32,
        "chat-tokens": 36,
        "cookbook": 10,
    }


def picture(width: int, height: int) -> str:
    """Return the beginning of a PNG file of that size as a data URL."""
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)
    return "data:image/png;base64," + base64.b64encode(head + bytes(4)).decode()


# Counts of the API with a picture of 1 x 1 and one of 1126 x 488 pixels, published with the first source.
@pytest.mark.parametrize(
    ("model", "text", "size", "detail", "tokens"),
    [
        ("gpt-4o", "Describe this picture:", (1, 1), "auto", 266),
        ("gpt-4o", "Describe this picture:", (1, 1), "high", 266),
        ("gpt-4o", "Describe this picture:", (1, 1), "low", 96),
        ("gpt-4o", "hi", (1126, 488), "auto", 603),
        ("gpt-4o-mini", "Describe this picture:", (1, 1), "auto", 8511),
        ("gpt-4o-mini", "Describe this picture:", (1, 1), "low", 2844),
        ("gpt-4o-mini", "hi", (1126, 488), "auto", 19842),
    ],
)
def test_a_picture_is_counted_as_the_service_counted_it(
    model: str, text: str, size: tuple[int, int], detail: str, tokens: int
) -> None:
    image = {"type": "image_url", "image_url": {"url": picture(*size), "detail": detail}}
    message = {"role": "user", "content": [{"type": "text", "text": text}, image]}
    assert count(model, {"messages": [message]}) == known(tokens)


# From tiktoken's own tests (github.com/openai/tiktoken, MIT) and the cookbook: how many tokens a text has.
@pytest.mark.parametrize(
    ("text", "older", "newer"),
    [
        ("hello world", 2, 2),
        ("rer", 1, None),
        ("'rer", 2, None),
        ("today\n ", 3, None),
        ("today\n \n", 2, None),
        ("today\n  \n", 2, None),
        (" \x850", 4, None),
        ("👍", 3, None),
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("2 + 2 = 4", 7, 7),
        ("お誕生日おめでとう", 9, 8),
    ],
)
def test_a_text_has_the_published_number_of_tokens(text: str, older: int, newer: int | None) -> None:
    assert counter_for("cl100k_base", "auto").count(text) == known(older)
    if newer is not None:
        assert counter_for("o200k_base", "auto").count(text) == known(newer)


def test_text_that_looks_like_a_special_token_is_ordinary_text() -> None:
    for encoding in ("cl100k_base", "o200k_base"):
        assert counter_for(encoding, "auto").count("<|endoftext|>").tokens > 3
