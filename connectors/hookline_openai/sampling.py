"""Fields that say how a text is made; shared by the actions that make text."""

from typing import Annotated

from pydantic import Field

from hookline_openai.shapes import Shape, StrictShape, absent, field

Stops = Annotated[list[str], Field(min_length=1, max_length=4)]
Bias = Annotated[int, Field(ge=-100, le=100)]


class StreamOptions(StrictShape):
    """What a stream carries besides the text."""

    include_usage: bool = absent("Whether the stream ends with the number of tokens.")
    include_obfuscation: bool = absent("Whether random padding hides the length of each piece.")


class Randomness(Shape):
    """How freely the next word is chosen."""

    temperature: float | None = field(
        "Temperature",
        "How freely words are chosen: 0 is steady and predictable, 2 is wild. Set this or top P, not both.",
        group="sampling",
        ge=0,
        le=2,
        examples=[0.7],
    )
    top_p: float | None = field(
        "Top P",
        "Choose only among the likeliest words that together reach this share, such as 0.1 for the top 10 %.",
        group="sampling",
        ge=0,
        le=1,
    )


class Sampling(Randomness):
    """How the text is chosen, how many are made and where they stop."""

    n: int | None = field(
        "Number of answers",
        "How many different answers to make; each one is charged.",
        group="sampling",
        ge=1,
        le=128,
    )
    stop: str | Stops | None = field(
        "Stop at",
        "Up to four texts at which the answer ends; the text itself is not returned.",
        group="sampling",
    )
    presence_penalty: float | None = field(
        "New topics",
        "Above 0 the model is nudged towards things it did not mention yet.",
        group="sampling",
        ge=-2,
        le=2,
    )
    frequency_penalty: float | None = field(
        "Less repetition",
        "Above 0 the model repeats the same words less.",
        group="sampling",
        ge=-2,
        le=2,
    )
    logit_bias: dict[str, Bias] | None = field(
        "Token bias",
        "Makes single tokens, named by their number, likelier (up to 100) or rarer (down to -100).",
        group="sampling",
        schema={"propertyNames": {"pattern": "^[0-9]+$"}},
    )
    stream: bool | None = field(
        "Stream", "Send the answer piece by piece while it is being written.", group="output", advanced=True
    )
    stream_options: StreamOptions | None = field(
        "Stream options",
        "What a stream carries besides the text; only together with stream.",
        group="output",
        advanced=True,
    )
