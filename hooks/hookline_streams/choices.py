"""Reading the chunks of a stream of choices: what was said, and which choices came to their end.

Source: OpenAI API reference, "chat completion chunk" and "completion object". It is the hottest loop of the
plugin, one round per event, so it takes what it needs and leaves judging shapes to the presenter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.errors import InvalidUpstreamAnswerError, StreamInterruptedError

if TYPE_CHECKING:
    from hookline.action import JsonObject

MOST_CHOICES = 10_000


class Choices:
    """What the chunks of one stream said so far.

    Attributes:
        text_bytes: Size of everything that was said, tool arguments included.
        usage: The number of tokens, if a chunk told it.
    """

    __slots__ = ("_ended", "_open", "text_bytes", "usage")

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._ended: set[int] = set()
        self.text_bytes = 0
        self.usage: JsonObject | None = None

    def read(self, chunk: JsonObject) -> bool:
        """Take in one chunk, and tell whether it holds anything that a caller waits for.

        Raises:
            InvalidUpstreamAnswerError: If there are more choices than any service makes.
        """
        usage = chunk.get("usage")
        if usage and isinstance(usage, dict):
            self.usage = usage
        choices = chunk.get("choices")
        if not choices or not isinstance(choices, list):
            return bool(usage)
        says_something = False
        for position, choice in enumerate(choices):
            if not isinstance(choice, dict):
                continue
            index = choice.get("index", position)
            if not isinstance(index, int):
                index = position
            if choice.get("finish_reason"):
                self._ended.add(index)
                self._open.discard(index)
                says_something = True
            elif index not in self._open and index not in self._ended:
                self._begin(index)
            delta = choice.get("delta", choice)
            if isinstance(delta, dict):
                size = _size_of(delta)
                self.text_bytes += size
                says_something = says_something or size > 0
        return says_something

    def check_ended(self) -> None:
        """Check that there was a choice and that every one of them has come to its end.

        Raises:
            StreamInterruptedError: If a choice has no end.
            InvalidUpstreamAnswerError: If there was no choice.
        """
        if self._open:
            raise StreamInterruptedError(
                f"The service's stream ended before choice {min(self._open)} was complete."
            )
        if not self._ended:
            raise InvalidUpstreamAnswerError("The service's stream cannot be used: it held no choice.")

    @property
    def have_ended(self) -> bool:
        """Whether every choice that began has come to its end."""
        return bool(self._ended) and not self._open

    def _begin(self, index: int) -> None:
        if len(self._open) + len(self._ended) >= MOST_CHOICES:
            raise InvalidUpstreamAnswerError(
                f"The service's stream cannot be used: it holds more than {MOST_CHOICES:,} choices."
            )
        self._open.add(index)


def _size_of(delta: JsonObject) -> int:
    """Return how many bytes a delta says; ``delta`` is a completion's choice where there is no delta."""
    text = delta.get("content") or delta.get("text") or delta.get("refusal")
    size = _bytes_in(text) if text else 0
    tools = delta.get("tool_calls")
    if tools and isinstance(tools, list):
        size += sum(_size_of_tool(tool) for tool in tools)
    older = delta.get("function_call")
    if older:
        size += _size_of_tool({"function": older})
    audio = delta.get("audio")
    if audio and isinstance(audio, dict):
        size += _bytes_in(audio.get("transcript")) or 1
    return size


def _size_of_tool(call: object) -> int:
    """Return the size of a piece of a tool call; its head counts as one byte if it says nothing more."""
    if not isinstance(call, dict):
        return 0
    tool = call.get("function") or call.get("custom")
    if not isinstance(tool, dict):
        return 1
    return sum(_bytes_in(tool.get(name)) for name in ("name", "arguments", "input")) or 1


def _bytes_in(text: object) -> int:
    if not isinstance(text, str):
        return 0
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
