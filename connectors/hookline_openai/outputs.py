"""Shapes of the outputs: flat, and with the same keys every time, so that mapping them is easy."""

from pydantic import Field

from hookline_openai.shapes import Shape, absent


class Usage(Shape):
    """How many tokens a call took."""

    input_tokens: int = Field(title="Input tokens", description="Tokens that were sent.", ge=0)
    output_tokens: int = Field(title="Output tokens", description="Tokens that were made.", ge=0)
    total_tokens: int = Field(title="Total tokens", description="Both together.", ge=0)
    cached_tokens: int | None = Field(
        title="Cached tokens", description="Input tokens that were read from the cache.", ge=0
    )
    reasoning_tokens: int | None = Field(
        title="Reasoning tokens", description="Output tokens that went into hidden reasoning.", ge=0
    )


class ToolCall(Shape):
    """A tool that the model asks to run."""

    id: str | None = Field(title="Id", description="Name it in the tool message that answers.")
    name: str = Field(title="Name", description="Which tool.")
    arguments: object = Field(
        title="Arguments",
        description="What to run it with: an object where the model wrote JSON, else its text.",
    )


class TextChoice(Shape):
    """One of several answers."""

    index: int = Field(title="Index", description="0 for the first.", ge=0)
    text: str = Field(title="Text", description="The answer.")
    finish_reason: str | None = Field(title="Finish reason", description="Why it ended.")


class ChatChoice(TextChoice):
    """One of several answers."""

    refusal: str | None = Field(title="Refusal", description="What the model wrote if it declined.")
    tool_calls: list[ToolCall] = Field(title="Tool calls", description="Tools that the model asks to run.")


class TextTop(Shape):
    """The members that every output with a text begins with."""

    text: str = Field(title="Text", description="The answer; empty when there is none.")
    finish_reason: str | None = Field(
        title="Finish reason",
        description="Why the answer ended: `stop` if it is complete, `length` if it was cut at the limit.",
        examples=["stop", "length", "tool_calls", "content_filter"],
    )
    model: str | None = Field(title="Model", description="The exact model that answered.")
    usage: Usage | None = Field(title="Usage", description="How many tokens the call took.")
    id: str | None = Field(title="Id", description="The service's own id of the answer.")


class Part(Shape):
    """One part of a text that was split because it did not fit into the model's context window."""

    index: int = Field(title="Index", description="0 for the first.", ge=0)
    characters: int = Field(title="Characters", description="Length of the part.", ge=0)
    finish_reason: str | None = Field(title="Finish reason", description="Why its answer ended.")
    usage: Usage | None = Field(title="Usage", description="How many tokens it took.")


class TextOutput(TextTop):
    """A text, and how it came about."""

    choices: list[TextChoice] | None = Field(
        title="Choices", description="All answers; only when there are several."
    )
    parts: list[Part] = absent(title="Parts", description="What each part took; only of a split text.")
    incomplete: bool = absent(
        title="Incomplete", description="True if the answer broke off and only its beginning is here."
    )
    raw: dict[str, object] = absent(title="Raw", description="The service's own answer; only when asked for.")


class EditOutput(TextTop):
    """The edited text."""

    refusal: str | None = Field(title="Refusal", description="What the model wrote if it declined.")
    choices: list[TextChoice] | None = Field(
        title="Choices", description="All answers; only when there are several."
    )
    parts: list[Part] = absent(title="Parts", description="What each part took; only of a split text.")
    incomplete: bool = absent(
        title="Incomplete", description="True if the answer broke off and only its beginning is here."
    )
    raw: dict[str, object] = absent(title="Raw", description="The service's own answer; only when asked for.")


class ChatOutput(TextTop):
    """The model's answer."""

    refusal: str | None = Field(
        title="Refusal", description="What the model wrote if it declined; `text` holds it too."
    )
    tool_calls: list[ToolCall] = Field(
        title="Tool calls", description="Tools that the model asks to run; empty when it asks for none."
    )
    choices: list[ChatChoice] | None = Field(
        title="Choices", description="All answers; only when there are several."
    )
    parsed: object = Field(
        title="Parsed", description="The answer as data, when JSON was asked for and somebody read it."
    )
    parts: list[Part] = absent(title="Parts", description="What each part took; only of a split text.")
    incomplete: bool = absent(
        title="Incomplete", description="True if the answer broke off and only its beginning is here."
    )
    raw: dict[str, object] = absent(title="Raw", description="The service's own answer; only when asked for.")
