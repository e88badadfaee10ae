"""Put the pieces of a streamed completion together again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline_openai.answers import present_completion
from hookline_openai.reading import read_list, read_object, read_optional_text, read_position
from hookline_openai.stream_frame import StreamFrame, about

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.connector import JsonObject


class CompletionStream:
    """Turns the chunks of one completion into events, and at the end into the output of a plain answer."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._frame = StreamFrame("text_completion")
        self._texts: dict[int, list[str]] = {}
        self._finish_reasons: dict[int, str | None] = {}
        self._logprobs: dict[int, dict[str, list[object]]] = {}

    def feed(self, event: JsonObject) -> list[JsonObject]:
        """Return the pieces of text that one chunk brings.

        Raises:
            InvalidUpstreamAnswerError: If the chunk has not the shape that OpenAI describes.
        """
        events: list[JsonObject] = []
        for position, entry in enumerate(self._frame.read(event)):
            where = f"choices[{position}]"
            piece = read_object(entry, where)
            index = read_position(piece, position, where)
            text = read_optional_text(piece.get("text"), f"{where}.text")
            self._texts.setdefault(index, []).append(text or "")
            if text:
                events.append(about(index, {"type": "text", "text": text}))
            reason = read_optional_text(piece.get("finish_reason"), f"{where}.finish_reason")
            self._finish_reasons[index] = self._finish_reasons.get(index) or reason
            if piece.get("logprobs") is not None:
                self._read_logprobs(index, read_object(piece["logprobs"], f"{where}.logprobs"))
        return events

    def finish(self) -> JsonObject:
        """Return the output, the same as that of a plain answer.

        Raises:
            StreamInterruptedError: If a choice has no end.
            InvalidUpstreamAnswerError: If there was no choice.
        """
        self._frame.check_ended(self._finish_reasons)
        choices: list[object] = [
            {
                "index": index,
                "text": "".join(parts),
                "logprobs": self._logprobs.get(index),
                "finish_reason": self._finish_reasons[index],
            }
            for index, parts in sorted(self._texts.items())
        ]
        return present_completion(self._call, self._frame.answer(choices))

    def _read_logprobs(self, index: int, delta: JsonObject) -> None:
        kept = self._logprobs.setdefault(index, {})
        for name, values in delta.items():
            if values is not None:
                kept.setdefault(name, []).extend(read_list(values, f"logprobs.{name}"))
