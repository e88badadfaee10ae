"""Read ``models.json``: what each OpenAI model is for, how much it takes, what it costs and when it ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, cast

ModelKind = Literal["chat", "completion", "edit", "embedding", "moderation", "responses_only"]
SamplingRule = Literal[
    "rejected", "accepted_at_default_effort_none", "accepted_only_with_explicit_effort_none"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPrice:
    """US dollars for one million tokens in the standard tier; None is unknown, never free.

    Attributes:
        input: For prompt tokens.
        output: For completion tokens, the hidden reasoning ones included.
        cached_input: For prompt tokens that were read from the cache.
        cache_write: For prompt tokens that were written to the cache.
        above_input_tokens: Prompts longer than this cost what ``long_context`` says; None if none do.
        long_context: The price of long prompts.
    """

    input: float | None
    output: float | None
    cached_input: float | None = None
    cache_write: float | None = None
    above_input_tokens: int | None = None
    long_context: ModelPrice | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReasoningRules:
    """What a reasoning model refuses that a plain chat model takes.

    Attributes:
        effort_values: Accepted values of ``reasoning_effort``; None if they are not known.
        default_effort: The effort when the caller names none; None if it is not known.
        sampling_params: When ``temperature``, ``top_p`` and ``logprobs`` are taken.
        always_rejected: Request fields that are refused whatever the effort.
    """

    effort_values: tuple[str, ...] | None
    default_effort: str | None
    sampling_params: SamplingRule
    always_rejected: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelInfo:
    """One row of the table; limits are in tokens, and None means that the value is not known."""

    id: str
    kind: ModelKind
    context_window: int | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    embedding_dimensions: int | None = None
    supports_dimensions_param: bool | None = None
    encoding: str | None = None
    price: ModelPrice | None = None
    is_reasoning: bool = False
    reasoning: ReasoningRules | None = None
    deprecated_on: date | None = None
    shutdown_on: date | None = None
    replacement: str | None = None

    def is_retired(self, today: date) -> bool:
        """Return True if the service has stopped answering for this model by that day."""
        return self.shutdown_on is not None and self.shutdown_on <= today


@cache
def load() -> Mapping[str, ModelInfo]:
    """Return every model of the table by its id, in the order of the file; read once per process."""
    document = json.loads(files(__package__).joinpath("models.json").read_text(encoding="utf-8"))
    return MappingProxyType({row["id"]: _model(row) for row in document["models"]})


def find(model_id: str) -> ModelInfo | None:
    """Return what is known of a model, or None.

    A fine-tuned model such as ``ft:gpt-4.1-2025-04-14:acme::abc`` has the row of its ``ft:`` prefix if there
    is one, because prices and shutdown dates differ, and otherwise the row of the model it was tuned from.
    """
    table = load()
    if model_id in table or not model_id.startswith("ft:"):
        return table.get(model_id)
    base = model_id.split(":")[1]
    return table.get(f"ft:{base}") or table.get(base)


def _model(row: Mapping[str, Any]) -> ModelInfo:
    price, reasoning = row["price_usd_per_1m"], row["reasoning"]
    return ModelInfo(
        id=row["id"],
        kind=row["kind"],
        context_window=row["context_window"],
        max_input_tokens=row["max_input_tokens"],
        max_output_tokens=row["max_output_tokens"],
        embedding_dimensions=row["embedding_dimensions"],
        supports_dimensions_param=row["supports_dimensions_param"],
        encoding=row["encoding"],
        price=None if price is None else _price(price),
        is_reasoning=row["is_reasoning"],
        reasoning=None if reasoning is None else _reasoning(reasoning),
        deprecated_on=_day(row["deprecated_on"]),
        shutdown_on=_day(row["shutdown_on"]),
        replacement=row["replacement"],
    )


def _price(row: Mapping[str, Any]) -> ModelPrice:
    long_context = row.get("long_context")
    return ModelPrice(
        input=row.get("input"),
        output=row.get("output"),
        cached_input=row.get("cached_input"),
        cache_write=row.get("cache_write"),
        above_input_tokens=None if long_context is None else long_context["above_input_tokens"],
        long_context=None if long_context is None else _price({**long_context, "long_context": None}),
    )


def _reasoning(row: Mapping[str, Any]) -> ReasoningRules:
    efforts = row["effort_values"]
    return ReasoningRules(
        effort_values=None if efforts is None else tuple(efforts),
        default_effort=row["default_effort"],
        sampling_params=cast("SamplingRule", row["sampling_params"]),
        always_rejected=tuple(row["always_rejected"]),
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
