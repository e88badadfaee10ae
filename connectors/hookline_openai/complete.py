"""``openai.complete``: continue a text with one of the older completion models."""

from typing import Annotated

from pydantic import Field

from hookline.action import JsonObject, Sample
from hookline.call import Call
from hookline.connector import Connector
from hookline.upstream import UpstreamRequest
from hookline_openai.answers import present_completion
from hookline_openai.chat_fields import INT64_MAX, INT64_MIN
from hookline_openai.completion_stream import CompletionStream
from hookline_openai.metering import TokenMeter
from hookline_openai.outputs import TextOutput
from hookline_openai.restoring import restore_texts
from hookline_openai.sampling import Sampling
from hookline_openai.shapes import Shape, StrictShape, field
from hookline_openai.stream_frame import mark_incomplete
from hookline_openai.stream_request import ask_completion_stream, ask_for_usage
from hookline_openai.stream_resume import resume_completion

Tokens = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
TokenLists = Annotated[list[Tokens], Field(min_length=1)]
Prompt = str | list[str] | Tokens | TokenLists | None


class CompletionFields(Sampling, Shape):
    """All fields of a completion but model and prompt."""

    suffix: str | None = field(
        "Text after",
        "What comes after the gap that the model fills.",
        group="output",
        multiline=True,
        advanced=True,
    )
    max_tokens: int | None = field(
        "Longest answer",
        "Most tokens the answer may have; three words take about four tokens. The service stops at 16 "
        "unless told otherwise.",
        group="output",
        ge=0,
        examples=[200],
    )
    echo: bool | None = field(
        "Repeat the prompt", "Whether the answer begins with the prompt.", group="output", advanced=True
    )
    best_of: int | None = field(
        "Best of",
        "Make this many answers and return the best; each one is charged, and none can be streamed.",
        group="sampling",
        ge=0,
        le=20,
    )
    logprobs: int | None = field(
        "Token probabilities",
        "How many likely alternatives to report for each token.",
        group="sampling",
        ge=0,
        le=5,
    )
    seed: int | None = field(
        "Seed",
        "The same number with the same request tends to give the same answer.",
        group="sampling",
        ge=INT64_MIN,
        le=INT64_MAX,
    )
    user: str = field(
        "End user", "A stable id of the person behind the request; helps OpenAI to act on abuse."
    )


class CompletionRequest(CompletionFields, StrictShape):
    """A completion request as OpenAI takes it."""

    model: str = field("Model", "Which model continues.", group="basic", required=True)
    prompt: Prompt = field("Prompt", "The text to continue.", group="basic", required=True)


class CompleteInput(CompletionFields, StrictShape):
    """Continue a text with one of the older completion models; for anything newer use the chat."""

    model: str = field(
        "Model",
        "Which model continues the text.",
        group="basic",
        required=True,
        min_length=1,
        options="openai.models?kind=completion",
        examples=["gpt-3.5-turbo-instruct-0914"],
    )
    prompt: Prompt = field(
        "Prompt",
        "The text to continue, or a list of texts, each of which gets its own answer.",
        group="basic",
        required=True,
        multiline=True,
        placeholder="Once upon a time",
    )
    raw: bool | None = field(
        "Raw answer", "Whether the output also holds the service's own answer.", group="output", advanced=True
    )


def prepare_completion(call: Call, request: UpstreamRequest) -> None:
    """Write the input of a completion into the body that OpenAI takes.

    Raises:
        InvalidInputError: If options of a stream are given without one.
    """
    body = {name: value for name, value in call.input.items() if name != "raw"}
    ask_for_usage(body)
    request.body = body


def present_completion_answer(call: Call, raw: object) -> JsonObject:
    """Return the output of a completion, marked if its answer lacks its end.

    Raises:
        InvalidUpstreamAnswerError: If the answer has not the shape that OpenAI describes.
    """
    return mark_incomplete(raw, present_completion(call, raw))


SAMPLES = (
    Sample(
        title="Continue a sentence",
        input={
            "model": "gpt-3.5-turbo-instruct-0914",
            "prompt": "The three primary colours are",
            "max_tokens": 20,
        },
        output={
            "text": " red, yellow and blue.",
            "finish_reason": "stop",
            "model": "gpt-3.5-turbo-instruct-0914",
            "usage": {
                "input_tokens": 5,
                "output_tokens": 6,
                "total_tokens": 11,
                "cached_tokens": None,
                "reasoning_tokens": None,
            },
            "id": "cmpl-abc123",
            "choices": None,
        },
    ),
)


def register(connector: Connector) -> None:
    """Add the action to the connector."""
    connector.endpoint(
        "complete",
        "POST",
        "/completions",
        title="Continue a text",
        input=CompleteInput,
        output=TextOutput,
        request=CompletionRequest,
        samples=SAMPLES,
        prepare=prepare_completion,
        present=present_completion_answer,
        restore=restore_texts,
        stream=CompletionStream,
        stream_end=b"[DONE]",
        ask_stream=ask_completion_stream,
        resume_stream=resume_completion,
        meter=TokenMeter(),
    )
