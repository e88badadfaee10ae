"""Restoring a stream while it runs, at both doors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import orjson

from hookline import StreamEvent, StreamOutcome, StreamTransform
from hookline_redact.redaction import Redaction, complain
from hookline_redact.restoring import RunningText, is_json_text, restored
from hookline_redact.running import ended_in, event_with, texts_in

if TYPE_CHECKING:
    from hookline_redact.running import Path

    JsonObject = dict[str, object]

_TEXT_PIECE = frozenset({"index", "text", "type"})


class RestoringStream(StreamTransform):
    """Puts the data of one call back into the events of its stream.

    Args:
        redaction: What the call hides.
        is_wire: Whether the caller gets the service's own events, and not the action's pieces.
    """

    def __init__(self, redaction: Redaction, *, is_wire: bool) -> None:
        self._redaction = redaction
        self._is_wire = is_wire
        self._unknown: dict[str, None] = {}
        self._texts: dict[Path, RunningText] = {}
        self._last: dict[Path, JsonObject] = {}

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        """Return the event with the data in it, behind what an earlier one still owed.

        Raises:
            AnswerMismatchError: If it holds a placeholder that stands for nothing, and the options want the
                call to fail then.
        """
        events = self._feed_wire(event) if self._is_wire else self._feed_pieces(event)
        complain(self._redaction, self._unknown)
        return events

    def finish(self, outcome: StreamOutcome) -> Iterable[StreamEvent]:
        """Return what is still held back of a complete stream."""
        if outcome.kind != "complete":
            return ()
        owed = [self._owed_event(path) for path in list(self._held())]
        complain(self._redaction, self._unknown)
        return owed

    # ------------------------------------------------------------ the service's own events

    def _feed_wire(self, event: StreamEvent) -> list[StreamEvent]:
        chunk = cast("JsonObject", orjson.loads(orjson.dumps(event.json)))  # others may hold the event's own
        ended = ended_in(chunk)
        is_changed = False
        for path, holder, name in texts_in(chunk):
            text = cast("str", holder[name])
            running = self._running(path, name)
            new = running.feed(text)
            if running.held:
                self._last[path] = chunk
            if path[0] in ended:
                new += running.finish()
            if new != text:
                holder[name], is_changed = new, True
        owed = [self._owed_event(path) for path in list(self._held()) if path[0] in ended]
        return [*owed, _event_of(chunk, event) if is_changed else event]

    # ------------------------------------------------------------ the action's pieces

    def _feed_pieces(self, event: StreamEvent) -> list[StreamEvent]:
        pieces: list[JsonObject] = []
        for piece in event.pieces:
            text = piece.get("text")
            if isinstance(text, str) and piece.keys() <= _TEXT_PIECE:
                path = (piece.get("index", 0), str(piece.get("type")))
                running = self._running(path, "text")
                new = running.feed(text)
                if running.held:
                    self._last[path] = piece
                if new or not text:
                    pieces.append({**piece, "text": new})
            else:
                placeholders, is_json = self._redaction.placeholders, self._redaction.is_json
                whole = restored(piece, placeholders, self._unknown, is_json=is_json)
                pieces += [*self._owed_pieces(), cast("JsonObject", whole)]
        if any(self._held()) and (ended := ended_in(event.json)):
            pieces += self._owed_pieces(ended)
        event.pieces = pieces
        return [event]

    def _owed_pieces(self, ended: Iterable[object] | None = None) -> list[JsonObject]:
        paths = [path for path in self._held() if ended is None or path[0] in ended]
        return [{**self._last[path], "text": self._texts[path].finish()} for path in paths]

    # ------------------------------------------------------------ both

    def _running(self, path: Path, name: str) -> RunningText:
        running = self._texts.get(path)
        if running is None:
            running = self._texts[path] = RunningText(
                self._redaction.placeholders,
                self._unknown,
                is_json=is_json_text(name, is_json=self._redaction.is_json),
                holds_any=self._redaction.on_unknown == "fail",
            )
        return running

    def _held(self) -> Iterable[Path]:
        return (path for path in self._last if self._texts[path].held)

    def _owed_event(self, path: Path) -> StreamEvent:
        """Return an event that brings no more than what is held back of one text."""
        text = self._texts[path].finish()
        if self._is_wire:
            return StreamEvent(orjson.dumps(event_with(self._last[path], path, text)))
        event = StreamEvent(b"{}")
        event.pieces = [{**self._last[path], "text": text}]
        return event


def _event_of(chunk: JsonObject, event: StreamEvent) -> StreamEvent:
    data = orjson.dumps(chunk)
    if event.name == b"message":
        return StreamEvent(data)
    return StreamEvent(data, name=event.name, raw=b"event: " + event.name + b"\ndata: " + data + b"\n\n")
