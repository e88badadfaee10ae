"""What callers are told about limits: refusals, fields of the answer, and warnings.

Source of the fields ``RateLimit-Policy`` and ``RateLimit``: draft-ietf-httpapi-ratelimit-headers-10.
"""

from __future__ import annotations

import math
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from hookline.errors import (
    BudgetExhaustedError,
    HooklineError,
    InvalidInputError,
    PermissionDeniedError,
    RateLimitedError,
)
from hookline.usage import NANO_USD
from hookline_limits.windows import DAY_US, SECOND_US

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline_limits.rules import Counter, Rule, Take
    from hookline_limits.store import Refusal

_UNITS = {"requests": "", "tokens": ';qu="tokens"', "concurrent": ';qu="concurrent-requests"'}
_MOST_DIGITS = 999_999_999_999_999  # largest integer of a structured field
_SOON_S = 1.0  # when to try again what does not depend on time
_MOST_SHOWN = 80
_MOST_POLICIES = 1024
_ANSWER_BOUNDS = frozenset({"max_completion_tokens", "max_output_tokens", "max_tokens"})


def refusal_error(call: Call, refusal: Refusal, take: Take) -> HooklineError:
    """Return the error of a call that does not fit into a limit now."""
    counter = refusal.counter
    rule = counter.rule
    if rule.resource == "usd":
        return _budget_error(call, refusal, take)
    wait_s = _SOON_S if refusal.wait_s is None else refusal.wait_s
    details = _details(call, counter)
    if rule.origin == "runaway":
        return RateLimitedError(
            f"The {holder_text(call, counter)} has made {rule.text.removesuffix(' per flow')}, so it is "
            "taken for one that runs away, and stopped.",
            code="runaway_flow",
            hint="See whether it calls itself or repeats a step without end. If it is meant to call so "
            "often, ask whoever runs this gateway for a higher `runaway` of the plugin `limits`.",
            retry_after_s=wait_s,
            details=details,
            reached_upstream=False,
        )
    if rule.resource == "concurrent":
        message = (
            f"{refusal.used} calls of {holder_text(call, counter)} run now, and {rule.text} is the limit."
        )
    elif rule.resource == "tokens":
        message = (
            f"The limit of {rule.text} for {holder_text(call, counter)} has room for "
            f"{max(0, rule.amount - refusal.used)} tokens now, and this call may take {take.amount}."
        )
    else:
        message = f"The limit of {rule.text} for {holder_text(call, counter)} is reached."
    return RateLimitedError(message, retry_after_s=wait_s, details=details, reached_upstream=False)


def _budget_error(call: Call, refusal: Refusal, take: Take) -> HooklineError:
    counter = refusal.counter
    details = _details(call, counter)
    anew = ""
    if refusal.wait_s is not None:
        at = call.clock.now() + timedelta(seconds=refusal.wait_s)
        at = (at + timedelta(microseconds=SECOND_US // 2)).replace(microsecond=0)
        details["begins_anew_at"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        anew = f" It begins anew at {details['begins_anew_at']}."
    return BudgetExhaustedError(
        f"The budget of {counter.rule.text} for {holder_text(call, counter)} does not suffice: "
        f"{usd_text(refusal.used)} usd of it are spent or set aside for calls that run, and this call may "
        f"cost {usd_text(take.amount)} usd.{anew}",
        details=details,
        reached_upstream=False,
    )


def never_error(call: Call, take: Take) -> HooklineError:
    """Return the error of a call that is larger than a whole limit: to wait does not help."""
    counter = take.counter
    rule = counter.rule
    details = _details(call, counter)
    whose = f"the limit of {rule.text} for {holder_text(call, counter)}"
    if not rule.amount:
        return PermissionDeniedError(
            f"There is {whose}, which lets nothing pass.",
            code="limit_is_zero",
            hint="Ask whoever runs this gateway for a limit above zero.",
            details=details,
            reached_upstream=False,
        )
    if rule.resource == "usd":
        return BudgetExhaustedError(
            f"This call may cost {usd_text(take.amount)} usd, which is more than the whole budget of "
            f"{rule.text} for {holder_text(call, counter)}.",
            code="budget_too_small",
            hint=f"{_shorter_answer(call)}, send less, or take a cheaper model.",
            details=details,
            reached_upstream=False,
        )
    return InvalidInputError(  # one request, and one call that runs, fit into any limit but that of zero
        f"This call may take {take.amount} tokens, which is more than {whose} ever has room for.",
        code="call_over_limit",
        hint=f"{_shorter_answer(call)}, or send less.",
        details=details,
        reached_upstream=False,
    )


def unpriced_error(call: Call, counter: Counter) -> HooklineError:
    """Return the error of a call whose price is not known where a budget applies."""
    model = call.record.model
    what = f"model {model[:_MOST_SHOWN]!r}" if model else f"action {call.action.id!r}"
    return BudgetExhaustedError(
        f"The price of {what} is not known, so it cannot be held to the budget of {counter.rule.text} for "
        f"{holder_text(call, counter)}.",
        code="price_unknown",
        hint="Use a model whose price is known, or ask whoever runs this gateway to add its price or to set "
        '`unpriced = "allow"` of the plugin `limits`.',
        details=_details(call, counter),
        reached_upstream=False,
    )


def holder_text(call: Call, counter: Counter) -> str:
    """Return for whom a counter counts, as the caller understands it."""
    subject, holder = counter.rule.limit.subject, counter.holder
    if subject == "key":
        return (
            "this key" if holder == call.principal.key_id else f"key {_shown(holder)}, of which this one is,"
        )
    if not holder:
        return f"calls that name no {subject}"
    return f"{subject} {_shown(holder)}"


def usd_text(nano: int) -> str:
    """Return an amount of money for people, to a hundredth of a cent."""
    text = f"{max(0, nano) / NANO_USD:,.4f}".rstrip("0").rstrip(".")
    return "less than 0.0001" if text == "0" and nano > 0 else text


def add_fields(headers: dict[str, str], rule: Rule, *, used: int, reset_s: float | None) -> None:
    """Tell how much of a limit is left.

    Args:
        headers: Headers of the answer.
        rule: The limit.
        used: What of it is taken or set aside.
        reset_s: Seconds until some of it is free again, zero or more; None if time does not free it.
    """
    left = rule.amount - used
    shown = 0 if left < 0 else left if left < _MOST_DIGITS else _MOST_DIGITS
    reset = "" if reset_s is None else f";t={math.ceil(reset_s) or 1}"
    headers["ratelimit-policy"] = _policy_of(rule)
    headers["ratelimit"] = f'"{rule.text}";r={shown}{reset}'


@lru_cache(maxsize=_MOST_POLICIES)
def _policy_of(rule: Rule) -> str:
    length_s = rule.limit.window_s if rule.mode != "day" else DAY_US // SECOND_US
    window = "" if length_s is None else f";w={length_s}"
    return f'"{rule.text}";q={min(rule.amount, _MOST_DIGITS)}{window}{_UNITS[rule.resource]}'


def warn(call: Call, counter: Counter, used: int) -> None:
    """Tell the caller that a limit is nearly reached.

    Args:
        call: Whose answer carries the warning.
        counter: The limit and its holder.
        used: What of it is taken or set aside.
    """
    rule = counter.rule
    share = min(100, used * 100 // rule.amount) if rule.amount else 100
    if rule.resource == "usd":
        code, what = "budget_nearly_used", f"{share} % of the budget of {rule.text}"
    else:
        code, what = "limit_nearly_used", f"{share} % of the limit of {rule.text}"
    besides = " besides this call" if rule.resource in ("usd", "tokens") else ""
    call.record.warn(code, f"{what} for {holder_text(call, counter)} are used or set aside{besides}.")


def _shorter_answer(call: Call) -> str:
    """Return the beginning of a hint: by which field a call asks for a shorter answer.

    That is the one it used, which may be one of the wire door only, or else one of its action.
    """
    fields = call.action.input_schema.get("properties")
    names = [*call.input, *(fields if isinstance(fields, dict) else ())]
    name = next((name for name in names if name in _ANSWER_BOUNDS), None)
    return "Ask for a shorter answer" + (f" by a smaller `{name}`" if name else "")


def _details(call: Call, counter: Counter) -> dict[str, object]:
    return {"limit": counter.rule.text, "limited": holder_text(call, counter).rstrip(",")}


def _shown(holder: str) -> str:
    return repr(holder if len(holder) <= _MOST_SHOWN else holder[: _MOST_SHOWN - 3] + "...")
