"""The size of a picture in pixels, read from the first bytes of its file."""

from __future__ import annotations

import base64
import binascii
import struct

_READ_LENGTH = 256 * 1024  # base64 characters; the frame of a photograph may come after a large preview
_WEBP_HEAD_BYTES = 30
_BIG_ENDIAN_PAIR = struct.Struct(">II")


def size_of_data_url(url: str) -> tuple[int, int] | None:
    """Return width and height of a picture in a ``data:`` URL, or None if that cannot be told."""
    head, comma, data = url[: _READ_LENGTH + 200].partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None
    data = data[: len(data) - len(data) % 4]
    try:
        content = base64.b64decode(data)
    except (binascii.Error, ValueError):
        return None
    try:
        size = _png(content) or _gif(content) or _webp(content) or _jpeg(content)
    except (struct.error, IndexError):
        return None
    return size if size and size[0] > 0 and size[1] > 0 else None


def _png(content: bytes) -> tuple[int, int] | None:
    if content[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    width, height = _BIG_ENDIAN_PAIR.unpack_from(content, 16)
    return int(width), int(height)


def _gif(content: bytes) -> tuple[int, int] | None:
    if content[:6] not in (b"GIF87a", b"GIF89a"):
        return None
    width, height = struct.unpack_from("<HH", content, 6)
    return int(width), int(height)


def _webp(content: bytes) -> tuple[int, int] | None:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < _WEBP_HEAD_BYTES:
        return None
    if content[12:16] == b"VP8X":
        return (
            int.from_bytes(content[24:27], "little") + 1,
            int.from_bytes(content[27:30], "little") + 1,
        )
    if content[12:16] == b"VP8L":
        packed = int.from_bytes(content[21:25], "little")
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", content, 26)
    return int(width) & 0x3FFF, int(height) & 0x3FFF


def _jpeg(content: bytes) -> tuple[int, int] | None:
    if content[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(content):
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, at + 5)
            return int(width), int(height)
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None
