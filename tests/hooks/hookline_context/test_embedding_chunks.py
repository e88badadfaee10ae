"""Texts to embed that are too long, or too many for one request, are embedded in pieces."""

from __future__ import annotations

import base64
import math
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from context_lab import Lab, refusal, words
from hookline_context.embedding_chunks import mean_of
from hookline_context.text_counter import counter_for
from small_service import whole

if TYPE_CHECKING:
    from hookline import UpstreamRequest, UpstreamResponse

OLDER = counter_for("cl100k_base", "auto")
MODEL = "text-embedding-3-small"


def embedded(request: UpstreamRequest) -> UpstreamResponse:
    """Answer with a vector that tells how long each text is."""
    body: dict[str, Any] = request.body or {}
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    if texts and isinstance(texts[0], int):
        texts = [texts]
    data = [
        {"object": "embedding", "index": index, "embedding": vector_of(len(text))}
        for index, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return whole({"object": "list", "model": MODEL, "data": data, "usage": usage})


def vector_of(length: int) -> list[float]:
    return [math.cos(length), math.sin(length)]


def test_a_long_text_becomes_the_mean_of_its_pieces() -> None:
    lab = Lab(embedded, on_overflow="chunk")
    reply = lab.act("embed", model=MODEL, input=words(20_000))
    assert reply.status_code == 200
    assert lab.calls == 1
    pieces = lab.bodies[0]["input"]
    assert "".join(pieces) == words(20_000)
    tokens = [OLDER.count(piece).tokens for piece in pieces]
    assert max(tokens) <= 8192
    wanted = mean_of([(number, vector_of(len(piece))) for number, piece in zip(tokens, pieces, strict=True)])
    (vector,) = reply.json["embeddings"]
    assert vector == pytest.approx(wanted)
    assert math.hypot(*vector) == pytest.approx(1)
    assert reply.json["usage"]["input_tokens"] == len(pieces)
    assert reply.json["dimensions"] == 2


def test_texts_keep_their_order_and_short_ones_their_vectors() -> None:
    lab = Lab(embedded, on_overflow="chunk")
    texts = ["a", words(9000), "ccc", words(100)]
    reply = lab.act("embed", model=MODEL, input=texts, dimensions=2)
    assert reply.status_code == 200
    vectors = reply.json["embeddings"]
    assert len(vectors) == 4
    assert (vectors[0], vectors[2], vectors[3]) == (vector_of(1), vector_of(3), vector_of(len(texts[3])))
    assert len(lab.bodies[0]["input"]) == 5
    assert lab.bodies[0]["dimensions"] == 2


def test_too_many_texts_are_sent_in_several_requests() -> None:
    lab = Lab(embedded, on_overflow="chunk")
    texts = [words(8000) + "x" * index for index in range(80)]
    reply = lab.act("embed", model=MODEL, input=texts)
    assert reply.status_code == 200
    assert lab.calls == 3
    assert reply.json["embeddings"] == [vector_of(len(text)) for text in texts]
    for body in lab.bodies:
        assert sum(OLDER.count(text).tokens for text in body["input"]) <= 300_000
    assert reply.json["usage"]["input_tokens"] == 80


def test_numbers_of_tokens_are_split_as_well() -> None:
    lab = Lab(embedded, on_overflow="chunk")
    numbers = list(range(20_000))
    reply = lab.act("embed", model=MODEL, input=[numbers, [1, 2]])
    assert lab.bodies[0]["input"] == [numbers[:8192], numbers[8192:16384], numbers[16384:], [1, 2]]
    assert len(reply.json["embeddings"]) == 2
    assert reply.json["embeddings"][1] == vector_of(2)


def test_packed_numbers_come_back_packed() -> None:
    lab = Lab(embedded, on_overflow="chunk")
    reply = lab.act("embed", model=MODEL, input=[words(9000), "a"], encoding_format="base64")
    assert reply.status_code == 200
    assert "encoding_format" not in lab.bodies[0]
    packed = reply.json["embeddings"][1]
    assert struct.unpack("<2f", base64.b64decode(packed)) == pytest.approx(vector_of(1))


def test_the_wire_door_refuses() -> None:
    lab = Lab(embedded, on_overflow="chunk")
    reply = lab.wire("/embeddings", model=MODEL, input=words(9000))
    assert (reply.status_code, lab.calls) == (400, 0)


def test_too_many_requests_are_refused_before_any_is_made() -> None:
    lab = Lab(embedded, on_overflow="chunk", max_parts=2)
    reply = lab.act("embed", model=MODEL, input=[words(8000)] * 80)
    assert reply.status_code == 422
    assert "takes 3 parts, and at most 2 are allowed" in reply.json["hint"]
    assert lab.calls == 0


def test_a_failing_request_names_itself() -> None:
    lab = Lab(embedded, refusal("No.", code="invalid_prompt"), on_overflow="chunk", parallel_parts=1)
    reply = lab.act("embed", model=MODEL, input=[words(8000)] * 80)
    assert reply.status_code == 400
    assert reply.json["detail"].startswith("Part 2 of 3 failed: ")
    assert lab.calls == 2


@pytest.mark.parametrize(
    "vectors",
    [[[1.0]], [[1.0], [1.0, 2.0]], [[1.0]] * 9],
    ids=["too few", "of two lengths", "too many"],
)
def test_an_answer_that_does_not_fit_the_pieces_is_told(vectors: list[list[float]]) -> None:
    data = [{"object": "embedding", "index": index, "embedding": v} for index, v in enumerate(vectors)]
    lab = Lab(lambda request: whole({"object": "list", "model": "m", "data": data}), on_overflow="chunk")
    reply = lab.act("embed", model=MODEL, input=words(9000))
    assert (reply.status_code, reply.json["error"]["code"]) == (502, "invalid_upstream_answer")


def test_white_space_alone_is_embedded_all_the_same() -> None:
    lab = Lab(embedded, on_overflow="chunk", count="estimate", chunk_tokens=16)
    reply = lab.act("embed", model=MODEL, input=" \n" * 30_000)
    assert reply.status_code == 200
    assert len(reply.json["embeddings"]) == 1


@given(
    st.lists(
        st.tuples(st.integers(1, 8192), st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3)),
        min_size=2,
        max_size=6,
    )
)
def test_a_mean_has_length_one_or_is_nothing(weighted: list[tuple[int, list[float]]]) -> None:
    mean = mean_of(weighted)
    length = math.hypot(*mean)
    assert length == pytest.approx(1) or length < 1e-6 or not any(mean)
