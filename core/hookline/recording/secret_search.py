"""Finding the secrets of a recording by the names under which they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import unescape
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote_plus

import orjson

from hookline.recording.recording import REMOVED
from hookline.secret_names import PLAIN_ALONE, is_secret_name
from hookline.secret_texts import spans_in_document, spans_in_text

if TYPE_CHECKING:
    from hookline.recording.recording import Recording

Hidden = Literal["nothing", "texts", "everything"]
"""What is secret below a name. Numbers below `token` and `key` are counts and ids."""

_PLAIN_WORD = re.compile(r"\s*[A-Za-z]+(?:[_-][a-z]+)*\s*")
_PLAIN_LENGTH = 16
_MAX_LENGTH = 16_384
"""What is longer is removed where it stands, and not looked for elsewhere."""
_ONLY_NAMES = frozenset({"password", "secret", "token", "api_key", "client_secret", "access_token", "bearer"})


def hidden_below(name: str, around: Hidden = "nothing") -> Hidden:
    """Return what is secret below a member.

    Args:
        name: Its name.
        around: What is secret in the object that it is of.
    """
    if around == "everything" or not is_secret_name(name):
        return around
    lower = name.lower()
    is_counted = lower in PLAIN_ALONE or lower.endswith(("token", "tokens"))
    return "texts" if is_counted or around == "texts" else "everything"


def hidden_value_of(members: dict[str, object]) -> bool:
    """Tell whether an object gives a secret as name and value: ``{"name": "password", "value": …}``."""
    names = (members.get("name"), members.get("key"))
    return "value" in members and any(isinstance(name, str) and is_secret_name(name) for name in names)


def read_json(text: str | bytes) -> object:
    """Return the object or list that a text is, else None."""
    if text.lstrip()[:1] not in ("{", "[", b"{", b"["):
        return None
    try:
        value: object = orjson.loads(text)
    except ValueError:
        return None
    return value


def find_secrets(recording: Recording) -> set[str]:
    """Return every text that stands under a name that only secrets have, wherever that is."""
    found = set(_in_json(recording.input))
    for exchange in recording.exchanges:
        found.update(_in_text(exchange.path))
        for name, value in exchange.query:
            found.update(_in_json({name: value}))
        for headers in (exchange.request_headers, exchange.headers):
            found.update(_in_json(dict(headers)))
        for body in (exchange.request_body, exchange.body):
            found.update(_in_body(body))
        for piece in exchange.pieces:
            found.update(_in_event(piece.text))
    return {part for secret in found for part in _parts(secret) if _can_be_looked_for(part)}


def secrets_of_header(name: str, value: str) -> set[str]:
    """Return what is secret in the value of a header that is not to be seen: all of it, and each cookie."""
    pairs = value.split(";") if name == "cookie" else value.split(";")[:1] if name == "set-cookie" else ()
    cookies = (pair.partition("=")[2].strip() for pair in pairs)
    return {value, *(cookie for cookie in cookies if not _PLAIN_WORD.fullmatch(cookie))}


def data_of(text: str) -> tuple[list[str], str]:
    """Return the lines of an event, and the data in it, of however many lines."""
    lines = text.split("\n")
    data = [line[5:].removeprefix(" ") for line in lines if line.startswith("data:")]
    return lines, "\n".join(data)


def _in_body(content: bytes) -> Iterator[str]:
    value = read_json(content)
    if value is not None:
        yield from _in_json(value)
        return
    if not is_readable(content):
        return
    text = content.decode("utf-8", "surrogateescape")
    for line in text.splitlines():
        one = read_json(line)
        if one is not None:
            yield from _in_json(one)
    for start, end in spans_in_document(text):
        yield from _readings(text[start:end])


def is_readable(content: bytes) -> bool:
    """Tell whether a body is text, or a form of several parts, some of which may be files."""
    if content.startswith(b"--"):
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _in_event(text: str) -> Iterator[str]:
    lines, data = data_of(text)
    for part in (data, *lines):
        value = read_json(part.removeprefix("data:"))
        if value is not None:
            yield from _in_json(value)
    yield from _in_text(text)


def _in_json(value: object, hidden: Hidden = "nothing", *, is_deep: bool = False) -> Iterator[str]:
    if isinstance(value, dict):
        has_value = hidden_value_of(value)
        for name, member in value.items():
            below = hidden_below(str(name), hidden)
            if has_value and name == "value":
                below = "everything"
            is_vague = hidden != "nothing" or str(name).lower() in PLAIN_ALONE
            yield from _in_json(member, below, is_deep=is_deep or is_vague)
    elif isinstance(value, list):
        for member in value:
            yield from _in_json(member, hidden, is_deep=is_deep)
    elif isinstance(value, str):
        if hidden == "nothing":
            yield from _in_text(value)
        elif not (is_deep and _PLAIN_WORD.fullmatch(value) and len(value) < _PLAIN_LENGTH):
            yield value


def _in_text(text: str) -> Iterator[str]:
    inner = read_json(text)
    if inner is not None:
        yield from _in_json(inner)
    for start, end in spans_in_text(text):
        yield from _readings(text[start:end])


def _readings(text: str) -> Iterable[str]:
    """Return a text of a URL, a form or XML as it is written, and as it is meant."""
    return {text, unquote_plus(text), unescape(text)}


def _parts(secret: str) -> Iterator[str]:
    """Yield a secret, and what stands behind ``Bearer`` or on either side of ``user:password``."""
    yield secret
    parts = re.split(r"[ :]", secret)
    if secret.count(" ") <= 1:
        yield from (part for part in parts if not _PLAIN_WORD.fullmatch(part))


def _can_be_looked_for(secret: str) -> bool:
    if len(secret) > _MAX_LENGTH or secret.strip().lower() in _ONLY_NAMES or REMOVED in secret:
        return False
    try:
        secret.encode()
    except UnicodeEncodeError:
        return False
    return True
