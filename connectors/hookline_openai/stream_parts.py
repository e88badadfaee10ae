"""The parts of a stream, one for each answer, and the most that one took which did not tell.

What is booked for it must not be too low, or limits would be escaped by leaving before the end. See
``docs/explanation/costs.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

from hookline_openai.estimates import measure_answer, measure_prompt
from hookline_openai.metering import TokenMeter
from hookline_openai.model_table import row_of
from hookline_openai.stream_overlap import MOST_CHARACTERS
from hookline_openai.token_usage import DetailedUsage

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.upstream import UpstreamRequest
    from hookline.usage import Usage

HIDDEN_TOKENS_PER_S = 1_000
"""Tokens that an answer may have in a second besides what is seen: no model of the service makes as many."""

_BYTES_PER_TOKEN = 4
_CHOICES = ("n", "best_of")
_MOST_REPEATED_BYTES = 4 * MOST_CHARACTERS  # of a character in UTF-8

# Members of a choice that are no text of the answer: what says where it belongs, and sound, whose size says
# nothing about its tokens.
_NOT_SAID = frozenset({"index", "finish_reason", "logprobs", "role", "type", "data", "expires_at"})


@dataclass(kw_only=True, slots=True)
class Part:
    """What one answer of the service brought of a stream.

    Attributes:
        request: What it was asked with; without headers, one of which may be a secret.
        since: Value of ``clock.monotonic()`` when it began, or last told its tokens.
        ended_at: Value of ``clock.monotonic()`` when it broke; None while it goes on.
        is_stream: Whether it is a stream; a whole answer is measured by others.
        events: How many events came since then, each of which has about one token.
        text_bytes: Size of what they said.
        has_told: Whether it told its tokens.
        told_output: How many of them were its own answer's.
        is_final: Whether it told them after the end of its text.
    """

    request: UpstreamRequest
    since: float
    ended_at: float | None = None
    is_stream: bool = True
    events: int = 0
    text_bytes: int = 0
    has_told: bool = False
    told_output: int = 0
    is_final: bool = False

    def read(self, chunk: JsonObject | None) -> None:
        """Take in one event; ``None`` is one that cannot be read."""
        self.events += 1
        choices = None if chunk is None else chunk.get("choices")
        if choices and isinstance(choices, list):
            self.text_bytes += _size_of(choices)

    def tell(self, output_tokens: int, *, at: float, is_final: bool) -> None:
        """Note that the stream told its tokens: what came before is in them.

        Args:
            output_tokens: Those of this part's answer.
            at: Value of ``clock.monotonic()``.
            is_final: Whether the text had ended.
        """
        self.has_told, self.told_output, self.is_final = True, output_tokens, is_final
        self.since, self.events, self.text_bytes = at, 0, 0

    def is_settled(self, *, is_complete: bool) -> bool:
        """Tell whether what was told is all that it took.

        Args:
            is_complete: Whether the stream came to its end.
        """
        return self.has_told and self.text_bytes == 0 and (self.is_final or is_complete)


def most_of(call: Call, part: Part, *, repeated_bytes: int) -> Usage:
    """Return what a part took that told nothing, never more than is set aside for such a request.

    Its tokens are what was likely made and its cost is the most that it can have been, as in an estimate
    before a call.

    Args:
        call: The call.
        part: The part, which has ended.
        repeated_bytes: Size of the text that it was asked to go on from. As much may have been made and
            taken out, because it only repeated that.
    """
    meter = _meter_of(call)
    likely, most = _made(call, part, meter)
    most += min(repeated_bytes, _MOST_REPEATED_BYTES)
    bound = meter.estimate(call, part.request)
    if most < bound.output_tokens:
        dearest = meter.estimate(call, _asking_for(most, part.request))
        bound = replace(bound, output_tokens=most, cost_nano_usd=dearest.cost_nano_usd)
    found = replace(bound, output_tokens=min(likely, bound.output_tokens), is_estimated=True)
    if found.cost_nano_usd is not None or meter.price(call, found, meter.model(part.request)) is None:
        return found
    return DetailedUsage(  # the request has a price of its own, which nobody knows
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        is_estimated=True,
        has_own_price=True,
    )


def more_of(call: Call, part: Part) -> tuple[int, int]:
    """Return how many tokens a part made after it told some: what is likely, and the most that it can be."""
    meter = _meter_of(call)
    likely, most = _made(call, part, meter)
    room = max(0, meter.estimate(call, part.request).output_tokens - part.told_output)
    return min(likely, room), min(most, room)


def _meter_of(call: Call) -> TokenMeter:
    meter = call.action.meter
    return meter if isinstance(meter, TokenMeter) else TokenMeter()


def _made(call: Call, part: Part, meter: TokenMeter) -> tuple[int, int]:
    """Return what was made since a part began or told: what is likely, and the most that it can be."""
    likely = max(part.events, -(-part.text_bytes // _BYTES_PER_TOKEN))
    most = max(part.events, part.text_bytes)
    if _may_hide(call, part.request, meter):
        ended_at = call.clock.monotonic() if part.ended_at is None else part.ended_at
        seconds = max(1, ceil(ended_at - part.since))
        hidden = HIDDEN_TOKENS_PER_S * seconds * _count_answers(part.request)
        return likely + hidden, most + hidden
    return likely, most


def _may_hide(call: Call, request: UpstreamRequest, meter: TokenMeter) -> bool:
    """Tell whether an answer may have tokens that its text does not show.

    Those are thoughts, sound, and what the caller predicted and the model did not say. Of a model that is not
    in the table nothing is known.
    """
    model, body = meter.model(request), request.body or {}
    info = None if model is None else row_of(call.connection, model)
    modalities = body.get("modalities")
    may_speak = body.get("audio") is not None or (isinstance(modalities, list) and "audio" in modalities)
    return info is None or info.is_reasoning or may_speak or body.get("prediction") is not None


def _count_answers(request: UpstreamRequest) -> int:
    """Return how many answers a request asks for: each is made, and thought about, on its own."""
    body = request.body or {}
    choices = measure_answer({name: body[name] for name in _CHOICES if name in body}, default=1, window=None)
    prompts = measure_prompt({"prompt": body["prompt"]}, None).items if "prompt" in body else 1
    return choices * prompts


def _asking_for(tokens: int, request: UpstreamRequest) -> UpstreamRequest:
    """Return a request whose answers have so many tokens together at most, or a few more."""
    each = max(1, -(-tokens // _count_answers(request)))
    return replace(request, body={**(request.body or {}), "max_tokens": each, "max_completion_tokens": each})


def _size_of(choices: list[object]) -> int:
    """Return how many bytes of text choices say."""
    size = 0
    for choice in choices:
        if not isinstance(choice, dict):
            continue
        delta = choice.get("delta", choice)
        text = delta.get("content") if isinstance(delta, dict) and len(delta) == 1 else None
        size += len(text) if isinstance(text, str) and text.isascii() else _size_within(delta)
    return size


def _size_within(value: object) -> int:
    size, todo = 0, [value]
    while todo:
        inner = todo.pop()
        if isinstance(inner, str):
            size += len(inner.encode("utf-8", "surrogatepass"))
        elif isinstance(inner, dict):
            todo += [item for name, item in inner.items() if name not in _NOT_SAID]
        elif isinstance(inner, list):
            todo += inner
    return size
