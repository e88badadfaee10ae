"""What a service's refusal means by the rules that its connector declares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hookline.engine.upstream_errors import KEPT_STATUSES, MAX_WAIT_S
from hookline.errors import (
    ContentBlockedError,
    HooklineError,
    InvalidInputError,
    QuotaExhaustedError,
    RateLimitedError,
    RequestRejectedError,
    StreamInterruptedError,
    UpstreamCredentialError,
    UpstreamFault,
    UpstreamForbiddenError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from hookline.picking import PickError, compile_pick, find
from hookline.shown_text import one_line

if TYPE_CHECKING:
    from hookline.action import Action
    from hookline.error_rules import ErrorKind, ErrorRule
    from hookline.upstream import ErrorAnswer

_KINDS: dict[ErrorKind, tuple[type[HooklineError], str]] = {
    "rejected": (RequestRejectedError, "The service refused the request"),
    "not_found": (RequestRejectedError, "The service has no such thing"),
    "invalid": (InvalidInputError, "The service does not take this input"),
    "credential": (UpstreamCredentialError, "The service refused the gateway's credential"),
    "forbidden": (UpstreamForbiddenError, "The service does not allow this to the gateway's account"),
    "quota": (QuotaExhaustedError, "The account's quota at the service is used up"),
    "rate_limited": (RateLimitedError, "The service asks to slow down"),
    "unavailable": (UpstreamUnavailableError, "The service failed"),
    "timeout": (UpstreamTimeoutError, "The service did not answer in time"),
    "blocked": (ContentBlockedError, "The service's check of the content said no"),
}


def has_rules_for_success(action: Action) -> bool:
    """Tell whether an answer with a status of success may be an error."""
    return bool(action.errors) and any(status < 300 for rule in action.errors for status in rule.statuses)


def check_success(action: Action, answer: ErrorAnswer, raw: object) -> None:
    """Return if an answer with a status of success is none of those that a rule calls an error.

    Raises:
        HooklineError: If it is one; what it means is worked out where all errors are.
    """
    for rule in action.errors:
        if answer.status in rule.statuses and _is_true(rule, raw):
            raise UpstreamUnavailableError(
                f"The service answered {answer.status} with an error.",
                upstream=UpstreamFault(status=answer.status, request_id=answer.header("x-request-id")),
                answer=answer,
            )


def judge(action: Action, error: HooklineError) -> HooklineError:
    """Return what an error means by the action's rules; the error itself if none fits.

    Args:
        action: Whose rules.
        error: With the service's answer, if there was one.
    """
    answer = error.answer
    if answer is None or not action.errors:
        return error
    raw = answer.json()
    is_inside = isinstance(error, StreamInterruptedError)  # an error that was told inside a stream
    for rule in action.errors:
        if _is_for(rule, answer.status, is_inside=is_inside) and _is_true(rule, raw):
            return _make(action, rule, error, answer, raw)
    return error


def _is_for(rule: ErrorRule, status: int, *, is_inside: bool) -> bool:
    if rule.statuses:
        return status in rule.statuses
    return is_inside or not 200 <= status < 300


def _is_true(rule: ErrorRule, raw: object) -> bool:
    """Tell whether a rule's condition holds; JMESPath's false values are null, false and what is empty."""
    if rule.when is None:
        return True
    found = _pick(rule.when, raw)
    return found is not None and found is not False and found not in ("", [], {})


def _make(
    action: Action, rule: ErrorRule, error: HooklineError, answer: ErrorAnswer, raw: object
) -> HooklineError:
    kind, words = _KINDS[rule.kind]
    message = None if rule.kind == "credential" else one_line(_pick(rule.message, raw))
    made = kind(
        message or f"{words} ({answer.status}).",
        code=rule.code or ("not_found_upstream" if rule.kind == "not_found" else None),
        status=_status_of(rule, answer),
        field=_field_of(action, _pick(rule.field, raw)),
        hint=rule.hint,
        retry_after_s=_wait_s(rule, answer, raw, error),
        upstream=error.upstream or UpstreamFault(status=answer.status),
        answer=answer,
        reached_upstream=error.reached_upstream,
    )
    return made


def _status_of(rule: ErrorRule, answer: ErrorAnswer) -> int | None:
    if rule.kind == "not_found":
        return 404
    return answer.status if rule.kind == "rejected" and answer.status in KEPT_STATUSES else None


def _field_of(action: Action, found: object) -> str | None:
    """Return the input's name of a field that the service names."""
    name = one_line(found, most=200)
    if name is None:
        return None
    return next((ours for ours, theirs in action.service_names.items() if theirs == name), name)


def _wait_s(rule: ErrorRule, answer: ErrorAnswer, raw: object, error: HooklineError) -> float | None:
    found = _pick(rule.retry_after_s, raw)
    if found is None:
        found = error.retry_after_s if error.retry_after_s is not None else answer.header("retry-after")
    try:
        wait_s = float(found) if isinstance(found, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        return None
    return wait_s if 0 <= wait_s <= MAX_WAIT_S else None


def _pick(expression: str | None, raw: object) -> object:
    if expression is None:
        return None
    try:
        return find(compile_pick(expression, where="errors"), raw)
    except PickError:
        return None  # the answer is not what the rule was written for
