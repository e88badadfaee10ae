"""Put the pieces of a streamed completion together again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hookline_openai.answers import present_completion
from hookline_openai.reading import read_list, read_object, read_optional_text, read_position
from hookline_openai.stream_frame import StreamFrame, about
from hookline_openai.stream_join import StreamJoin
from hookline_openai.stream_text import TextPieces

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call


class CompletionStream:
    """Turns the chunks of one completion into events, and at the end into the output of a plain answer.

    Attributes:
        has_choices: As that of the chat's stream.
    """

    has_choices: ClassVar[bool] = True

    def __init__(self, call: Call) -> None:
        self._call = call
        self._frame = StreamFrame("text_completion")
        self._texts: dict[int, TextPieces] = {}
        self._finish_reasons: dict[int, str | None] = {}
        self._logprobs: dict[int, dict[str, list[object]]] = {}
        self._join: StreamJoin | None = None

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
            self._texts.setdefault(index, TextPieces()).add(text or "")
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
        return present_completion(self._call, self.answer())

    def answer(self, *, is_partial: bool = False) -> JsonObject:
        """Return what has arrived, as a ``text_completion``.

        Args:
            is_partial: Whether the stream broke off. Then a choice without an end gets the finish reason
                ``length``, and the answer ``"incomplete": true``. A stream that `adapt` is given next is
                another one.

        Raises:
            StreamInterruptedError: If a choice of an answer that is not partial has no end.
            InvalidUpstreamAnswerError: If there was no choice, and it is not partial.
        """
        choices: list[JsonObject] = [
            {
                "index": index,
                "text": str(pieces),
                "logprobs": self._logprobs.get(index),
                "finish_reason": self._finish_reasons.get(index),
            }
            for index, pieces in sorted(self._texts.items())
        ]
        if is_partial:
            self._join = None
            return self._frame.partial_answer(choices)
        self._frame.check_ended(self._finish_reasons)
        return self._frame.answer(list(choices))

    def adapt(self, event: JsonObject) -> JsonObject | None:
        """Return a chunk of the stream that goes on as the first stream would have had it, or None."""
        if self._join is None:
            texts = {index: str(pieces) for index, pieces in self._texts.items()}
            self._join = StreamJoin(self._frame.identity, usage=self._frame.usage, texts=texts, is_chat=False)
        return self._join.adapt(event)

    def _read_logprobs(self, index: int, delta: JsonObject) -> None:
        kept = self._logprobs.setdefault(index, {})
        for name, values in delta.items():
            if values is not None:
                kept.setdefault(name, []).extend(read_list(values, f"logprobs.{name}"))
