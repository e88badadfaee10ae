"""``POST /v1/embeddings``: vectors of hashed words, so that texts with common words lie close together."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import struct
from collections.abc import Sequence

from hookline_sandbox.errors import ApiError, invalid_type, missing
from hookline_sandbox.exchange import Exchange, Outcome
from hookline_sandbox.fields import array, by_type, choice, integer, record, string
from hookline_sandbox.models import resolve
from hookline_sandbox.tokens import count_text

_MAX_INPUTS = 2048
_MAX_TOKENS_OF_REQUEST = 300_000
_PLACES_PER_WORD = 8
_WORD = re.compile(r"\w+")

_TOKENS = array(integer(0), minimum=1)
_REQUEST = record(
    {
        "model": string(),
        "input": by_type("a string or an array", string=string(), list=array(lambda value, path: None)),
        "encoding_format": choice("float", "base64"),
        "dimensions": integer(1),
        "user": string(),
    }
)


def embed(exchange: Exchange) -> Outcome:
    """Answer an embeddings request.

    Raises:
        ApiError: If the real service would refuse the request.
    """
    body = exchange.body
    if body.get("model") is None:
        raise ApiError("you must provide a model parameter")
    if "input" not in body:
        raise missing("input")
    _REQUEST(body, "")
    inputs = _inputs(body["input"])
    info = resolve(body["model"], "embedding", endpoint="v1/embeddings", today=exchange.today)
    native = info.embedding_dimensions or 1536
    size = _dimensions(body.get("dimensions"), native, bool(info.supports_dimensions_param))
    counts = [count_text(item) if isinstance(item, str) else len(item) for item in inputs]
    _check_sizes(counts, info.max_input_tokens)
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _encoded(item, size, body.get("encoding_format")),
        }
        for index, item in enumerate(inputs)
    ]
    total = sum(counts)
    usage = {"prompt_tokens": total, "total_tokens": total}
    return Outcome(body={"object": "list", "data": data, "model": info.id, "usage": usage})


def _inputs(given: str | list[object]) -> list[str | list[int]]:
    """Return the single inputs: texts, or lists of tokens."""
    items: list[object] = [given] if isinstance(given, str) else given
    if items and all(isinstance(item, int) and not isinstance(item, bool) for item in items):
        items = [items]
    array(lambda value, path: None, minimum=1, maximum=_MAX_INPUTS)(items, "input")
    checked: list[str | list[int]] = []
    for index, item in enumerate(items):
        path = f"input[{index}]" if isinstance(given, list) else "input"
        if isinstance(item, str):
            if not item:
                raise ApiError(f"Invalid '{path}': input cannot be an empty string.", param="input")
            checked.append(item)
        elif isinstance(item, list):
            _TOKENS(item, path)
            checked.append(item)
        else:
            raise invalid_type(path, "a string or an array of tokens", item)
    return checked


def _dimensions(asked: int | None, native: int, is_supported: bool) -> int:
    if asked is None:
        return native
    if not is_supported:
        raise ApiError("This model does not support specifying dimensions.", param="dimensions")
    if asked > native:
        raise ApiError(
            f"Invalid value for 'dimensions' = {asked}. Must be less than or equal to {native}.",
            code="invalid_value",
            param="dimensions",
        )
    return asked


def _check_sizes(counts: Sequence[int], limit: int | None) -> None:
    longest = max(counts)
    if limit is not None and longest > limit:
        raise ApiError(
            f"This model's maximum context length is {limit} tokens, however you requested {longest} tokens "
            f"({longest} in your prompt; 0 for the completion). Please reduce your prompt; or completion "
            "length."
        )
    if sum(counts) > _MAX_TOKENS_OF_REQUEST:
        raise ApiError(
            f"Requested {sum(counts)} tokens, max {_MAX_TOKENS_OF_REQUEST} tokens per request",
            type="max_tokens_per_request",
            code="max_tokens_per_request",
        )


def _encoded(item: str | list[int], size: int, encoding: str | None) -> list[float] | str:
    packed = struct.pack(f"<{size}f", *_vector(item, size))
    if encoding == "base64":
        return base64.b64encode(packed).decode()
    return list(struct.unpack(f"<{size}f", packed))


def _vector(item: str | list[int], size: int) -> list[float]:
    """Return a vector of length 1."""
    words = _WORD.findall(item.lower()) if isinstance(item, str) else [str(token) for token in item]
    vector = [0.0] * size
    for word in [*words, f"whole {item}"]:
        digest = hashlib.sha256(word.encode()).digest()
        for place in range(_PLACES_PER_WORD):
            number = int.from_bytes(digest[place * 4 : place * 4 + 4], "little")
            vector[number // 2 % size] += 1.0 if number % 2 else -1.0
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0:
        return [1.0] + [0.0] * (size - 1)
    return [value / length for value in vector]
