"""The body of a chat request as OpenAI takes it."""

from typing import Annotated, Literal

from pydantic import Field

from hookline_openai.messages import Message, TextParts
from hookline_openai.sampling import Sampling
from hookline_openai.shapes import Shape, StrictShape, absent, field
from hookline_openai.tools import Name, ToolFields

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


class PlainFormat(StrictShape):
    """Plain text."""

    type: Literal["text"]


class JsonFormat(StrictShape):
    """Any JSON object."""

    type: Literal["json_object"]


class JsonSchemaDefinition(StrictShape):
    """A named JSON Schema."""

    name: Name
    description: str = absent("What the answer is for.")
    schema_: dict[str, object] = absent("The JSON Schema.", alias="schema")
    strict: bool | None = absent("Whether the answer must fit the schema exactly.")


class JsonSchemaFormat(StrictShape):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchemaDefinition


ResponseFormat = PlainFormat | JsonFormat | JsonSchemaFormat


class VoiceId(StrictShape):
    """A voice of one's own."""

    id: str


class AudioOutput(StrictShape):
    """How a spoken answer sounds."""

    voice: str | VoiceId
    format: Literal["wav", "aac", "mp3", "flac", "opus", "pcm16"]


class Prediction(StrictShape):
    """Text that most of the answer will repeat."""

    type: Literal["content"]
    content: str | TextParts


class CacheOptions(StrictShape):
    """How the prompt is kept in the cache."""

    mode: Literal["implicit", "explicit"] = absent("Who says where the kept part ends.")
    ttl: Literal["30m"] = absent("How long it is kept.")


class Place(StrictShape):
    """A rough place."""

    city: str = absent()
    country: str = absent("Two-letter country code.")
    region: str = absent()
    timezone: str = absent("IANA name such as Europe/Paris.")


class UserLocation(StrictShape):
    """Where the person who asks is."""

    type: Literal["approximate"]
    approximate: Place


class WebSearchOptions(StrictShape):
    """How much to search, and for whom."""

    search_context_size: Literal["low", "medium", "high"] = absent("How much of what it finds it reads.")
    user_location: UserLocation | None = absent("Where the person who asks is.")


class ModerationMode(StrictShape):
    """What happens with flagged content."""

    mode: Literal["score", "block"]


class ModerationPolicy(StrictShape):
    """What is checked."""

    input: ModerationMode | None = absent("For what is sent.")
    output: ModerationMode | None = absent("For the answer.")


class ChatModeration(StrictShape):
    """Moderation within the same call."""

    model: str
    policy: ModerationPolicy | None = absent("What happens with flagged content.")


Metadata = dict[str, Annotated[str, Field(max_length=512)]]


class ChatFields(ToolFields, Sampling, Shape):
    """All fields of a chat request but model, messages and response format."""

    max_completion_tokens: int | None = field(
        "Longest answer",
        "Most tokens the answer may have, hidden reasoning included; three words take about four tokens.",
        group="output",
        examples=[500],
    )
    max_tokens: int | None = field(
        "Longest answer (older)",
        "The older form of the longest answer; newer models refuse it.",
        group="output",
        advanced=True,
        deprecated=True,
    )
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = field(
        "Reasoning effort",
        "How long a reasoning model thinks before it answers; not every model takes every value.",
        group="output",
        advanced=True,
    )
    verbosity: Literal["low", "medium", "high"] | None = field(
        "Verbosity", "How wordy the answer is.", group="output", advanced=True
    )
    modalities: list[Literal["text", "audio"]] | None = field(
        "Kinds of answer", "Whether the model writes, speaks or both.", group="output", advanced=True
    )
    audio: AudioOutput | None = field(
        "Voice",
        "Voice and file format of a spoken answer; needed when audio is asked for.",
        group="output",
        advanced=True,
    )
    seed: int | None = field(
        "Seed",
        "The same number with the same request tends to give the same answer.",
        group="sampling",
        deprecated=True,
        ge=INT64_MIN,
        le=INT64_MAX,
    )
    logprobs: bool | None = field(
        "Token probabilities", "Whether the raw answer says how likely each token was.", group="sampling"
    )
    top_logprobs: int | None = field(
        "Alternatives per token",
        "How many likely alternatives to report for each token; needs token probabilities.",
        group="sampling",
        ge=0,
        le=20,
    )
    prediction: Prediction | None = field(
        "Predicted text",
        "Text that most of the answer will repeat, such as a file with small edits; saves time.",
    )
    web_search_options: WebSearchOptions = field("Web search", "How a search model searches the web.")
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | None = field(
        "Service tier", "How fast and at which price the request is served."
    )
    store: bool | None = field("Store", "Whether OpenAI keeps the answer for later use in its dashboard.")
    metadata: Metadata | None = field(
        "Metadata",
        "Up to 16 labels that are stored with the answer.",
        schema={"propertyNames": {"maxLength": 64}},
        max_length=16,
    )
    moderation: ChatModeration | None = field(
        "Moderation", "Checks what is sent and what is answered for harmful content in the same call."
    )
    prompt_cache_key: str | None = field(
        "Cache key", "The same key for similar prompts makes repeated beginnings cheaper."
    )
    prompt_cache_options: CacheOptions = field(
        "Prompt cache", "How the beginning of the prompt is kept in the cache; newer models only."
    )
    prompt_cache_retention: Literal["in_memory", "24h"] | None = field(
        "Cache retention", "How long the beginning of the prompt is kept in the cache.", deprecated=True
    )
    safety_identifier: str | None = field(
        "End user id",
        "A stable id of the person behind the request, best a hash; helps OpenAI to act on abuse.",
        max_length=64,
    )
    user: str = field("End user (older)", "The older form of the end user id.", deprecated=True)


class ChatRequest(ChatFields, StrictShape):
    """A chat request as OpenAI takes it."""

    model: str = field("Model", "Which model answers.", group="basic", required=True)
    messages: list[Message] = field(
        "Messages", "The conversation so far.", group="basic", required=True, min_length=1
    )
    response_format: ResponseFormat = field("Answer format", "Plain text, JSON, or JSON of a given schema.")
