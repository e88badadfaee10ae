"""What reasoning models refuse although the endpoint as such takes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hookline_sandbox.errors import ApiError, unsupported_parameter, unsupported_value

if TYPE_CHECKING:
    from hookline_openai.model_table import ModelInfo
    from hookline_sandbox.wire import JsonObject

_SAMPLING_PARAMETERS = ("top_p", "logprobs", "top_logprobs")
_TOKENS_OF_EFFORT = {"none": 0, "minimal": 0, "low": 16, "medium": 64, "high": 128, "xhigh": 256, "max": 512}


def effort_of(body: JsonObject, info: ModelInfo) -> str:
    """Return the reasoning effort that serves a request; ``none`` for a model that does not reason."""
    if not info.is_reasoning or info.reasoning is None:
        return "none"
    if (wanted := body.get("reasoning_effort")) is not None:
        return str(wanted)
    if info.reasoning.sampling_params == "accepted_at_default_effort_none":
        return "none"
    return info.reasoning.default_effort or "medium"


def reasoning_tokens_of(effort: str) -> int:
    """Return how many hidden tokens the simulation spends on an effort."""
    return _TOKENS_OF_EFFORT[effort]


def check_model_rules(body: JsonObject, info: ModelInfo) -> None:
    """Refuse what this model does not take.

    Raises:
        ApiError: With code ``unsupported_parameter`` or ``unsupported_value``, naming the field.
    """
    if info.reasoning is None:
        if body.get("reasoning_effort") is not None and not info.id.startswith("sandbox"):
            raise ApiError("Unrecognized request argument supplied: reasoning_effort")
        return
    for name in info.reasoning.always_rejected:
        if body.get(name) is not None:
            raise unsupported_parameter(
                name, instead="max_completion_tokens" if name == "max_tokens" else None
            )
    _check_effort(body, info)
    effort = effort_of(body, info)
    if info.reasoning.sampling_params == "rejected" or effort != "none":
        _check_sampling(body)
    if info.id.startswith(("o1-preview", "o1-mini")):
        _check_first_generation(body)
    if info.id.startswith("gpt-5.6-luna") and effort != "none" and any(_function_tools(body)):
        raise ApiError(
            f"Function tools with reasoning_effort are not supported for {info.id} in /v1/chat/completions. "
            "Use /v1/responses, or set reasoning_effort to 'none'.",
            param="reasoning_effort",
        )


def _check_effort(body: JsonObject, info: ModelInfo) -> None:
    wanted = body.get("reasoning_effort")
    values = info.reasoning.effort_values if info.reasoning else None
    if wanted is not None and values is not None and wanted not in values:
        listed = ", ".join(f"'{value}'" for value in values)
        raise unsupported_value("reasoning_effort", wanted, rule=f"Supported values are: {listed}.")


def _check_sampling(body: JsonObject) -> None:
    temperature = body.get("temperature")
    if temperature is not None and temperature != 1:
        raise unsupported_value("temperature", temperature, rule="Only the default (1) value is supported.")
    for name in _SAMPLING_PARAMETERS:
        if body.get(name) not in (None, False):
            raise unsupported_parameter(name)


def _check_first_generation(body: JsonObject) -> None:
    for index, message in enumerate(body["messages"]):
        if message["role"] in ("system", "developer"):
            raise unsupported_value(
                f"messages[{index}].role",
                message["role"],
                rule="Supported values are: 'user' and 'assistant'.",
            )
    if body.get("tools"):
        raise unsupported_parameter("tools")


def _function_tools(body: JsonObject) -> Iterator[JsonObject]:
    return (tool for tool in body.get("tools") or () if tool["type"] == "function")
