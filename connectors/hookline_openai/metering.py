"""What the actions of this connector take and cost: see ``docs/explanation/costs.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.usage import Usage, make_usage
from hookline_openai.caps import hold_to
from hookline_openai.estimates import (
    DEFAULT_COMPLETION,
    UNKNOWN_OUTPUT,
    Prompt,
    measure_answer,
    measure_prompt,
)
from hookline_openai.model_table import row_of
from hookline_openai.prices import cost_of, total
from hookline_openai.token_usage import MEMBERS_TOLD, is_priced_apart, read_told

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.principal import Caps
    from hookline.upstream import UpstreamRequest
    from hookline_openai.model_table import ModelInfo, ModelPrice

_CHAT, _COMPLETION = "/chat/completions", "/completions"
_NOTHING = Usage(input_tokens=0, output_tokens=0, cost_nano_usd=0)


class TokenMeter:
    """Measures actions that take tokens.

    Args:
        default_model: What the service takes if the request names no model.
        makes_text: Whether there are tokens in the answer.
    """

    reads = MEMBERS_TOLD

    def __init__(self, *, default_model: str | None = None, makes_text: bool = True) -> None:
        self._default_model = default_model
        self._makes_text = makes_text

    def model(self, request: UpstreamRequest) -> str | None:
        """Return the model that will answer a request: the one it names, or the service's own choice."""
        body = request.body
        model = None if body is None else body.get("model")
        return model if isinstance(model, str) and model else self._default_model

    def estimate(self, call: Call, request: UpstreamRequest) -> Usage:
        """Return the most that a request can take.

        Its tokens of the prompt are what the texts are likely to have, and its cost is never too low: there
        each byte counts as a token.
        """
        body = request.body
        if body is None:
            return _NOTHING
        model = self.model(request)
        info = None if model is None else row_of(call.connection, model)
        prompt = measure_prompt(body, model)
        room = None if info is None else info.max_input_tokens or info.context_window
        if room is not None:
            room *= prompt.items
            prompt.likely = min(prompt.likely, room)
            prompt.most = room if prompt.has_file else min(prompt.most, room)
        made = self._most_made(body, request.path, info) * prompt.items
        price = None if info is None else info.price
        if prompt.has_file and room is None:  # nobody knows how much is in it
            price = None
        if "service_tier" in body and is_priced_apart(body["service_tier"]):
            price = None
        cost = None if price is None else _most_cost(price, body, prompt, made)
        return make_usage(input_tokens=prompt.likely, output_tokens=made, cost_nano_usd=cost)

    def read(self, call: Call, answer: object) -> Usage | None:
        """Return what a whole answer says that it took, without a cost; None if it does not say."""
        return read_told(answer)

    def price(self, call: Call, usage: Usage, model: str | None) -> int | None:
        """Return the cost in nano-dollars of what a model took, or None if its price is not known.

        Args:
            call: Its connection's table of models holds.
            usage: What was taken.
            model: The model that was asked for, which has the price that was set aside, whatever more exact
                name the answer gives it.
        """
        model = model or self._default_model
        info = None if model is None else row_of(call.connection, model)
        return None if info is None else cost_of(info.price, usage)

    def bound(self, call: Call, request: UpstreamRequest, caps: Caps) -> None:
        """Hold a request to what its caller may have: set the bound where it asked for none.

        Raises:
            PermissionDeniedError: If it asks for more; names the field.
            InvalidInputError: If it cannot be told how much it asks for; names the field.
        """
        if self._makes_text:
            hold_to(caps, call, request)

    def _most_made(self, body: JsonObject, path: str, info: ModelInfo | None) -> int:
        if not self._makes_text:
            return 0
        window = None if info is None else info.context_window
        default = UNKNOWN_OUTPUT if info is None else info.max_output_tokens or window or UNKNOWN_OUTPUT
        if not path.endswith(_CHAT) and path.endswith(_COMPLETION):
            default = DEFAULT_COMPLETION
        return measure_answer(body, default=default, window=window)


class FreeMeter:
    """Measures an action that takes neither tokens nor money."""

    reads = ()

    def model(self, request: UpstreamRequest) -> str | None:
        """Return None: it asks for no model."""
        return None

    def estimate(self, call: Call, request: UpstreamRequest) -> Usage:
        """Return nothing, at no cost."""
        return _NOTHING

    def read(self, call: Call, answer: object) -> Usage | None:
        """Return nothing, at no cost."""
        return _NOTHING

    def price(self, call: Call, usage: Usage, model: str | None) -> int | None:
        """Return zero."""
        return 0

    def bound(self, call: Call, request: UpstreamRequest, caps: Caps) -> None:
        """Leave the request as it is."""


def _most_cost(price: ModelPrice, body: JsonObject, prompt: Prompt, made: int) -> int | None:
    """Return the most that a request can cost, by the highest of the prices that may hold for its tokens."""
    rates = price.rates.at(prompt.most)
    speaks = ("audio" in body or "modalities" in body) and _may_speak(body)
    return total(
        (prompt.most, rates.most_heard if prompt.has_sound else rates.most_sent),
        (made, rates.most_said if speaks else rates.output),
    )


def _may_speak(body: JsonObject) -> bool:
    modalities = body.get("modalities")
    return body.get("audio") is not None or (isinstance(modalities, list) and "audio" in modalities)
