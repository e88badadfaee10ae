"""The small parts: texts cut and packed, escapes read, words kept whole, tokens put together."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hooks.hookline_moderation.conftest import MakeWorld, bytes_of, chunks, question, stream_of

from hookline import Call, UpstreamRequest, hookimpl
from hookline.errors import FatalError
from hookline.streaming import StreamEvent, StreamTransform
from hookline_moderation.batches import MAX_TEXTS_PER_REQUEST, pack
from hookline_moderation.content import Content, collect
from hookline_moderation.digests import CheckedTexts
from hookline_moderation.escapes import forms_of
from hookline_moderation.failures import describe
from hookline_moderation.sides import input_content
from hookline_moderation.stream import RefusalWatch, StreamCheck
from hookline_moderation.tokens import tokens_of
from hookline_moderation.words import word_start


@settings(max_examples=300, deadline=None)
@given(
    texts=st.lists(st.text(alphabet="ab \n", min_size=1, max_size=400), max_size=8),
    max_chars=st.integers(100, 150),
    overlap_chars=st.integers(0, 99),
)
def test_nothing_is_lost_between_two_pieces(texts: list[str], max_chars: int, overlap_chars: int) -> None:
    batches = pack(texts, max_chars=max_chars, overlap_chars=overlap_chars, max_requests=10_000)

    pieces = [piece for request in batches.requests for piece in request]
    assert batches.is_complete
    assert all(request and sum(map(len, request)) <= max_chars for request in batches.requests)
    for text in texts:
        for start in range(0, len(text), 7):
            phrase = text[start : start + overlap_chars + 1]
            assert any(phrase in piece for piece in pieces)


def test_no_more_requests_than_allowed_are_made() -> None:
    batches = pack(["x" * 1000], max_chars=100, overlap_chars=0, max_requests=3)

    assert ([len(request[0]) for request in batches.requests], batches.is_complete) == (
        [100, 100, 100],
        False,
    )


def test_no_request_holds_too_many_texts() -> None:
    few = pack(
        [f"{at}" for at in range(MAX_TEXTS_PER_REQUEST)], max_chars=9_999, overlap_chars=0, max_requests=9
    )
    many = pack([f"{at}" for at in range(10_000)], max_chars=9_999, overlap_chars=0, max_requests=9)

    assert [len(request) for request in few.requests] == [MAX_TEXTS_PER_REQUEST]
    assert sum(map(len, many.requests)) < 50
    assert "\n".join("\n".join(request) for request in many.requests).split("\n") == [
        f"{at}" for at in range(10_000)
    ]


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("plain", ("plain",)),
        (r"C:\users", (r"C:\users",)),
        (r"\u0066oo", (r"\u0066oo", "foo")),
        (r"\u00zz", (r"\u00zz",)),
        (r"a\ud83d\ude00b", (r"a\ud83d\ude00b", "a\N{GRINNING FACE}b")),
        (r"\ud83d!", (r"\ud83d!", "\ufffd!")),
    ],
)
def test_escapes_are_read_as_a_reader_of_json_would(text: str, forms: tuple[str, ...]) -> None:
    assert forms_of(text) == forms


@pytest.mark.parametrize(
    ("text", "position", "start"),
    [
        ("two words", 6, 4),
        ("two words", 4, 4),
        ("two words", 2, 0),
        ("two words", 9, 4),
        ("", 0, 0),
        ("x" * 200, 100, 100),
        ("word " + "x" * 200, 30, 5),
    ],
)
def test_a_word_begins_after_a_space(text: str, position: int, start: int) -> None:
    assert word_start(text, position) == start


@pytest.mark.parametrize(
    ("logprobs", "texts"),
    [
        ({"content": [{"token": "a", "logprob": 0}, {"token": "b", "bytes": [98]}], "refusal": None}, ["ab"]),
        ({"content": None, "refusal": [{"token": "no"}]}, ["no"]),
        ({"content": None, "refusal": None}, []),
        (
            {"tokens": ["a", "b"], "token_logprobs": [None, -1], "top_logprobs": None, "text_offset": [0, 1]},
            ["ab"],
        ),
        ({"tokens": ["a", None]}, ["a"]),
        ({"tokens": "ab"}, None),
        ({"tokens": [{"x": "y"}]}, None),
        ({"tokens": ["a"], "text_offset": ["b"]}, None),
        ({"content": ["a"]}, None),
        ({"content": [{"token": "a", "note": "b"}]}, None),
        ({"content": "a"}, None),
        ({"other": []}, None),
        ([], None),
        ("a", None),
    ],
)
def test_only_tokens_are_taken_for_tokens(logprobs: object, texts: list[str] | None) -> None:
    assert tokens_of(logprobs) == texts


def test_texts_are_told_apart_by_what_they_say() -> None:
    checked = CheckedTexts()
    checked.add("whole")
    for piece in ("in ", "pieces"):
        checked.add_piece((0, "text"), piece)

    assert [text in checked for text in ("whole", "in pieces", "other", 7)] == [True, False, False, False]
    checked.close()
    assert "in pieces" in checked


def test_a_deep_and_a_wide_value_are_looked_through_in_little_time() -> None:
    deep: object = "bottom"
    for _ in range(50_000):
        deep = [{"x": deep}]
    began = time.perf_counter()
    content = Content()

    collect({"deep": deep, "wide": ["x"] * 500_000, "numbers": [0.5] * 1_000_000}, content)

    assert list(content.texts) == ["bottom", "x"]
    assert time.perf_counter() - began < 5


class Watcher:
    """A plugin that sees which transforms stand in the way of streams."""

    def __init__(self) -> None:
        self.opened: list[list[type]] = []

    @hookimpl(wrapper=True)
    def hookline_open_stream(self) -> Generator[None, list[StreamTransform], list[StreamTransform]]:
        transforms = yield
        found = [type(transform) for transform in transforms]
        self.opened.append([kind for kind in found if not kind.__module__.startswith("hookline_openai")])
        return transforms


@pytest.mark.parametrize(
    ("options", "wire", "action"),
    [
        ({}, [], [RefusalWatch]),
        ({"refusals": "pass"}, [], []),
        ({"check_input": True}, [], [RefusalWatch]),
        ({"check_output": True}, [StreamCheck], [StreamCheck]),
    ],
)
def test_only_what_is_needed_stands_in_the_way_of_a_stream(
    make_world: MakeWorld, options: dict[str, Any], wire: list[type], action: list[type]
) -> None:
    watcher = Watcher()
    world = make_world(lambda request: stream_of(chunks(["Fine."])), plugins={"watcher": watcher}, **options)

    for door in ("wire", "action"):
        bytes_of(world.run(question(stream=True), door=door))

    assert watcher.opened == [wire, action]


def test_where_nothing_is_set_nothing_is_checked(make_world: MakeWorld) -> None:
    world = make_world()

    for door in ("wire", "action"):
        assert world.run(question("forbidden"), door=door).status == 200

    assert (len(world.asked), world.moderated) == (2, [])


def test_events_without_a_refusal_pass_the_watch() -> None:
    one = StreamEvent(b'{"x":1}')
    one.pieces = [{"type": "text", "text": "refusal"}, {"type": "refusal", "text": ""}]

    assert list(RefusalWatch().feed(one)) == [one]


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    heavy = ["pydantic", "httpx", "flask", "orjson"]
    code = f"import sys, hookline_moderation; print([name for name in {heavy!r} if name in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("content", "texts", "unreadable"),
    [
        (b'{"messages": [{"content": "Hi"}]}', ["Hi"], []),
        (b"Hi", [], ["a body that is not JSON"]),
        (b"", [], []),
    ],
)
def test_a_body_that_is_only_there_as_bytes_is_read(
    content: bytes, texts: list[str], unreadable: list[str]
) -> None:
    call = SimpleNamespace(action=SimpleNamespace(connector=SimpleNamespace(id="openai")), input={})
    request = UpstreamRequest(method="POST", base_url="https://x.example", path="/x", content=content)

    found = input_content(cast("Call", call), request)

    assert (list(found.texts), list(found.unreadable)) == (texts, unreadable)


def test_a_failure_is_described_without_the_words_of_the_service() -> None:
    assert describe(ValueError("words"), "acme.classify") == "`acme.classify` failed with ValueError"
    assert describe(FatalError("words", code="The Words"), "acme.classify") == (
        "`acme.classify` failed with `internal_error` (500)"
    )
