"""Answer calls of the gateway without any network."""

from __future__ import annotations

import math
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookline.errors import StreamInterruptedError, UpstreamTimeoutError
from hookline.upstream import UpstreamResponse
from hookline_sandbox.errors import CutConnection
from hookline_sandbox.repetition import FaultCounter
from hookline_sandbox.service import Sandbox

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.upstream import UpstreamRequest

_GZIP = zlib.MAX_WBITS | 16
_COUNTER = FaultCounter()  # one per process: each attempt of a call is answered by a sandbox of its own


def execute(call: Call, request: UpstreamRequest) -> UpstreamResponse:
    """Answer one attempt, with the faults that it asks for.

    Raises:
        UpstreamTimeoutError: If a fault lasts longer than the call may.
        StreamInterruptedError: If the caller leaves while a fault keeps the answer back.
    """
    stopped = threading.Event()
    silence_s = math.inf  # no bound until the answer has begun; then that of the request, as with a network

    def sleep(seconds: float) -> None:
        bound_s = min(silence_s, max(0.0, call.remaining_s()))
        if stopped.wait(min(seconds, bound_s)):
            raise CutConnection
        if seconds > bound_s:
            raise UpstreamTimeoutError("The sandbox fell silent for longer than the call allows.")

    def close() -> None:
        stopped.set()
        call.cancellation.discard(stopped.set)

    call.cancellation.add(stopped.set)
    parts = urlsplit(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        sandbox = Sandbox(sleep=sleep, now=lambda: call.clock.now().timestamp(), counter=_COUNTER)
        answer = sandbox.answer(request.method, parts.path, headers, request.content or b"")
        silence_s = math.inf if request.stall_timeout_s is None else request.stall_timeout_s
    except CutConnection as exc:
        close()
        raise StreamInterruptedError("The sandbox was stopped before it answered.") from exc
    except BaseException:
        close()
        raise
    is_encoded = ("content-encoding", "gzip") in answer.headers
    chunks = _decode(answer.chunks) if is_encoded else answer.chunks
    return UpstreamResponse(
        status=answer.status, headers=answer.headers, chunks=_until_cut(chunks, close), close=close
    )


def _until_cut(chunks: Iterator[bytes], close: Callable[[], None]) -> Iterator[bytes]:
    try:
        yield from chunks
    except CutConnection as exc:
        raise StreamInterruptedError("The sandbox broke the connection in the middle of its answer.") from exc
    finally:
        close()


def _decode(chunks: Iterator[bytes]) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(wbits=_GZIP)
    for chunk in chunks:
        yield decompressor.decompress(chunk)
