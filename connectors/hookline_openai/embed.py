"""``openai.embed``: turn texts into lists of numbers that tell how alike they are."""

import base64
import binascii
import struct
from operator import countOf
from typing import Annotated, Literal, cast

from pydantic import Field

from hookline.action import JsonObject, Sample
from hookline.call import Call
from hookline.connector import Connector
from hookline.errors import InvalidUpstreamAnswerError
from hookline.upstream import UpstreamRequest
from hookline_openai.answers import with_raw
from hookline_openai.embed_batches import EmbeddingBatcher
from hookline_openai.metering import TokenMeter
from hookline_openai.outputs import Usage
from hookline_openai.reading import (
    read_list,
    read_object,
    read_optional_text,
    read_position,
    read_usage,
    unusable,
)
from hookline_openai.shapes import Shape, StrictShape, absent, field

_FLOAT_BYTES = 4

Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Text], Field(min_length=1, max_length=2048)]
Tokens = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=2048)]
TokenLists = Annotated[
    list[Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]],
    Field(min_length=1, max_length=2048),
]
EmbeddingText = Text | Texts | Tokens | TokenLists


class EmbeddingRequest(StrictShape):
    """An embedding request as OpenAI takes it."""

    model: str = field(
        "Model",
        "Which model reads the text.",
        group="basic",
        required=True,
        min_length=1,
        options="openai.models?kind=embedding",
        examples=["text-embedding-3-small"],
    )
    input: EmbeddingText = field(
        "Text",
        "The text, or up to 2048 texts at once; none of them empty, each at most 8192 tokens.",
        group="basic",
        required=True,
        multiline=True,
        placeholder="A text about cats",
    )
    dimensions: int = field(
        "Dimensions",
        "How many numbers to make of each text; fewer take less room. Newer models only.",
        group="output",
        advanced=True,
        ge=1,
    )
    encoding_format: Literal["float", "base64"] = field(
        "Number format",
        "Plain numbers, or all of them packed into one base64 text.",
        group="output",
        advanced=True,
    )
    user: str = field(
        "End user", "A stable id of the person behind the request; helps OpenAI to act on abuse."
    )


class EmbedInput(EmbeddingRequest):
    """Turn texts into lists of numbers that are the more alike the more the texts mean the same."""

    raw: bool | None = field(
        "Raw answer", "Whether the output also holds the service's own answer.", group="output", advanced=True
    )


Vector = list[float] | str


class EmbedOutput(Shape):
    """The numbers made of each text."""

    embedding: Vector = Field(title="Embedding", description="The numbers of the first text.")
    embeddings: list[Vector] = Field(title="Embeddings", description="The numbers of every text, in order.")
    dimensions: int = Field(title="Dimensions", description="How many numbers each text has.", ge=0)
    model: str | None = Field(title="Model", description="The model that read the text.")
    usage: Usage | None = Field(title="Usage", description="How many tokens the call took.")
    raw: dict[str, object] = absent(title="Raw", description="The service's own answer; only when asked for.")


def prepare_embedding(call: Call, request: UpstreamRequest) -> None:
    """Write the input of an embedding into the body that OpenAI takes."""
    request.body = {name: value for name, value in call.input.items() if name != "raw"}


def present_embedding(call: Call, raw: object) -> JsonObject:
    """Return the output of an embedding; numbers packed as base64 stay packed if that was asked for.

    Raises:
        InvalidUpstreamAnswerError: If the answer has not the shape that OpenAI describes.
    """
    answer = read_object(raw, "answer")
    entries = [
        read_object(entry, f"data[{at}]") for at, entry in enumerate(read_list(answer.get("data"), "data"))
    ]
    if not entries:
        raise InvalidUpstreamAnswerError("The service's answer cannot be used: it holds no embedding.")
    keep_packed = call.input.get("encoding_format") == "base64"
    placed = [
        (
            read_position(entry, at, f"data[{at}]"),
            _vector(entry.get("embedding"), f"data[{at}]", keep_packed=keep_packed),
        )
        for at, entry in enumerate(entries)
    ]
    embeddings = [vector for _, vector in sorted(placed, key=lambda pair: pair[0])]
    output: JsonObject = {
        "embedding": embeddings[0],
        "embeddings": embeddings,
        "dimensions": _dimensions(embeddings[0]),
        "model": read_optional_text(answer.get("model"), "model"),
        "usage": read_usage(answer.get("usage")),
    }
    return with_raw(call, answer, output)


def _vector(value: object, where: str, *, keep_packed: bool) -> Vector:
    if isinstance(value, str):
        packed = _decode(value, where)
        return value if keep_packed else list(struct.unpack(f"<{len(packed) // _FLOAT_BYTES}f", packed))
    numbers = cast("list[float]", read_list(value, f"{where}.embedding"))
    # Mostly all are floats, which is told in half the time.
    if countOf(map(type, numbers), float) != len(numbers) and not set(map(type, numbers)) <= {float, int}:
        raise unusable(f"{where}.embedding", "a list of numbers", value)
    return numbers


def _decode(text: str, where: str) -> bytes:
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise unusable(f"{where}.embedding", "base64", text) from exc
    if len(packed) % _FLOAT_BYTES:
        raise unusable(f"{where}.embedding", "a whole number of 32-bit floats", text)
    return packed


def _dimensions(vector: Vector) -> int:
    if isinstance(vector, str):
        return (len(vector) * 3 // 4 - vector[-2:].count("=")) // _FLOAT_BYTES
    return len(vector)


SAMPLES = (
    Sample(
        title="One text",
        input={"model": "text-embedding-3-small", "input": "A text about cats", "dimensions": 3},
        output={
            "embedding": [0.12, -0.5, 0.86],
            "embeddings": [[0.12, -0.5, 0.86]],
            "dimensions": 3,
            "model": "text-embedding-3-small",
            "usage": {
                "input_tokens": 4,
                "output_tokens": 0,
                "total_tokens": 4,
                "cached_tokens": None,
                "reasoning_tokens": None,
            },
        },
    ),
)


def register(connector: Connector) -> None:
    """Add the action to the connector."""
    connector.endpoint(
        "embed",
        "POST",
        "/embeddings",
        title="Embed a text",
        input=EmbedInput,
        output=EmbedOutput,
        request=EmbeddingRequest,
        idempotent=True,
        samples=SAMPLES,
        prepare=prepare_embedding,
        present=present_embedding,
        meter=TokenMeter(makes_text=False),
        batcher=EmbeddingBatcher(),
    )
