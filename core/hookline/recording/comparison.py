"""Whether reality has moved on since a recording was made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import orjson

from hookline.engine.sse import EventDecoder
from hookline.recording.shapes import Change, changes_between, shape_of

if TYPE_CHECKING:
    from hookline.recording.recording import Exchange, Recording


def compare(before: Recording, now: Recording) -> list[Change]:
    """Return what is not as it was: statuses, media types, members and types. Other values are no change."""
    changes: list[Change] = []
    if len(before.exchanges) != len(now.exchanges):
        counts = str(len(before.exchanges)), str(len(now.exchanges))
        changes.append(Change(where="exchanges", kind="requests", before=counts[0], now=counts[1]))
    for number, (old, new) in enumerate(zip(before.exchanges, now.exchanges, strict=False)):
        changes += _compare(old, new, f"exchanges[{number}].answer")
    return changes


def _compare(old: Exchange, new: Exchange, where: str) -> Iterator[Change]:
    if old.status != new.status:
        yield Change(where=where, kind="status", before=str(old.status), now=str(new.status))
        return
    kinds = [one.headers.get("content-type", "none").partition(";")[0].strip().lower() for one in (old, new)]
    if kinds[0] != kinds[1]:
        yield Change(where=where, kind="media type", before=kinds[0], now=kinds[1])
        return
    if old.pieces or new.pieces:
        before, now = shape_of(_events(old)), shape_of(_events(new))
        yield from changes_between(before, now, f"{where}.events[]")
        return
    forms = [_form(one.body) for one in (old, new)]
    if forms[0] != forms[1]:
        yield Change(where=f"{where}.body", kind="kind", before=forms[0], now=forms[1])
    elif forms[0] == "JSON":
        shapes = [shape_of([orjson.loads(one.body)]) for one in (old, new)]
        yield from changes_between(shapes[0], shapes[1], f"{where}.body")


def _form(content: bytes) -> str:
    if not content:
        return "nothing"
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        return "no JSON"
    return "JSON"


def _events(exchange: Exchange) -> Iterator[object]:
    decoder = EventDecoder(max_event_bytes=1 << 30)
    for piece in exchange.pieces:
        for event in decoder.feed(piece.text.encode()):
            try:
                if event.data is not None:
                    yield orjson.loads(event.data)
            except orjson.JSONDecodeError:
                continue
