"""Where secrets stand in texts: in URLs, forms, assignments, XML, and lines of settings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from urllib.parse import unquote_plus

from hookline.secret_names import is_secret_name

Span = tuple[int, int]
"""First character, and the one behind the last."""

_USER_INFO = re.compile(r"://([^\s/?#@\"'<>]{1,500})@")
_PAIR = re.compile(r"(?:^|(?<=[\s?&#;,(|\"'\\]))([\w.%\[\]+-]{1,200})=([^&#\s\"'<>;,)\\]+)")
_QUOTED_PAIR = re.compile(r"(?<![\w.%\[\]-])([\w.-]{1,200})=\\?(?:\"([^\"\\]+)|'([^'\\]+))")
_JSON_PAIR = re.compile(r"\"([^\"\\\r\n]{1,200})\\?\"\s{0,20}:\s{0,20}\\?\"((?:[^\"\\]|\\[^\"])+)")
_LINE = re.compile(r"^[ \t-]{0,200}[\"']?([\w.-]{1,200})[\"']?[ \t]{0,20}[:=]([^\r\n]+)", re.M)
_TAG = re.compile(r"<(/?)([A-Za-z_][\w:.-]{0,199})((?:\s[^<>]*)?/?)>")
_PART = re.compile(r"name=\"([^\"\r\n]{1,200})\"[^\r\n]*\r?\n(?:[^\r\n]+\r?\n){0,5}\r?\n")
_NAMES = frozenset({"password", "secret", "token", "key", "client_secret", "api_key", "access_token"})
"""Values that only name a secret, as in ``key=password``."""

_PLAIN_ELEMENTS = frozenset({"key", "keys"})
"""Elements that stores of files and property lists have for what is no secret."""


def spans_in_text(text: str, *, names: Collection[str] = ()) -> Iterator[Span]:
    """Yield where secrets stand in a text: in URLs, forms, assignments, and in JSON or XML that it quotes.

    Args:
        text: The text.
        names: Further names whose values are secret.
    """
    for found in _USER_INFO.finditer(text):
        yield found.span(1)
    for pattern in (_PAIR, _QUOTED_PAIR, _JSON_PAIR):
        for found in pattern.finditer(text):
            last = found.lastindex or 0
            name = unquote_plus(found[1])
            if name in names or (is_secret_name(name) and found[last] not in _NAMES):
                yield found.span(last)
    yield from _spans_in_xml(text)


def spans_in_document(text: str, *, names: Collection[str] = ()) -> Iterator[Span]:
    """Yield where secrets stand in a whole body that is not JSON: a multipart form and lines, too."""
    yield from spans_in_text(text, names=names)
    for found in _PART.finditer(text) if text.startswith("--") else ():
        if is_secret_name(found[1]):
            end = text.find("\n--", found.end())
            end = len(text) if end < 0 else end
            yield found.end(), end - (text[end - 1 : end] == "\r")
    for found in _LINE.finditer(text):
        value = found[2].strip(" \t\"',")
        if value and is_secret_name(found[1]):
            start = found.start(2) + found[2].index(value)
            yield start, start + len(value)


def replace_spans(text: str, spans: Iterator[Span], stand_in: str) -> str:
    """Return a text with something else in place of spans, which may overlap."""
    parts, at = [], 0
    for start, end in sorted(spans):
        if end <= max(at, start):
            continue
        if start >= at:
            parts += [text[at:start], stand_in]
        at = end
    return "".join((*parts, text[at:])) if parts else text


def _spans_in_xml(text: str) -> Iterator[Span]:
    """Yield the texts below elements, and the attributes, that are named like a secret."""
    depth, start = 0, 0
    for tag in _TAG.finditer(text):
        is_end, name, rest = tag[1] == "/", tag[2].rpartition(":")[2], tag[3]
        if depth:
            yield from _text_between(text, start, tag.start())
        start = tag.end()
        if rest.rstrip().endswith("/"):
            continue
        if is_end:
            depth = max(depth - 1, 0)
        elif depth or (is_secret_name(name) and name.lower() not in _PLAIN_ELEMENTS):
            depth += 1


def _text_between(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end and (text[start].isspace() or text.startswith("<![CDATA[", start, end)):
        start += 1 if text[start].isspace() else len("<![CDATA[")
    content = text[start:end].rstrip().removesuffix("]]>")
    if content:
        yield start, start + len(content)
