"""The texts in the events of a service's own stream, and to which running text each belongs."""

from __future__ import annotations

from collections.abc import Iterator

JsonObject = dict[str, object]
Path = tuple[object, ...]
"""Number of the choice (None outside of any), then names of members and numbers of list entries."""

# What stands around the texts and never goes on in the next event.
_LABELS = frozenset(
    {"data", "finish_reason", "id", "logprobs", "model", "name", "object", "obfuscation", "role", "type"}
)
_FRAME = frozenset({"created", "id", "model", "object", "service_tier", "system_fingerprint", "usage"})


def texts_in(chunk: JsonObject) -> Iterator[tuple[Path, JsonObject, str]]:
    """Yield every text of an event as its path, the object that holds it, and its name there.

    In a stream with ``choices`` those of its choices; in any other all that are no labels.
    """
    choices = chunk.get("choices")
    if not isinstance(choices, list):
        yield from _texts(
            (None,), {name: value for name, value in chunk.items() if name not in _FRAME}, chunk
        )
        return
    for position, choice in enumerate(choices):
        if isinstance(choice, dict):
            yield from _texts((_index_of(choice, position),), choice, choice)


def _texts(path: Path, members: JsonObject, holder: JsonObject) -> Iterator[tuple[Path, JsonObject, str]]:
    for name, value in members.items():
        if name in _LABELS:
            continue
        if isinstance(value, str):
            yield (*path, name), holder, name
        elif isinstance(value, dict):
            yield from _texts((*path, name), value, value)
        elif isinstance(value, list):
            for position, entry in enumerate(value):
                if isinstance(entry, dict):
                    yield from _texts((*path, name, _index_of(entry, position)), entry, entry)


def ended_in(chunk: JsonObject) -> frozenset[object]:
    """Return the numbers of the choices that end with an event."""
    choices = chunk.get("choices")
    entries = enumerate(choices) if isinstance(choices, list) else ()
    return frozenset(
        _index_of(choice, position)
        for position, choice in entries
        if isinstance(choice, dict) and choice.get("finish_reason") is not None
    )


def event_with(chunk: JsonObject, path: Path, text: str) -> JsonObject:
    """Return an event like another one that brings nothing but one text, at a path."""
    inner: object = text
    for step in reversed(path[1:]):
        inner = {step: inner} if isinstance(step, str) else [{"index": step, **_members(inner)}]
    if path[0] is None:
        return {name: value for name, value in chunk.items() if name in _FRAME} | _members(inner)
    frame = {name: value for name, value in chunk.items() if name in _FRAME and name != "usage"}
    return {**frame, "choices": [{"index": path[0], **_members(inner), "finish_reason": None}]}


def _members(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _index_of(entry: JsonObject, position: int) -> int:
    index = entry.get("index")
    return index if type(index) is int else position
