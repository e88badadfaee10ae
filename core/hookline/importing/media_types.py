"""Which of several media types is taken: JSON before forms, forms before texts, texts before bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["json", "form", "multipart", "text", "xml", "events", "binary", "other"]

_ORDER: tuple[Kind, ...] = ("json", "form", "multipart", "text", "xml", "binary", "events", "other")
_TEXTS = frozenset(
    {"application/yaml", "application/x-yaml", "application/graphql", "application/sql", "application/csv"}
)
_JSON_LINES = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-seq"}
)


def kind_of_media(media_type: str) -> Kind:
    """Return what kind of content a media type is; ``*/*`` is taken for JSON."""
    bare = media_type.partition(";")[0].strip().lower()
    if bare in ("*/*", "application/*", "") or (
        bare.endswith(("/json", "+json")) and bare not in _JSON_LINES
    ):
        return "json"
    if bare == "application/x-www-form-urlencoded":
        return "form"
    if bare == "multipart/form-data":
        return "multipart"
    if bare.startswith("multipart/"):
        return "other"
    if bare == "text/event-stream":
        return "events"
    if bare.endswith(("/xml", "+xml")):
        return "xml"
    if bare.startswith("text/") or bare in _TEXTS or bare in _JSON_LINES or "json" in bare:
        return "text"
    return "binary"


def best_of(media_types: Iterable[object]) -> tuple[str, Kind] | None:
    """Return the media type that callers can use best, and its kind; None if there is none."""
    known = [(one, kind_of_media(one)) for one in media_types if isinstance(one, str)]
    if not known:
        return None
    return min(
        known, key=lambda one: (_ORDER.index(one[1]), not one[0].lower().startswith("application/json"))
    )
