"""Tools that a model may call, and the choice among them."""

from typing import Annotated, Literal

from pydantic import Field

from hookline_openai.shapes import Shape, StrictShape, absent, field

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class FunctionDefinition(StrictShape):
    """A function that the model may call."""

    name: Name
    description: str = absent("What it does and when to call it.")
    parameters: dict[str, object] = absent("JSON Schema of its arguments; without it there are none.")
    strict: bool | None = absent("Whether the arguments must fit the schema exactly.")


class FunctionTool(StrictShape):
    """A tool that takes arguments as JSON."""

    type: Literal["function"]
    function: FunctionDefinition


class PlainTextFormat(StrictShape):
    """Any text."""

    type: Literal["text"]


class Grammar(StrictShape):
    """A grammar."""

    definition: str
    syntax: Literal["lark", "regex"]


class GrammarFormat(StrictShape):
    """Text that a grammar allows."""

    type: Literal["grammar"]
    grammar: Grammar


class CustomToolDefinition(StrictShape):
    """A tool that takes text."""

    name: str
    description: str = absent("What it does and when to call it.")
    format: PlainTextFormat | GrammarFormat = absent("What text it takes.")


class CustomTool(StrictShape):
    """A tool that takes text of any form."""

    type: Literal["custom"]
    custom: CustomToolDefinition


class ToolName(StrictShape):
    """A tool by its name."""

    name: str


class FunctionChoice(StrictShape):
    """This function must be called."""

    type: Literal["function"]
    function: ToolName


class CustomChoice(StrictShape):
    """This custom tool must be called."""

    type: Literal["custom"]
    custom: ToolName


class AllowedTools(StrictShape):
    """Tools to choose among."""

    mode: Literal["auto", "required"]
    tools: list[dict[str, object]]


class AllowedToolsChoice(StrictShape):
    """Only some of the tools may be called."""

    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


class LegacyFunction(StrictShape):
    """A function in the older form."""

    name: Name
    description: str = absent("What it does and when to call it.")
    parameters: dict[str, object] = absent("JSON Schema of its arguments; without it there are none.")


ToolChoice = Literal["none", "auto", "required"] | FunctionChoice | CustomChoice | AllowedToolsChoice


class ToolFields(Shape):
    """The fields that offer tools to a model."""

    tools: list[FunctionTool | CustomTool] = field(
        "Tools",
        "What the model may call instead of answering: each tool has a name, a description and arguments.",
        group="tools",
    )
    tool_choice: ToolChoice = field(
        "Tool choice",
        "Whether the model may, must or must not call a tool, or which one it has to call.",
        group="tools",
    )
    parallel_tool_calls: bool = field(
        "Several tools at once", "Whether the model may call several tools in one answer.", group="tools"
    )
    functions: list[LegacyFunction] = field(
        "Functions",
        "The older form of tools; use tools instead.",
        group="tools",
        deprecated=True,
        min_length=1,
        max_length=128,
    )
    function_call: Literal["none", "auto"] | ToolName = field(
        "Function choice",
        "The older form of the tool choice; use that instead.",
        group="tools",
        deprecated=True,
    )
