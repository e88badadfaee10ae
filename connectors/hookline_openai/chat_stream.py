"""Put the pieces of a streamed chat together again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from hookline_openai.answers import present_chat, present_tool_call
from hookline_openai.reading import (
    read_list,
    read_object,
    read_optional_text,
    read_position,
    read_whole_number,
)
from hookline_openai.stream_frame import StreamFrame, about
from hookline_openai.stream_join import StreamJoin
from hookline_openai.stream_text import TextPieces
from hookline_openai.stream_tools import ToolCallPieces

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call


@dataclass(slots=True)
class _Choice:
    content: TextPieces | None = None
    refusal: TextPieces | None = None
    tool_calls: dict[int, ToolCallPieces] = field(default_factory=dict)
    function_call: ToolCallPieces | None = None
    audio: JsonObject | None = None
    audio_parts: dict[str, TextPieces] = field(default_factory=dict)
    annotations: list[object] = field(default_factory=list)
    logprobs: dict[str, list[object]] | None = None
    finish_reason: str | None = None

    def called(self) -> list[JsonObject]:
        calls = [call.raw() for _, call in sorted(self.tool_calls.items())]
        return calls or ([] if self.function_call is None else [self.function_call.raw()])

    def leave_out_parts(self) -> tuple[_Choice, int]:
        """Return the choice without the tool calls that are not whole, and how many those are."""
        if self.finish_reason is not None:
            return self, 0
        whole = {index: call for index, call in self.tool_calls.items() if call.is_whole()}
        older = self.function_call
        kept_older = older if older is not None and older.is_whole() else None
        left_out = len(self.tool_calls) - len(whole) + (older is not kept_older)
        return replace(self, tool_calls=whole, function_call=kept_older), left_out

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
            parts = {name: str(parts) for name, parts in self.audio_parts.items()}
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
    """Turns the chunks of one chat into events, and at the end into the output that a plain answer gives.

    Attributes:
        has_choices: Tells those who look at the chunks that they hold ``choices``, each of which comes to
            an end of its own with a ``finish_reason``.
    """

    has_choices: ClassVar[bool] = True

    def __init__(self, call: Call) -> None:
        self._call = call
        self._frame = StreamFrame("chat.completion")
        self._choices: dict[int, _Choice] = {}
        self._join: StreamJoin | None = None

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
        return present_chat(self._call, self.answer())

    def answer(self, *, is_partial: bool = False) -> JsonObject:
        """Return what has arrived, as a ``chat.completion``.

        Args:
            is_partial: Whether the stream broke off. Then a choice without an end gets the finish reason
                ``length``, the answer ``"incomplete": true``, and tool calls that are not whole are left
                out and counted under ``hookline.tool_calls_left_out``. A stream that `adapt` is given next
                is another one.

        Raises:
            StreamInterruptedError: If a choice of an answer that is not partial has no end.
            InvalidUpstreamAnswerError: If there was no choice, and it is not partial.
        """
        if is_partial:
            self._join = None
            found = [(index, *choice.leave_out_parts()) for index, choice in sorted(self._choices.items())]
            return self._frame.partial_answer(
                [choice.raw(index) for index, choice, _ in found], left_out=sum(count for *_, count in found)
            )
        self._frame.check_ended({index: choice.finish_reason for index, choice in self._choices.items()})
        return self._frame.answer([choice.raw(index) for index, choice in sorted(self._choices.items())])

    def adapt(self, event: JsonObject) -> JsonObject | None:
        """Return a chunk of the stream that goes on as the first stream would have had it, or None."""
        if self._join is None:
            texts = {index: _joined(choice.content) or "" for index, choice in self._choices.items()}
            self._join = StreamJoin(self._frame.identity, usage=self._frame.usage, texts=texts, is_chat=True)
        return self._join.adapt(event)


def _read_delta(choice: _Choice, delta: JsonObject, where: str) -> list[JsonObject]:
    events: list[JsonObject] = []
    text = read_optional_text(delta.get("content"), f"{where}.content")
    if text is not None:
        choice.content = TextPieces() if choice.content is None else choice.content
        choice.content.add(text)
    refusal = read_optional_text(delta.get("refusal"), f"{where}.refusal")
    if refusal is not None:
        choice.refusal = TextPieces() if choice.refusal is None else choice.refusal
        choice.refusal.add(refusal)
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
        choice.function_call = choice.function_call or ToolCallPieces()
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
        choice.tool_calls.setdefault(index, ToolCallPieces()).add(delta, at)


def _read_audio(choice: _Choice, delta: JsonObject) -> str | None:
    choice.audio = choice.audio or {}
    for name in ("data", "transcript"):
        part = read_optional_text(delta.get(name), f"audio.{name}")
        if part is not None:
            choice.audio_parts.setdefault(name, TextPieces()).add(part)
    choice.audio.update({name: delta[name] for name in ("id", "expires_at") if delta.get(name) is not None})
    return read_optional_text(delta.get("transcript"), "audio.transcript")


def _read_logprobs(choice: _Choice, delta: JsonObject) -> None:
    choice.logprobs = choice.logprobs or {}
    for name, tokens in delta.items():
        if tokens is not None:
            choice.logprobs.setdefault(name, []).extend(read_list(tokens, f"logprobs.{name}"))


def _joined(pieces: TextPieces | None) -> str | None:
    return None if pieces is None else str(pieces)
