"""The transform of streams by itself: several texts at once, and formats other than that of chats."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from hookline_redact.placeholders import Placeholders
from hookline_redact.redaction import Redaction
from hookline_redact.stream import RestoringStream

from hookline import StreamEvent, StreamOutcome

COMPLETE = StreamOutcome(kind="complete")


def stream(*, is_wire: bool = True) -> RestoringStream:
    placeholders = Placeholders()
    placeholders.put("email", "ada@example.com")
    placeholders.put("email", "bob@example.org")
    return RestoringStream(Redaction(placeholders=placeholders), is_wire=is_wire)


def feed(transform: RestoringStream, *chunks: object) -> list[Any]:
    """Return the JSON of what comes out, the rest at the end among it."""
    out: list[StreamEvent] = []
    for chunk in chunks:
        out += transform.feed(StreamEvent(orjson.dumps(chunk)))
    out += transform.finish(COMPLETE)
    return [orjson.loads(event.data) for event in out]


def choice(index: int, text: str, finish: str | None = None) -> dict[str, object]:
    return {"index": index, "text": text, "finish_reason": finish}


def texts(events: Iterable[Any], index: int) -> str:
    parts = [one["text"] for event in events for one in event["choices"] if one["index"] == index]
    return "".join(parts)


def test_the_texts_of_several_choices_are_told_apart() -> None:
    events = feed(
        stream(),
        {"id": "c", "choices": [choice(0, "A [EMA"), choice(1, "B [EMAIL_")]},
        {"id": "c", "choices": [choice(1, "2]"), choice(0, "IL_1]")]},
        {"id": "c", "choices": [choice(0, "", "stop"), choice(1, ".", "stop")]},
    )

    assert texts(events, 0) == "A ada@example.com"
    assert texts(events, 1) == "B bob@example.org."


def test_what_is_held_back_of_a_choice_goes_out_with_its_end() -> None:
    events = feed(
        stream(),
        {"id": "c", "model": "m", "choices": [choice(0, "It is [EMAIL")]},
        {"id": "c", "model": "m", "choices": [choice(0, "", "length")]},
    )

    assert events == [
        {"id": "c", "model": "m", "choices": [choice(0, "It is ")]},
        {"id": "c", "model": "m", "choices": [choice(0, "[EMAIL", "length")]},
    ]


def test_a_stream_without_choices_is_restored_wherever_texts_run() -> None:
    events = feed(
        stream(),
        {"delta": {"text": "To [EMAIL"}, "id": "e1"},
        {"delta": {"text": "_1], [EMAIL_"}, "id": "e2"},
    )

    assert "".join(event["delta"]["text"] for event in events) == "To ada@example.com, [EMAIL_"
    assert [event.get("id") for event in events] == ["e1", "e2", "e2"]


def test_an_event_keeps_its_name() -> None:
    event = StreamEvent(b'{"delta": {"text": "[EMAIL_1]"}}', name=b"delta")

    (out,) = stream().feed(event)

    assert out.raw == b'event: delta\ndata: {"delta":{"text":"ada@example.com"}}\n\n'


def test_an_event_without_placeholders_goes_on_as_it_came() -> None:
    event = StreamEvent(b'{"choices": [{"index": 0, "delta": {"content": "Hi"}}]}', raw=b"as it came")

    assert list(stream().feed(event)) == [event]
    assert event.raw == b"as it came"


@pytest.mark.parametrize("kind", ["interrupted", "client_gone", "restarted"])
def test_nothing_is_added_to_a_stream_that_broke(kind: Any) -> None:
    transform = stream()
    transform.feed(StreamEvent(b'{"delta": {"text": "[EMAIL"}}'))

    assert list(transform.finish(StreamOutcome(kind=kind))) == []


def test_pieces_of_refusals_and_texts_do_not_mix() -> None:
    transform = stream(is_wire=False)
    event = StreamEvent(b'{"choices": []}')
    event.pieces = [{"type": "text", "text": "[EMAIL"}, {"type": "refusal", "text": "_1]"}]
    more = StreamEvent(b'{"choices": []}')
    more.pieces = [{"type": "text", "text": "_1] is it"}]

    out = [piece for one in (event, more) for sent in transform.feed(one) for piece in sent.pieces]

    assert out == [{"type": "refusal", "text": "_1]"}, {"type": "text", "text": "ada@example.com is it"}]
