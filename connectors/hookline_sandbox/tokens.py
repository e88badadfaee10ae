"""Count tokens without a tokenizer: four UTF-8 bytes are one token, and every message costs three more.

The overheads are those of the OpenAI cookbook, "How to count tokens with tiktoken": 3 for each message, 1 for
a name, and 3 once for the reply. The same count serves usage, limits and cutting, so the three agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from hookline_sandbox.wire import JsonObject, encode_text

BYTES_PER_TOKEN = 4
TOKENS_PER_IMAGE = 85


def count_text(text: str) -> int:
    """Return the simulated number of tokens of a text."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def count_messages(messages: Sequence[JsonObject]) -> int:
    """Return the simulated prompt tokens of a conversation, without its tools."""
    return 3 + sum(3 + _count_message(message) for message in messages)


def count_tools(tools: Sequence[JsonObject]) -> int:
    """Return the simulated prompt tokens of tool definitions, legacy functions included."""
    return sum(3 + count_text(encode_text(tool)) for tool in tools)


def cut_text(text: str, limit: int) -> tuple[str, bool]:
    """Return as much of a text as fits into a number of tokens, and whether something was left out."""
    data = text.encode()
    if len(data) <= limit * BYTES_PER_TOKEN:
        return text, False
    return data[: limit * BYTES_PER_TOKEN].decode(errors="ignore"), True


def _count_message(message: JsonObject) -> int:
    total = sum(count_text(text) for text in _texts(message)) + (1 if message.get("name") else 0)
    content = message.get("content")
    if isinstance(content, list):
        total += TOKENS_PER_IMAGE * sum(part.get("type") in ("image_url", "file") for part in content)
    return total


def _texts(message: JsonObject) -> Iterator[str]:
    for name in ("role", "name", "refusal", "tool_call_id", "content"):
        value = message.get(name)
        if isinstance(value, str):
            yield value
    content = message.get("content")
    if isinstance(content, list):
        for part in content:
            yield part.get("text") or part.get("refusal") or ""
    legacy = message.get("function_call")
    for call in chain(message.get("tool_calls") or (), [{"function": legacy}] if legacy else ()):
        yield from (value for value in (call.get("function") or call.get("custom") or {}).values())
