"""Streams that come again: byte for byte, and only if they were complete."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from hookline_idempotency.recording import HEARTBEAT, RecordedStream
from replay_lab import ReplayLab, code_of, header, is_replayed, pieces_of
from small_service import DONE, Body, event, streamed

if TYPE_CHECKING:
    from hookline import Reply
    from hookline.upstream import UpstreamRequest, UpstreamResponse


def complete(request: UpstreamRequest) -> UpstreamResponse:
    return streamed(Body([event("one"), event("two"), DONE]))


def read(reply: Reply) -> bytes:
    return b"".join(piece for piece in pieces_of(reply) if piece != HEARTBEAT)


def leave(reply: Reply) -> None:
    close = getattr(pieces_of(reply), "close", None)
    assert close is not None
    close()


@pytest.mark.parametrize("is_wire", [False, True])
def test_a_complete_stream_is_given_again_byte_for_byte(is_wire: bool) -> None:
    lab = ReplayLab(complete)
    first = lab.ask(stream=True, is_wire=is_wire)
    content = read(first)
    second = lab.ask(stream=True, is_wire=is_wire)

    assert content.count(b"data: ") == 3
    assert header(first, "idempotency-expires") == header(second, "idempotency-expires") is not None
    assert is_replayed(second)
    assert [pair for pair in second.headers if pair[0] != "idempotent-replayed"] == first.headers
    assert read(second) == content
    assert lab.sent == 1


def test_a_stream_and_a_whole_answer_are_different_requests() -> None:
    lab = ReplayLab(complete)
    read(lab.ask(stream=True))
    assert lab.ask(stream=False).status == 422


def test_while_a_stream_runs_others_are_told_to_come_again() -> None:
    opened = threading.Event()

    def held() -> Iterator[bytes | Exception]:
        yield event("one")
        assert opened.wait(20)
        yield DONE

    lab = ReplayLab(lambda request: streamed(Body(held())))
    first = lab.ask(stream=True)
    pieces = pieces_of(first)
    next(pieces)

    assert code_of(lab.ask(stream=True)) == "still_running"
    opened.set()
    for _ in pieces:
        pass
    assert is_replayed(lab.ask(stream=True))


def test_a_stream_that_breaks_frees_its_key() -> None:
    answers: list[list[bytes | Exception]] = [
        [event("one"), OSError("gone")],
        [event("one"), event("two"), DONE],
    ]
    lab = ReplayLab(lambda request: streamed(Body(answers.pop(0))))

    assert b'"type":"error"' in read(lab.ask(stream=True))
    second = lab.ask(stream=True)

    assert not is_replayed(second)
    assert b"two" in read(second)
    assert is_replayed(lab.ask(stream=True))


def test_a_stream_that_is_left_frees_its_key() -> None:
    waiting = threading.Event()

    def endless() -> Iterator[bytes | Exception]:
        yield event("one")
        waiting.wait(20)
        yield event("two")

    answers: list[Iterator[bytes | Exception]] = [endless(), iter([event("one"), DONE])]
    lab = ReplayLab(lambda request: streamed(Body(answers.pop(0))))
    first = lab.ask(stream=True)
    next(pieces_of(first))
    leave(first)
    waiting.set()

    second = lab.ask(stream=True)
    assert (second.status, is_replayed(second)) == (200, False)
    read(second)
    assert is_replayed(lab.ask(stream=True))


def test_a_stream_that_the_gateway_cuts_because_it_is_being_ended_is_not_kept() -> None:
    opened = threading.Event()

    def held() -> Iterator[bytes | Exception]:
        yield event("one")
        assert opened.wait(20)
        yield event("two")
        yield DONE

    lab = ReplayLab(lambda request: streamed(Body(held())))
    first = lab.ask(stream=True)
    next(pieces_of(first))
    for pump in list(lab.gateway._pumps._running):
        pump.abandon()
    opened.set()
    content = read(first)

    assert b"output" not in content
    assert not is_replayed(lab.ask(stream=True))


def test_a_stream_that_is_left_before_its_first_piece_frees_its_key() -> None:
    lab = ReplayLab(complete)
    leave(lab.ask(stream=True))
    assert lab.ask(stream=True).status == 200


def test_a_stream_that_is_refused_before_it_begins_is_an_answer_like_any_other() -> None:
    lab = ReplayLab(lambda request: Body([b'{"error": {"message": "No."}}']).response(status=400))
    first, second = lab.ask(stream=True), lab.ask(stream=True)
    assert (first.content, is_replayed(second), lab.sent) == (second.content, True, 1)


def test_a_stream_that_is_too_large_is_given_once() -> None:
    lab = ReplayLab(complete, max_reply_bytes=50)
    assert b"two" in read(lab.ask(stream=True))
    assert code_of(lab.ask(stream=True)) == "reply_too_large"
    assert lab.sent == 1


class Pieces:
    """An iterator that tells whether it was closed."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = iter(pieces)
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        self.is_closed = True


def record(pieces: Pieces, told: list[object], *, is_over: bool = False) -> RecordedStream:
    return RecordedStream(
        pieces,
        max_bytes=100,
        ended=told.append,
        left=lambda: told.append("left"),
        is_over=lambda: is_over,
    )


def test_comments_that_keep_a_client_awake_are_no_part_of_the_answer() -> None:
    told: list[object] = []
    assert list(record(Pieces(HEARTBEAT, b"a", HEARTBEAT, b"b"), told)) == [HEARTBEAT, b"a", HEARTBEAT, b"b"]
    assert told == [b"ab"]


def test_whoever_leaves_after_the_end_of_the_call_has_had_the_answer() -> None:
    """A client that has read its last event may close before the server has looked for another."""
    told: list[object] = []
    pieces = Pieces(b"a", b"b")
    record(pieces, told, is_over=True).close()

    assert (told, pieces.is_closed) == ([b"ab"], True)


def test_the_answer_is_kept_before_its_last_bytes_go_out() -> None:
    """Whoever has read the end may ask again at once."""
    told: list[object] = []
    stream = record(Pieces(b"a", b"b"), told, is_over=True)
    assert next(stream) == b"ab"
    assert told == [b"ab"]
    assert list(stream) == []


def test_the_end_is_told_once() -> None:
    told: list[object] = []
    pieces = Pieces(b"a")
    stream = record(pieces, told)
    assert list(stream) == [b"a"]
    assert list(stream) == []
    stream.close()
    stream.close()

    assert told == [b"a"]


def test_a_stream_that_raises_counts_as_left() -> None:
    class Broken(Pieces):
        def __next__(self) -> bytes:
            raise OSError

    told: list[object] = []
    with pytest.raises(OSError):  # noqa: PT011  # it is the one raised above
        next(record(Broken(), told))
    assert told == ["left"]
