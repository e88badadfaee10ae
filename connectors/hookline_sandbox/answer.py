"""An answer of the service as it goes over the wire."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hookline_sandbox.wire import JsonObject, encode

EVENT_STREAM = "text/event-stream"


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxAnswer:
    """Status, headers and body of one answer.

    Attributes:
        status: The HTTP status.
        headers: Lower-case names and values; no hop-by-hop headers and no content-length.
        chunks: The body; one item is one write to the network. Taking the next one may sleep, and may
            raise :class:`~hookline_sandbox.errors.CutConnection`.
        content_length: Size of the body in bytes if it is known beforehand, as it is for every whole answer
            that is not going to break.
    """

    status: int
    headers: list[tuple[str, str]]
    chunks: Iterator[bytes]
    content_length: int | None = None

    @property
    def is_stream(self) -> bool:
        """Whether the body is a stream of server-sent events."""
        return any(name == "content-type" and value.startswith(EVENT_STREAM) for name, value in self.headers)


def whole(
    status: int,
    body: bytes,
    *,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> SandboxAnswer:
    """Return an answer with a body that is there at once."""
    lines = [("content-type", content_type), *(headers or {}).items()]
    return SandboxAnswer(status=status, headers=lines, chunks=iter([body]), content_length=len(body))


def json_answer(status: int, body: JsonObject, *, headers: Mapping[str, str] | None = None) -> SandboxAnswer:
    """Return an answer with a JSON body."""
    return whole(status, encode(body), headers=headers)


def stream_answer(events: Iterable[bytes]) -> SandboxAnswer:
    """Return an answer whose body is a stream of events."""
    lines = [("content-type", f"{EVENT_STREAM}; charset=utf-8"), ("cache-control", "no-cache")]
    return SandboxAnswer(status=200, headers=lines, chunks=iter(events))
