"""Pictures tell their size in their first bytes."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline_context.image_size import size_of_data_url
from hookline_context.media import count_image

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480)
GIF = b"GIF89a" + struct.pack("<HH", 640, 480) + b"\x00"
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF"
    + bytes(10)
    + b"\xff\xff\xc0\x00\x11\x08"
    + struct.pack(">HH", 480, 640)
    + bytes(10)
)
WEBP = b"RIFF\x00\x00\x00\x00WEBP"
LOSSY = WEBP + b"VP8 \x00\x00\x00\x00" + bytes(6) + struct.pack("<HH", 640, 480)
LOSSLESS = WEBP + b"VP8L\x00\x00\x00\x00\x2f" + (639 | 479 << 14).to_bytes(4, "little") + bytes(5)
EXTENDED = WEBP + b"VP8X" + bytes(8) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little")


def url(content: bytes) -> str:
    return "data:image/x;base64," + base64.b64encode(content).decode()


def part(address: object, detail: object = None) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": address, "detail": detail}}


@pytest.mark.parametrize("content", [PNG, GIF, JPEG, LOSSY, LOSSLESS, EXTENDED], ids=range(6))
def test_the_size_is_read_from_every_usual_kind(content: bytes) -> None:
    assert size_of_data_url(url(content)) == (640, 480)
    for length in range(len(content)):
        assert size_of_data_url(url(content[:length])) in (None, (640, 480))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://pictures.example/a.png",
        "data:",
        "data:image/png,xyz",
        "data:image/png;base64,***",
        url(b"text"),
    ],
)
def test_anything_else_has_no_size(address: str) -> None:
    assert size_of_data_url(address) is None


@given(st.binary(max_size=200))
def test_garbage_has_no_size_or_a_sound_one(content: bytes) -> None:
    for kind in (b"", PNG[:12], GIF[:6], b"\xff\xd8", WEBP):
        size = size_of_data_url(url(kind + content))
        assert size is None or (size[0] > 0 and size[1] > 0)


@pytest.mark.parametrize(
    ("model", "detail", "tokens", "is_sure"),
    [
        ("gpt-4o", None, 85 + 2 * 170, True),
        ("gpt-4o-2024-08-06", "high", 85 + 2 * 170, True),
        ("gpt-4o", "original", 85 + 2 * 170, False),
        ("gpt-4o-audio-preview", None, 85 + 2 * 170, False),
        ("ft:gpt-4o-2024-08-06:acme::abc", None, 85 + 2 * 170, True),
        ("gpt-5", None, 70 + 2 * 140, True),
        ("gpt-5-mini", None, 70 + 2 * 140, False),
        ("o1", "low", 75, True),
        ("gpt-4.1-mini", None, 486, False),
        ("gpt-5.4-mini", None, 360, False),
        ("some-new-model", None, 85 + 2 * 170, False),
    ],
)
def test_a_picture_costs_what_the_family_of_its_model_says(
    model: str, detail: str | None, tokens: int, is_sure: bool
) -> None:
    amount = count_image(part(url(PNG), detail), model)
    assert (amount.tokens, amount.is_estimate) == (tokens, not is_sure)


def test_large_and_thin_pictures_are_shrunk_first() -> None:
    def tiles(width: int, height: int) -> int:
        head = PNG[:16] + struct.pack(">II", width, height)
        return (count_image(part(url(head)), "gpt-4o").tokens - 85) // 170

    assert [tiles(2048, 4096), tiles(4096, 4096), tiles(10_000, 10), tiles(513, 512), tiles(2**31, 1)] == [
        6,
        4,
        4,
        2,
        4,
    ]


@pytest.mark.parametrize("image", [None, 5, "https://pictures.example/a.png", [], {"url": 5, "detail": []}])
def test_odd_pictures_are_counted(image: object) -> None:
    assert count_image({"type": "image_url", "image_url": image}, "gpt-4o").tokens > 0
