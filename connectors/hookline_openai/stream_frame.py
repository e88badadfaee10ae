"""What the streams of chats and completions have in common: the frame around the choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.errors import InvalidUpstreamAnswerError, StreamInterruptedError
from hookline_openai.reading import read_list, read_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline.action import JsonObject

MARK = "hookline"
"""Member of chunks and answers under which the gateway says what it did."""

INCOMPLETE = "incomplete"
"""Member of a whole answer that lacks its end; its value is true."""

CUT = "length"
"""Finish reason of a choice without an end: OpenAI's own word for a text that was cut."""

LEFT_OUT = "tool_calls_left_out"
"""Member of ``hookline`` in a partial answer: how many tool calls had begun and were not whole."""

_IDENTITY = ("id", "created", "model")
_KEPT = ("id", "created", "model", "service_tier", "system_fingerprint", "moderation", "metadata")


class StreamFrame:
    """Collects what surrounds the choices of a stream.

    Args:
        kind: Value of ``object`` in the answer that the stream adds up to.
    """

    def __init__(self, kind: str) -> None:
        self._answer: JsonObject = {"object": kind}
        self._usage: JsonObject | None = None

    @property
    def identity(self) -> JsonObject:
        """What every chunk of one stream has in common."""
        return {name: self._answer[name] for name in _IDENTITY if name in self._answer}

    @property
    def usage(self) -> JsonObject | None:
        """What the stream said about tokens so far."""
        return self._usage

    def read(self, chunk: JsonObject) -> list[object]:
        """Keep what a chunk says about the whole answer, and return its choices, which may be none.

        Raises:
            InvalidUpstreamAnswerError: If the chunk has not the shape that OpenAI describes.
        """
        for name in _KEPT:
            if name not in self._answer and chunk.get(name) is not None:
                self._answer[name] = chunk[name]
        if chunk.get("usage") is not None:
            self._usage = read_object(chunk["usage"], "usage")
        choices = chunk.get("choices")
        return [] if choices is None else read_list(choices, "choices")

    def check_ended(self, finish_reasons: Mapping[int, str | None]) -> None:
        """Check that there was a choice and that every one of them has come to its end.

        Raises:
            StreamInterruptedError: If a choice has no end.
            InvalidUpstreamAnswerError: If there was no choice.
        """
        if not finish_reasons:
            raise InvalidUpstreamAnswerError("The service's stream cannot be used: it held no choice.")
        cut = sorted(index for index, reason in finish_reasons.items() if reason is None)
        if cut:
            raise StreamInterruptedError(f"The service's stream ended before choice {cut[0]} was complete.")

    def answer(self, choices: list[object]) -> JsonObject:
        """Return the answer as the service would have given it in one piece."""
        usage = {} if self._usage is None else {"usage": self._usage}
        return {**self._answer, "choices": choices, **usage}

    def partial_answer(self, choices: list[JsonObject], *, left_out: int = 0) -> JsonObject:
        """Return the answer as far as it has come.

        A choice without an end gets the finish reason ``length``, and the answer is marked with
        ``"incomplete": true``.

        Args:
            choices: In order.
            left_out: How many tool calls were left out because they are not whole.
        """
        is_cut = not choices or any(choice.get("finish_reason") is None for choice in choices)
        ended = [{**choice, "finish_reason": choice.get("finish_reason") or CUT} for choice in choices]
        answer = self.answer(list(ended))
        if is_cut:
            answer[INCOMPLETE] = True
        if left_out:
            answer[MARK] = {LEFT_OUT: left_out}
        return answer


def mark_incomplete(answer: object, output: JsonObject) -> JsonObject:
    """Return an output that is marked where the answer that it was made from lacks its end."""
    if isinstance(answer, dict) and answer.get(INCOMPLETE) is True:
        output[INCOMPLETE] = True
    return output


def about(index: int, event: JsonObject) -> JsonObject:
    """Return an event that names its choice, unless that is the first one."""
    return event if index == 0 else {**event, "index": index}
