"""A stream that goes on where another broke reads as one stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hookline_openai.connector import connector
from hookline_openai.stream_join import add_usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.connectors.hookline_openai.conftest import MakeCall

    from hookline.action import JoiningPresenter, JsonObject

FIRST: JsonObject = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}
SECOND: JsonObject = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 2, "model": "m-2"}
MARK: JsonObject = {"hookline": {"stitched": True}}


def chunk(
    delta: object, reason: str | None = None, *, top: JsonObject = SECOND, **more: object
) -> JsonObject:
    return {**top, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more}


def text_chunk(text: object, reason: str | None = None, *, top: JsonObject = SECOND) -> JsonObject:
    return {**top, "choices": [{"index": 0, "text": text, "finish_reason": reason}]}


def usage(prompt: int, completion: int) -> JsonObject:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def presenter_of(make_call: MakeCall, verb: str, *chunks: JsonObject) -> JoiningPresenter:
    new = connector.actions[f"openai.{verb}"].stream
    assert new is not None
    presenter: JoiningPresenter = new(make_call(verb))  # type: ignore[assignment]  # ours can join
    for item in chunks:
        presenter.feed(item)
    return presenter


def go_on(presenter: JoiningPresenter, chunks: Iterable[JsonObject]) -> list[JsonObject]:
    """Return what the caller gets of a follow-up stream."""
    presenter.answer(is_partial=True)  # as the engine does when a stream broke
    passed = []
    for item in chunks:
        adapted = presenter.adapt(item)
        if adapted is not None:
            presenter.feed(adapted)
            passed.append(adapted)
    return passed


BEGUN = [
    chunk({"role": "assistant", "content": "", "refusal": None}, top=FIRST),
    chunk({"content": "Once upon"}, top=FIRST),
]


def test_follow_up_gets_the_identity_of_the_first_stream_and_one_mark(make_call: MakeCall) -> None:
    presenter = presenter_of(make_call, "chat", *BEGUN)

    passed = go_on(
        presenter,
        [
            chunk({"role": "assistant", "content": "", "refusal": None}),
            chunk({"content": " a"}, service_tier="default"),
            chunk({"content": " time"}),
            chunk({}, "stop"),
            {**SECOND, "choices": [], "usage": usage(9, 3)},
        ],
    )

    assert passed == [
        chunk({"content": " a"}, top=FIRST, service_tier="default") | MARK,
        chunk({"content": " time"}, top=FIRST),
        chunk({}, "stop", top=FIRST),
        {**FIRST, "choices": [], "usage": usage(9, 3)},
    ]
    output = presenter.finish()
    assert (output["text"], output["id"], output["finish_reason"]) == (
        "Once upon a time",
        "chatcmpl-1",
        "stop",
    )


def test_completion_is_joined_alike(make_call: MakeCall) -> None:
    presenter = presenter_of(make_call, "complete", text_chunk("Once upon", top=FIRST))

    passed = go_on(presenter, [text_chunk(""), text_chunk(" a time"), text_chunk("", "stop")])

    assert passed == [text_chunk(" a time", top=FIRST) | MARK, text_chunk("", "stop", top=FIRST)]
    assert presenter.finish()["text"] == "Once upon a time"


def test_role_that_comes_with_a_text_is_taken_off(make_call: MakeCall) -> None:
    passed = go_on(presenter_of(make_call, "chat", *BEGUN), [chunk({"role": "assistant", "content": " a"})])

    assert passed == [chunk({"content": " a"}, top=FIRST) | MARK]


def test_where_nothing_had_arrived_the_follow_up_keeps_its_own_identity(make_call: MakeCall) -> None:
    passed = go_on(presenter_of(make_call, "chat"), [chunk({"content": "Hello"})])

    assert passed == [chunk({"content": "Hello"}) | MARK]


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_words_that_are_repeated_are_delivered_once(make_call: MakeCall, reason: str) -> None:
    first = chunk({"content": "The quick brown fox jumps"}, top=FIRST)
    presenter = presenter_of(make_call, "chat", first)

    passed = go_on(
        presenter,
        [chunk({"content": word}) for word in ["The", " quick", " brown", " fox", " jumps", " over", " it"]]
        + [chunk({}, reason)],
    )

    assert presenter.finish()["text"] == "The quick brown fox jumps over it"
    assert [item["choices"] for item in passed] == [
        chunk({"content": " over"})["choices"],
        chunk({"content": " it"})["choices"],
        chunk({}, reason)["choices"],
    ]


@pytest.mark.parametrize(
    "last",
    [
        chunk({}, "stop"),
        chunk(None, "stop"),
        chunk({"content": "!"}, "stop"),
        chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]}),
    ],
    ids=["empty delta", "no delta", "with text", "tool call"],
)
def test_text_held_back_leaves_with_what_ends_it(make_call: MakeCall, last: JsonObject) -> None:
    presenter = presenter_of(make_call, "chat", chunk({"content": "A quick fox and a dog"}, top=FIRST))

    passed = go_on(presenter, [chunk({"content": " quick"}), last])

    assert len(passed) == 1
    assert str(passed[0]["choices"]).count("'content': ' quick") == 1
    kept = presenter.answer(is_partial=True)["choices"]
    assert "dog quick" in str(kept)


def test_text_held_back_is_forgotten_when_the_follow_up_breaks_too(make_call: MakeCall) -> None:
    presenter = presenter_of(make_call, "chat", chunk({"content": "The quick brown fox"}, top=FIRST))

    assert go_on(presenter, [chunk({"role": "assistant"}), chunk({"content": "quick"})]) == []
    third = go_on(presenter, [chunk({"role": "assistant", "content": ""}), chunk({"content": " ran"})])

    assert third == [chunk({"content": " ran"}, top=FIRST) | MARK]


def test_tokens_that_are_known_are_added_up(make_call: MakeCall) -> None:
    counted = chunk({"content": "Once"}, top=FIRST, usage=usage(7, 1))  # some servers count in every chunk
    presenter = presenter_of(make_call, "chat", counted)

    passed = go_on(presenter, [chunk({"content": " upon"}, usage=None), chunk({}, "stop", usage=usage(9, 2))])

    assert [item["usage"] for item in passed] == [None, usage(16, 3)]


def test_details_of_tokens_are_added_up_member_by_member() -> None:
    first = {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 2}, "x": 1}
    second = {"prompt_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3}, "cost": 0.5, "x": None}

    assert add_usage(first, second) == {
        "prompt_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 2},
        "cost": 0.5,
        "x": 1,
    }


@pytest.mark.parametrize("verb", ["chat", "complete"])
@pytest.mark.parametrize(
    "odd",
    [
        {"choices": {}},
        {"choices": [None]},
        {"choices": [{"index": [], "delta": {"content": 5}, "text": 5}]},
        {"choices": [{"index": 0, "delta": [], "text": []}]},
    ],
)
def test_chunk_of_another_shape_is_handed_on_to_be_judged(
    make_call: MakeCall, verb: str, odd: JsonObject
) -> None:
    begun = chunk({"content": "a"}) if verb == "chat" else text_chunk("a")
    presenter = presenter_of(make_call, verb, begun)

    adapted = presenter.adapt(odd)

    assert adapted is not None
    assert adapted["choices"] == odd["choices"]
