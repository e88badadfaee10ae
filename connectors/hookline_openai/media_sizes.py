"""How many tokens pictures, sound and files in a message can take, without looking into them.

Source of the rules for pictures: the table that LiteLLM ships (BerriAI/litellm, MIT), after OpenAI's guide to
vision. The size of their base64 text says nothing about their tokens.
"""

from __future__ import annotations

# A picture takes at most: 8 squares of 512 pixels, or 1,536 of 32 pixels times 1.62.
_PICTURE, _USUAL_PICTURE = 2_500, 1_250
_PICTURE_4O_MINI, _USUAL_PICTURE_4O_MINI = 48_169, 25_501

# Sound takes ten tokens a second. The most: of the coarsest sound that each format is used for.
_WAV_BYTES, _USUAL_WAV_BYTES = 800, 3_200
_MP3_BYTES, _USUAL_MP3_BYTES = 100, 1_600

# Nobody can say what a file takes at most: its pages may be pictures, and its text is compressed.
_USUAL_FILE = 5_000
_USUAL_FILE_BYTES = 16


def size_of_media(part: dict[str, object], kind: str, model: str | None) -> tuple[int, int]:
    """Return how many tokens a part of a message is likely to take, and how many it takes at most.

    Args:
        part: The part, of any shape.
        kind: Its type; all but ``image_url``, ``input_audio`` and ``file`` take nothing here.
        model: The model that will look at it.
    """
    if kind == "image_url":
        is_4o_mini = model is not None and model.removeprefix("ft:").startswith("gpt-4o-mini")
        return (_USUAL_PICTURE_4O_MINI, _PICTURE_4O_MINI) if is_4o_mini else (_USUAL_PICTURE, _PICTURE)
    if kind == "input_audio":
        sound = part.get("input_audio")
        size = _data_bytes(sound, "data")
        if isinstance(sound, dict) and sound.get("format") == "wav":
            return 10 + size // _USUAL_WAV_BYTES, 10 + size // _WAV_BYTES
        return 10 + size // _USUAL_MP3_BYTES, 10 + size // _MP3_BYTES
    if kind == "file":
        size = _data_bytes(part.get("file"), "file_data")
        return (100 + size // _USUAL_FILE_BYTES if size else _USUAL_FILE), 0
    return 0, 0


def _data_bytes(holder: object, name: str) -> int:
    """Return how many bytes a base64 text stands for."""
    data = holder.get(name) if isinstance(holder, dict) else None
    return len(data) * 3 // 4 if isinstance(data, str) else 0
