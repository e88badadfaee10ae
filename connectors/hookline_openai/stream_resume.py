"""Ask OpenAI to go on where a stream broke off."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hookline_openai.stream_frame import CUT, INCOMPLETE, LEFT_OUT, MARK

if TYPE_CHECKING:
    from hookline.action import JsonObject

GO_ON = (
    "Your last message was cut off. Continue it exactly where it stops, even in the middle of a word. "
    "Write only what comes next: do not repeat any of it, do not begin anew, and add no comment."
)
"""What a model is told, as the user, after its own partial answer."""

_BYTES_PER_TOKEN = 4
_DEFAULT_COMPLETION_TOKENS = 16


def resume_chat(body: JsonObject, answer: JsonObject) -> JsonObject | None:
    """Return the body that asks to go on with a partial chat; None where that would not be sound.

    If nothing has arrived this is the same body. Else the partial text follows the conversation as the
    model's own message, and after it the request to go on. That cannot be done with several answers, with
    tool calls, refusals, sound or quotations that had begun, nor where the rest would not fit the first
    part: JSON, which a model can only write from its beginning, and token probabilities.
    """
    if _is_empty(answer):
        return dict(body)
    choice = _only_choice(body, answer)
    messages = body.get("messages")
    if choice is None or not isinstance(messages, list) or _needs_one_piece(body):
        return None
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else None
    if not isinstance(text, str) or not text or _has_more_than_text(cast("JsonObject", message)):
        return None
    turns = [{"role": "assistant", "content": text}, {"role": "user", "content": GO_ON}]
    resumed = {**body, "messages": [*messages, *turns]}
    for name in ("max_tokens", "max_completion_tokens"):
        if _is_count(body.get(name)):
            resumed[name] = max(1, cast("int", body[name]) - estimate_tokens(text))
    return resumed


def resume_completion(body: JsonObject, answer: JsonObject) -> JsonObject | None:
    """Return the body that asks to go on with a partial completion; None where that would not be sound.

    If nothing has arrived this is the same body, else the prompt with the partial text behind it. That cannot
    be done with several answers or prompts, prompts of tokens, echoes and token probabilities.
    """
    if _is_empty(answer):
        return dict(body)
    choice = _only_choice(body, answer)
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if choice is None or not isinstance(prompt, str) or body.get("echo") or body.get("logprobs") is not None:
        return None
    text = choice.get("text")
    if not isinstance(text, str) or not text:
        return None
    resumed = {**body, "prompt": prompt + text}
    given, spent = body.get("max_tokens"), estimate_tokens(text)
    if _is_count(given):
        resumed["max_tokens"] = max(1, cast("int", given) - spent)
    elif given is None and spent < _DEFAULT_COMPLETION_TOKENS:
        resumed["max_tokens"] = _DEFAULT_COMPLETION_TOKENS - spent
    return resumed


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text has: one for four bytes, rounded down."""
    return len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN


def _only_choice(body: JsonObject, answer: JsonObject) -> JsonObject | None:
    """Return the one choice of an answer that lacks its end."""
    choices = answer.get("choices")
    if body.get("n") not in (None, 1) or not isinstance(choices, list) or len(choices) != 1:
        return None
    if answer.get(INCOMPLETE) is not True or _left_out(answer):
        return None
    return choices[0] if isinstance(choices[0], dict) else None


def _is_empty(answer: JsonObject) -> bool:
    """Tell whether nothing at all has arrived that a caller could have read."""
    if answer.get(INCOMPLETE) is not True or _left_out(answer):
        return False
    choices = [choice for choice in _listed(answer.get("choices")) if isinstance(choice, dict)]
    return not any(_says_something(choice) for choice in choices)


def _says_something(choice: JsonObject) -> bool:
    message = choice.get("message")
    if choice.get("finish_reason") != CUT or choice.get("text"):
        return True
    return isinstance(message, dict) and (bool(message.get("content")) or _has_more_than_text(message))


def _left_out(answer: JsonObject) -> bool:
    mark = answer.get(MARK)
    return isinstance(mark, dict) and bool(mark.get(LEFT_OUT))


def _has_more_than_text(message: JsonObject) -> bool:
    return any(value for name, value in message.items() if name not in ("role", "content"))


def _needs_one_piece(body: JsonObject) -> bool:
    response_format = body.get("response_format")
    kind = response_format.get("type") if isinstance(response_format, dict) else None
    return (
        kind not in (None, "text")
        or bool(body.get("logprobs"))
        or body.get("audio") is not None
        or "audio" in _listed(body.get("modalities"))
        or body.get("web_search_options") is not None
    )


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
