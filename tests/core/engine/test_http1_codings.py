"""Content codings, undone piece by piece and never more than a bounded piece at a time."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.engine.http1_codings import MAX_PIECE_BYTES, Coding, coding_of, decode
from hookline.errors import InvalidUpstreamAnswerError, StreamInterruptedError


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


FORMATS: list[tuple[Coding, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
]
FORMAT = pytest.mark.parametrize(("coding", "encode"), FORMATS, ids=["gzip", "zlib", "raw"])


def decoded(pieces: Iterable[bytes], coding: Coding) -> bytes:
    return b"".join(decode(pieces, coding, close=lambda: None))


def in_pieces_of(size_bytes: int, content: bytes) -> list[bytes]:
    return [content[start : start + size_bytes] for start in range(0, len(content), size_bytes)]


@given(
    content=st.binary(max_size=2000),
    size_bytes=st.integers(1, 50),
    kind=st.sampled_from(FORMATS),
    repeat=st.sampled_from([1, 1, 300]),
)
def test_what_was_encoded_comes_back_however_it_is_cut(
    content: bytes, size_bytes: int, kind: tuple[Coding, Callable[[bytes], bytes]], repeat: int
) -> None:
    coding, encode = kind
    content *= repeat

    assert decoded(in_pieces_of(size_bytes, encode(content)), coding) == content


@FORMAT
@pytest.mark.parametrize("size_bytes", [1, 7, 1 << 20])
def test_a_cut_is_no_end(coding: Coding, encode: Callable[[bytes], bytes], size_bytes: int) -> None:
    content = encode(b"one two three " * 20)

    for end in range(1, len(content)):
        with pytest.raises(StreamInterruptedError):
            decoded(in_pieces_of(size_bytes, content[:end]), coding)


@FORMAT
def test_an_empty_body_is_an_empty_body(coding: Coding, encode: Callable[[bytes], bytes]) -> None:
    assert decoded([], coding) == b""
    assert decoded([encode(b"")], coding) == b""


@pytest.mark.parametrize("size_bytes", [1, 5, 1 << 20])
def test_gzip_has_any_number_of_members_and_padding(size_bytes: int) -> None:
    content = gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two") + b"\0" * 9

    assert decoded(in_pieces_of(size_bytes, content), "gzip") == b"one two"


def test_too_many_members_are_refused() -> None:
    with pytest.raises(InvalidUpstreamAnswerError):
        decoded([gzip.compress(b"") * 10_001], "gzip")


@FORMAT
def test_what_follows_the_end_is_refused(coding: Coding, encode: Callable[[bytes], bytes]) -> None:
    with pytest.raises(InvalidUpstreamAnswerError):
        decoded([encode(b"one") + b"more"], coding)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@given(st.lists(st.binary(max_size=30), max_size=5))
def test_garbage_is_decoded_or_refused_and_nothing_else(coding: Coding, pieces: list[bytes]) -> None:
    with suppress(InvalidUpstreamAnswerError, StreamInterruptedError):
        decoded(pieces, coding)


@FORMAT
def test_each_piece_is_decoded_when_it_arrives(coding: Coding, encode: Callable[[bytes], bytes]) -> None:
    window_bits = 31 if coding == "gzip" else -15 if encode is raw_deflate else 15
    packer = zlib.compressobj(wbits=window_bits)
    seen: list[bytes] = []

    def pieces() -> Iterable[bytes]:
        for number in range(5):
            yield packer.compress(b"event %d\n\n" % number) + packer.flush(zlib.Z_SYNC_FLUSH)
            assert b"".join(seen).endswith(b"event %d\n\n" % number)
        yield packer.flush()

    for piece in decode(pieces(), coding, close=lambda: None):
        seen.append(piece)
    assert len(seen) == 5


@FORMAT
def test_a_bomb_is_unfolded_a_bounded_piece_at_a_time(
    coding: Coding, encode: Callable[[bytes], bytes]
) -> None:
    bomb = encode(bytes(200 << 20))
    assert len(bomb) < 1 << 20
    sizes = []

    tracemalloc.start()
    for piece in decode([bomb], coding, close=lambda: None):
        sizes.append(len(piece))
        if len(sizes) == 100:  # the reader's own bound was passed
            break
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert max(sizes) <= MAX_PIECE_BYTES
    assert peak_bytes < 4 << 20


def test_the_source_is_closed_whatever_the_end_is() -> None:
    ends: list[str] = []

    def read(content: list[bytes], name: str, *, most: int = 100) -> None:
        pieces = decode(content, "gzip", close=lambda: ends.append(name))
        with suppress(InvalidUpstreamAnswerError, StreamInterruptedError):
            for number, _ in enumerate(pieces):
                if number + 1 == most:
                    return

    content = gzip.compress(b"one")
    read([content], "end")
    read([content[:-1]], "cut")
    read([b"garbage"], "garbage")
    read([content, content], "closed", most=1)

    assert ends == ["end", "cut", "garbage", "closed"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([""], None),
        (["identity"], None),
        (["gzip"], "gzip"),
        (["X-GZip"], "gzip"),
        ([" deflate "], "deflate"),
    ],
)
def test_codings_that_are_known(values: list[str], expected: Coding | None) -> None:
    assert coding_of([("a", "br"), *(("content-encoding", value) for value in values)]) == expected


@pytest.mark.parametrize(
    "values", [["br"], ["zstd"], ["gzip, gzip"], ["gzip", "deflate"], ["gzip, identity"]]
)
def test_other_codings_are_refused(values: list[str]) -> None:
    with pytest.raises(InvalidUpstreamAnswerError):
        coding_of([("content-encoding", value) for value in values])
