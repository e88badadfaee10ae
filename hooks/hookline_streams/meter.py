"""What a stream that broke off has probably cost: counted where the service said it, else estimated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hookline.usage import Usage

if TYPE_CHECKING:
    from hookline.connector import JsonObject
    from hookline_streams.choices import Choices

BYTES_PER_TOKEN = 4

# Members of a request that hold sound, images and files, whose size says nothing about their tokens.
_NOT_TEXT = frozenset({"image_url", "input_audio", "file", "audio", "prediction", "metadata"})
_PROMPT = ("messages", "prompt", "tools", "functions", "response_format")


class Meter:
    """Adds up the tokens of one call, over all streams that it took.

    Attributes:
        body: What the open stream was asked with; None while none is open.
    """

    def __init__(self) -> None:
        self.body: Mapping[str, object] | None = None
        self._input = 0
        self._output = 0
        self._joined = (0, 0)
        self._counted_bytes = 0
        self._has_broken = False

    def end_stream(self, choices: Choices, *, is_joined: bool) -> None:
        """Note that a stream broke and that another takes its place.

        Args:
            choices: What the stream said.
            is_joined: Whether the other goes on where it broke. The numbers that it tells then include
                those that were told before.
        """
        self._has_broken = True
        told = _read(choices.usage)
        if is_joined and told is not None:
            self._joined = told
        else:
            self._add(self._estimate(choices) if told is None else told)
        if is_joined:
            self.body = None
            choices.usage = None
            self._counted_bytes = choices.text_bytes
        else:
            self._add((0, 0) if told is not None else self._joined)
            self._joined, self._counted_bytes = (0, 0), 0

    def total(self, choices: Choices, *, is_complete: bool) -> Usage | None:
        """Return what all streams took; None where nothing broke, so that the service's own word counts."""
        if is_complete and not self._has_broken:
            return None
        told = _read(choices.usage)
        if told is None:
            estimate = self._estimate(choices)
            told = (self._joined[0] + estimate[0], self._joined[1] + estimate[1])
            is_sure = False
        else:
            is_sure = choices.have_ended and not self._has_broken
        return Usage(
            input_tokens=self._input + told[0],
            output_tokens=self._output + told[1],
            is_estimated=not is_sure,
        )

    def _add(self, tokens: tuple[int, int]) -> None:
        self._input += tokens[0]
        self._output += tokens[1]

    def _estimate(self, choices: Choices) -> tuple[int, int]:
        """Return about what the open stream took, as far as it has come."""
        size_bytes = choices.text_bytes - self._counted_bytes
        return estimate_prompt(self.body), -(-size_bytes // BYTES_PER_TOKEN)


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
    prompt, made = usage.get("prompt_tokens"), usage.get("completion_tokens", 0)
    if isinstance(prompt, int) and isinstance(made, int) and prompt >= 0 and made >= 0:
        return prompt, made
    return None
