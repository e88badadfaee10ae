"""How much a model has room for, and what of a request is too much for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline_context.amounts import Amount
    from hookline_context.options import ContextOptions
    from hookline_context.request_count import Kind, Tally
    from hookline_openai.model_table import ModelInfo

MAX_REQUEST_TOKENS = 300_000
"""Most tokens of one embedding request, all its texts together. Source: OpenAI's API reference."""

_DEFAULT_COMPLETION_TOKENS = 16
_UNLIMITED = 10**12


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """What fits.

    Attributes:
        model: Id of the model.
        window: Tokens of prompt and answer together, or of one text to embed; None if that is not known.
        output: Tokens kept free for the answer.
        item: Most tokens of one prompt: of all messages together, of one prompt, of one text to embed.
        request: Most tokens of all items together.
        longest_answer: Longest answer that the model gives; None if that is not known.
    """

    model: str
    window: int | None
    output: int
    item: int
    request: int = _UNLIMITED
    longest_answer: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Overflow:
    """Something that does not fit.

    Attributes:
        room: What would have fitted.
        tally: What the request takes.
        amount: What takes too much.
        limit: The most that it may take.
        index: Which item it is; None if it is all of them together.
    """

    room: Room
    tally: Tally
    amount: Amount
    limit: int
    index: int | None = None


def room_of(info: ModelInfo, kind: Kind, body: JsonObject, options: ContextOptions) -> Room | None:
    """Return what fits into a model next to the answer that was asked for, or None if that is not known."""
    if kind == "embedding":
        if info.max_input_tokens is None:
            return None
        return Room(
            model=info.id,
            window=info.max_input_tokens,
            output=0,
            item=info.max_input_tokens - options.margin_tokens,
            request=MAX_REQUEST_TOKENS - options.margin_tokens,
        )
    if info.context_window is None and info.max_input_tokens is None:
        return None
    asked = asked_output(body, kind)
    output = (options.reserve_output_tokens or 0) if asked is None else asked
    if info.max_output_tokens is not None and output > info.max_output_tokens:
        output = info.max_output_tokens  # asking for more is another mistake, and the service's to refuse
    return _chat_room(info, output, options)


def least_room(info: ModelInfo, kind: Kind, options: ContextOptions) -> int | None:
    """Return how many tokens fit whatever answer is asked for, or None where `room_of` returns None.

    Less than nothing where the longest answer is not known.
    """
    window, alone = info.context_window, info.max_input_tokens
    if kind == "embedding":
        return None if alone is None else min(alone, MAX_REQUEST_TOKENS) - options.margin_tokens
    if window is None:
        return None if alone is None else alone - options.margin_tokens
    if info.max_output_tokens is None:
        return -1
    together = window - info.max_output_tokens
    return (together if alone is None or together < alone else alone) - options.margin_tokens


def with_room_for_answer(room: Room, body: JsonObject, kind: Kind) -> Room:
    """Return a room that leaves a model something to answer with, if the caller did not say how much.

    A prompt that was shortened to the very size of the window would get no answer.
    """
    if kind != "chat" or room.output or room.window is None or asked_output(body, kind) is not None:
        return room
    output = min(room.window // 4, room.longest_answer or room.window)
    return replace(room, output=output, item=min(room.item, room.window - output))


def asked_output(body: JsonObject, kind: Kind) -> int | None:
    """Return how long an answer the caller asks for, or None if it leaves that open."""
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return max(0, value)
    return _DEFAULT_COMPLETION_TOKENS if kind == "completion" else None


def find_overflow(tally: Tally, room: Room) -> Overflow | None:
    """Return what does not fit; None if all does, or may do so as far as an estimate can tell."""
    if tally.kind == "chat":
        total = tally.total
        return None if total.at_least <= room.item else _overflow(room, tally, total, room.item)
    for index, item in enumerate(tally.items):
        amount = item + tally.fixed
        if amount.at_least > room.item:
            return _overflow(room, tally, amount, room.item, index)
    total = tally.total
    return None if total.at_least <= room.request else _overflow(room, tally, total, room.request)


def _overflow(room: Room, tally: Tally, amount: Amount, limit: int, index: int | None = None) -> Overflow:
    return Overflow(room=room, tally=tally, amount=amount, limit=limit, index=index)


def _chat_room(info: ModelInfo, output: int, options: ContextOptions) -> Room:
    together = _UNLIMITED if info.context_window is None else info.context_window - output
    alone = _UNLIMITED if info.max_input_tokens is None else info.max_input_tokens
    return Room(
        model=info.id,
        window=info.context_window or info.max_input_tokens,
        output=output,
        item=min(together, alone) - options.margin_tokens,
        longest_answer=info.max_output_tokens,
    )
