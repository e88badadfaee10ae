"""The table of models: what each one is for, how much it takes, what it costs and when it ends.

The rows are data, in ``models.json``. A connection may lay a file of its own over them: see
`hookline_openai.models_file`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast

from hookline_openai.prices import Rates, rates_of

if TYPE_CHECKING:
    from hookline.connection import Connection

ModelKind = Literal["chat", "completion", "edit", "embedding", "moderation", "responses_only"]
SAMPLING_FIELDS = ("temperature", "top_p", "logprobs", "top_logprobs")
SamplingRule = Literal[
    "rejected", "accepted_at_default_effort_none", "accepted_only_with_explicit_effort_none"
]


@dataclass(frozen=True, kw_only=True)
class ModelPrice:
    """US dollars for one million tokens in the standard tier; None is unknown, never free.

    Attributes:
        input: For prompt tokens.
        output: For completion tokens, the hidden reasoning ones included.
        cached_input: For prompt tokens that were read from the cache.
        cache_write: For prompt tokens that were written to the cache.
        audio_input: For prompt tokens of sound; None where the model hears none.
        audio_output: For completion tokens of sound; None where the model does not speak.
        above_input_tokens: Prompts longer than this cost what ``long_context`` says; None if none do.
        long_context: The price of long prompts.
    """

    input: float | None
    output: float | None
    cached_input: float | None = None
    cache_write: float | None = None
    audio_input: float | None = None
    audio_output: float | None = None
    above_input_tokens: int | None = None
    long_context: ModelPrice | None = None

    @cached_property
    def rates(self) -> Rates:
        """The same for one token, in whole numbers; worked out once."""
        return rates_of(self)


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


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """One row of the table; limits are in tokens, and None means that the value is not known.

    Attributes:
        id: What callers write into the field ``model``.
        kind: Which endpoint serves it.
        context_window: Prompt and answer together.
        max_input_tokens: Prompt, where it has a limit of its own.
        max_output_tokens: Answer.
        embedding_dimensions: Length of its vectors.
        supports_dimensions_param: Whether embeddings take ``dimensions``.
        encoding: Name of its tokenizer.
        price: What it costs.
        is_reasoning: Whether it thinks before it answers.
        reasoning: What it refuses because of that.
        deprecated_on: Day on which its end was announced.
        shutdown_on: First day, in UTC, on which it is no longer served; None while no end is announced.
        replacement: Id of the model to use instead.
        replacement_note: What is to be known about the replacement and does not fit into one id.
    """

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
    replacement_note: str | None = None

    @cached_property
    def judged_fields(self) -> frozenset[str]:
        """The fields that it may refuse; worked out once. A body without any of them is taken as it is."""
        if self.reasoning is None:
            return frozenset({"reasoning_effort", "dimensions"})
        names = {*self.reasoning.always_rejected, "reasoning_effort"}
        if self.reasoning.sampling_params != "accepted_at_default_effort_none":
            names.update(SAMPLING_FIELDS)
        return frozenset(names)

    def is_retired(self, today: date) -> bool:
        """Return True if the service has stopped answering for this model by that day."""
        return self.shutdown_on is not None and self.shutdown_on <= today


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointInfo:
    """An endpoint that OpenAI gave up or lets fade.

    Attributes:
        path: Its path, such as ``/v1/edits``.
        deprecated_on: Day on which its end was announced.
        shutdown_on: First day on which it no longer answers; None while no end is announced.
        replacement: Path of the endpoint to use instead.
    """

    path: str
    deprecated_on: date | None = None
    shutdown_on: date | None = None
    replacement: str | None = None


class ModelTable:
    """What is known about models and endpoints. Never changes once it is made.

    Args:
        models: The rows, each id once.
        endpoints: Endpoints that are no longer what they were.
        as_of: Day on which all this was true.

    Attributes:
        models: The rows by id, in the order of the file.
        endpoints: The endpoints by path.
        as_of: Day on which all this was true.
    """

    __slots__ = ("as_of", "endpoints", "models")

    def __init__(
        self, models: Iterable[ModelInfo], *, endpoints: Iterable[EndpointInfo] = (), as_of: date
    ) -> None:
        self.models: Mapping[str, ModelInfo] = MappingProxyType({info.id: info for info in models})
        self.endpoints: Mapping[str, EndpointInfo] = MappingProxyType(
            {endpoint.path: endpoint for endpoint in endpoints}
        )
        self.as_of = as_of

    def __iter__(self) -> Iterator[ModelInfo]:
        return iter(self.models.values())

    def __len__(self) -> int:
        return len(self.models)

    def find(self, model_id: str) -> ModelInfo | None:
        """Return what is known of a model, or None.

        A fine-tuned model such as ``ft:gpt-4.1-2025-04-14:acme::abc`` has the row of its ``ft:`` prefix if
        there is one, because prices and shutdown dates differ, and otherwise the row of the model it was
        tuned from.
        """
        found = self.models.get(model_id)
        if found is not None or not model_id.startswith("ft:"):
            return found
        base = model_id.split(":", 2)[1]
        return self.models.get(f"ft:{base}") or self.models.get(base)


_tables: dict[str, ModelTable] = {}


def table_of(connection: Connection) -> ModelTable:
    """Return the table that holds for a connection: the bundled one, with its ``models_file`` over it.

    The file was read when the gateway started, and is not read again.

    Raises:
        ConfigurationError: If the file was not read before and is not valid.
    """
    path = connection.options.get("models_file")
    if not isinstance(path, str):
        return bundled()
    return _tables.get(path) or read_table(path)


def row_of(connection: Connection, model_id: str) -> ModelInfo | None:
    """Return what the table of a connection knows of a model, or None: see `ModelTable.find`."""
    table = bundled() if connection.options.get("models_file") is None else table_of(connection)
    return table.models.get(model_id) or table.find(model_id)


def read_table(path: str) -> ModelTable:
    """Read a file of models, lay it over the bundled table, and keep the result for `table_of`.

    Raises:
        ConfigurationError: If the file cannot be read or is not valid; names file, row and member.
    """
    from hookline_openai.models_file import read_rows

    _tables[path] = table = table_from(read_rows(path, over=_document()))
    return table


@cache
def bundled() -> ModelTable:
    """Return the table that comes with this package; read once per process."""
    return table_from(_document())


def load() -> Mapping[str, ModelInfo]:
    """Return every model of the bundled table by its id, in the order of the file."""
    return bundled().models


def find(model_id: str) -> ModelInfo | None:
    """Return what the bundled table knows of a model, or None: see `ModelTable.find`."""
    return bundled().find(model_id)


def table_from(document: Mapping[str, Any]) -> ModelTable:
    """Return the table of a whole document, in the form of ``models.json``."""
    return ModelTable(
        (_model(row) for row in document["models"]),
        endpoints=(_endpoint(row) for row in document["endpoints"]),
        as_of=date.fromisoformat(document["as_of"]),
    )


def _document() -> dict[str, Any]:
    text = files(__package__).joinpath("models.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def _endpoint(row: Mapping[str, Any]) -> EndpointInfo:
    return EndpointInfo(
        path=row["path"],
        deprecated_on=_day(row["deprecated_on"]),
        shutdown_on=_day(row["shutdown_on"]),
        replacement=row["replacement"],
    )


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
        replacement_note=row["replacement_note"],
    )


def _price(row: Mapping[str, Any]) -> ModelPrice:
    long_context = row.get("long_context")
    return ModelPrice(
        input=row.get("input"),
        output=row.get("output"),
        cached_input=row.get("cached_input"),
        cache_write=row.get("cache_write"),
        audio_input=row.get("audio_input"),
        audio_output=row.get("audio_output"),
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
