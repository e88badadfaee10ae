"""Requests as bytes, and answers read strictly; h11 is the judge of what an answer means."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hookline.engine.http1 import _NoAnswerError, _receive_head
from hookline.engine.http1_bodies import read_body
from hookline.engine.http1_messages import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    ImproperAnswerError,
    UnsendableError,
    read_head,
    write_request,
)
from hookline.upstream import UpstreamRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKS = OK + b"Transfer-Encoding: chunked\r\n\r\n"

# ---------------------------------------------------------------- requests


def request(method: str = "POST", path: str = "/say", **more: object) -> UpstreamRequest:
    return UpstreamRequest(method=method, base_url="http://x", path=path, **more)  # type: ignore[arg-type]


def written(made: UpstreamRequest, path_prefix: str = "/v1", host: str = "x:81") -> bytes:
    return write_request(made, path_prefix=path_prefix, host=host)


def test_a_request_is_one_run_of_bytes() -> None:
    made = request(headers={"content-type": "application/json", "x-a": "b\tc"}, content=b'{"a":1}')

    assert written(made) == (
        b"POST /v1/say HTTP/1.1\r\nHost: x:81\r\ncontent-type: application/json\r\nx-a: b\tc\r\n"
        b'Content-Length: 7\r\n\r\n{"a":1}'
    )


@pytest.mark.parametrize(
    ("method", "content", "has_length"),
    [("GET", None, False), ("DELETE", None, False), ("POST", None, True), ("PUT", b"", True)],
)
def test_a_method_that_may_have_a_body_says_when_it_has_none(
    method: str, content: bytes | None, has_length: bool
) -> None:
    assert (b"Content-Length: 0\r\n" in written(request(method, content=content))) is has_length


@pytest.mark.parametrize("method", ["", "get", "GET /x HTTP/1.1\r\nX:", "G ET", "CONNECT", "PÖST"])
def test_a_method_that_cannot_be_sent_is_refused(method: str) -> None:
    with pytest.raises(UnsendableError):
        written(request(method))


@pytest.mark.parametrize(
    "path", ["", "say", ".evil.example/", "/a b", "/a\r\nX: y", "/a\x00", "/é", "/a#b", "/a\x7f"]
)
def test_a_path_that_cannot_be_sent_is_refused(path: str) -> None:
    with pytest.raises(UnsendableError):
        written(request(path=path))


@pytest.mark.parametrize(
    "name",
    [
        "", "x a", "x:a", "host: evil", "x\r\ny", "x\n", "x\x00", "é", "X-Upper", "x:", ":x", "x: a\r\ny"
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_sent_is_refused(name: str) -> None:
    with pytest.raises(UnsendableError):
        written(request(headers={"a": "b", name: "c"}))


@pytest.mark.parametrize(
    "value", ["a\r\nx: y", "a\nb", "a\rb", "a\x00b", "é", "a\x7f", "a\x0b", "\r\n\r\nGET"]
)
def test_a_value_that_cannot_be_sent_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(UnsendableError) as caught:
        written(request(headers={"authorization": f"sk-secret{value}"}))
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("headers", [{"x-a": 5}, {"x-a": b"b"}, {"x-a": None}, {5: "b"}, {b"x-a": "b"}])
def test_a_header_that_is_no_text_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(UnsendableError):
        written(request(headers=headers))


@pytest.mark.parametrize(
    "name",
    ["connection", "content-length", "expect", "host", "keep-alive", "te", "transfer-encoding", "upgrade"],
)
def test_headers_that_only_the_transport_writes_are_refused(name: str) -> None:
    with pytest.raises(UnsendableError):
        written(request(headers={name: "5"}))


@given(
    headers=st.dictionaries(st.text(max_size=6), st.text(max_size=10), max_size=4),
    path=st.text(max_size=10).map(lambda text: "/" + text),
    content=st.none() | st.binary(max_size=20),
)
def test_what_is_written_is_read_as_what_was_meant(
    headers: dict[str, str], path: str, content: bytes | None
) -> None:
    """Whatever stands in a request, a server reads exactly that one request, or it is not sent."""
    made = request(path=path, headers=headers, content=content)
    try:
        sent = written(made, path_prefix="")
    except UnsendableError:
        return
    server = h11.Connection(h11.SERVER)
    server.receive_data(sent)
    seen = server.next_event()
    body = b""
    while isinstance(event := server.next_event(), h11.Data):
        body += event.data

    assert isinstance(seen, h11.Request)
    assert (seen.target.decode(), body) == (path, content or b"")
    expected = [("host", "x:81"), *((name, value.strip(" \t")) for name, value in headers.items())]
    expected.append(("content-length", str(len(content or b""))))
    assert [(name.decode(), value.decode()) for name, value in seen.headers] == expected
    assert isinstance(event, h11.EndOfMessage)
    assert server.trailing_data == (b"", False)


# ---------------------------------------------------------------- answers


@dataclass(frozen=True)
class Message:
    """What a reader made of a whole answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


Outcome = Message | Literal["improper", "cut"]


class Feed:
    """A connection that brings the given pieces, then its end."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = iter([piece for piece in pieces if piece])
        self.arrived: list[bytes] = []
        self.before_each: Callable[[], None] = lambda: None

    def receive(self) -> bytes:
        self.before_each()
        piece = next(self._pieces, b"")
        self.arrived.append(piece)
        return piece


def read(pieces: Sequence[bytes], method: str = "GET", *, is_prompt: bool = False) -> Outcome:
    """Read an answer as the transport does."""
    feed = Feed(pieces)
    body = b""
    try:
        head, rest = _receive_head(feed, method)  # type: ignore[arg-type]  # it only receives

        def all_was_handed_on() -> None:
            assert body == body_seen_by_h11(feed.arrived, method)

        if is_prompt:
            feed.before_each = all_was_handed_on
        for piece in read_body(head, feed.receive, rest):
            assert piece
            body += piece
    except ImproperAnswerError:
        return "improper"
    except (_NoAnswerError, EOFError):
        return "cut"
    return Message(head.status, as_h11_shows(head.headers), body)


def as_h11_shows(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers as h11 hands them out: the transfer coding in lower case, a repeated length once."""
    shown: list[tuple[str, str]] = []
    for name, value in headers:
        if name != "content-length" or (name, value) not in shown:
            shown.append((name, value.lower() if name == "transfer-encoding" else value))
    return shown


def h11_events(pieces: Sequence[bytes], method: str, *, is_over: bool) -> Iterator[h11.Event]:
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    client.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
    client.send(h11.EndOfMessage())
    for piece in [*(piece for piece in pieces if piece), *([b""] if is_over else [])]:
        client.receive_data(piece)
        while True:
            event = client.next_event()
            if event in (h11.NEED_DATA, h11.PAUSED):
                break
            assert not isinstance(event, type)
            yield event
            if isinstance(event, h11.EndOfMessage):
                return
            if isinstance(event, h11.ConnectionClosed):
                raise EOFError


def read_with_h11(pieces: Sequence[bytes], method: str = "GET") -> Message | None:
    """Read an answer as h11 does; None if it refuses it or waits for more of it."""
    status, headers, body = 0, [], b""
    is_ended = False
    try:
        for event in h11_events(pieces, method, is_over=True):
            if isinstance(event, h11.Response):
                status = event.status_code
                headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers]
            elif isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                return None
            elif isinstance(event, h11.Data):
                body += event.data
            is_ended = isinstance(event, h11.EndOfMessage)
    except (h11.RemoteProtocolError, EOFError):
        return None
    return Message(status, headers, body) if is_ended else None


def body_seen_by_h11(pieces: Sequence[bytes], method: str) -> bytes:
    events = h11_events(pieces, method, is_over=False)
    return b"".join(bytes(event.data) for event in events if isinstance(event, h11.Data))


def cut(content: bytes, places: Sequence[int]) -> list[bytes]:
    at = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[start:end] for start, end in pairwise(at)]


TOKEN = st.text("!#$%&'*+-.^_`|~09azAZ", min_size=1, max_size=8)
VALUE = st.text(
    [chr(code) for code in [*range(0x21, 0x7F), *range(0x80, 0x100), 0x20, 0x09, 0x01]], max_size=12
)
FRAMING_NAMES = {"content-length", "transfer-encoding", "connection"}
NAME = TOKEN.filter(lambda name: name.lower() not in FRAMING_NAMES)
HEADERS = st.lists(st.tuples(NAME, VALUE), max_size=5)
BODY = st.lists(st.binary(min_size=1, max_size=40), max_size=5)
SPACE = st.sampled_from(["", " ", "\t", "  "])
CONNECTION = st.sampled_from([[], [("Connection", "close")], [("connection", "Keep-Alive, x")]])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Draw a proper answer, with everything that a server may vary."""
    status = draw(st.sampled_from([200, 201, 204, 304, 400, 404, 429, 500, 503, 599]))
    version = draw(st.sampled_from(["1.1", "1.1", "1.0"]))
    framing = draw(st.sampled_from(["length", "chunks", "end"] if version == "1.1" else ["length", "end"]))
    pieces = draw(BODY)
    headers = draw(HEADERS) + draw(CONNECTION)
    body = b"".join(pieces)
    if framing == "length":
        headers += [(draw(st.sampled_from(["content-length", "Content-Length"])), str(len(body)))]
    elif framing == "chunks":
        headers += [("Transfer-Encoding", draw(st.sampled_from(["chunked", "Chunked"])))]
        extension = draw(st.sampled_from([b"", b";a=b", b'; a="b"', b" "]))
        size = draw(st.sampled_from([b"%x", b"%X", b"00%x"]))
        body = b"".join(size % len(piece) + extension + b"\r\n" + piece + b"\r\n" for piece in pieces)
        trailer = draw(st.sampled_from([b"", b"X-Sum: 1\r\n", b"a: \r\nb: c\r\n"]))
        body += b"0" + extension + b"\r\n" + trailer + b"\r\n"
    headers = draw(st.permutations(headers))
    reason = draw(st.sampled_from(["", " ", " OK", " Très \tbien"]))
    lines = [f"HTTP/{version} {status}{reason}"]
    lines += [f"{name}:{draw(SPACE)}{value}{draw(SPACE)}" for name, value in headers]
    interim = draw(
        st.sampled_from(["", "", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 x\r\nlink: a\r\n\r\n"])
    )
    head = interim + "\r\n".join(lines) + "\r\n\r\n"
    return head.encode("latin-1") + (b"" if status in (204, 304) else body)


PLACES = st.lists(st.integers(0, 400), max_size=12)


@given(content=answers(), places=PLACES)
def test_a_proper_answer_means_the_same_however_it_is_cut(content: bytes, places: list[int]) -> None:
    pieces = cut(content, places)

    outcome = read(pieces, is_prompt=True)

    assert isinstance(outcome, Message)
    assert outcome == read_with_h11(pieces)


@given(content=answers(), places=PLACES)
def test_an_answer_to_head_has_no_body(content: bytes, places: list[int]) -> None:
    outcome = read(cut(content, places), "HEAD")

    assert isinstance(outcome, Message)
    assert outcome.body == b""
    assert outcome == read_with_h11(cut(content, places), "HEAD")


@given(
    status=st.sampled_from([200, 204, 404]),
    headers=HEADERS,
    pieces=BODY,
    is_chunked=st.booleans(),
    trailers=st.sampled_from([[], [("X-Sum", "1")]]),
    places=PLACES,
)
def test_what_h11_writes_is_read_as_it_was_meant(
    status: int,
    headers: list[tuple[str, str]],
    pieces: list[bytes],
    is_chunked: bool,
    trailers: list[tuple[str, str]],
    places: list[int],
) -> None:
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    while not isinstance(server.next_event(), h11.EndOfMessage):
        pass
    sent = [(name.encode(), value.strip(" \t").encode("latin-1")) for name, value in headers]
    has_body = status != 204
    if has_body and not is_chunked:
        sent.append((b"content-length", b"%d" % sum(map(len, pieces))))
    wire = server.send(h11.Response(status_code=status, headers=sent)) or b""
    for piece in pieces if has_body else []:
        wire += server.send(h11.Data(data=piece)) or b""
    wire += server.send(h11.EndOfMessage(headers=trailers if has_body and is_chunked else [])) or b""

    outcome = read(cut(wire, places), is_prompt=True)

    assert isinstance(outcome, Message)
    assert (outcome.status, outcome.body) == (status, b"".join(pieces) if has_body else b"")
    own = [pair for pair in outcome.headers if pair[0] not in ("transfer-encoding", "connection")]
    assert own == [(name.decode().lower(), value.decode("latin-1")) for name, value in sent]


@given(content=answers(), places=PLACES, end=st.integers(0, 400))
def test_a_cut_answer_is_never_taken_for_a_whole_one(content: bytes, places: list[int], end: int) -> None:
    pieces = cut(content[:end], places)

    assert read(pieces) == (read_with_h11(pieces) or "cut")


NASTY = [
    *(bytes([code]) for code in b"\r\n\x00 \t:;,0-_\x0b\x0c\x85\xa0\xff"),
    *(b"\r\n", b"\r\n ", b"\r\n\t", b"\r\n\r\n", b" :", b"+1", b"0x", b"chunked", b"0\r\n\r\n"),
    *(b"\r\nContent-Length: 3", b"\r\nContent-Length: 3, 3", b"\r\nContent-Length: +3"),
    *(b"\r\ncontent-length:", b"99999999999999999999", b"\r\nConnection: close", b"HTTP/2.0 200"),
    *(b"\r\nTransfer-Encoding: chunked", b"\r\nTransfer-Encoding: gzip, chunked"),
    *(b"\r\nTransfer-Encoding: identity", b"\r\nTransfer-Encoding : chunked"),
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 101 x\r\n\r\n", b"HTTP/1.1 100 x\r\n\r\n"),
]
MUTATION = st.tuples(
    st.integers(0, 400),
    st.integers(0, 3),
    st.sampled_from(NASTY) | st.binary(min_size=1, max_size=2) | st.just(b""),
)


@given(content=answers(), mutations=st.lists(MUTATION, min_size=1, max_size=3), places=PLACES)
@example(CHUNKS + b"0\r\n\r\n", [(15, 0, b"\r\nContent-Length: 3")], [])
@example(CHUNKS + b"0\r\n\r\n", [(15, 0, b"\r\nTransfer-Encoding: chunked")], [])
def test_what_is_accepted_means_what_h11_says_it_means(
    content: bytes, mutations: list[tuple[int, int, bytes]], places: list[int]
) -> None:
    """There is no message that this reader accepts and h11 refuses, and none that they read differently."""
    for place, length, new in mutations:
        content = content[:place] + new + content[place + length :]
    pieces = cut(content, places)

    outcome = read(pieces)

    if isinstance(outcome, Message):
        assert outcome == read_with_h11(pieces)


@given(st.lists(st.binary(max_size=60) | st.sampled_from(NASTY), max_size=12))
def test_garbage_is_refused_or_means_what_h11_says(pieces: list[bytes]) -> None:
    outcome = read(pieces)

    if isinstance(outcome, Message):
        assert outcome == read_with_h11(pieces)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK",  # no line end
        b"HTTP/1.2 200 OK\r\n",
        b"HTTP/2 200\r\n",
        b"http/1.1 200 OK\r\n",
        b"HTTP/1.1  200 OK\r\n",
        b"HTTP/1.1 20 OK\r\n",
        b"HTTP/1.1 2000 OK\r\n",
        b"HTTP/1.1 099 OK\r\n",
        b"HTTP/1.1 +20 OK\r\n",
        b"HTTP/1.1 200 O\x00K\r\n",
        OK + b"name\r\n",
        OK + b": value\r\n",
        OK + b"na me: value\r\n",
        OK + b"name : value\r\n",
        OK + b" name: value\r\n",
        OK + b"a: b\r\n folded\r\n",
        OK + b"a: b\nc: d\r\n",
        OK + b"a: b\rc: d\r\n",
        OK + b"a: b\x00\r\n",
        OK + b"n\xe4me: value\r\n",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n",
        OK + b"Content-Length: 1, 1\r\n",
        OK + b"Content-Length: -1\r\n",
        OK + b"Content-Length: +1\r\n",
        OK + b"Content-Length: 1_0\r\n",
        OK + "Content-Length: \N{SUPERSCRIPT TWO}\r\n".encode("latin-1"),
        OK + b"Content-Length:\r\n",
        OK + b"Content-Length: 9999999999999999999\r\n",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        OK + b"Transfer-Encoding: identity\r\n",
        OK + b"Transfer-Encoding:\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n",
        OK + b"a: b\r\n" * (MAX_HEADERS + 1),
    ],
)  # fmt: skip
def test_an_improper_head_is_refused(head: bytes) -> None:
    if head.endswith(b"\r\n"):
        with pytest.raises(ImproperAnswerError):
            read_head(head, method="GET")
    else:
        assert read([head + b"\r\n\r\n"]) != "improper"
        assert read([head]) == "cut"


def test_a_length_that_is_repeated_is_one_length() -> None:
    assert read_head(OK + b"Content-Length: 3\r\n" * 2, method="GET").length == 3


@pytest.mark.parametrize(
    ("head", "keeps_alive"),
    [
        (OK, True),
        (OK + b"Connection: close\r\n", False),
        (OK + b"Connection: x, Close\r\n", False),
        (OK + b"Connection: keep-alive\r\nConnection: close\r\n", False),
        (OK + b"Connection: keep-alive\r\n", True),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", True),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\n", False),
    ],
)
def test_a_connection_is_kept_only_when_the_answer_says_so(head: bytes, keeps_alive: bool) -> None:
    assert read_head(head + b"Content-Length: 0\r\n", method="GET").keeps_alive is keeps_alive
    assert read_head(head, method="HEAD").keeps_alive is keeps_alive
    assert not read_head(head, method="GET").keeps_alive  # it ends with its connection


def endless(beginning: bytes, filler: bytes) -> Iterator[bytes]:
    yield beginning
    while True:
        yield filler


class EndlessFeed:
    def __init__(self, beginning: bytes, filler: bytes) -> None:
        self._pieces = endless(beginning, filler)
        self.received = 0

    def receive(self) -> bytes:
        piece = next(self._pieces)
        self.received += len(piece)
        return piece


@pytest.mark.parametrize(
    ("beginning", "filler", "bound"),
    [
        (OK, b"a: b\r\n" * 50, MAX_HEAD_BYTES),
        (OK + b"a: ", b"b" * 1000, MAX_HEAD_BYTES),
        (b"HTTP/1.1 1", b"00 Continue\r\n\r\nHTTP/1.1 1", 1024),
        (CHUNKS + b"1", b";" + b"a" * 100, 1024),
        (CHUNKS + b"1;", b"a", 1024),
        (CHUNKS, b"0" * 10, 1024),
        (CHUNKS + b"0\r\n", b"a: b\r\n" * 50, MAX_HEAD_BYTES),
        (CHUNKS + b"0\r\na: ", b"b" * 1000, MAX_HEAD_BYTES),
    ],
    ids=[
        "headers", "one header", "interim answers", "an extension", "an extension byte by byte", "a size",
        "trailers", "one trailer",
    ],
)  # fmt: skip
def test_what_has_no_end_is_given_up_after_a_bound(beginning: bytes, filler: bytes, bound: int) -> None:
    feed = EndlessFeed(beginning, filler)

    def read_all() -> None:
        head, rest = _receive_head(feed, "GET")  # type: ignore[arg-type]  # it only receives
        list(read_body(head, feed.receive, rest))

    with pytest.raises(ImproperAnswerError):
        read_all()
    assert feed.received < bound + 2000


@pytest.mark.parametrize(
    "size", [b"", b"g", b"-1", b"+1", b"0x1", b"1 1", b"1\x00", b"1_0", b"1" * 17, b" 1"]
)
def test_a_chunk_size_that_is_no_number_is_refused(size: bytes) -> None:
    assert read([CHUNKS + size + b"\r\nx\r\n0\r\n\r\n"]) == "improper"


def test_a_chunk_that_is_longer_than_it_says_is_refused() -> None:
    assert read([CHUNKS + b"1\r\nxx\r\n0\r\n\r\n"]) == "improper"
    assert read([CHUNKS + b"1\r\nx\n\n0\r\n\r\n"]) == "improper"


def test_another_protocol_is_refused() -> None:
    assert read([b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + OK + b"\r\n"]) == "improper"
