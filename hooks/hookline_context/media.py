"""What pictures, recordings and files in a message take."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from hookline_context.amounts import Amount, guessed, known
from hookline_context.image_size import size_of_data_url


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tiles:
    """A family of models that looks at pictures in squares of 512 pixels."""

    base: int
    per_tile: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Patches:
    """A family of models that looks at pictures in squares of 32 pixels."""

    factor: float


_TILE_PIXELS, _LONG_SIDE, _SHORT_SIDE = 512, 2048, 768
_PATCH_PIXELS, _MAX_PATCHES = 32, 1536
_USUAL_SIZE = (1024, 1024)

# By the beginning of the model's id; the longest that fits counts. Tiles and patches: the table that LiteLLM
# ships (BerriAI/litellm, MIT), after OpenAI's guide to vision.
_FAMILIES: dict[str, _Tiles | _Patches] = {
    "gpt-4o": _Tiles(base=85, per_tile=170),
    "gpt-4.1": _Tiles(base=85, per_tile=170),
    "gpt-4o-mini": _Tiles(base=2833, per_tile=5667),
    "gpt-5": _Tiles(base=70, per_tile=140),
    "gpt-5.1": _Tiles(base=70, per_tile=140),
    "o1": _Tiles(base=75, per_tile=150),
    "o3": _Tiles(base=75, per_tile=150),
    "gpt-4.1-mini": _Patches(factor=1.62),
    "gpt-5.2": _Patches(factor=1.2),
    "gpt-5.4": _Patches(factor=1.2),
    "gpt-5.5": _Patches(factor=1.2),
    "gpt-5.6": _Patches(factor=1.2),
    "gpt-6": _Patches(factor=1.2),
}
_UNKNOWN_FAMILY = _Tiles(base=85, per_tile=170)
_DATED = re.compile(r"(-\d{4}-\d{2}-\d{2})?\Z")

_FILE_BY_ID = 5000
_FILE_BYTES_PER_TOKEN = 16
_BYTES_PER_TOKEN_OF_WAV, _BYTES_PER_TOKEN_OF_MP3 = 3200, 1600


def count_image(part: dict[str, object], model: str) -> Amount:
    """Return what a picture takes; exact where model and size are known.

    Args:
        part: A part of a message of type ``image_url``.
        model: Id of the model that will look at it.
    """
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    detail = image.get("detail") if isinstance(image, dict) else None
    name = model.split(":")[1] if model.startswith("ft:") else model
    prefix = max((prefix for prefix in _FAMILIES if name.startswith(prefix)), key=len, default="")
    family = _FAMILIES.get(prefix, _UNKNOWN_FAMILY)
    size = size_of_data_url(url) if isinstance(url, str) else None
    if isinstance(family, _Patches):
        return guessed(_count_patches(size or _USUAL_SIZE, family))
    is_known = prefix != "" and _DATED.match(name, len(prefix)) is not None
    if detail == "low":
        return known(family.base) if is_known else guessed(family.base)
    tokens = family.base + _tiles_of(size or _USUAL_SIZE) * family.per_tile
    if is_known and size is not None and detail in (None, "auto", "high"):
        return known(tokens)
    return guessed(tokens)


def count_file(part: dict[str, object]) -> Amount:
    """Return a guess at what a file takes."""
    file = part.get("file")
    data = file.get("file_data") if isinstance(file, dict) else None
    if not isinstance(data, str):
        return guessed(_FILE_BY_ID)
    return guessed(100 + len(data) * 3 // 4 // _FILE_BYTES_PER_TOKEN)


def count_sound(part: dict[str, object]) -> Amount:
    """Return a guess at what a recording takes: about ten tokens a second."""
    sound = part.get("input_audio")
    data = sound.get("data") if isinstance(sound, dict) else None
    kind = sound.get("format") if isinstance(sound, dict) else None
    size_bytes = len(data) * 3 // 4 if isinstance(data, str) else 0
    return guessed(10 + size_bytes // (_BYTES_PER_TOKEN_OF_WAV if kind == "wav" else _BYTES_PER_TOKEN_OF_MP3))


def _tiles_of(size: tuple[int, int]) -> int:
    width, height = float(size[0]), float(size[1])
    shrink = min(1.0, _LONG_SIDE / max(width, height))
    width, height = width * shrink, height * shrink
    shrink = min(1.0, _SHORT_SIDE / min(width, height))
    return math.ceil(width * shrink / _TILE_PIXELS) * math.ceil(height * shrink / _TILE_PIXELS)


def _count_patches(size: tuple[int, int], family: _Patches) -> int:
    patches = math.ceil(size[0] / _PATCH_PIXELS) * math.ceil(size[1] / _PATCH_PIXELS)
    return math.ceil(round(min(patches, _MAX_PATCHES) * family.factor, 6))
