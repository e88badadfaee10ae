"""``openai.moderate``: find out whether texts or images are harmful."""

from typing import Annotated, Literal

from pydantic import Field

from hookline.action import JsonObject, Sample
from hookline.call import Call
from hookline.connector import Connector
from hookline.errors import InvalidUpstreamAnswerError
from hookline.upstream import UpstreamRequest
from hookline_openai.answers import with_raw
from hookline_openai.metering import TokenMeter
from hookline_openai.reading import read_list, read_object, read_optional_text, unusable
from hookline_openai.shapes import Shape, StrictShape, absent, field

DEFAULT_MODEL = "omni-moderation-latest"
"""What the service checks with unless told otherwise."""


class ModeratedText(StrictShape):
    """A text to check."""

    type: Literal["text"]
    text: str


class ModeratedImageAddress(StrictShape):
    """Where the image is."""

    url: str = Field(description="Address of the image, or the image itself as a data: URL.")


class ModeratedImage(StrictShape):
    """An image to check."""

    type: Literal["image_url"]
    image_url: ModeratedImageAddress


Score = Annotated[float, Field(ge=0, le=1)]


class ModerationRequest(StrictShape):
    """A moderation request as OpenAI takes it."""

    input: str | list[str] | list[ModeratedText | ModeratedImage] = field(
        "Text",
        "What to check: a text, a list of texts, or a list of texts and images.",
        group="basic",
        required=True,
        multiline=True,
        placeholder="Paste what somebody wrote",
    )
    model: str = field(
        "Model",
        "Which model checks; without it the service takes its newest.",
        group="output",
        advanced=True,
        min_length=1,
        options="openai.models?kind=moderation",
        examples=["omni-moderation-latest"],
    )


class ModerateInput(ModerationRequest):
    """Find out whether texts or images are harmful, in which way, and how sure the model is."""

    raw: bool | None = field(
        "Raw answer", "Whether the output also holds the service's own answer.", group="output", advanced=True
    )


class ModerationResult(Shape):
    """What was found in one input."""

    flagged: bool = Field(title="Flagged", description="Whether it is harmful.")
    categories: dict[str, bool | None] = Field(
        title="Categories", description="Whether it is harmful in each way; null where that was not checked."
    )
    scores: dict[str, Score] = Field(title="Scores", description="How sure the model is, from 0 to 1.")


class ModerateOutput(Shape):
    """What was found in all inputs together, and in each."""

    flagged: bool = Field(title="Flagged", description="Whether any of it is harmful.")
    categories: list[str] = Field(title="Categories", description="In which ways, such as `harassment`.")
    scores: dict[str, Score] = Field(
        title="Scores",
        description="How sure the model is of each category, from 0 to 1; the highest of all inputs.",
    )
    results: list[ModerationResult] = Field(title="Results", description="The same for each input, in order.")
    model: str | None = Field(title="Model", description="The model that checked.")
    id: str | None = Field(title="Id", description="The service's own id of the answer.")
    raw: dict[str, object] = absent(title="Raw", description="The service's own answer; only when asked for.")


def prepare_moderation(call: Call, request: UpstreamRequest) -> None:
    """Write the input of a moderation into the body that OpenAI takes."""
    request.body = {name: value for name, value in call.input.items() if name != "raw"}


def present_moderation(call: Call, raw: object) -> JsonObject:
    """Return the output of a moderation.

    Raises:
        InvalidUpstreamAnswerError: If the answer has not the shape that OpenAI describes.
    """
    answer = read_object(raw, "answer")
    entries = read_list(answer.get("results"), "results")
    if not entries:
        raise InvalidUpstreamAnswerError("The service's answer cannot be used: it holds no result.")
    results: list[JsonObject] = []
    flagged: set[str] = set()
    scores: dict[str, float] = {}
    for position, entry in enumerate(entries):
        where = f"results[{position}]"
        result = read_object(entry, where)
        found = _flags(result.get("categories"), f"{where}.categories")
        sure = _scores(result.get("category_scores"), f"{where}.category_scores")
        if not isinstance(result.get("flagged"), bool):
            raise unusable(f"{where}.flagged", "true or false", result.get("flagged"))
        results.append({"flagged": result["flagged"], "categories": found, "scores": sure})
        flagged |= {name for name, is_flagged in found.items() if is_flagged}
        scores.update({name: max(score, scores.get(name, 0)) for name, score in sure.items()})
    output: JsonObject = {
        "flagged": any(result["flagged"] for result in results),
        "categories": sorted(flagged),
        "scores": scores,
        "results": results,
        "model": read_optional_text(answer.get("model"), "model"),
        "id": read_optional_text(answer.get("id"), "id"),
    }
    return with_raw(call, answer, output)


def _flags(value: object, where: str) -> dict[str, bool | None]:
    flags: dict[str, bool | None] = {}
    for name, flag in read_object(value, where).items():
        if flag is not None and not isinstance(flag, bool):
            raise unusable(f"{where}.{name}", "true or false", flag)
        flags[name] = flag
    return flags


def _scores(value: object, where: str) -> dict[str, float]:
    scores: dict[str, float] = {}
    for name, score in read_object(value, where).items():
        if score is None:
            continue
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
            raise unusable(f"{where}.{name}", "between 0 and 1", score)
        scores[name] = score
    return scores


SAMPLES = (
    Sample(
        title="A harmful text",
        input={"input": "I am going to hurt you.", "model": "omni-moderation-latest"},
        output={
            "flagged": True,
            "categories": ["harassment/threatening", "violence"],
            "scores": {"harassment/threatening": 0.83, "violence": 0.91, "sexual": 0.0},
            "results": [
                {
                    "flagged": True,
                    "categories": {"harassment/threatening": True, "violence": True, "sexual": False},
                    "scores": {"harassment/threatening": 0.83, "violence": 0.91, "sexual": 0.0},
                }
            ],
            "model": "omni-moderation-2024-09-26",
            "id": "modr-abc123",
        },
    ),
)


def register(connector: Connector) -> None:
    """Add the action to the connector."""
    connector.endpoint(
        "moderate",
        "POST",
        "/moderations",
        title="Check for harmful content",
        input=ModerateInput,
        output=ModerateOutput,
        request=ModerationRequest,
        idempotent=True,
        samples=SAMPLES,
        prepare=prepare_moderation,
        present=present_moderation,
        meter=TokenMeter(default_model=DEFAULT_MODEL, makes_text=False),
    )
