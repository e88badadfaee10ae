"""Streams of very many events: bounded in time and memory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from streams_lab import DONE, END, ROLE, Chunks, Lab, encode

PAGE_BYTES = 4096
TINY = encode({"choices": [{"index": 0, "delta": {"content": "a "}}]})


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def tiny_events(count: int) -> Chunks:
    yield ROLE
    for _ in range(count // 1000):
        yield TINY * 1000
    yield END
    yield DONE


@pytest.mark.parametrize(
    ("door", "count", "options"),
    [
        ("wire", 1_000_000, {}),
        ("wire", 100_000, {"on_interrupt": "continue"}),
        ("action", 100_000, {}),
    ],
)
def test_stream_of_very_many_events_takes_little_memory(
    door: str, count: int, options: dict[str, Any]
) -> None:
    lab = Lab(tiny_events(count), **options)
    began_with, began_at = resident_bytes(), time.process_time()
    most = received = 0

    content = lab.start(door).content
    assert not isinstance(content, bytes)
    last = b""
    for number, last in enumerate(content):
        received += len(last)
        if number % 50 == 0:
            most = max(most, resident_bytes())

    assert received > count * 8
    assert last.endswith(DONE if door == "wire" else b"}\n\n")
    assert most - began_with < 32 * 1024 * 1024
    assert time.process_time() - began_at < 60


def test_whole_answer_put_together_from_very_many_events_is_all_of_them() -> None:
    lab = Lab(tiny_events(100_000), internal=True)

    result = lab.run("action", stream=None)

    assert result.json["text"] == "a " * 100_000
