"""Put the pieces of a streamed chat together again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline_openai.answers import present_chat, present_tool_call
from hookline_openai.reading import (
    read_list,
    read_object,
    read_optional_text,
    read_position,
    read_whole_number,
)
from hookline_openai.stream_frame import StreamFrame, about

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.connector import JsonObject


@dataclass(slots=True)
class _ToolCall:
    id: str | None = None
    is_custom: bool = False
    name: str | None = None
    parts: list[str] = field(default_factory=list)

    def add(self, delta: JsonObject, where: str) -> None:
        self.id = self.id or read_optional_text(delta.get("id"), f"{where}.id")
        if delta.get("type") == "custom" or delta.get("custom") is not None:
            self.is_custom = True
        tool = delta.get("custom" if self.is_custom else "function")
        if tool is not None:
            self.add_tool(read_object(tool, where), where)

    def add_tool(self, tool: JsonObject, where: str) -> None:
        self.name = self.name or read_optional_text(tool.get("name"), f"{where} name")
        part = read_optional_text(tool.get("input" if self.is_custom else "arguments"), f"{where} arguments")
        if part:
            self.parts.append(part)

    def raw(self) -> JsonObject:
        text = "".join(self.parts)
        if self.is_custom:
            return {"id": self.id, "type": "custom", "custom": {"name": self.name, "input": text}}
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": text}}


@dataclass(slots=True)
class _Choice:
    content: list[str] | None = None
    refusal: list[str] | None = None
    tool_calls: dict[int, _ToolCall] = field(default_factory=dict)
    function_call: _ToolCall | None = None
    audio: JsonObject | None = None
    audio_parts: dict[str, list[str]] = field(default_factory=dict)
    annotations: list[object] = field(default_factory=list)
    logprobs: dict[str, list[object]] | None = None
    finish_reason: str | None = None

    def called(self) -> list[JsonObject]:
        calls = [call.raw() for _, call in sorted(self.tool_calls.items())]
        return calls or ([] if self.function_call is None else [self.function_call.raw()])

    def raw(self, index: int) -> JsonObject:
        message: JsonObject = {
            "role": "assistant",
            "content": _joined(self.content),
            "refusal": _joined(self.refusal),
        }
        if self.tool_calls:
            message["tool_calls"] = self.called()
        if self.function_call is not None:
            message["function_call"] = self.function_call.raw()["function"]
        if self.audio is not None:
            parts = {name: "".join(parts) for name, parts in self.audio_parts.items()}
            message["audio"] = {**self.audio, **parts}
        if self.annotations:
            message["annotations"] = self.annotations
        return {
            "index": index,
            "message": message,
            "logprobs": self.logprobs,
            "finish_reason": self.finish_reason,
        }


class ChatStream:
    """Turns the chunks of one chat into events, and at the end into the output that a plain answer gives."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._frame = StreamFrame("chat.completion")
        self._choices: dict[int, _Choice] = {}

    def feed(self, event: JsonObject) -> list[JsonObject]:
        """Return the pieces that one chunk brings: texts and refusals at once, a tool call when it is whole.

        Raises:
            InvalidUpstreamAnswerError: If the chunk has not the shape that OpenAI describes.
        """
        events: list[JsonObject] = []
        for position, entry in enumerate(self._frame.read(event)):
            where = f"choices[{position}]"
            piece = read_object(entry, where)
            index = read_position(piece, position, where)
            choice = self._choices.setdefault(index, _Choice())
            if piece.get("delta") is not None:
                delta = read_object(piece["delta"], f"{where}.delta")
                events += [about(index, event) for event in _read_delta(choice, delta, f"{where}.delta")]
            if piece.get("logprobs") is not None:
                _read_logprobs(choice, read_object(piece["logprobs"], f"{where}.logprobs"))
            reason = read_optional_text(piece.get("finish_reason"), f"{where}.finish_reason")
            if reason is not None and choice.finish_reason is None:
                choice.finish_reason = reason
                for call in choice.called():
                    events.append(
                        about(index, {"type": "tool_call", **present_tool_call(call, f"{where} tool call")})
                    )
        return events

    def finish(self) -> JsonObject:
        """Return the output, the same as that of a plain answer.

        Raises:
            StreamInterruptedError: If a choice has no end.
            InvalidUpstreamAnswerError: If there was no choice.
        """
        reasons = {index: choice.finish_reason for index, choice in self._choices.items()}
        self._frame.check_ended(reasons)
        choices: list[object] = [choice.raw(index) for index, choice in sorted(self._choices.items())]
        return present_chat(self._call, self._frame.answer(choices))


def _read_delta(choice: _Choice, delta: JsonObject, where: str) -> list[JsonObject]:
    events: list[JsonObject] = []
    text = read_optional_text(delta.get("content"), f"{where}.content")
    if text is not None:
        choice.content = [] if choice.content is None else choice.content
        choice.content.append(text)
    refusal = read_optional_text(delta.get("refusal"), f"{where}.refusal")
    if refusal is not None:
        choice.refusal = [] if choice.refusal is None else choice.refusal
        choice.refusal.append(refusal)
    spoken = (
        _read_audio(choice, read_object(delta["audio"], f"{where}.audio")) if delta.get("audio") else None
    )
    if text or spoken:
        events.append({"type": "text", "text": text or spoken})
    if refusal:
        events.append({"type": "refusal", "text": refusal})
    if delta.get("tool_calls") is not None:
        _read_tool_calls(choice, read_list(delta["tool_calls"], f"{where}.tool_calls"), f"{where}.tool_calls")
    if delta.get("function_call") is not None:
        choice.function_call = choice.function_call or _ToolCall()
        older = read_object(delta["function_call"], f"{where}.function_call")
        choice.function_call.add_tool(older, f"{where}.function_call")
    if delta.get("annotations") is not None:
        choice.annotations += read_list(delta["annotations"], f"{where}.annotations")
    return events


def _read_tool_calls(choice: _Choice, deltas: list[object], where: str) -> None:
    for position, entry in enumerate(deltas):
        at = f"{where}[{position}]"
        delta = read_object(entry, at)
        if delta.get("index") is not None:
            index = read_whole_number(delta["index"], f"{at}.index")
        else:  # some compatible servers leave it out: an id begins a call, the rest continues it
            last = max(choice.tool_calls, default=-1)
            index = last + 1 if delta.get("id") or last < 0 else last
        choice.tool_calls.setdefault(index, _ToolCall()).add(delta, at)


def _read_audio(choice: _Choice, delta: JsonObject) -> str | None:
    choice.audio = choice.audio or {}
    for name in ("data", "transcript"):
        part = read_optional_text(delta.get(name), f"audio.{name}")
        if part is not None:
            choice.audio_parts.setdefault(name, []).append(part)
    choice.audio.update({name: delta[name] for name in ("id", "expires_at") if delta.get(name) is not None})
    return read_optional_text(delta.get("transcript"), "audio.transcript")


def _read_logprobs(choice: _Choice, delta: JsonObject) -> None:
    choice.logprobs = choice.logprobs or {}
    for name, tokens in delta.items():
        if tokens is not None:
            choice.logprobs.setdefault(name, []).extend(read_list(tokens, f"logprobs.{name}"))


def _joined(parts: list[str] | None) -> str | None:
    return None if parts is None else "".join(parts)
