"""What the simulated service answers when it refuses, and how a connection breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline_sandbox.wire import JsonObject


class CutConnection(Exception):  # noqa: N818 - it is not a refusal but an event, raised where the bytes stop
    """The connection breaks here, without an end."""


class ApiError(Exception):
    """The service refuses a request with an OpenAI error body.

    Attributes:
        status: The HTTP status.
        headers: Header lines that belong to this refusal only.
        has_rate_headers: Whether the ``x-ratelimit-*`` headers go with it.
        body: The whole JSON body; its ``error`` always has all four members.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        has_rate_headers: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.has_rate_headers = has_rate_headers
        self.body: JsonObject = {"error": {"message": message, "type": type, "param": param, "code": code}}


def invalid_type(param: str, expected: str, value: object) -> ApiError:
    """Return the refusal of a value of the wrong JSON type."""
    return ApiError(
        f"Invalid type for '{param}': expected {expected}, but got {_describe(value)} instead.",
        code="invalid_type",
        param=param,
    )


def invalid_value(param: str, value: object, supported: Sequence[str]) -> ApiError:
    """Return the refusal of a value outside a closed list."""
    choices = ", ".join(f"'{item}'" for item in supported)
    return ApiError(
        f"Invalid value: '{value}'. Supported values are: {choices}.", code="invalid_value", param=param
    )


def missing(param: str) -> ApiError:
    """Return the refusal of a body that lacks a required member."""
    return ApiError(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)


def unsupported_parameter(param: str, *, instead: str | None = None) -> ApiError:
    """Return the refusal of a field that this model does not take."""
    hint = f" Use '{instead}' instead." if instead else ""
    return ApiError(
        f"Unsupported parameter: '{param}' is not supported with this model.{hint}",
        code="unsupported_parameter",
        param=param,
    )


def unsupported_value(param: str, value: object, *, rule: str) -> ApiError:
    """Return the refusal of a value that this model does not take; ``rule`` says what it takes."""
    shown = f"'{value}'" if isinstance(value, str) else f"{value}"
    return ApiError(
        f"Unsupported value: '{param}' does not support {shown} with this model. {rule}",
        code="unsupported_value",
        param=param,
    )


def _describe(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"
