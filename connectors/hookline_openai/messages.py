"""Messages of a conversation and the parts that their content is made of."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from hookline_openai.shapes import StrictShape, absent


class CacheBreakpoint(StrictShape):
    """Marks where the part of a prompt ends that is worth keeping in the cache."""

    mode: Literal["explicit"]
    ttl: Literal["30m", "12h"] = absent("How long it is kept.")


class TextPart(StrictShape):
    """A piece of text."""

    type: Literal["text"]
    text: str
    prompt_cache_breakpoint: CacheBreakpoint = absent()


class ImageAddress(StrictShape):
    """Where an image is, and how closely to look at it."""

    url: str = Field(description="Address of the image, or the image itself as a data: URL.")
    detail: Literal["auto", "low", "high", "original"] = absent("How closely to look.")


class ImagePart(StrictShape):
    """An image to look at."""

    type: Literal["image_url"]
    image_url: ImageAddress
    prompt_cache_breakpoint: CacheBreakpoint = absent()


class SoundData(StrictShape):
    """A recording."""

    data: str = Field(description="The recording in base64.")
    format: Literal["wav", "mp3"]


class AudioPart(StrictShape):
    """A recording to listen to."""

    type: Literal["input_audio"]
    input_audio: SoundData
    prompt_cache_breakpoint: CacheBreakpoint = absent()


class FileSource(StrictShape):
    """A file that was uploaded before, or the file itself."""

    file_id: str = absent("Id of an uploaded file.")
    file_data: str = absent("The file itself as a data: URL in base64.")
    filename: str = absent("Name of the file.")


class FilePart(StrictShape):
    """A file to read."""

    type: Literal["file"]
    file: FileSource
    prompt_cache_breakpoint: CacheBreakpoint = absent()


class RefusalPart(StrictShape):
    """The text with which the model declined."""

    type: Literal["refusal"]
    refusal: str


TextParts = Annotated[list[TextPart], Field(min_length=1)]
UserParts = Annotated[list[TextPart | ImagePart | AudioPart | FilePart], Field(min_length=1)]
OneRefusal = Annotated[list[RefusalPart], Field(min_length=1, max_length=1)]


class CalledFunction(StrictShape):
    """Which function the model called, and with what."""

    name: str
    arguments: str = Field(description="The arguments as JSON text.")


class FunctionToolCall(StrictShape):
    """A call of one of the functions that were offered."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class CalledCustomTool(StrictShape):
    """Which custom tool the model called, and with what."""

    name: str
    input: str


class CustomToolCall(StrictShape):
    """A call of one of the custom tools that were offered."""

    id: str
    type: Literal["custom"]
    custom: CalledCustomTool


class AudioReference(StrictShape):
    """An earlier spoken answer."""

    id: str


class SystemMessage(StrictShape):
    """Rules that the model follows throughout."""

    role: Literal["system"]
    content: str | TextParts
    name: str = absent("Tells apart several speakers of the same role.")


class DeveloperMessage(StrictShape):
    """Rules that the model follows throughout; newer reasoning models take it instead of a system message."""

    role: Literal["developer"]
    content: str | TextParts
    name: str = absent("Tells apart several speakers of the same role.")


class UserMessage(StrictShape):
    """What a person says."""

    role: Literal["user"]
    content: str | UserParts
    name: str = absent("Tells apart several speakers of the same role.")


class AssistantMessage(StrictShape):
    """What the model said earlier."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["content"]},
                {"required": ["tool_calls"]},
                {"required": ["function_call"]},
            ]
        }
    )

    role: Literal["assistant"]
    content: str | TextParts | OneRefusal | None = absent("May be left out next to `tool_calls`.")
    name: str = absent("Tells apart several speakers of the same role.")
    refusal: str | None = absent("The text with which the model declined.")
    tool_calls: list[FunctionToolCall | CustomToolCall] = absent("The tools that the model called.")
    audio: AudioReference | None = absent("An earlier spoken answer.")
    function_call: CalledFunction | None = absent("The older form of `tool_calls`.", deprecated=True)


class ToolMessage(StrictShape):
    """The result of a tool that the model called."""

    role: Literal["tool"]
    tool_call_id: str = Field(description="Id of the call that this answers.")
    content: str | TextParts


class FunctionMessage(StrictShape):
    """The older form of a tool message."""

    model_config = ConfigDict(json_schema_extra={"deprecated": True})

    role: Literal["function"]
    name: str
    content: str | None


Message = UserMessage | AssistantMessage | SystemMessage | DeveloperMessage | ToolMessage | FunctionMessage
