"""What the streams of an action without a meter took: told by the service, or estimated from the texts.

Nothing is set aside for such an action, so the estimate is the likely number. A connector whose actions have
a meter books their streams itself, because it knows what is hidden from readers and what it costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hookline.usage import Usage

if TYPE_CHECKING:
    from hookline import Call
    from hookline.action import JsonObject
    from hookline_streams.choices import Choices

BYTES_PER_TOKEN = 4

# Members of a request that hold sound, images and files, whose size says nothing about their tokens.
_NOT_TEXT = frozenset({"image_url", "input_audio", "file", "audio", "prediction", "metadata"})
_PROMPT = ("messages", "prompt", "tools", "functions", "response_format")


class Meter:
    """Adds what a stream took to what its call took, part by part: a part ends where another is asked for.

    Args:
        call: The call, whose action has no meter.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._counted_bytes = 0
        self._told: tuple[int, int] | None = None

    def end_part(self, choices: Choices, body: Mapping[str, object] | None, *, goes_on: bool) -> None:
        """Note what a part took.

        Args:
            choices: What the stream said so far; what it told of its tokens is taken out.
            body: What the part was asked with; None if it never began.
            goes_on: Whether another part follows. What that tells then includes what was told before.
        """
        told = _read(choices.usage)
        said_bytes = choices.text_bytes - self._counted_bytes
        if told is None and body is not None:
            self._add(estimate_prompt(body), -(-said_bytes // BYTES_PER_TOKEN), is_estimated=True)
        self._told = told or self._told
        if goes_on:
            if told is not None:  # more may have been made than was told
                self._add(0, 0, is_estimated=True)
            choices.usage, self._counted_bytes = None, choices.text_bytes
        elif self._told is not None:
            self._add(*self._told, is_estimated=not choices.have_ended)

    def _add(self, sent: int, made: int, *, is_estimated: bool) -> None:
        self._call.record.add_usage(Usage(input_tokens=sent, output_tokens=made, is_estimated=is_estimated))


def estimate_prompt(body: Mapping[str, object] | None) -> int:
    """Return about how many tokens a request's texts have: one for four bytes; given tokens are counted."""
    size_bytes = tokens = 0
    todo: list[object] = [body[name] for name in _PROMPT if name in body] if body else []
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            size_bytes += len(value.encode("utf-8", "surrogatepass"))
        elif isinstance(value, dict):
            todo += [inner for name, inner in value.items() if name not in _NOT_TEXT]
        elif isinstance(value, list):
            todo += value
        elif isinstance(value, int) and not isinstance(value, bool):
            tokens += 1
    return tokens + -(-size_bytes // BYTES_PER_TOKEN)


def _read(usage: JsonObject | None) -> tuple[int, int] | None:
    """Return the two numbers of a usage, if it has them."""
    if usage is None:
        return None
    prompt, made = usage.get("prompt_tokens"), usage.get("completion_tokens") or 0
    if isinstance(prompt, int) and isinstance(made, int) and prompt >= 0 and made >= 0:
        return prompt, made
    return None
