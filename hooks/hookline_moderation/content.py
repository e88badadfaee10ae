"""The texts and images in any JSON, whatever stands where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from hookline_moderation.tokens import tokens_of

# Members that hold a name out of a list of names, an id or the like. Only what looks like one is passed over.
_LABELS = frozenset(
    {
        "call_id",
        "detail",
        "effort",
        "encoding_format",
        "file_id",
        "finish_reason",
        "format",
        "id",
        "model",
        "object",
        "obfuscation",
        "prompt_cache_key",
        "reasoning_effort",
        "role",
        "safety_identifier",
        "service_tier",
        "severity",
        "status",
        "system_fingerprint",
        "tool_call_id",
        "type",
        "user",
        "verbosity",
        "voice",
    }
)
_LABEL = re.compile(r"[A-Za-z0-9_.:/@+-]{0,100}\Z")
_BASE64 = re.compile(r"[A-Za-z0-9+/_=-]*\Z")


@dataclass(kw_only=True, slots=True)
class Content:
    """What is to be checked; nothing twice.

    Attributes:
        texts: Texts, as the keys of a dictionary, in order.
        images: Addresses of images, or images as ``data:`` addresses; also keys.
        unreadable: What no classifier of texts and images can read, in words; also keys.
    """

    texts: dict[str, None] = field(default_factory=dict)
    images: dict[str, None] = field(default_factory=dict)
    unreadable: dict[str, None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.texts or self.images or self.unreadable)

    def add_text(self, text: str) -> None:
        """Add a text, unless there is nothing in it."""
        if text and not text.isspace():
            self.texts[text] = None

    def add_texts(self, texts: Iterable[str]) -> None:
        """Add several texts."""
        for text in texts:
            self.add_text(text)


def is_label(name: str, text: str) -> bool:
    """Tell whether a member's text is an id, a role or the like, and says nothing."""
    return name in _LABELS and _LABEL.match(text) is not None


def looks_like_label(text: str) -> bool:
    """Tell whether a text is one short word without spaces."""
    return _LABEL.match(text) is not None


def is_sound(value: object) -> bool:
    """Tell whether something can be a recording: a text in base64."""
    return isinstance(value, str) and _BASE64.match(value) is not None


def collect(value: object, into: Content) -> None:
    """Add every text and image of a JSON value.

    Left out are members that only hold a label, and the sound of spoken answers, whose words stand beside it.
    Names of members count as text where they do not look like names.
    """
    stack: list[tuple[str, object]] = [("", value)]
    while stack:
        name, item = stack.pop()
        if isinstance(item, str):
            if not is_label(name, item):
                into.add_text(item)
        elif isinstance(item, list):
            into.add_text(_joined_parts(item))
            stack.extend((name, entry) for entry in reversed(item) if isinstance(entry, (str, list, dict)))
        elif isinstance(item, dict):
            inner = [(key, entry) for key, entry in item.items() if not _take(name, key, entry, item, into)]
            stack.extend(reversed(inner))
            into.add_texts(key for key in item if not looks_like_label(key))


def _take(parent: str, name: str, value: object, part: dict[str, object], into: Content) -> bool:
    """Handle a member that is no plain text; False if it is to be looked into."""
    if value is None or isinstance(value, (bool, int, float)):
        return True
    if name == "image_url" and part.get("type") == name:
        url = value.get("url") if isinstance(value, dict) else value
        if isinstance(url, str):
            into.images[url] = None
            return True
    if name == "input_audio" and part.get("type") == name:
        into.unreadable["a recording"] = None
        return True
    if name == "file" and part.get("type") == name:
        into.unreadable["a file"] = None
        return True
    if name == "data" and parent == "audio" and is_sound(value):
        return True
    if name == "logprobs" and "finish_reason" in part:
        tokens = tokens_of(value)
        into.add_texts(tokens or ())
        return tokens is not None
    return False


def _joined_parts(entries: list[object]) -> str:
    """Return the text parts of one message as a model reads them: one after the other."""
    texts = [
        entry["text"]
        for entry in entries
        if isinstance(entry, dict) and entry.get("type") == "text" and isinstance(entry.get("text"), str)
    ]
    return "".join(texts) if len(texts) > 1 else ""
