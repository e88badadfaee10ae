"""A plugin that listens to the requests of a call, and to the answers as they arrive."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from hookline.attempt import RetryDecision
from hookline.engine.sse import EventDecoder
from hookline.hookspecs import hookimpl
from hookline.recording.recording import Exchange, Piece

if TYPE_CHECKING:
    from hookline.attempt import Attempt
    from hookline.call import Call
    from hookline.connection import Secret
    from hookline.upstream import UpstreamRequest, UpstreamResponse

MAX_BYTES = 32 * 1024 * 1024
EVENT_STREAM = "text/event-stream"


@dataclass
class Take:
    """One request, its answer, and what arrived of its body and when.

    Attributes:
        request: As it was sent, signed.
        status: Of the answer.
        headers: Of the answer.
        chunks: Seconds since the chunk before, and the chunk.
    """

    request: UpstreamRequest = field(repr=False)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    chunks: list[tuple[float, bytes]] = field(default_factory=list, repr=False)

    def exchange(self) -> Exchange:
        """Return it as it stands in a recording, secrets included."""
        path, _, query = self.request.path.partition("?")
        is_stream = self.headers.get("content-type", "").startswith(EVENT_STREAM)
        return Exchange(
            method=self.request.method,
            path=path,
            query=tuple(parse_qsl(query, keep_blank_values=True)),
            request_headers=dict(self.request.headers),
            request_body=self.request.content or b"",
            status=self.status,
            headers=dict(self.headers),
            body=b"" if is_stream else b"".join(chunk for _, chunk in self.chunks),
            pieces=tuple(_pieces(self.chunks)) if is_stream else (),
        )


class Tape:
    """Tapes what goes out and comes back, once per attempt.

    Attributes:
        takes: In order.
        secrets: Credentials that were put on requests.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.takes: list[Take] = []
        self.secrets: set[str] = set()

    @hookimpl(tryfirst=True)
    def hookline_apply_upstream_auth(self, call: Call, secret: Secret) -> None:
        """Remember the credential, so that it can be removed; others put it on the request."""
        self.secrets.add(secret.reveal())

    @hookimpl(tryfirst=True)
    def hookline_retry(self, call: Call, attempt: Attempt) -> RetryDecision:
        """Repeat nothing: a recording is one run, and a refusal is an answer."""
        return RetryDecision(again=False)

    @hookimpl(wrapper=True, tryfirst=True)
    def hookline_execute(
        self, call: Call, request: UpstreamRequest
    ) -> Generator[None, UpstreamResponse, UpstreamResponse]:
        """Tape one attempt, unless it is code that answers and no service."""
        if call.action.code is not None:
            return (yield)
        take = Take(replace(request, headers=dict(request.headers)))
        with self._lock:
            self.takes.append(take)
        response = yield
        take.status = response.status
        take.headers = dict(response.headers)
        response.chunks = self._listen(response.chunks, take, call)
        return response

    def _listen(self, chunks: Iterator[bytes], take: Take, call: Call) -> Iterator[bytes]:
        before, size_bytes = call.clock.monotonic(), 0
        for chunk in chunks:
            now = call.clock.monotonic()
            size_bytes += len(chunk)
            if size_bytes <= MAX_BYTES:
                take.chunks.append((round(now - before, 3), chunk))
            before = now
            yield chunk


def _pieces(chunks: list[tuple[float, bytes]]) -> Iterator[Piece]:
    """Yield one piece for each event, so that no secret is cut in two by the network."""
    decoder, waited_s, seen = EventDecoder(max_event_bytes=MAX_BYTES), 0.0, 0
    for after_s, chunk in chunks:
        waited_s += after_s
        for event in decoder.feed(chunk):
            yield Piece(after_s=round(waited_s, 3), text=event.raw.decode("utf-8", "replace"))
            waited_s, seen = 0.0, seen + len(event.raw)
    rest = b"".join(chunk for _, chunk in chunks)[seen:]
    if rest:
        yield Piece(after_s=round(waited_s, 3), text=rest.decode("utf-8", "replace"))
