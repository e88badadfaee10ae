"""What OpenAI answers when it refuses, in the gateway's own errors.

Told apart by status, code and type, in that order; by the wording of a message only where OpenAI leaves
nothing else: overlong prompts without a code, requests larger than their own limit, and retired models.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

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
from hookline.upstream import ErrorAnswer
from hookline_openai.hints import field_of, hint_for, model_hint
from hookline_openai.refusals import Refusal, read_error_object, read_refusal
from hookline_openai.waits import retry_after_s

if TYPE_CHECKING:
    from hookline.call import Call

INACTIVE = "billing_not_active"
MONEY = (
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
)
RATE = ("rate_limit_exceeded", "rate_limit_error", "slow_down")

_TOO_LONG = re.compile(r"maximum context length is [0-9,]+ tokens|exceeds the context window", re.IGNORECASE)
_TOO_LARGE = re.compile(r"\s*request too large", re.IGNORECASE)
_LIMIT = re.compile(r"\blimit:? ([0-9]{1,15}),.{0,80}?\brequested:? ([0-9]{1,15})", re.IGNORECASE | re.DOTALL)
_WRONG_MODEL = re.compile(r"\b(is|not) (a|an) [a-z]+ model\b|\bmodel\b.*\bnot supported\b", re.IGNORECASE)
_NO_MODEL = re.compile(r"\bmodel\b.{0,200}(?:does not exist|has been deprecated)", re.IGNORECASE | re.DOTALL)
_OVERLOADED = re.compile(r"\boverloaded\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    """One refusal to translate."""

    call: Call
    answer: ErrorAnswer
    refusal: Refusal
    now: datetime

    def error(
        self,
        kind: type[HooklineError],
        what: str,
        *,
        code: str | None = None,
        status: int | None = None,
        field: str | None = None,
        hint: str | None = None,
        is_quoted: bool = True,
    ) -> HooklineError:
        """Return an error that says what happened and, if it is safe, what the service said."""
        said = self.refusal.safe_message() if is_quoted else ""
        service = self.call.action.connector.title
        return kind(
            f"{service} {what}: {said}" if said else f"{service} {what}.",
            code=code,
            status=status,
            field=field,
            hint=hint,
            retry_after_s=retry_after_s(self.answer.headers, self.refusal.message, now=self.now)
            if kind.retryable
            else None,
            upstream=UpstreamFault(
                status=self.answer.status,
                request_id=self.answer.header("x-request-id"),
                code=self.refusal.code,
            ),
            answer=self.answer,
        )


def map_error(call: Call, error: HooklineError, *, now: datetime | None = None) -> HooklineError | None:
    """Return the error that tells the reader why OpenAI refused, or None if this is no refusal of OpenAI.

    Args:
        call: The call that failed.
        error: Its ``answer`` is the refusal; one of status 200 is an error that came inside a stream.
        now: The present, with a time zone.
    """
    answer = error.answer
    if call.action.connector.id != "openai" or answer is None:
        return None
    if answer.status < 400 and not is_inside_stream(answer):
        return None
    body = answer.json()
    moment = now or call.clock.now()
    if is_inside_stream(answer):
        inner = body.get("error") or body if isinstance(body, dict) else None
        refusal = read_error_object(inner) if isinstance(inner, dict) else None
        text = inner if isinstance(inner, str) else ""
        return _map_event(
            _Case(call=call, answer=answer, refusal=refusal or Refusal(message=text), now=moment)
        )
    refusal = read_refusal(body)
    case = _Case(call=call, answer=answer, refusal=refusal or Refusal(message=""), now=moment)
    return _map_unreadable(case) if refusal is None else _map_answer(case)


def is_inside_stream(answer: ErrorAnswer) -> bool:
    """Tell whether a refusal came as an event of a stream that had begun well."""
    return 200 <= answer.status < 300


def map_event_error(call: Call, error_object: dict[str, object]) -> HooklineError:
    """Return the error for the ``error`` object of an event inside a stream."""
    answer = ErrorAnswer(status=200, headers=(), content=orjson.dumps({"error": error_object}))
    refusal = read_error_object(error_object) or Refusal(message="")
    return _map_event(_Case(call=call, answer=answer, refusal=refusal, now=call.clock.now()))


def _map_answer(case: _Case) -> HooklineError:
    match case.answer.status:
        case 401:
            return _credential(case)
        case 402:
            return _quota(case)
        case 403:
            return case.error(UpstreamForbiddenError, "does not serve this gateway")
        case 404:
            return _map_404(case)
        case 408 | 504:
            return case.error(UpstreamTimeoutError, "did not answer in time")
        case 409:
            return case.error(
                UpstreamUnavailableError, "was busy with another request", code="upstream_conflict"
            )
        case 413 | 422 as status:
            return _rejected(case, status=status)
        case 429:
            return _map_429(case)
        case status if status >= 500:
            return _unavailable(case)
        case _:
            return _rejected(case)


def _map_unreadable(case: _Case) -> HooklineError:
    status = case.answer.status
    if status in (401, 408, 429, 504):
        return _map_answer(case)
    error = case.error(
        InvalidUpstreamAnswerError,
        f"answered with status {status} and something that is not an OpenAI error",
        code="upstream_not_found" if status == 404 else None,
        hint="Check the base URL of the connection." if status < 500 else None,
    )
    error.retryable = status >= 500
    return error


def _map_event(case: _Case) -> HooklineError:
    refusal = case.refusal
    if refusal.has(*RATE, *MONEY, INACTIVE) or refusal.type in ("requests", "tokens"):
        return _map_429(case)
    if refusal.has("invalid_api_key"):
        return _credential(case)
    if refusal.type == "invalid_request_error" or _is_too_long(refusal):
        return _rejected(case)
    return _unavailable(case)


def _map_404(case: _Case) -> HooklineError:
    refusal = case.refusal
    if refusal.code == "model_not_found" or (refusal.code is None and _NO_MODEL.search(refusal.message)):
        return case.error(
            RequestRejectedError,
            "does not have this model",
            code="model_not_found",
            field="model",
            hint=model_hint(case.call, refusal.message, today=case.now.date()),
        )
    if refusal.param == "model" or _WRONG_MODEL.search(refusal.message):
        return case.error(
            RequestRejectedError,
            "cannot use this model here",
            code="model_not_suitable",
            field="model",
            hint="Choose a model of the right kind: `openai.list_models` lists them, also by `kind`.",
        )
    error = case.error(
        InvalidUpstreamAnswerError,
        "has nothing at this address",
        code="upstream_not_found",
        hint="Check the base URL of the connection.",
    )
    error.retryable = False
    return error


def _map_429(case: _Case) -> HooklineError:
    refusal = case.refusal
    if refusal.has(*MONEY, INACTIVE):
        return _quota(case)
    if _is_too_large(refusal):
        return case.error(
            RequestRejectedError,
            "refused the request because it is larger than the account's whole limit",
            code="request_too_large",
            hint="Send a shorter prompt or ask for a shorter answer; waiting will not help.",
        )
    if refusal.has("slow_down"):
        return case.error(
            RateLimitedError,
            "asks to send less at a time",
            code="slow_down",
            hint="Send fewer requests now and raise their number slowly.",
        )
    return case.error(RateLimitedError, "limits how much may be sent")


def _credential(case: _Case) -> HooklineError:
    return case.error(UpstreamCredentialError, "refused the gateway's credential", is_quoted=False)


def _quota(case: _Case) -> HooklineError:
    refusal = case.refusal
    if refusal.has(INACTIVE):
        return case.error(
            QuotaExhaustedError,
            "says that the account is not active",
            code=INACTIVE,
            hint="Check the billing details of the upstream account; trying again will not help.",
        )
    code = refusal.code if refusal.code in MONEY or case.answer.status == 402 else None
    return case.error(QuotaExhaustedError, "says that the account's money or quota is used up", code=code)


def _rejected(case: _Case, *, status: int | None = None) -> HooklineError:
    refusal = case.refusal
    code = "context_length_exceeded" if _is_too_long(refusal) else refusal.code or "request_rejected"
    return case.error(
        RequestRejectedError,
        "refused the request",
        code=code,
        status=status,
        field=field_of(case.call, refusal.param),
        hint=hint_for(code),
    )


def _unavailable(case: _Case) -> HooklineError:
    refusal = case.refusal
    if refusal.code == "server_is_overloaded" or _OVERLOADED.search(refusal.message):
        return case.error(UpstreamUnavailableError, "is overloaded", code="server_is_overloaded")
    return case.error(UpstreamUnavailableError, "failed")


def _is_too_long(refusal: Refusal) -> bool:
    return refusal.code == "context_length_exceeded" or _TOO_LONG.search(refusal.message) is not None


def _is_too_large(refusal: Refusal) -> bool:
    if _TOO_LARGE.match(refusal.message):
        return True
    numbers = _LIMIT.search(refusal.message)
    return numbers is not None and int(numbers[2]) > int(numbers[1])
