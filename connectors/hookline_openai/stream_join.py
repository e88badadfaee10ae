"""Join the stream that goes on to the stream that broke off, so that its reader sees one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline_openai.stream_frame import MARK
from hookline_openai.stream_overlap import Overlap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline.action import JsonObject

STITCHED = "stitched"
"""Member of ``hookline``: from this chunk on it is another stream."""


class StreamJoin:
    """Makes the chunks of one stream look as if they belonged to another.

    They get the id, the time and the model of the first stream. What would begin a second answer is left
    out: the role, and words that only repeat the end of the first part. Numbers of tokens are added up.
    The first chunk is marked with ``"hookline": {"stitched": true}``.

    Args:
        top: Members that every chunk of the first stream carried.
        usage: What the first stream said about tokens, if it did.
        texts: What it delivered, by choice.
        is_chat: Whether the chunks are a chat's; if not, a completion's.
    """

    def __init__(
        self, top: JsonObject, *, usage: JsonObject | None, texts: Mapping[int, str], is_chat: bool
    ) -> None:
        self._top = top
        self._usage = usage
        self._overlaps = {index: Overlap(text) for index, text in texts.items()}
        self._is_chat = is_chat
        self._is_marked = False

    def adapt(self, chunk: JsonObject) -> JsonObject | None:
        """Return a chunk as the first stream would have had it; None if nothing of it is left.

        What has not the shape that OpenAI describes is handed on for others to judge.
        """
        adapted = {**chunk, **self._top}
        usage = chunk.get("usage")
        if self._usage is not None and isinstance(usage, dict):
            adapted["usage"] = add_usage(self._usage, usage)
        choices = chunk.get("choices")
        if isinstance(choices, list) and choices:
            kept = [kept_choice for choice in choices for kept_choice in self._adapt(choice)]
            if not kept and usage is None:
                return None
            adapted["choices"] = kept
        if not self._is_marked:
            self._is_marked = True
            adapted[MARK] = {STITCHED: True}
        return adapted

    def _adapt(self, choice: object) -> list[object]:
        """Return a choice without what the caller has already; nothing if that is all there is."""
        if not isinstance(choice, dict):
            return [choice]
        if not self._is_chat:
            return self._adapt_text(choice)
        delta = {} if choice.get("delta") is None else choice["delta"]
        if not isinstance(delta, dict):
            return [choice]
        ends = choice.get("finish_reason") is not None
        delta = {name: value for name, value in delta.items() if name != "role"}
        says_more = any(value for name, value in delta.items() if name != "content")
        text = self._pass(choice, delta.get("content"), is_last=ends or says_more)
        if text in (None, "") and not says_more and not ends:
            return []
        has_text = text is not None or "content" in delta
        return [{**choice, "delta": {**delta, "content": text} if has_text else delta}]

    def _adapt_text(self, choice: JsonObject) -> list[object]:
        ends = choice.get("finish_reason") is not None
        text = self._pass(choice, choice.get("text"), is_last=ends)
        return [{**choice, "text": text}] if text not in (None, "") or ends else []

    def _pass(self, choice: JsonObject, text: object, *, is_last: bool) -> object:
        """Return what may be passed on of a text; with the last one, also what was held back."""
        index = choice.get("index", 0)
        overlap = self._overlaps.get(index) if isinstance(index, int) else None
        if overlap is None or not (text is None or isinstance(text, str)):
            return text
        passed = overlap.feed(text or "")
        if is_last:
            passed += overlap.flush()
        return passed if passed or text else text


def add_usage(first: JsonObject, second: JsonObject) -> JsonObject:
    """Return two numbers of tokens added up, member by member."""
    total = {**first, **second}
    for name in first.keys() & second.keys():
        one, other = first[name], second[name]
        if isinstance(one, dict) and isinstance(other, dict):
            total[name] = add_usage(one, other)
        elif isinstance(one, int) and isinstance(other, int):
            total[name] = one + other
        elif other is None:
            total[name] = one
    return total
