"""A fixed upstream that speaks enough of OpenAI's format to be measured through, and does nothing else.

Run as ``python tests/benchmarks/upstream.py PORT``. It is a granian RSGI application in a process of its
own, several times as fast as the gateway, so that the gateway is what gets measured. Answers are made once,
at import. A model named ``gap-20`` makes a stream wait 20 ms before each delta; any other name waits not.
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from granian._granian import RSGIHTTPProtocol
    from granian.rsgi import Scope

DELTAS = 64
COMPLETION_BYTES = 1024
STREAM_EVENTS = DELTAS + 3  # the role, the deltas, the finish reason and [DONE]

_GAP = re.compile(r"gap-(\d{1,5})")
_CREATED = 1_767_225_600
_RATE_HEADERS = [
    ("openai-organization", "benchmark"),
    ("openai-processing-ms", "12"),
    ("openai-version", "2020-10-01"),
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-limit-tokens", "2000000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-remaining-tokens", "1999976"),
    ("x-ratelimit-reset-requests", "6ms"),
    ("x-ratelimit-reset-tokens", "1ms"),
    ("x-request-id", "req_0123456789abcdef0123456789abcdef"),
]
JSON_HEADERS = [("content-type", "application/json"), *_RATE_HEADERS]
STREAM_HEADERS = [("content-type", "text/event-stream; charset=utf-8"), *_RATE_HEADERS]


def _completion() -> bytes:
    """Return a chat completion of exactly ``COMPLETION_BYTES`` bytes."""
    answer = {
        "id": "chatcmpl-benchmark",
        "object": "chat.completion",
        "created": _CREATED,
        "model": "gpt-5.4-mini-2026-03-17",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "", "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 24,
            "completion_tokens": 120,
            "total_tokens": 144,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_benchmark",
    }
    empty = orjson.dumps(answer)
    words = b"A gateway should cost little. " * 40
    return empty.replace(b'"content":""', b'"content":"' + words[: COMPLETION_BYTES - len(empty)] + b'"')


def _chunk(delta: dict[str, object], finish_reason: str | None = None) -> bytes:
    chunk = {
        "id": "chatcmpl-benchmark",
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": "gpt-5.4-mini-2026-03-17",
        "service_tier": "default",
        "system_fingerprint": "fp_benchmark",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
    }
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _embeddings(texts: int = 100, dimensions: int = 1536) -> bytes:
    """Return an answer of about two megabytes, its numbers as long as OpenAI's."""
    vector = [round(((place * 7919) % 100_003) / 1_000_030 - 0.05, 9) for place in range(dimensions)]
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(texts)]
    usage = {"prompt_tokens": 64, "total_tokens": 64}
    return orjson.dumps({"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage})


def stream_events(deltas: int) -> list[bytes]:
    """Return the events of a chat of so many deltas: the role, the deltas, the finish reason, the end."""
    first = _chunk({"role": "assistant", "content": "", "refusal": None})
    words = [_chunk({"content": f"word{number} "}) for number in range(deltas)]
    return [first, *words, _chunk({}, "stop"), b"data: [DONE]\n\n"]


COMPLETION = _completion()
_EMBEDDINGS = _embeddings()
_EVENTS = stream_events(DELTAS)


async def app(scope: Scope, protocol: RSGIHTTPProtocol) -> None:
    """Answer one request."""
    body = await protocol()
    if scope.path == "/v1/embeddings":
        protocol.response_bytes(200, JSON_HEADERS, _EMBEDDINGS)
    elif scope.path != "/v1/chat/completions":
        protocol.response_bytes(200 if scope.path == "/" else 404, JSON_HEADERS, b"{}")
    elif b'"stream"' in body and (fields := orjson.loads(body)).get("stream") is True:
        await _stream(protocol, _gap_s(str(fields.get("model"))))
    else:
        protocol.response_bytes(200, JSON_HEADERS, COMPLETION)


async def _stream(protocol: RSGIHTTPProtocol, gap_s: float) -> None:
    stream = protocol.response_stream(200, STREAM_HEADERS)
    for number, event in enumerate(_EVENTS):
        if gap_s and 0 < number <= DELTAS:
            await asyncio.sleep(gap_s)
        await stream.send_bytes(event)


def _gap_s(model: str) -> float:
    found = _GAP.fullmatch(model)
    return int(found[1]) / 1000 if found else 0.0


def main() -> None:
    """Serve on the port that the command line names until a signal ends it."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    Granian(
        f"{__file__}:app",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.RSGI,
        backlog=4096,
        backpressure=4096,
        websockets=False,
        log_level=LogLevels.error,
        workers_kill_timeout=2,
    ).serve()


if __name__ == "__main__":
    main()
