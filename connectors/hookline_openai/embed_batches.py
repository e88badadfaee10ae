"""Texts of several calls embedded in one request, as many as OpenAI takes at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import orjson

from hookline.errors import InvalidUpstreamAnswerError
from hookline_openai.estimates import size_of
from hookline_openai.model_table import find

if TYPE_CHECKING:
    from hookline.action import JsonObject

MOST_TEXTS = 2048
MOST_TOKENS = 300_000
"""Bounds of one request. Source: OpenAI's API reference, "Create embeddings", field ``input``."""

_SURE_TOKENS = int(MOST_TOKENS * 0.9)  # tokens are estimated; what is refused all the same is sent in halves
_MOST_ANSWER_BYTES = 88 * 1024 * 1024  # below the bound that a gateway has for answers if nobody changed it
_BYTES_OF_NUMBER, _BYTES_OF_PACKED_NUMBER = 22, 6
_USUAL_DIMENSIONS = 1536
_COUNTS = ("input_tokens", "output_tokens", "total_tokens", "cached_tokens", "reasoning_tokens")


@dataclass(kw_only=True, slots=True)
class _Request:
    """A request that still has room."""

    indexes: list[int]
    texts: int = 0
    tokens: int = 0


class EmbeddingBatcher:
    """Packs calls that differ in nothing but their texts."""

    def plan(self, inputs: Sequence[JsonObject]) -> list[list[int]]:
        """Return which inputs go together; what is no text, or wants more than numbers, goes alone."""
        open_requests: dict[bytes, _Request] = {}
        planned: list[_Request] = []
        for index, input in enumerate(inputs):
            texts = _texts_of(input)
            key = None if texts is None else _rest_of(input)
            if texts is None or key is None:
                planned.append(_Request(indexes=[index]))
                continue
            tokens = sum(size_of(text)[0] for text in texts)
            request = open_requests.get(key)
            if (
                request is None
                or request.texts + len(texts) > _most_texts(input)
                or request.tokens + tokens > _SURE_TOKENS
            ):
                request = open_requests[key] = _Request(indexes=[])
                planned.append(request)
            request.indexes.append(index)
            request.texts += len(texts)
            request.tokens += tokens
        return [request.indexes for request in planned]

    def pack(self, inputs: Sequence[JsonObject]) -> JsonObject:
        """Return the input of the one call."""
        texts = [text for input in inputs for text in _texts_of(input) or ()]
        return {**inputs[0], "input": texts}

    def unpack(self, inputs: Sequence[JsonObject], output: JsonObject) -> list[JsonObject]:
        """Return the output of each input; the tokens are shared out by the estimated size of its texts.

        Raises:
            InvalidUpstreamAnswerError: If there are not as many embeddings as texts.
        """
        texts = [_texts_of(input) or [] for input in inputs]
        vectors = output.get("embeddings")
        wanted = sum(map(len, texts))
        if not isinstance(vectors, list) or len(vectors) != wanted:
            raise InvalidUpstreamAnswerError(
                f"The service was sent {wanted} texts together and did not answer with as many embeddings."
            )
        usages = _shares(output.get("usage"), [sum(size_of(text)[0] for text in own) for own in texts])
        outputs: list[JsonObject] = []
        at = 0
        for own, usage in zip(texts, usages, strict=True):
            part = vectors[at : at + len(own)]
            at += len(own)
            outputs.append({**output, "embedding": part[0], "embeddings": part, "usage": usage})
        return outputs


def _texts_of(input: JsonObject) -> list[str] | None:
    """Return the texts of an input that can be packed; None for one that goes alone."""
    value = input.get("input")
    if input.get("raw") not in (None, False):
        return None
    if isinstance(value, str):
        return [value] if value else None
    if not isinstance(value, list) or not 0 < len(value) <= MOST_TEXTS:
        return None
    return value if all(isinstance(text, str) and text for text in value) else None


def _rest_of(input: JsonObject) -> bytes | None:
    """Return what inputs must have in common."""
    rest = {name: value for name, value in input.items() if name not in ("input", "raw")}
    return orjson.dumps(rest, option=orjson.OPT_SORT_KEYS) if isinstance(rest.get("model"), str) else None


def _most_texts(input: JsonObject) -> int:
    """Return how many texts the answer has room for."""
    dimensions = input.get("dimensions")
    if isinstance(dimensions, str) and dimensions.isascii() and dimensions.isdigit():
        dimensions = int(dimensions[:9])
    if not isinstance(dimensions, int) or dimensions < 1:
        info = find(str(input.get("model")))
        dimensions = (None if info is None else info.embedding_dimensions) or _USUAL_DIMENSIONS
    is_packed = input.get("encoding_format") == "base64"
    size = dimensions * (_BYTES_OF_PACKED_NUMBER if is_packed else _BYTES_OF_NUMBER)
    return max(1, min(MOST_TEXTS, _MOST_ANSWER_BYTES // size))


def _shares(usage: object, sizes: list[int]) -> list[JsonObject | None]:
    """Return what each of several inputs took of a usage, in whole tokens that add up to it."""
    if not isinstance(usage, dict):
        return [None] * len(sizes)
    shares: list[JsonObject] = [{} for _ in sizes]
    whole = max(1, sum(sizes))
    for name in _COUNTS:
        count = cast("int | None", usage.get(name))
        so_far = given = 0
        for share, size in zip(shares, sizes, strict=True):
            so_far += size
            until = None if count is None else count * so_far // whole
            share[name] = None if until is None else until - given
            given = given if until is None else until
    return list(shares)
