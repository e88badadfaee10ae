"""What a scripted service answers: statuses, bodies, events, pauses and faults, one answer after another."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import orjson

Fault = Literal["refused", "timeout", "reset", "cut", "slow", "garbage", "html", "empty", "huge"]
"""How an answer goes wrong.

``refused``: nobody takes the connection. ``timeout``: the service stays silent. ``reset``: it breaks the
connection before it answers. ``cut``: it breaks it in the middle of its answer. ``slow``: the body stops half
way. ``garbage``: bytes that are no JSON. ``html``: a page. ``empty``: 200 without a body. ``huge``: a body
over the gateway's bound.
"""

FAULTS: tuple[Fault, ...] = get_args(Fault)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """A silence inside of an answer.

    Attributes:
        seconds: How long; time of the test's clock.
    """

    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptedAnswer:
    """One answer of a scripted service.

    Attributes:
        status: HTTP status.
        headers: Names and values; names in lower case.
        body: Pieces of the body, with silences between them.
        after_s: Silence before it, in seconds of the test's clock.
        fault: What goes wrong with it.
        is_output: Whether the body is the action's output itself, and not what the service says.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: tuple[bytes | Pause, ...] = field(default=(), repr=False)
    after_s: float = 0.0
    fault: Fault | None = None
    is_output: bool = False


def make_answer(
    *,
    json: object = ...,
    text: str | None = None,
    content: bytes | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    after_s: float = 0.0,
) -> ScriptedAnswer:
    """Return an answer in one piece.

    Args:
        json: Body as JSON.
        text: Body as plain text, in its place.
        content: Body as bytes, in its place.
        status: HTTP status.
        headers: Further headers; a ``content-type`` wins over the usual one.
        after_s: Silence before it, in seconds of the test's clock.

    Raises:
        TypeError: If there is more than one body.
    """
    if sum((json is not ..., text is not None, content is not None)) > 1:
        raise TypeError("An answer has one body: give `json`, `text` or `content`.")
    kind, body = "application/json", b""
    if json is not ...:
        body = orjson.dumps(json)
    elif text is not None:
        kind, body = "text/plain; charset=utf-8", text.encode()
    elif content is not None:
        kind, body = "application/octet-stream", content
    named = {name.lower(): value for name, value in (headers or {}).items()}
    return ScriptedAnswer(
        status=status,
        headers=tuple({"content-type": kind, **named}.items()),
        body=(body,) if body else (),
        after_s=after_s,
    )


def make_stream(
    events: Iterable[object],
    *,
    end: str | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    after_s: float = 0.0,
) -> ScriptedAnswer:
    """Return a stream of server-sent events.

    Args:
        events: Each is the JSON of one event, bytes that are sent as they are, or a `Pause`.
        end: Data of a last event, such as ``[DONE]``.
        status: HTTP status.
        headers: Further headers.
        after_s: Silence before it, in seconds of the test's clock.
    """
    body: list[bytes | Pause] = []
    for event in events:
        if isinstance(event, (bytes, Pause)):
            body.append(event)
        else:
            body.append(b"data: " + orjson.dumps(event) + b"\n\n")
    if end is not None:
        body.append(f"data: {end}\n\n".encode())
    named = {name.lower(): value for name, value in (headers or {}).items()}
    return ScriptedAnswer(
        status=status,
        headers=tuple({"content-type": "text/event-stream", **named}.items()),
        body=tuple(body),
        after_s=after_s,
    )


class Script:
    """The answers to one kind of request, in order; the last one goes on being given.

    Args:
        name: What it is for, such as ``GET /contacts/{email}``.
        answers: The first answers.
    """

    def __init__(self, name: str, answers: Sequence[ScriptedAnswer]) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._answers = list(answers)
        self.used = 0

    def then(
        self,
        *,
        json: object = ...,
        text: str | None = None,
        content: bytes | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        after_s: float = 0.0,
        fault: Fault | None = None,
    ) -> Script:
        """Answer the next request so; see `ScriptedUpstream.answers`.

        Args:
            json: Body as JSON.
            text: Body as plain text, in its place.
            content: Body as bytes, in its place.
            status: HTTP status.
            headers: Further headers.
            after_s: Silence before it, in seconds of the test's clock.
            fault: What goes wrong with it, in place of all the others.
        """
        made = make_answer(
            json=json, text=text, content=content, status=status, headers=headers, after_s=after_s
        )
        return self.then_answer(made if fault is None else ScriptedAnswer(fault=fault))

    def then_streams(self, events: Iterable[object], *, end: str | None = None) -> Script:
        """Answer the next request with a stream; see `ScriptedUpstream.streams`."""
        return self.then_answer(make_stream(events, end=end))

    def then_answer(self, answer: ScriptedAnswer) -> Script:
        """Answer the next request so."""
        with self._lock:
            self._answers.append(answer)
        return self

    def take(self) -> ScriptedAnswer:
        """Return the answer to one request."""
        with self._lock:
            answer = self._answers[min(self.used, len(self._answers) - 1)]
            self.used += 1
            return answer
