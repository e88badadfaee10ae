"""What a whole request takes, item by item: messages of a chat, prompts of a completion, texts to embed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hookline_context.amounts import NOTHING, Amount, guessed, known, total_of
from hookline_context.json_text import json_text
from hookline_context.message_count import REPLY_PRIMER, count_message
from hookline_context.tool_count import count_tools

if TYPE_CHECKING:
    from hookline_context.text_counter import TextCounter

Kind = Literal["chat", "completion", "embedding"]

KINDS: dict[str, Kind] = {
    "/chat/completions": "chat",
    "/completions": "completion",
    "/embeddings": "embedding",
}
"""What upstream paths ask for; the prompts of others are none of our business."""

ITEMS: dict[Kind, str] = {"chat": "messages", "completion": "prompt", "embedding": "input"}
"""The field of the body that holds the items."""

SYSTEM_ROLES = ("system", "developer")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """What a request takes.

    Attributes:
        kind: What it asks for.
        fixed: What it takes besides its items: tools, the frame of the answer.
        items: What each item takes, in order.
    """

    kind: Kind
    fixed: Amount
    items: tuple[Amount, ...]

    @property
    def total(self) -> Amount:
        """Everything together."""
        return total_of((self.fixed, *self.items))


def items_of(body: Mapping[str, object], kind: Kind) -> list[object]:
    """Return the items of a request; a list of token numbers is one item."""
    value = body.get(ITEMS[kind])
    if value is None:
        return []
    if not isinstance(value, list):
        return [value]
    if kind != "chat" and value and all(type(entry) is int for entry in value):
        return [value]
    return value


def count_request(body: Mapping[str, object], kind: Kind, counter: TextCounter) -> Tally:
    """Return what a request takes.

    Args:
        body: The upstream's body, of any shape.
        kind: What it asks for.
        counter: Counts texts.
    """
    items = items_of(body, kind)
    if kind != "chat":
        suffix = body.get("suffix") if kind == "completion" else None
        fixed = counter.count(suffix) if isinstance(suffix, str) else NOTHING
        return Tally(kind=kind, fixed=fixed, items=tuple(count_text_item(item, counter) for item in items))
    model = str(body.get("model") or "")
    framed = _first_system(items) if body.get("functions") else None
    counted = tuple(
        count_message(item, counter, model=model, follows="\n" if index == framed else "")
        for index, item in enumerate(items)
    )
    return Tally(kind=kind, fixed=count_frame(body, counter), items=counted)


def count_frame(body: Mapping[str, object], counter: TextCounter) -> Amount:
    """Return what a chat takes besides its messages."""
    has_system = _first_system(items_of(body, "chat")) is not None
    return known(REPLY_PRIMER) + count_tools(body, counter, has_system=has_system)


def count_text_item(item: object, counter: TextCounter) -> Amount:
    """Return what one prompt takes: a text, or the numbers of its tokens."""
    if isinstance(item, str):
        return counter.count(item)
    if isinstance(item, list):
        return known(len(item))
    return guessed(counter.count(json_text(item)).tokens)


def _first_system(messages: Sequence[object]) -> int | None:
    for index, message in enumerate(messages):
        if isinstance(message, dict) and message.get("role") in SYSTEM_ROLES:
            return index
    return None
