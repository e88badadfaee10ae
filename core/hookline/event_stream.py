"""Streams of server-sent events, told by declaration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class EventStream:
    """How a service streams an action's answer.

    Callers read events ``{"type": "text", "text": …}`` and at last the whole output.

    Attributes:
        text: JMESPath, in the JSON of one event, of the text that it adds; null for events without any.
        output: JMESPath, in the JSON of one event, of members that the output takes from it; later ones win.
        into: Member of the output that holds the whole text.
        end: Data of the event that ends a complete stream, such as ``[DONE]``; None if it just ends.
        ask: Members that the request's body gets to ask for a stream.
    """

    text: str
    output: str | None = None
    into: str = "text"
    end: str | None = "[DONE]"
    ask: tuple[tuple[str, object], ...] = (("stream", True),)
