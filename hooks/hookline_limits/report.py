"""Which limits apply to a key, and what of them is used; for people who run the gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookline.principal import Principal
from hookline.usage import NANO_USD
from hookline_limits.choosing import make_store, open_file
from hookline_limits.key_search import find_key
from hookline_limits.options import LimitsOptions
from hookline_limits.plans import make_plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.gateway import Gateway
    from hookline.options import LayeredOptions
    from hookline_limits.rules import Counter

_ANY_KEY = "*"  # no key has this id


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitRow:
    """One limit and its holder.

    Attributes:
        limit: The limit as people write it.
        holder: For whom it counts.
        actions: Calls on which actions count.
        amount: How much may be taken; nano-dollars for money.
        used: What of it is taken or set aside; None if that cannot be seen from here.
        is_money: Whether it is a budget.
    """

    limit: str
    holder: str
    actions: str
    amount: int
    used: int | None
    is_money: bool

    def as_json(self) -> dict[str, object]:
        """Return it for programs; money in dollars."""
        return {
            "limit": self.limit,
            "for": self.holder,
            "actions": self.actions,
            "amount": self._number(self.amount),
            "used": None if self.used is None else self._number(self.used),
        }

    def amount_text(self, amount: int) -> str:
        """Return an amount for people."""
        return f"{amount / NANO_USD:,.4f} usd" if self.is_money else f"{amount:,}"

    def _number(self, amount: int) -> float:
        return amount / NANO_USD if self.is_money else amount


def make_report(
    gateway: Gateway,
    *,
    key_id: str | None,
    tenant: str | None,
    user: str | None,
    flow: str | None,
    action_id: str,
) -> list[LimitRow]:
    """Return the limits of a key, or those of the settings if no key is named.

    Args:
        gateway: Where to look.
        key_id: Which key.
        tenant: Its tenant, for a key that neither the database nor the settings know.
        user: Whose share to look at.
        flow: Whose share to look at.
        action_id: For calls on which action; empty for all limits, with those of tables for actions.

    Raises:
        NotFoundError: If nobody knows such a key.
        StoreUnavailableError: If the database or the store of limits does not answer.
    """
    layers = gateway.options_of(LimitsOptions)
    if key_id is None:
        principal = Principal(key_id=_ANY_KEY, tenant=tenant or "default")
    else:
        principal = find_key(gateway, key_id, tenant=tenant)
    found: dict[tuple[str, int], tuple[Counter, list[str]]] = {}
    probes = dict.fromkeys(["", *sorted(layers.patterns), action_id])
    for probe in probes:
        for counter in _counters(layers, principal, probe, user=user, flow=flow):
            place = found.setdefault((counter.name, counter.rule.amount), (counter, []))
            place[1].append(probe)
    shown = [(counter, seen) for counter, seen in found.values() if not action_id or action_id in seen]
    used = {} if key_id is None else _look(gateway, [counter for counter, _ in shown])
    return [
        _row(counter, used.get(counter.name), key_id, _actions(counter, seen, probes))
        for counter, seen in shown
    ]


def _counters(
    layers: LayeredOptions[LimitsOptions],
    principal: Principal,
    action_id: str,
    *,
    user: str | None,
    flow: str | None,
) -> list[Counter]:
    plan = make_plan(layers, principal, action_id)
    counters = list(plan.fixed)
    counters += [rule.counter(user or "") for rule in plan.user_rules]
    counters += [rule.counter(flow or "") for rule in plan.flow_rules]
    if plan.runaway is not None and flow is not None:
        counters.append(plan.runaway.counter(flow))
    return counters


def _look(gateway: Gateway, counters: list[Counter]) -> dict[str, int]:
    """Return what of each counter is used, by its name, as far as it can be seen from here."""
    options = gateway.options_of(LimitsOptions).base
    store = make_store(
        options,
        state_dir=gateway.state_dir,
        workers=gateway.settings.server.workers,
        clock=gateway.clock,
    )
    try:
        seen = [counter for counter in counters if store.shares(counter.rule)]
        used = dict(zip((counter.name for counter in seen), store.look(seen) if seen else (), strict=True))
    finally:
        store.close()
    unseen = [counter for counter in counters if counter.name not in used]
    if unseen and options.store == "auto":
        # One worker counts these in memory. But the gateway may run with more than this command was told.
        file = open_file(options, state_dir=gateway.state_dir, clock=gateway.clock)
        if file is not None:
            try:
                amounts = file.look(unseen)
            finally:
                file.close()
            if any(amounts):
                used |= dict(zip((counter.name for counter in unseen), amounts, strict=True))
    return used


def _actions(counter: Counter, seen: list[str], probes: Iterable[str]) -> str:
    """Return in words on which actions calls count: where a table takes the place of a limit, they do not."""
    scope = counter.rule.scope
    if not scope and "" not in seen:
        return ", ".join(seen)
    begin = scope.removesuffix("*") if scope.endswith("*") else scope
    without = [one for one in probes if one.startswith(begin) and one not in seen]
    return (scope or "all") + (f" but {', '.join(without)}" if without else "")


def _row(counter: Counter, used: int | None, key_id: str | None, actions: str) -> LimitRow:
    rule = counter.rule
    subject = rule.limit.subject
    holder = f"{subject} {counter.holder}" if counter.holder else f"calls that name no {subject}"
    if key_id is None:
        holder = f"each {subject}"
    return LimitRow(
        limit=rule.text + (" (guard against flows that run away)" if rule.origin == "runaway" else ""),
        holder=holder,
        actions=actions,
        amount=rule.amount,
        used=used,
        is_money=rule.resource == "usd",
    )
