"""What comes back from the upstream: reading its body, and its headers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hookline import Call, Connection
from hookline.errors import InvalidUpstreamAnswerError, UpstreamTimeoutError
from hookline.testing.clock import FakeClock
from hookline.upstream import UpstreamResponse, WholeBody
from small_service import CALLER, make_connector


def make_call(clock: FakeClock, *, timeout_s: float) -> Call:
    connector = make_connector()
    return Call(
        action=connector.actions["acme.say"],
        principal=CALLER,
        connection=Connection(name="acme", connector="acme", base_url=connector.base_url),
        input={},
        deadline=clock.monotonic() + timeout_s,
        clock=clock,
    )


def respond(*pieces: bytes, is_whole: bool) -> tuple[UpstreamResponse, list[str]]:
    """Return a response, and what notes that it was closed."""
    closed: list[str] = []
    chunks = WholeBody(b"".join(pieces)) if is_whole else iter(pieces)
    return UpstreamResponse(
        status=200, headers=[], chunks=chunks, close=lambda: closed.append("closed")
    ), closed


@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize("pieces", [(), (b"a",), (b"one", b" two")])
def test_a_body_is_read_whole_and_closed(pieces: tuple[bytes, ...], is_whole: bool) -> None:
    response, closed = respond(*pieces, is_whole=is_whole)

    assert response.read(max_bytes=7) == b"".join(pieces)
    assert closed == ["closed"]


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_body_over_the_cap_is_refused_and_closed(is_whole: bool) -> None:
    response, closed = respond(b"one", b" two", is_whole=is_whole)

    with pytest.raises(InvalidUpstreamAnswerError) as caught:
        response.read(max_bytes=6)

    assert caught.value.code == "upstream_answer_too_large"
    assert closed == ["closed"]


@pytest.mark.parametrize("is_whole", [True, False])
def test_nothing_is_read_after_the_deadline(is_whole: bool) -> None:
    response, closed = respond(b"one", is_whole=is_whole)
    clock = FakeClock()
    call = make_call(clock, timeout_s=5)
    clock.advance(5)

    with pytest.raises(UpstreamTimeoutError):
        response.read(max_bytes=100, call=call)

    assert closed == ["closed"]


def test_a_piece_that_comes_after_the_deadline_is_not_handed_on() -> None:
    clock = FakeClock()
    call = make_call(clock, timeout_s=5)

    def pieces() -> Iterator[bytes]:
        yield b"in time"
        clock.advance(5)
        yield b"late"

    response = UpstreamResponse(status=200, headers=[], chunks=pieces())
    chunks = response.chunks_within(call)

    assert next(chunks) == b"in time"
    with pytest.raises(UpstreamTimeoutError):
        next(chunks)


def test_a_silence_is_bounded_by_the_time_that_is_left_when_the_next_piece_is_asked_for() -> None:
    clock = FakeClock()
    call = make_call(clock, timeout_s=5)
    bounds: list[float] = []
    response = UpstreamResponse(
        status=200, headers=[], chunks=iter([b"a", b"b"]), silence_s=4, bound_silence=bounds.append
    )

    for _ in response.chunks_within(call):
        clock.advance(1.5)

    assert bounds == [3.5, 2.0]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], ""),
        (
            [("x-a", "b"), ("content-type", " Text/HTML ; charset=utf-8"), ("content-type", "b/c")],
            "text/html",
        ),
        ([("content-type", "application/json")], "application/json"),
    ],
)
def test_a_content_type_is_the_first_one_without_parameters(
    headers: list[tuple[str, str]], expected: str
) -> None:
    assert UpstreamResponse(status=200, headers=headers, chunks=iter([])).content_type == expected
