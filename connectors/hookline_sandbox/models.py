"""The models that the service has: those of the shared table, and a few of its own that need no account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from hookline_openai.model_table import ModelInfo, ModelKind, find, load
from hookline_sandbox.errors import ApiError
from hookline_sandbox.faults import FAULT_MODEL_PREFIX

if TYPE_CHECKING:
    from hookline_sandbox.wire import JsonObject

_CREATED = 1_735_689_600  # 2025-01-01, UTC: the table does not say when a model was made.

_PLAIN = ModelInfo(id="sandbox", kind="chat", context_window=128_000, max_output_tokens=16_384)
_OWN_MODELS: dict[ModelKind, ModelInfo] = {
    "chat": _PLAIN,
    "completion": replace(_PLAIN, id="sandbox-completion", kind="completion"),
    "edit": replace(_PLAIN, id="sandbox-edit", kind="edit"),
    "embedding": ModelInfo(
        id="sandbox-embedding",
        kind="embedding",
        max_input_tokens=8192,
        embedding_dimensions=64,
        supports_dimensions_param=True,
    ),
    "moderation": ModelInfo(id="sandbox-moderation", kind="moderation", context_window=32_768),
}

# `sandbox` serves every endpoint, so that one name is enough for a first try.
_KINDS_OF_SANDBOX = frozenset(_OWN_MODELS)


def resolve(model_id: str, kind: ModelKind, *, endpoint: str, today: date) -> ModelInfo:
    """Return the model that serves a request on an endpoint.

    Raises:
        ApiError: With status 404 if the model is unknown, retired, or of another kind.
    """
    if model_id.startswith(FAULT_MODEL_PREFIX) and model_id not in own_model_ids():
        return replace(_OWN_MODELS[kind], id=model_id)
    if model_id == "sandbox" and kind in _KINDS_OF_SANDBOX:
        return replace(_OWN_MODELS[kind], id=model_id)
    info = _find(model_id)
    # The endpoint for edits is itself a thing of the past: its models answer as they did while it lived.
    if kind == "edit" and (info is None or info.kind != "edit"):
        raise ApiError("Invalid URL (POST /v1/edits)", status=404)
    if info is None:
        raise _unknown(model_id)
    if info.is_retired(today) and kind != "edit":
        raise ApiError(
            f"The model `{model_id}` has been deprecated, learn more here: "
            "https://platform.openai.com/docs/deprecations",
            status=404,
            code="model_not_found",
        )
    if info.kind != kind:
        raise _wrong_kind(info, kind, endpoint)
    return replace(info, id=model_id)


def snapshot_of(info: ModelInfo, today: date) -> str:
    """Return the dated name that answers carry; for an alias that is its oldest living snapshot."""
    prefix = f"{info.id}-"
    for name, other in load().items():
        if name.startswith(prefix) and _is_day(name[len(prefix) :]) and not other.is_retired(today):
            return name
    return info.id


def list_models(today: date) -> Iterator[JsonObject]:
    """Yield the living models in the shape of ``GET /v1/models``."""
    for info in (*_OWN_MODELS.values(), *load().values()):
        if not info.is_retired(today):
            yield _describe(info)


def describe_model(model_id: str, today: date) -> JsonObject:
    """Return one living model in the shape of ``GET /v1/models/{model}``.

    Raises:
        ApiError: With status 404 if there is no such model.
    """
    info = _find(model_id)
    if info is None or info.is_retired(today):
        raise _unknown(model_id)
    return _describe(replace(info, id=model_id))


def own_model_ids() -> frozenset[str]:
    """Return the ids of the models that only the sandbox has."""
    return frozenset(info.id for info in _OWN_MODELS.values())


def utc_day(at_s: float) -> date:
    """Return the day of a Unix time in UTC."""
    return datetime.fromtimestamp(at_s, UTC).date()


def _find(model_id: str) -> ModelInfo | None:
    own = next((info for info in _OWN_MODELS.values() if info.id == model_id), None)
    return own or find(model_id)


def _unknown(model_id: str) -> ApiError:
    return ApiError(
        f"The model `{model_id}` does not exist or you do not have access to it.",
        status=404,
        code="model_not_found",
    )


def _wrong_kind(info: ModelInfo, wanted: ModelKind, endpoint: str) -> ApiError:
    if info.kind == "responses_only":
        message = f"This model is only supported in v1/responses and not in {endpoint}."
    elif wanted == "chat":
        message = (
            f"This is not a chat model and thus not supported in the {endpoint} endpoint. "
            "Did you mean to use v1/completions?"
        )
    elif info.kind == "chat":
        message = (
            f"This is a chat model and not supported in the {endpoint} endpoint. "
            "Did you mean to use v1/chat/completions?"
        )
    else:
        message = f"This model is not supported in the {endpoint} endpoint."
    return ApiError(message, status=404, param="model")


def _describe(info: ModelInfo) -> JsonObject:
    return {
        "id": info.id,
        "object": "model",
        "created": _CREATED,
        "owned_by": "sandbox" if info.id.startswith("sandbox") else "openai",
        "shutdown_date": None if info.shutdown_on is None else info.shutdown_on.isoformat(),
    }


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10
