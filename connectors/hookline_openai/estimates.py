"""How many tokens a request can take, worked out from its texts before it is sent.

Nothing here judges a request, and nothing raises: what has another shape than OpenAI describes counts as
text. ``docs/explanation/costs.md`` says how far off the numbers are.
"""

from __future__ import annotations

import math
import string
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from hookline_openai.media_sizes import size_of_media

UNKNOWN_OUTPUT = 16_384
"""Tokens of an answer where nothing is known of the model, and the caller did not say."""

DEFAULT_COMPLETION = 16
"""Tokens after which the service ends a completion unless told otherwise."""

MOST_CHOICES = 128
"""No service makes more answers to one prompt."""

_BOUNDS = ("max_completion_tokens", "max_tokens")
_CHOICES = ("n", "best_of")
_MOST = 10**9
_LONGEST_NUMBER = 30
_PER_MESSAGE, _PER_REQUEST = 4, 3
_NOT_IN_PROMPT = frozenset(
    {
        "model", "n", "best_of", "stream", "stream_options", "temperature", "top_p", "stop", "seed", "user",
        "max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty", "logit_bias",
        "logprobs", "top_logprobs", "safety_identifier", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention", "parallel_tool_calls", "modalities", "audio", "reasoning_effort",
        "verbosity", "service_tier", "store", "metadata", "moderation", "echo", "encoding_format",
        "dimensions",
    }
)  # fmt: skip

# One token has at least one byte, so the bytes of a text are the most that it can take. What it is likely to
# take is counted in eighths of a token for each byte, measured to be a little high rather than low.
_LETTER, _OTHER, _BEYOND_ASCII, _RANDOM = 2, 4, 3, 6
_LETTERS = string.ascii_letters.encode()
_DIGITS = string.digits.encode()
_HIGH = bytes(range(128, 256))
_FEWEST_RANDOM_BYTES = 64
_BYTES_PER_GAP = 16  # what has fewer spaces and marks is no text that people write: keys, base64, digits

_EARLIER_SOUND, _USUAL_EARLIER_SOUND = 16_384, 500  # an answer that was spoken before


@dataclass(kw_only=True, slots=True)
class Prompt:
    """What is sent, in tokens.

    Attributes:
        likely: What it probably takes.
        most: What it can take.
        items: How many prompts or texts there are, each of which is bounded and answered on its own.
        has_sound: Whether a part of it is sound, which has a price of its own.
        has_file: Whether a part of it is a file, of which nothing can be said but that it fits the model.
    """

    likely: int = 0
    most: int = 0
    items: int = 1
    has_sound: bool = False
    has_file: bool = False


def measure_prompt(body: Mapping[str, object], model: str | None) -> Prompt:
    """Return what the body of a request holds for a model to read."""
    found = Prompt()
    texts: list[str] = []
    for name, value in body.items():
        if name == "messages" and isinstance(value, list):
            _read_messages(found, texts, value, model)
        elif name in ("prompt", "input"):
            _read_items(found, texts, value, model)
        elif name not in _NOT_IN_PROMPT and value is not None:
            _read_other(found, texts, value)
    if texts:
        likely, most = size_of("".join(texts))
        found.likely += likely + len(texts)
        found.most += most
    return found


def measure_answer(body: Mapping[str, object], *, default: int, window: int | None) -> int:
    """Return the most tokens that all answers to one prompt can have.

    Args:
        body: The request.
        default: Tokens of one answer if the request names no bound.
        window: Tokens that prompt and answer can have together; None if that is not known.
    """
    most = -1
    for name in _BOUNDS:
        if name in body:
            asked = read_count(body[name])
            if asked is not None and asked > most:
                most = asked
    if most < 0 or (most == 0 and "messages" in body):  # lenient servers skip what a chat cannot have
        most = default
    if window is not None and most > window:
        most = window
    choices = 1
    for name in _CHOICES:
        if name in body:
            choices = max(choices, min(read_count(body[name]) or 1, MOST_CHOICES))
    return most * choices


def size_of(text: str) -> tuple[int, int]:
    """Return how many tokens a text is likely to have, and how many it has at most."""
    data = text.encode("utf-8", "surrogatepass")
    size = len(data)
    rest = data.translate(None, _LETTERS)
    high = 0 if text.isascii() else len(rest) - len(rest.translate(None, _HIGH))
    others = len(rest) - high - rest.count(b" ")
    eighths = _LETTER * (size - others - high) + _OTHER * others + _BEYOND_ASCII * high
    if size > _FEWEST_RANDOM_BYTES and not high:
        gaps = len(rest.translate(None, _DIGITS))
        if gaps * _BYTES_PER_GAP < size:
            eighths = _RANDOM * size
    return -(-eighths // 8), size


def read_count(value: object) -> int | None:
    """Return the number that a lenient service may take a value for, or None; never more than a billion."""
    if isinstance(value, str):
        try:
            value = float(value) if len(value) < _LONGEST_NUMBER else None
        except ValueError:
            return None
    if isinstance(value, float):
        value = math.ceil(value) if math.isfinite(value) else None
    if not isinstance(value, int):
        return None
    return -1 if value < 0 else _MOST if value > _MOST else value


def _read_messages(found: Prompt, texts: list[str], messages: list[object], model: str | None) -> None:
    frame = _PER_REQUEST + _PER_MESSAGE * len(messages)
    found.likely += frame
    found.most += frame
    for message in messages:
        if not isinstance(message, dict):
            _read_other(found, texts, message)
            continue
        for name, value in message.items():
            if isinstance(value, str):
                texts.append(value)
            elif name == "content" and isinstance(value, list):
                for part in value:
                    _read_part(found, texts, part, model)
            elif name == "audio" and isinstance(value, dict):
                found.likely += _USUAL_EARLIER_SOUND
                found.most += _EARLIER_SOUND
                found.has_sound = True
            elif value is not None:
                _read_other(found, texts, value)


def _read_part(found: Prompt, texts: list[str], part: object, model: str | None) -> None:
    """Count a part of a message by its kind; a picture's data says nothing about its tokens."""
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or kind not in ("text", "refusal", "image_url", "input_audio", "file"):
        if isinstance(part, str):
            texts.append(part)
        else:
            _read_other(found, texts, part)
        return
    for name in ("text", "refusal"):
        text = part.get(name)
        if isinstance(text, str):
            texts.append(text)
    likely, most = size_of_media(part, str(kind), model)
    found.likely += likely
    found.most += most
    found.has_sound = found.has_sound or kind == "input_audio"
    found.has_file = found.has_file or kind == "file"


def _read_items(found: Prompt, texts: list[str], value: object, model: str | None) -> None:
    """Count texts to complete, to embed or to check: one or several, also as the numbers of tokens."""
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, list):
        if _are_tokens(value):
            found.likely += len(value)
            found.most += len(value)
            return
        found.items = max(1, len(value))
        for item in value:
            if isinstance(item, str):
                texts.append(item)
            elif isinstance(item, list) and _are_tokens(item):
                found.likely += len(item)
                found.most += len(item)
            else:
                _read_part(found, texts, item, model)
    elif value is not None:
        _read_other(found, texts, value)


def _are_tokens(value: list[object]) -> bool:
    return set(map(type, value)) == {int}


def _read_other(found: Prompt, texts: list[str], value: object) -> None:
    """Count tools, schemas and whatever else by the text that it makes as JSON."""
    if isinstance(value, str):
        texts.append(value)
        return
    try:
        texts.append(orjson.dumps(value).decode())
    except TypeError:  # what is not JSON is not sent
        return
    found.likely += _PER_MESSAGE
    found.most += 64
