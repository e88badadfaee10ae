"""Embed texts that are too long, or too many for one request: in pieces, put together as one."""

from __future__ import annotations

import base64
import math
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from hookline.errors import InvalidUpstreamAnswerError
from hookline_context.chunk_plan import (
    MIN_PART_TOKENS,
    NOT_HANDED_ON,
    SURE_SHARE_OF_ESTIMATE,
    UnsplittableError,
    check_number,
)
from hookline_context.cutting import split_text
from hookline_context.joined_texts import sum_usage
from hookline_context.request_count import items_of

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline_context.chunk_run import Run
    from hookline_context.options import ContextOptions
    from hookline_context.rooms import Overflow
    from hookline_context.text_counter import TextCounter

_MAX_TEXTS = 2048

Vector = list[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingPiece:
    """A text to embed, or a part of one.

    Attributes:
        item: Which text of the call it belongs to.
        value: A text, or the numbers of its tokens.
        tokens: How many it has.
    """

    item: int
    value: object = field(repr=False)
    tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingPlan:
    """How texts are embedded in several requests.

    Attributes:
        batches: The pieces of each request.
        items: How many texts there are.
    """

    batches: list[list[EmbeddingPiece]]
    items: int


def plan_embedding(
    body: JsonObject, overflow: Overflow, counter: TextCounter, options: ContextOptions
) -> EmbeddingPlan:
    """Return how to embed texts that do not fit.

    Raises:
        UnsplittableError: If it would take too many requests.
    """
    share = 1.0 if counter.is_exact else SURE_SHARE_OF_ESTIMATE
    room = overflow.room
    limit = min(int(room.item * share), options.chunk_tokens or room.item)
    if limit < MIN_PART_TOKENS:
        raise UnsplittableError("It was not split: the settings leave no room for a text.")
    most = int(room.request * share)
    check_number(-(-overflow.tally.total.tokens // most), options)
    pieces: list[EmbeddingPiece] = []
    items = items_of(body, "embedding")
    for index, item in enumerate(items):
        pieces += _pieces_of(index, item, overflow.tally.items[index].tokens, limit, counter)
    batches = _pack(pieces, most)
    check_number(len(batches), options)
    return EmbeddingPlan(batches=batches, items=len(items))


def run_batch(call: Call, batch: list[EmbeddingPiece], run: Run) -> JsonObject:
    """Return the output for the pieces of one request; its numbers are always plain.

    Raises:
        HooklineError: If it fails, or the service does not answer with one vector for each piece.
    """
    left_out = (*NOT_HANDED_ON, "encoding_format")
    base = {name: value for name, value in call.input.items() if name not in left_out}
    output = run({**base, "input": [piece.value for piece in batch]})
    vectors = output.get("embeddings")
    lengths = {len(vector) for vector in vectors} if isinstance(vectors, list) else set()
    if not isinstance(vectors, list) or len(vectors) != len(batch) or len(lengths) != 1:
        raise InvalidUpstreamAnswerError(
            f"The service was asked for {len(batch)} embeddings of the same length and answered otherwise."
        )
    return output


def join_embeddings(plan: EmbeddingPlan, outputs: list[JsonObject], *, is_packed: bool) -> JsonObject:
    """Return one answer of the service: the pieces of a text as their mean, weighted by tokens.

    Args:
        plan: What was asked for.
        outputs: The output for each batch.
        is_packed: Whether the numbers are wanted as base64.
    """
    found: list[list[tuple[int, Vector]]] = [[] for _ in range(plan.items)]
    for batch, output in zip(plan.batches, outputs, strict=True):
        vectors = cast("list[Vector]", output.get("embeddings"))
        for piece, vector in zip(batch, vectors, strict=True):
            found[piece.item].append((piece.tokens, vector))
    means = [mean_of(vectors) for vectors in found]
    return {
        "object": "list",
        "model": outputs[0].get("model"),
        "data": [
            {"object": "embedding", "index": index, "embedding": _pack_floats(mean) if is_packed else mean}
            for index, mean in enumerate(means)
        ],
        "usage": sum_usage(outputs),
    }


def mean_of(weighted: list[tuple[int, Vector]]) -> Vector:
    """Return the mean of vectors by weight, at length 1 again, as the service's own vectors are."""
    if len(weighted) == 1:
        return weighted[0][1]
    total = [0.0] * len(weighted[0][1])
    for weight, vector in weighted:
        total = [so_far + weight * value for so_far, value in zip(total, vector, strict=True)]
    length = math.sqrt(math.fsum(value * value for value in total))
    return [value / length for value in total] if length else total


def _pieces_of(
    index: int, item: object, tokens: int, limit: int, counter: TextCounter
) -> list[EmbeddingPiece]:
    if tokens <= limit:
        return [EmbeddingPiece(item=index, value=item, tokens=tokens)]
    if isinstance(item, list):
        slices = [item[at : at + limit] for at in range(0, len(item), limit)]
        return [EmbeddingPiece(item=index, value=part, tokens=len(part)) for part in slices]
    parts = split_text(str(item), limit, lambda text: counter.count(text).tokens)
    return [
        EmbeddingPiece(item=index, value=part, tokens=counter.count(part).tokens)
        for part in parts
        if part.strip()
    ] or [EmbeddingPiece(item=index, value=parts[0], tokens=limit)]


def _pack(pieces: list[EmbeddingPiece], most: int) -> list[list[EmbeddingPiece]]:
    batches: list[list[EmbeddingPiece]] = []
    tokens = 0
    for piece in pieces:
        if not batches or tokens + piece.tokens > most or len(batches[-1]) == _MAX_TEXTS:
            batches.append([])
            tokens = 0
        batches[-1].append(piece)
        tokens += piece.tokens
    return batches


def _pack_floats(vector: Vector) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
