"""Reading in steps, and resting between two reads where very many streams are read."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, cast

import pytest

from hookline.call import Cancellation
from hookline.engine import http1
from hookline.engine.http1 import Http1Transport
from hookline.engine.http1_pacing import (
    LEAST_REST_S,
    MOST_REST_S,
    READS_PER_S,
    Pace,
    PacedChunks,
    PacedReader,
)
from hookline.engine.resolver import Resolver
from hookline.engine.sockets import CuttableSocket
from hookline.engine.transport import Timeouts
from hookline.upstream import UpstreamRequest
from scripted_server import CHUNKED, WAIT_S, Peer, chunk, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON_S = 0.05


class Connection:
    """Gives what it was told to, a timeout for None, and remembers how long it was to wait."""

    def __init__(self, *given: bytes | None) -> None:
        self.given = list(given)
        self.waits: list[object] = []

    def receive(self, most: int = 0) -> bytes:
        piece = self.given.pop(0)
        if piece is None:
            raise TimeoutError
        return piece

    def set_patience(self, timeout_s: float) -> None:
        self.waits.append(timeout_s)

    def set_timeout(self, timeout_s: float) -> None:
        self.waits.append(("all", timeout_s))

    def gather(self, seconds: float) -> bool:
        self.waits.append(("gather", seconds))
        return True


class SteadyPace(Pace):
    """Always tells the same rest."""

    def __init__(self, rest_s: float) -> None:
        super().__init__()
        self.rest_s = rest_s

    def count(self, change: int) -> None:
        pass


def reader_of(
    connection: Connection, *, silence_s: float = 60.0, pace: Pace | None = None, beat_s: float | None = 10.0
) -> PacedReader:
    reader = PacedReader(cast("CuttableSocket", connection), pace or SteadyPace(0.0), silence_s=silence_s)
    reader.beat(beat_s)
    return reader


def read_all(reader: PacedReader, times: int) -> list[bytes | None]:
    return [reader.receive() for _ in range(times)]


def test_each_beat_of_a_silence_is_told_until_it_has_lasted_too_long() -> None:
    connection = Connection(b"a", None, None, None)
    reader = reader_of(connection, silence_s=25.0)

    assert read_all(reader, 3) == [b"a", None, None]
    with pytest.raises(TimeoutError):
        reader.receive()
    assert connection.waits == [10.0, 5.0]


def test_a_byte_begins_the_silence_anew() -> None:
    connection = Connection(None, None, b"a", None, None, b"b")
    reader = reader_of(connection, silence_s=25.0)

    assert read_all(reader, 6) == [None, None, b"a", None, None, b"b"]


def test_what_bounds_a_silence_that_has_begun_counts_from_there_and_never_makes_it_longer() -> None:
    connection = Connection(b"a", None, None, None, None)
    reader = reader_of(connection, silence_s=60.0)
    read_all(reader, 2)

    reader.bound_silence(14.0)
    reader.receive()
    reader.bound_silence(300.0)
    with pytest.raises(TimeoutError):
        reader.receive()

    assert connection.waits == [10.0, 4.0]


def test_without_a_beat_a_read_lasts_as_long_as_it_may() -> None:
    connection = Connection(None, b"a")
    reader = reader_of(connection, silence_s=30.0)
    reader.receive()

    reader.beat(None)

    assert reader.receive() == b"a"
    assert connection.waits == [10.0, ("all", 20.0)]


def test_a_stream_whose_bytes_come_fast_rests_and_one_whose_bytes_come_slowly_does_not() -> None:
    pace = SteadyPace(0.05)
    now = iter([0.0, 1.0, 1.02, 2.0])
    pace.monotonic = lambda: next(now)
    connection = Connection(b"a", b"b", b"c", b"d")
    reader = reader_of(connection, pace=pace)

    read_all(reader, 2)
    assert connection.waits == [10.0]
    read_all(reader, 1)
    assert connection.waits == [10.0, ("gather", 0.05)]


def test_a_rest_that_brings_nothing_is_no_silence_and_ends_the_resting() -> None:
    pace = SteadyPace(0.05)
    now = iter([0.0, 0.01, 0.02, 9.0])
    pace.monotonic = lambda: next(now)
    connection = Connection(b"a", b"b", None, b"c")
    reader = reader_of(connection, pace=pace)

    assert read_all(reader, 3) == [b"a", b"b", b"c"]
    assert connection.waits == [10.0, ("gather", 0.05), 10.0]


def rest_of(streams: int) -> float:
    pace = Pace()
    for _ in range(streams):
        pace.count(1)
    return pace.rest_s


def test_few_streams_never_rest_and_more_rest_longer_up_to_a_bound() -> None:
    few = int(READS_PER_S * LEAST_REST_S) - 1

    assert [rest_of(1), rest_of(20), rest_of(few)] == [0.0, 0.0, 0.0]
    assert rest_of(100) == pytest.approx(100 / READS_PER_S, rel=0.01)
    assert rest_of(5_000) == MOST_REST_S


def read_late(pace: Pace, late_s: float, *, reads: int = 100) -> None:
    for _ in range(reads):
        pace.note_late(late_s, pace.monotonic())


def test_streams_are_late_once_their_reads_are_on_average_and_no_longer_than_that() -> None:
    now = 100.0
    pace = Pace(lambda: now)

    read_late(pace, 0.005)
    assert not pace.is_late()
    read_late(pace, 1.0, reads=1)
    assert pace.is_late()
    read_late(pace, 0.001)
    assert not pace.is_late()


def test_streams_that_read_no_more_are_not_late() -> None:
    now = 100.0
    pace = Pace(lambda: now)
    read_late(pace, 0.5)
    assert pace.is_late()

    now += 2.0

    assert not pace.is_late()


def test_a_read_is_late_by_what_it_takes_beyond_its_rest_and_not_by_what_its_reader_does_between() -> None:
    pace = SteadyPace(0.05)
    now = iter([0.0, 0.01, 5.0, 5.05, 9.0, 10.0, 10.0])
    pace.monotonic = lambda: next(now)
    reader = reader_of(Connection(b"a", b"b", b"c", b"d"), pace=pace)

    read_all(reader, 3)
    assert not pace.is_late()
    read_all(reader, 1)
    assert pace.is_late()


def test_only_streams_that_are_read_in_steps_and_not_silent_are_counted_until_their_end() -> None:
    told: list[int] = []
    pace = Pace()
    pace.on_count = told.append
    reader = reader_of(Connection(b"a", None, None, b"b", b"c"), pace=pace)
    assert told == [1]

    read_all(reader, 3)
    assert told == [1, 0]
    read_all(reader, 1)
    assert told == [1, 0, 1]
    reader.end()
    read_all(reader, 1)
    reader.end()

    assert told == [1, 0, 1, 0]


# ---------------------------------------------------------------- with real connections


@pytest.fixture
def pair() -> Iterator[tuple[CuttableSocket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = CuttableSocket()
        ours.open("127.0.0.1", listener.getsockname()[1], resolver=Resolver(), tls=None, timeout_s=WAIT_S)
        theirs, _ = listener.accept()
        theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with closing(theirs):
            ours.set_timeout(WAIT_S)
            yield ours, theirs
            ours.close()


def test_one_read_gathers_all_that_comes_while_it_rests(pair: tuple[CuttableSocket, socket.socket]) -> None:
    ours, theirs = pair
    if not ours.gather(10 * SOON_S):
        pytest.skip("only Linux gathers")

    def write() -> None:
        for number in range(5):
            theirs.sendall(b"%d" % number)
            time.sleep(SOON_S / 10)

    writer = threading.Thread(target=write)
    writer.start()
    began_at = time.monotonic()
    received = ours.receive()
    writer.join()

    assert received == b"01234"
    assert time.monotonic() - began_at >= 9 * SOON_S


@pytest.mark.parametrize("end", ["close", "cut", "much"])
def test_a_rest_ends_at_once_with_the_connection_or_with_very_much(
    pair: tuple[CuttableSocket, socket.socket], end: str
) -> None:
    ours, theirs = pair
    if not ours.gather(WAIT_S):
        pytest.skip("only Linux gathers")
    theirs.sendall(b"x" * (64 * 1024 if end == "much" else 1))
    if end == "close":
        theirs.shutdown(socket.SHUT_WR)
    timer = threading.Timer(SOON_S, ours.cut if end == "cut" else lambda: None)
    timer.start()
    began_at = time.monotonic()

    received = ours.receive()

    assert received.startswith(b"x")
    assert time.monotonic() - began_at < WAIT_S / 2
    timer.join()


def test_after_gathering_a_kept_connection_shows_each_byte(
    pair: tuple[CuttableSocket, socket.socket],
) -> None:
    ours, theirs = pair
    ours.gather(SOON_S)
    ours.gather_no_more()
    assert ours.is_silent()

    theirs.sendall(b"x")

    deadline = time.monotonic() + WAIT_S
    while ours.is_silent() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not ours.is_silent()


def test_resting_loses_nothing_keeps_the_order_and_reads_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http1, "PACE", SteadyPace(2 * SOON_S))
    wanted = [b"data: %d\n\n" % number for number in range(50)]

    def script(peer: Peer, request: bytes) -> None:
        peer.send(CHUNKED)
        for event in wanted:
            peer.send(chunk(event))
            time.sleep(SOON_S / 10)
        peer.send(b"0\r\n\r\n")

    transport = Http1Transport()
    with serving(script) as server, closing(transport):
        address = f"http://127.0.0.1:{server.server_address[1]}"
        for _ in range(2):  # the connection is used again
            response = transport.send(
                UpstreamRequest(method="POST", base_url=address, path="/", content=b"{}"),
                timeouts=Timeouts(connect_s=WAIT_S, read_s=WAIT_S),
                cancellation=Cancellation(),
            )
            assert isinstance(response.chunks, PacedChunks)
            response.chunks.beat(WAIT_S)
            pieces = list(response.chunks)
            response.close()
            assert b"".join(pieces) == b"".join(wanted)
            assert len(pieces) < len(wanted) / 2
        assert len(server.peers) == 1
