"""The texts in the events of a stream, and to which running text each belongs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline_moderation.content import is_label, is_sound, looks_like_label
from hookline_moderation.tokens import tokens_of

if TYPE_CHECKING:
    from hookline.action import JsonObject

Key = tuple[int | str | None, ...]

# Members of an event that stand around its choices.
_FRAME = frozenset(
    {
        "choices",
        "created",
        "id",
        "model",
        "object",
        "obfuscation",
        "service_tier",
        "system_fingerprint",
        "usage",
    }
)
_TOOLS = frozenset({"function_call", "tool_calls"})
_TEXT_PIECE = frozenset({"index", "text", "type"})


@dataclass(kw_only=True, slots=True)
class Fragments:
    """What one event brings.

    Attributes:
        running: Pieces of texts that go on in later events; the key says which text.
        whole: Texts that are complete.
        ended: Choices that end with this event.
    """

    running: list[tuple[Key, str]] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)


def is_tool(key: Key) -> bool:
    """Tell whether a running text is what a tool is called with."""
    return len(key) > 1 and not _TOOLS.isdisjoint(key)


def fragments_of_pieces(pieces: list[JsonObject], chunk: JsonObject) -> Fragments:
    """Return what a caller at the action door gets from an event.

    Args:
        pieces: What the caller gets.
        chunk: The event, which says what has ended.
    """
    found = Fragments()
    for piece in pieces:
        text, index = piece.get("text"), piece.get("index", 0)
        kind = piece.get("type")
        if isinstance(text, str) and isinstance(index, int) and piece.keys() <= _TEXT_PIECE:
            if text:
                found.running.append(((index, kind if isinstance(kind, str) else None), text))
        else:
            found.whole += [part for _, part in _texts(piece, (None,))]
    for index, choice in _choices(chunk):
        if choice.get("finish_reason") is not None:
            found.ended.append(index)
    return found


def fragments_of_event(chunk: JsonObject) -> Fragments:
    """Return what a caller at the wire door gets: every text of the event, wherever it stands."""
    found = Fragments()
    if not isinstance(chunk.get("choices"), list):
        found.running += _texts(chunk, (None,))
        return found
    for name, value in chunk.items():
        if name not in _FRAME and isinstance(value, (str, list, dict)):
            found.running += [pair for pair in _texts(value, (None, name)) if not looks_like_label(pair[1])]
    for entry in _strays(chunk):
        found.running += _texts(entry, (None, "choices"))
    for index, choice in _choices(chunk):
        brought: list[tuple[Key, str]] = []
        for name, value in choice.items():
            if name == "finish_reason":
                if value is not None:
                    found.ended.append(index)
            elif name == "delta" and isinstance(value, dict):
                for inner, part in value.items():
                    if isinstance(part, str):
                        if part and not is_label(inner, part):
                            brought.append(((index, inner), part))
                    elif isinstance(part, (list, dict)):
                        brought += _texts(part, (index, inner))
            elif name == "text" and isinstance(value, str):
                if value:
                    brought.append(((index, name), value))
            elif name != "logprobs" and isinstance(value, (str, list, dict)):
                outside = _texts(value, (index, name))
                brought += [pair for pair in outside if not looks_like_label(pair[1])]
        if choice.get("logprobs") is not None:
            brought += _unlike(brought, index, choice["logprobs"])
        found.running += brought
    return found


def _unlike(brought: list[tuple[Key, str]], index: int, logprobs: object) -> list[tuple[Key, str]]:
    """Return the tokens of an event where they are not the text that it brings anyway."""
    tokens = tokens_of(logprobs)
    if tokens is None:
        return list(_texts(logprobs, (index, "logprobs")))
    known = {text for _, text in brought}
    return [((index, "logprobs"), text) for text in tokens if text and text not in known]


def _choices(chunk: JsonObject) -> Iterator[tuple[int, JsonObject]]:
    choices = chunk.get("choices")
    for position, choice in enumerate(choices if isinstance(choices, list) else ()):
        if isinstance(choice, dict):
            index = choice.get("index")
            yield (index if type(index) is int else position), choice


def _strays(chunk: JsonObject) -> list[object]:
    choices = chunk.get("choices")
    return [entry for entry in choices if not isinstance(entry, dict)] if isinstance(choices, list) else []


def _texts(value: object, key: Key) -> Iterator[tuple[Key, str]]:
    """Yield every text with the path to it; an entry of a list goes by its own ``index`` if it has one."""
    stack: list[tuple[Key, object]] = [(key, value)]
    while stack:
        key, item = stack.pop()
        if isinstance(item, str):
            if item and not is_label(str(key[-1]), item):
                yield key, item
        elif isinstance(item, list):
            entries: list[tuple[Key, object]] = []
            for position, entry in enumerate(item):
                if isinstance(entry, (str, list, dict)):
                    index = entry.get("index") if isinstance(entry, dict) else None
                    entries.append(((*key, index if type(index) is int else position), entry))
            stack.extend(reversed(entries))
        elif isinstance(item, dict):
            is_audio = key[-1] == "audio"
            for name in reversed(item):
                entry = item[name]
                if is_audio and name == "data" and is_sound(entry):
                    continue
                if isinstance(entry, (str, list, dict)):
                    stack.append(((*key, name), entry))
            for name in item:
                if not looks_like_label(name):
                    yield (*key, "names"), name
