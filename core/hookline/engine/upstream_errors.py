"""What an upstream's refusal means when no plugin knows better: by HTTP status alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.errors import (
    HooklineError,
    InvalidUpstreamAnswerError,
    QuotaExhaustedError,
    RateLimitedError,
    RequestRejectedError,
    UpstreamCredentialError,
    UpstreamFault,
    UpstreamForbiddenError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)

if TYPE_CHECKING:
    from hookline.upstream import ErrorAnswer

MAX_WAIT_S = 86_400
"""Longest wait that a service may ask for; a longer one is taken for none."""
KEPT_STATUSES = frozenset({404, 409, 410, 412, 413, 415, 422})
"""Statuses of refusals that mean the same to our caller as to the service's."""


def error_of(answer: ErrorAnswer) -> HooklineError:
    """Return the error for an answer whose status is not 2xx. The answer's text is not repeated."""
    status = answer.status
    upstream = UpstreamFault(status=status, request_id=answer.header("x-request-id"))

    def make(kind: type[HooklineError], message: str, **more: int | float | None) -> HooklineError:
        return kind(message, upstream=upstream, answer=answer, **more)  # type: ignore[arg-type]  # status, wait

    if status == 401:
        return make(UpstreamCredentialError, "The service refused the gateway's credential (401).")
    if status == 402:
        return make(QuotaExhaustedError, "The service asks for payment (402).")
    if status == 403:
        return make(UpstreamForbiddenError, "The service does not allow this to the gateway's account (403).")
    if status in (408, 504):
        return make(UpstreamTimeoutError, f"The service did not answer in time ({status}).")
    if status == 429:
        wait_s = _seconds(answer.header("retry-after"))
        return make(RateLimitedError, "The service asks to slow down (429).", retry_after_s=wait_s)
    if 400 <= status < 500:
        kept = status if status in KEPT_STATUSES else None
        return make(RequestRejectedError, f"The service refused the request ({status}).", status=kept)
    if status >= 500:
        return make(UpstreamUnavailableError, f"The service failed ({status}).")
    return make(
        InvalidUpstreamAnswerError,
        f"The service answered with status {status}, which no redirect is followed for.",
    )


def _seconds(text: str | None) -> float | None:
    if text is None or not text.strip().isdecimal():
        return None
    seconds = int(text.strip()[:9])
    return seconds if seconds <= MAX_WAIT_S else None
