"""Checks of what becomes of a service's refusals and faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookline.testing.findings import fail_if, leaks
from hookline.testing.script import Fault, ScriptedAnswer, make_answer
from hookline.testing.suite_base import ConnectorChecks

if TYPE_CHECKING:
    from hookline.action import Action
    from hookline.testing.upstream import ScriptedUpstream

WAIT_S = 7


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One way in which a service says no, and what a caller must be told.

    Attributes:
        name: In one word.
        statuses: What the caller may get.
        is_retryable: Whether it must be told that the same call may succeed later; None for either.
        status: The service's status.
        fault: What goes wrong instead.
    """

    name: str
    statuses: tuple[int, ...]
    is_retryable: bool | None
    status: int = 200
    fault: Fault | None = None


_REJECTED = (400, 404, 409, 410, 412, 413, 415, 422)
REFUSALS = (
    Refusal(name="400", status=400, statuses=_REJECTED, is_retryable=False),
    Refusal(name="401", status=401, statuses=(502,), is_retryable=False),
    Refusal(name="403", status=403, statuses=(403, 502), is_retryable=False),
    Refusal(name="404", status=404, statuses=_REJECTED, is_retryable=False),
    Refusal(name="409", status=409, statuses=(409, 502), is_retryable=None),
    Refusal(name="422", status=422, statuses=(400, 422), is_retryable=False),
    Refusal(name="429", status=429, statuses=(429,), is_retryable=True),
    Refusal(name="500", status=500, statuses=(502, 503), is_retryable=True),
    Refusal(name="503", status=503, statuses=(502, 503), is_retryable=True),
    Refusal(name="refused", fault="refused", statuses=(502, 503), is_retryable=True),
    Refusal(name="timeout", fault="timeout", statuses=(504,), is_retryable=True),
    Refusal(name="reset", fault="reset", statuses=(502,), is_retryable=True),
    Refusal(name="cut", fault="cut", statuses=(502,), is_retryable=True),
    Refusal(name="garbage", fault="garbage", statuses=(502,), is_retryable=True),
    Refusal(name="empty", fault="empty", statuses=(502,), is_retryable=True),
    Refusal(name="wrong content type", fault="html", statuses=(502,), is_retryable=True),
    Refusal(name="huge", fault="huge", statuses=(502,), is_retryable=True),
)
_ONLY_JSON = frozenset({"garbage", "empty", "wrong content type"})
_INTERNALS = "Traceback at db-internal-7.corp"


class RefusalChecks(ConnectorChecks):
    """What callers are told when the service does not do what it should."""

    def more_cases(self, actions: Sequence[Action]) -> dict[str, dict[str, object]]:
        """Return every action with every refusal."""
        found: dict[str, object] = {
            f"{action.id}-{refusal.name}": (action, refusal) for action in actions for refusal in REFUSALS
        }
        return {**super().more_cases(actions), "checked_refusal": found}

    def test_a_refusal_is_told_so_that_a_caller_can_act(
        self, checked_refusal: tuple[Action, Refusal], upstream: ScriptedUpstream
    ) -> None:
        """Status, ``retryable`` and ``Retry-After`` are right, and nothing of the service's insides shows."""
        action, refusal = checked_refusal
        with self.open(upstream, is_sandbox=False) as gateway:
            secret = gateway.credential(self.connector.id)
            upstream.answers_with("*", "*", _answer(refusal, secret))
            result = self.run(gateway, action)
        error, allowed = result.error, set(self.refusals.get(refusal.name, refusal.statuses))
        if not upstream.requests:  # it asks no service
            return
        if action.answers != "json" and refusal.name in _ONLY_JSON:
            allowed.add(200)
        if action.code is not None:  # it may make something of the refusal
            allowed.add(200)
        name = f"{action.id}, when its service answers {refusal.name!r},"
        shown = " or ".join(map(str, sorted(allowed)))
        problems = []
        if result.status not in allowed:
            told = error or f"{result.status} {result.content[:200]!r}"
            problems.append(f"{name} must tell its caller {shown}, not {told}.")
        elif error is not None:
            if refusal.is_retryable is not None and error.is_retryable is not refusal.is_retryable:
                problems.append(f"{name} must say `retryable: {str(refusal.is_retryable).lower()}`.")
            if refusal.status == 429 and (error.retry_after_s or 0) < WAIT_S:
                problems.append(
                    f"{name} with `Retry-After: {WAIT_S}` tells its caller to wait {error.retry_after_s} s."
                )
            if not error.message.strip() or not error.hint.strip():
                problems.append(f"{name} gives its caller no message or no hint.")
        text = f"{result.content!r} {dict(result.headers)}"
        if leaks(text, secret):
            problems.append(f"{name} shows its caller the credential that the service repeated.")
        if _INTERNALS in text:
            problems.append(f"{name} shows its caller a text of the service that is not meant for callers.")
        fail_if(
            problems,
            "Map it with `errors=[ErrorRule(…)]` or in `hookline_map_error`; without either the status alone "
            'decides. If the service means something else by it, write `refusals = {"409": (200,)}`.',
        )


def _answer(refusal: Refusal, secret: str) -> ScriptedAnswer:
    if refusal.fault is not None:
        return ScriptedAnswer(fault=refusal.fault)
    told = f"The service says no to {secret}."
    body = {
        "error": {"message": told, "type": "refused", "code": "refused", "debug": _INTERNALS},
        "message": told,
        "debug": _INTERNALS,
    }
    headers = {"retry-after": str(WAIT_S)} if refusal.status == 429 else {}
    return make_answer(json=body, status=refusal.status, headers=headers)
