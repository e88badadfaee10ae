"""Bytes inside JSON: base64, plain or as a ``data:`` URL, read and written."""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from hookline.errors import InvalidInputError

MAX_BYTES = 100 * 1024 * 1024
"""Most bytes of one field; the size of requests has its own bound."""

BINARY = "application/octet-stream"

_SPACE = re.compile(r"[ \t\r\n]+")
_URL_SAFE = str.maketrans("-_", "+/")
_DATA_URL = re.compile(r"data:([^,;]*)((?:;[^,;]*)*),", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?: *; *[\w!#$&^.+-]+=[\w!#$&^.+-]+)*\Z", re.ASCII)


class Content(NamedTuple):
    """Bytes, and what they are.

    Attributes:
        content: The bytes.
        media_type: Such as ``image/png``; None if nothing says so.
    """

    content: bytes
    media_type: str | None


def read_base64(value: object, *, field: str, max_bytes: int = MAX_BYTES) -> Content:
    """Return the bytes that a field holds in base64.

    Line breaks, missing padding and the URL-safe alphabet are taken too, as tools differ there.

    Args:
        value: Base64, or a ``data:`` URL.
        field: Name of the field, for messages.
        max_bytes: Most bytes that it may hold.

    Raises:
        InvalidInputError: If it is not base64, or too large; names the field.

    Source: RFC 4648, sections 4 and 5; RFC 2397.
    """
    if not isinstance(value, str):
        raise InvalidInputError(f"`{field}` must be a text in base64.", field=field)
    text, media_type, is_base64 = value, None, True
    if value[:5].lower() == "data:":
        head = _DATA_URL.match(value[:1000])
        if head is None:
            raise InvalidInputError(f"`{field}` begins like a data: URL and is none.", field=field)
        text = value[head.end() :]
        parameters = head.group(2).lower().split(";")[1:]
        is_base64 = "base64" in [one.strip() for one in parameters]
        media_type = clean_media_type(head.group(1))
    if len(text) > max_bytes * 4 // 3 + max_bytes // 16 + 1024:
        raise _too_large(field, max_bytes)
    content = _decode(text, field) if is_base64 else unquote_to_bytes(text)
    if len(content) > max_bytes:
        raise _too_large(field, max_bytes)
    return Content(content, media_type)


def write_base64(content: bytes) -> str:
    """Return bytes in base64, on one line and with padding."""
    return base64.b64encode(content).decode("ascii")


def clean_media_type(text: str | None) -> str | None:
    """Return a media type if it is one that can stand in a header; None if not."""
    text = (text or "").strip()
    return text if len(text) <= 200 and _MEDIA_TYPE.match(text) else None


def _decode(text: str, field: str) -> bytes:
    packed = _SPACE.sub("", text).rstrip("=").translate(_URL_SAFE)
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InvalidInputError(
            f"`{field}` is not base64: encode the bytes of the file, for instance with `base64 FILE`.",
            field=field,
        ) from exc


def _too_large(field: str, max_bytes: int) -> InvalidInputError:
    return InvalidInputError(f"`{field}` holds more than {max_bytes:,} bytes.", field=field, status=413)
