"""What the streams of chats and completions have in common: the frame around the choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.errors import InvalidUpstreamAnswerError, StreamInterruptedError
from hookline_openai.reading import read_list, read_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline.connector import JsonObject

_KEPT = ("id", "created", "model", "service_tier", "system_fingerprint", "moderation", "metadata")


class StreamFrame:
    """Collects what surrounds the choices of a stream.

    Args:
        kind: Value of ``object`` in the answer that the stream adds up to.
    """

    def __init__(self, kind: str) -> None:
        self._answer: JsonObject = {"object": kind}
        self._usage: JsonObject | None = None

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


def about(index: int, event: JsonObject) -> JsonObject:
    """Return an event that names its choice, unless that is the first one."""
    return event if index == 0 else {**event, "index": index}
