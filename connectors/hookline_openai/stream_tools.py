"""Put the pieces of a streamed tool call together again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from hookline_openai.reading import read_object, read_optional_text
from hookline_openai.stream_text import TextPieces

if TYPE_CHECKING:
    from hookline.action import JsonObject


@dataclass(slots=True)
class ToolCallPieces:
    """One tool call, function or custom, as far as it has come."""

    id: str | None = None
    is_custom: bool = False
    name: str | None = None
    parts: TextPieces = field(default_factory=TextPieces)

    def add(self, delta: JsonObject, where: str) -> None:
        """Add what a chunk says about the call.

        Raises:
            InvalidUpstreamAnswerError: If it has not the shape that OpenAI describes.
        """
        self.id = self.id or read_optional_text(delta.get("id"), f"{where}.id")
        if delta.get("type") == "custom" or delta.get("custom") is not None:
            self.is_custom = True
        tool = delta.get("custom" if self.is_custom else "function")
        if tool is not None:
            self.add_tool(read_object(tool, where), where)

    def add_tool(self, tool: JsonObject, where: str) -> None:
        """Add what a chunk says about the tool and its arguments.

        Raises:
            InvalidUpstreamAnswerError: If it has not the shape that OpenAI describes.
        """
        self.name = self.name or read_optional_text(tool.get("name"), f"{where} name")
        part = read_optional_text(tool.get("input" if self.is_custom else "arguments"), f"{where} arguments")
        if part:
            self.parts.add(part)

    def is_whole(self) -> bool:
        """Tell whether the arguments are whole although no end came: an object tells its own end."""
        if self.is_custom or self.name is None:
            return False
        try:
            return isinstance(orjson.loads(str(self.parts)), dict)
        except orjson.JSONDecodeError:
            return False

    def raw(self) -> JsonObject:
        """Return the call as a message of a plain answer has it."""
        text = str(self.parts)
        if self.is_custom:
            return {"id": self.id, "type": "custom", "custom": {"name": self.name, "input": text}}
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": text}}
