"""A chat's answer in the shape of a completion's: whole, and chunk by chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline_lifecycle.stops import StopCutter

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline_lifecycle.completion_requests import CompletionPlan

_KEPT = ("created", "model", "system_fingerprint", "usage", "obfuscation")
_CHAT_ID, _COMPLETION_ID = "chatcmpl-", "cmpl-"
_MAX_CHOICES = 1024
_REASONS = {"tool_calls": "stop", "function_call": "stop"}


class CompletionWriter:
    """Rewrites one answer. What does not look like a chat's answer is left to be judged by others.

    Args:
        plan: What the caller asked for that a chat does not know.
    """

    def __init__(self, plan: CompletionPlan) -> None:
        self._plan = plan
        self._choices: dict[object, _Choice] = {}

    def whole(self, answer: object) -> JsonObject | None:
        """Return a ``text_completion`` for a ``chat.completion``; None if it is none."""
        return self._rewrite(answer, "message")

    def chunk(self, event: object) -> JsonObject | None:
        """Return a piece of a streamed ``text_completion`` for one of a chat; None if it is none."""
        return self._rewrite(event, "delta")

    def _rewrite(self, answer: object, member: str) -> JsonObject | None:
        if not isinstance(answer, dict) or answer.get("error"):
            return None
        listed = answer.get("choices")
        if not isinstance(listed, list) or len(self._choices) + len(listed) > _MAX_CHOICES:
            return None
        choices: list[JsonObject] = []
        for position, entry in enumerate(listed):
            if not isinstance(entry, dict) or "text" in entry:
                return None
            part = entry.get(member) or ({} if member == "delta" else None)
            if not isinstance(part, dict):
                return None
            choices.append(self._write(entry, part, position, is_last=member == "message"))
        id = answer.get("id")
        if isinstance(id, str) and id.startswith(_CHAT_ID):
            id = _COMPLETION_ID + id.removeprefix(_CHAT_ID)
        head: JsonObject = {"id": id, "object": "text_completion"}
        head.update((name, answer[name]) for name in _KEPT if name in answer)
        return {**head, "choices": choices}

    def _write(self, entry: JsonObject, part: JsonObject, position: int, *, is_last: bool) -> JsonObject:
        index = entry.get("index", position)
        key = index if isinstance(index, int) else position
        choice = self._choices.get(key)
        if choice is None:
            choice = self._choices[key] = _Choice(self._plan)
        reason = entry.get("finish_reason")
        logprobs = entry.get("logprobs") if self._plan.wants_logprobs else None
        return {
            "text": choice.text(part, is_last=is_last or reason is not None),
            "index": index,
            "logprobs": choice.logprobs(logprobs),
            "finish_reason": choice.reason(reason),
        }


class _Choice:
    """What is known of one choice so far."""

    def __init__(self, plan: CompletionPlan) -> None:
        self._before = plan.before
        self._cutter = StopCutter(plan.stops)
        self._is_refusal = False
        self._offset = len(plan.before)

    def text(self, part: JsonObject, *, is_last: bool) -> str:
        content, refusal = part.get("content"), part.get("refusal")
        piece = content if isinstance(content, str) else ""
        if isinstance(refusal, str) and refusal:
            self._is_refusal = True
            piece = piece or refusal
        text = self._before + self._cutter.feed(piece)
        self._before = ""
        return text + self._cutter.finish() if is_last else text

    def reason(self, reason: object) -> object:
        """Return why the choice ended; a refusal is told as filtered, as completions know no other word."""
        if reason is None:
            return None
        if self._cutter.has_stopped:
            return "stop"
        if self._is_refusal:
            return "content_filter"
        return _REASONS.get(reason, reason) if isinstance(reason, str) else reason

    def logprobs(self, given: object) -> JsonObject | None:
        content = given.get("content") if isinstance(given, dict) else None
        if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
            return None
        tokens = [str(item.get("token")) for item in content]
        offsets: list[int] = []
        for token in tokens:
            offsets.append(self._offset)
            self._offset += len(token)
        return {
            "tokens": tokens,
            "token_logprobs": [item.get("logprob") for item in content],
            "top_logprobs": [_alternatives(item.get("top_logprobs")) for item in content],
            "text_offset": offsets,
        }


def _alternatives(given: object) -> JsonObject:
    items = given if isinstance(given, list) else []
    return {str(item.get("token")): item.get("logprob") for item in items if isinstance(item, dict)}
