"""Where calls are admitted, and settled when they are over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.metering import Reservation
from hookline_limits.answers import add_fields, never_error, refusal_error, unpriced_error, warn
from hookline_limits.plans import Plans, top_of
from hookline_limits.rules import Take
from hookline_limits.store import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookline.call import Call
    from hookline.options import LayeredOptions
    from hookline.usage import Usage
    from hookline_limits.options import LimitsOptions
    from hookline_limits.plans import Plan
    from hookline_limits.rules import Counter
    from hookline_limits.store import Hold, Store


class LimitReservation(Reservation):
    """What one call has set aside."""

    __slots__ = ("hold", "takes")

    def __init__(self, hold: Hold, takes: list[Take]) -> None:
        self.hold = hold
        self.takes = takes


class Desk:
    """Sets aside what calls may take.

    Args:
        options: What is set.
        store: Where it is counted.
    """

    def __init__(self, options: LayeredOptions[LimitsOptions], store: Store) -> None:
        self._plans = Plans(options)
        self._store = store

    def admit(self, call: Call, estimate: Usage) -> LimitReservation | None:
        """Set aside what a call may take of every limit that applies to it.

        Raises:
            HooklineError: If it does not fit, or nobody can tell.
        """
        plan = self._plans.of(call)
        counters = plan.counters(call)
        takes = _takes(call, counters, estimate, plan) if counters else None
        if not takes:
            return None
        for take in takes:
            if take.amount > take.counter.rule.amount:
                raise never_error(call, take)
        answer = self._store.take(takes)
        if isinstance(answer, Refusal):
            self._refuse(call, answer, takes)
        else:
            try:
                self._tell(call, answer, takes, plan)
            except BaseException:  # whatever it is: the call does not run
                answer.settle([0] * len(takes))
                raise
            return LimitReservation(answer, takes)
        return None  # pragma: no cover - a refusal raises

    def settle(self, call: Call, reservation: Reservation, usage: Usage | None) -> None:
        """Put what a call really took in the place of what was set aside."""
        assert isinstance(reservation, LimitReservation)  # each plugin is given its own
        actuals = []
        for (rule, _, _), amount in reservation.takes:
            actual = 0
            if rule.resource == "requests":
                actual = 1  # whatever became of it: a flow that runs into errors runs away, too
            elif usage is not None and rule.resource == "tokens":
                actual = usage.tokens
            elif usage is not None and rule.resource == "usd":
                # What was charged is not known: it is taken to be the most that it can be.
                actual = amount if usage.cost_nano_usd is None else usage.cost_nano_usd
            actuals.append(actual)
        reservation.hold.settle(actuals)

    def _refuse(self, call: Call, refusal: Refusal, takes: list[Take]) -> None:
        take = next(take for take in takes if take.counter is refusal.counter)
        error = refusal_error(call, refusal, take)
        if take.counter.rule.resource != "usd":
            add_fields(call.record.headers, take.counter.rule, used=refusal.used, reset_s=error.retry_after_s)
        raise error

    def _tell(self, call: Call, hold: Hold, takes: list[Take], plan: Plan) -> None:
        """Tell the caller which limit is nearest to its end, and of which little is left."""
        nearest, most = -1, -1.0
        for index, (used, (counter, amount)) in enumerate(zip(hold.used, takes, strict=True)):
            rule = counter.rule
            warn_at = rule.limit.warn_at
            if rule.resource == "usd":
                warn_at = warn_at or plan.options.warn_at
            if warn_at is not None:
                # The most that a call may take is far from what most take: alone it is no reason to warn.
                known = used - amount if rule.resource in ("usd", "tokens") else used
                if known >= warn_at * rule.amount:
                    warn(top_of(call), counter, known)
            if rule.resource == "usd":
                continue
            share = used / rule.amount if rule.amount else 1.0
            if share > most:
                nearest, most = index, share
        if nearest >= 0 and call.parent is None:
            rule = takes[nearest].counter.rule
            add_fields(call.record.headers, rule, used=hold.used[nearest], reset_s=hold.free_in_s(nearest))


def _takes(call: Call, counters: Sequence[Counter], estimate: Usage, plan: Plan) -> list[Take]:
    """Return how much a call may take of what counters count, without those that are nothing to it.

    Calls inside calls are no requests of their own and hold no place. What the gateway itself wants, such as
    a check, is no use of tokens by the caller. An action without a meter takes neither tokens nor money, and
    neither does a call on the sandbox.
    """
    is_request = call.parent is None and not call.is_internal
    is_metered = not (call.action.meter is None or call.record.is_composed or call.connection.is_simulated)
    takes = []
    for counter in counters:
        resource = counter.rule.resource
        if resource == "requests" or resource == "concurrent":
            if is_request:
                takes.append(Take(counter, 1))
        elif not is_metered:
            continue
        elif resource == "tokens":
            if not call.is_internal:
                takes.append(Take(counter, estimate.tokens))
        elif estimate.cost_nano_usd is not None:
            if estimate.cost_nano_usd:
                takes.append(Take(counter, estimate.cost_nano_usd))
        elif plan.options.unpriced == "refuse":
            raise unpriced_error(call, counter)
        else:
            takes.append(Take(counter, 0))
    return takes
