"""Plan how a call with one overlong text becomes several calls, each with a part of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from hookline_context.cutting import keep_end, split_text

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline_context.options import ContextOptions
    from hookline_context.rooms import Overflow
    from hookline_context.text_counter import TextCounter

MIN_PART_TOKENS = 16
SURE_SHARE_OF_ESTIMATE = 0.7
"""How much of a limit is used when tokens are only estimated."""

NOT_HANDED_ON = ("raw", "stream", "stream_options")
"""Fields of a call's input that its parts do without."""

_DATA_FORMATS = ("json_object", "json_schema")


class UnsplittableError(Exception):
    """This call cannot be split.

    Args:
        reason: Why, as a sentence for the caller.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A part of a text.

    Attributes:
        text: What is sent.
        gap: White space that stood between this part and the next.
        characters: Length of the part, without what is repeated from the one before.
    """

    text: str
    gap: str
    characters: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TextPlan:
    """How a text is run in parts.

    Attributes:
        pieces: The parts, in order.
        make_input: Returns the input of the call for a text.
        keeps_gaps: Whether the answers stand for the parts themselves, so that they are put together with
            the white space that stood between these.
        told: What each part took, once it has run; for the caller.
    """

    pieces: list[Piece]
    make_input: Callable[[str], JsonObject] = field(repr=False)
    keeps_gaps: bool
    told: list[JsonObject] = field(default_factory=list)


def check_splittable(call: Call) -> None:
    """Check that what a call asks for can be put together from parts.

    Raises:
        UnsplittableError: If it cannot.
    """
    if call.door != "action":
        raise UnsplittableError("Splitting works at the action door only.")
    if call.is_stream:
        raise UnsplittableError("A stream cannot be split: call without `stream` to have the text split.")
    fields = call.input
    if fields.get("tools") or fields.get("functions"):
        raise UnsplittableError("A call with tools cannot be split.")
    answer = fields.get("response_format")
    if fields.get("json_schema") is not None or (
        isinstance(answer, dict) and answer.get("type") in _DATA_FORMATS
    ):
        raise UnsplittableError("An answer that is data cannot be put together from parts.")
    modalities = fields.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        raise UnsplittableError("A spoken answer cannot be put together from parts.")


def plan_text(call: Call, overflow: Overflow, counter: TextCounter, options: ContextOptions) -> TextPlan:
    """Return how to split the text of a chat, an edit or a completion.

    Args:
        call: The call.
        overflow: What does not fit; its room leaves the model something to answer with.
        counter: Counts texts.
        options: What is set.

    Raises:
        UnsplittableError: If there is no such text, or the rest leaves no room for it.
    """
    text, make_input = _find_text(call)
    is_edit = call.action.id == "openai.edit"
    text_amount = counter.count(text)
    left = overflow.room.item - (overflow.amount.tokens - text_amount.tokens)
    if is_edit:  # the answer is about as long as the part
        left = min(left, (left + overflow.room.output) // 2, overflow.room.longest_answer or left)
    if not counter.is_exact:
        left = int(left * SURE_SHARE_OF_ESTIMATE)
    limit = min(left, options.chunk_tokens or left)
    if limit < MIN_PART_TOKENS:
        raise UnsplittableError(
            "It was not split: what would have to go with every part leaves no room for the text."
        )
    overlap = min(options.chunk_overlap_tokens, limit // 2) if call.action.id == "openai.chat" else 0
    check_number(-(-text_amount.tokens // (limit - overlap)), options)
    pieces = _cut(text, limit - overlap, overlap, lambda part: counter.count(part).tokens)
    check_number(len(pieces), options)
    if len(pieces) < 2:
        raise UnsplittableError("It was not split: the text is not what is too long.")
    return TextPlan(pieces=pieces, make_input=make_input, keeps_gaps=is_edit)


def check_number(parts: int, options: ContextOptions) -> None:
    """Check that there are not too many parts.

    Raises:
        UnsplittableError: If there are.
    """
    if parts > options.max_parts:
        raise UnsplittableError(
            f"It was not split: that takes {parts:,} parts, and at most {options.max_parts:,} are allowed."
        )


def halve(piece: Piece) -> list[Piece]:
    """Return a piece as two or three, for a service that found it too long."""
    *most, last = _cut(piece.text, len(piece.text) * 11 // 20, 0, len)  # so that two are mostly enough
    return [*most, Piece(text=last.text, gap=piece.gap, characters=last.characters)]


def _cut(text: str, limit: int, overlap: int, count: Callable[[str], int]) -> list[Piece]:
    """Return the pieces of a text; white space at a cut is not sent, but kept as the gap between two."""
    texts: list[str] = []
    gaps = [""]
    for part in split_text(text, limit, count):
        core = part.strip()
        if not core:
            gaps[-1] += part
            continue
        before, after = part[: len(part) - len(part.lstrip())], part[len(part.rstrip()) :]
        gaps[-1] += before
        texts.append(core)
        gaps.append(after)
    pieces: list[Piece] = []
    for index, core in enumerate(texts):
        repeated = gaps[0] if index == 0 else ""
        if overlap and index:
            repeated = keep_end(texts[index - 1], overlap, count) + gaps[index]
        pieces.append(Piece(text=repeated + core, gap=gaps[index + 1], characters=len(core)))
    return pieces


def _find_text(call: Call) -> tuple[str, Callable[[str], JsonObject]]:
    """Return the text that is split, and what makes the input of a part of it."""
    base = {name: value for name, value in call.input.items() if name not in NOT_HANDED_ON}
    name = "input" if call.action.id == "openai.edit" else "prompt"
    text = base.get(name)
    if isinstance(text, list) and len(text) == 1:
        text = text[0]
    if isinstance(text, str):
        return text, lambda part: {**base, name: part}
    if text is not None:
        raise UnsplittableError("Several prompts in one call are not split: send them one by one.")
    messages = base.get("messages")
    for index in range(len(messages) - 1, -1, -1) if isinstance(messages, list) else ():
        message = cast("list[object]", messages)[index]
        if isinstance(message, dict) and message.get("role") == "user":
            return _find_in_message(base, cast("list[object]", messages), index, message)
    raise UnsplittableError("It was not split: there is no message of the user.")


def _find_in_message(
    base: JsonObject, messages: list[object], index: int, message: dict[str, object]
) -> tuple[str, Callable[[str], JsonObject]]:
    def with_content(content: object) -> JsonObject:
        changed = {**message, "content": content}
        return {**base, "messages": [*messages[:index], changed, *messages[index + 1 :]]}

    content = message.get("content")
    if isinstance(content, str):
        return content, with_content
    parts = content if isinstance(content, list) else []
    texts = {
        at: part["text"]
        for at, part in enumerate(parts)
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    }
    if not texts:
        raise UnsplittableError("It was not split: the last message of the user has no text.")
    longest = max(texts, key=lambda at: len(texts[at]))

    def with_text(text: str) -> JsonObject:
        changed = {**parts[longest], "text": text}
        return with_content([*parts[:longest], changed, *parts[longest + 1 :]])

    return texts[longest], with_text
