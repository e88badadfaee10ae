"""Make a request fit by leaving something out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookline_context.cutting import keep_beginning, keep_end
from hookline_context.message_groups import group_messages
from hookline_context.request_count import ITEMS, items_of

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline_context.request_count import Tally
    from hookline_context.text_counter import TextCounter

_MIN_TEXT_TOKENS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Shortened:
    """What became of a request.

    Attributes:
        items: What now stands in the field that holds the items.
        told: What was left out, in a sentence for the caller.
    """

    items: object
    told: str


def shorten(body: JsonObject, tally: Tally, limit: int, counter: TextCounter) -> Shortened | None:
    """Return a request's items without as much as has to go, or None if it cannot be made to fit.

    Args:
        body: The upstream's body; it is not changed.
        tally: What it takes.
        limit: Most tokens of a chat, or of each prompt.
        counter: Counts texts.
    """
    if tally.kind == "chat":
        return _shorten_chat(items_of(body, "chat"), tally, limit)
    return _shorten_texts(body, tally, limit, counter)


def _shorten_chat(messages: list[object], tally: Tally, limit: int) -> Shortened | None:
    groups = group_messages(messages)
    left = limit - tally.fixed.tokens
    left -= sum(tally.items[index].tokens for group in groups if group.must_stay for index in group.indexes)
    if left < 0:
        return None
    kept = {index for group in groups if group.must_stay for index in group.indexes}
    for group in reversed(groups):
        if group.must_stay:
            continue
        weight = sum(tally.items[index].tokens for index in group.indexes)
        if weight > left:
            break  # older ones go too, so that no hole is torn into the conversation
        left -= weight
        kept.update(group.indexes)
    gone = [index for index in range(len(messages)) if index not in kept]
    if not gone:
        return None
    tokens = sum(tally.items[index].tokens for index in gone)
    return Shortened(
        items=[messages[index] for index in sorted(kept)],
        told=f"Left out, the oldest first: {len(gone):,} of {len(messages):,} messages, {tokens:,} tokens.",
    )


def _shorten_texts(body: JsonObject, tally: Tally, limit: int, counter: TextCounter) -> Shortened | None:
    limit -= tally.fixed.tokens
    if limit < _MIN_TEXT_TOKENS:
        return None
    items = items_of(body, tally.kind)
    is_prompt = tally.kind == "completion"
    shorter = list(items)
    for index, item in enumerate(items):
        if tally.items[index].tokens <= limit:
            continue
        if isinstance(item, list):
            shorter[index] = item[-limit:] if is_prompt else item[:limit]
        elif isinstance(item, str):
            keep = keep_end if is_prompt else keep_beginning
            shorter[index] = keep(item, limit, lambda text: counter.count(text).tokens)
        if not shorter[index]:
            return None
    gone = [index for index, item in enumerate(items) if shorter[index] is not item]
    if not gone:
        return None
    tokens = sum(tally.items[index].tokens - limit for index in gone)
    where = "beginning" if is_prompt else "end"
    value = body.get(ITEMS[tally.kind])
    is_one = not isinstance(value, list) or items == [value]
    what = f"the {where} of the text" if is_one else f"the {where} of {len(gone):,} of {len(items):,} texts"
    return Shortened(
        items=shorter[0] if is_one else shorter,
        told=f"Left out: {what}, about {tokens:,} tokens.",
    )
