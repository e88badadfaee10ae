"""The refusals that a fault can ask for, with the bodies and headers of the real service.

Statuses of which no body of the real service is known, such as 409, get one of the right shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

from hookline_sandbox.errors import ApiError

BILLING_CODES: Mapping[str, str] = {
    "credit_balance_exhausted": "the prepaid credit is used up",
    "organization_spend_limit_exceeded": "the organisation's own spending limit is reached",
    "project_spend_limit_exceeded": "the project's own spending limit is reached",
    "organization_usage_limit_exceeded": "the limit set for the organisation is reached",
}

_KNOWN: Mapping[int, tuple[str, str, str | None]] = {
    400: ("Simulated bad request.", "invalid_request_error", None),
    401: ("Incorrect API key provided: ********.", "invalid_request_error", "invalid_api_key"),
    403: (
        "Country, region, or territory not supported",
        "request_forbidden",
        "unsupported_country_region_territory",
    ),
    404: (
        "The model `sandbox` does not exist or you do not have access to it.",
        "invalid_request_error",
        "model_not_found",
    ),
    408: ("Simulated request timeout.", "invalid_request_error", None),
    409: ("Simulated conflict: the resource was changed by another request.", "invalid_request_error", None),
    422: ("Simulated refusal: the request cannot be processed.", "invalid_request_error", None),
    500: ("The server had an error while processing your request. Sorry about that!", "server_error", None),
    502: ("Simulated bad gateway.", "server_error", None),
    503: (
        "The engine is currently overloaded, please try again later",
        "service_unavailable_error",
        "server_is_overloaded",
    ),
    504: ("Simulated gateway timeout.", "server_error", None),
    529: ("Simulated overload.", "service_unavailable_error", "server_is_overloaded"),
}


def status_error(status: int) -> ApiError:
    """Return the refusal that goes with a status from 400 to 599."""
    if status == 429:
        return rate_error(wait="1s", headers={"retry-after": "1"})
    fallback = ("invalid_request_error" if status < 500 else "server_error", None)
    message, kind, code = _KNOWN.get(status, (f"Simulated status {status}{_phrase(status)}.", *fallback))
    return ApiError(message, status=status, type=kind, code=code)


def overload_error() -> ApiError:
    """Return the refusal of an overloaded server, which also comes inside streams."""
    return status_error(503)


def rate_error(*, wait: str | None = None, headers: Mapping[str, str] | None = None) -> ApiError:
    """Return a 429 of the kind that passes by itself.

    Args:
        wait: A duration such as ``250ms`` that the message names, or None.
        headers: What says how long to wait.
    """
    advice = f" Please try again in {wait}." if wait else ""
    return ApiError(
        "Rate limit reached for sandbox in organization sandbox on requests per min (RPM): Limit 60, "
        f"Used 60, Requested 1.{advice}",
        status=429,
        type="requests",
        code="rate_limit_exceeded",
        headers={
            "x-ratelimit-limit-requests": "60",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": wait or "1s",
            **(headers or {}),
        },
    )


def dated_rate_error(now_s: float) -> ApiError:
    """Return a 429 whose ``retry-after`` is an HTTP date, two seconds from now."""
    return rate_error(headers={"retry-after": formatdate(int(now_s) + 2, usegmt=True)})


def too_large_error() -> ApiError:
    """Return a 429 that no waiting helps against."""
    return ApiError(
        "Request too large for sandbox in organization sandbox on tokens per min (TPM): Limit 30000, "
        "Requested 30601. The input or output tokens must be reduced in order to run successfully.",
        status=429,
        type="tokens",
        code="rate_limit_exceeded",
    )


def slow_down_error() -> ApiError:
    """Return the 429 of a caller whose traffic grows too fast."""
    return ApiError(
        "Simulated: traffic grew too fast, slow down.", status=429, type="rate_limit_error", code="slow_down"
    )


def billing_error(code: str) -> ApiError:
    """Return a 429 that is about money, by its code."""
    if code == "billing_not_active":
        return ApiError(
            "Your account is not active, please check your billing details on our website.",
            status=429,
            type=code,
            code=code,
            has_rate_headers=False,
        )
    message = "You exceeded your current quota, please check your plan and billing details."
    if code in BILLING_CODES:
        message = f"Simulated: {BILLING_CODES[code]}."
    return ApiError(message, status=429, type="insufficient_quota", code=code)


def _phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""
