"""The tokens of an answer whose probabilities were asked for: the answer's text once more."""

from __future__ import annotations

from collections.abc import Iterable

# Source: OpenAI's chat and completion objects. Tokens that might have been chosen are in `top_logprobs`.
_CHAT = frozenset({"content", "refusal"})
_CHAT_TOKEN = frozenset({"bytes", "logprob", "token", "top_logprobs"})
_COMPLETION = frozenset({"text_offset", "token_logprobs", "tokens", "top_logprobs"})
_NUMBERS = ("text_offset", "token_logprobs")


def tokens_of(logprobs: object) -> list[str] | None:
    """Return the texts that the chosen tokens add up to, or None if this is something else than tokens."""
    if not isinstance(logprobs, dict):
        return None
    if logprobs.keys() <= _CHAT:
        lists = [value for value in logprobs.values() if value is not None]
        if all(isinstance(value, list) and all(map(_is_chat_token, value)) for value in lists):
            return ["".join(entry["token"] for entry in value) for value in lists]
    elif logprobs.keys() <= _COMPLETION:
        tokens = logprobs.get("tokens") or []
        if _are(str, tokens) and all(_are((int, float), logprobs.get(name)) for name in _NUMBERS):
            return ["".join(token for token in tokens if token is not None)]
    return None


def _is_chat_token(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("token"), str) and entry.keys() <= _CHAT_TOKEN


def _are(kind: type | tuple[type, ...], values: object) -> bool:
    if not isinstance(values, Iterable) or isinstance(values, (str, dict)):
        return values is None
    return all(value is None or isinstance(value, kind) for value in values)
