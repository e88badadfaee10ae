"""Which limits apply to a key, and what of them is used; for people who run the gateway."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookline.limit import parse_limit
from hookline.principal import KeyLimits, Principal
from hookline.usage import NANO_USD
from hookline_limits.choosing import make_store
from hookline_limits.options import LimitsOptions
from hookline_limits.plans import make_plan

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hookline.gateway import Gateway
    from hookline_limits.rules import Counter

_MOST_ANCESTORS = 32
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
        key_id: Which key; it need not be in the database.
        tenant: Its tenant, if the database does not say.
        user: Whose share to look at.
        flow: Whose share to look at.
        action_id: For calls on which action; empty for what holds for all.

    Raises:
        StoreUnavailableError: If the database or the store of limits does not answer.
    """
    layers = gateway.options_of(LimitsOptions)
    principal = _find(gateway, key_id, tenant)
    plan = make_plan(layers, principal, action_id)
    counters = list(plan.fixed)
    counters += [rule.counter(user or "") for rule in plan.user_rules]
    counters += [rule.counter(flow or "") for rule in plan.flow_rules]
    if plan.runaway is not None and flow is not None:
        counters.append(plan.runaway.counter(flow))
    store = make_store(
        layers.base,
        state_dir=gateway.state_dir,
        workers=gateway.settings.server.workers,
        clock=gateway.clock,
    )
    try:
        seen = [counter for counter in counters if key_id is not None and store.shares(counter.rule)]
        used = dict(zip((counter.name for counter in seen), store.look(seen) if seen else (), strict=True))
    finally:
        store.close()
    return [_row(counter, used.get(counter.name), key_id) for counter in counters]


def _row(counter: Counter, used: int | None, key_id: str | None) -> LimitRow:
    rule = counter.rule
    subject = rule.limit.subject
    holder = f"{subject} {counter.holder}" if counter.holder else f"calls that name no {subject}"
    if key_id is None:
        holder = f"each {subject}"
    return LimitRow(
        limit=rule.text + (" (guard against flows that run away)" if rule.origin == "runaway" else ""),
        holder=holder,
        actions=rule.scope or "all",
        amount=rule.amount,
        used=used,
        is_money=rule.resource == "usd",
    )


def _find(gateway: Gateway, key_id: str | None, tenant: str | None) -> Principal:
    """Return a caller with the limits of a key and of those that it was made with, newest first."""
    if key_id is None:
        return Principal(key_id=_ANY_KEY, tenant=tenant or "default")
    found: list[KeyLimits] = []
    of_tenant = None
    if gateway.state_dir is not None or gateway.settings.database_url is not None:
        with gateway.database.connect() as connection:
            next_id: str | None = key_id
            while next_id is not None and len(found) < _MOST_ANCESTORS:
                row = _read(connection, next_id)
                if row is None:
                    break
                of_tenant = of_tenant or row[0]
                found.append(KeyLimits(key_id=next_id, limits=tuple(map(parse_limit, row[2]))))
                next_id = row[1]
    return Principal(key_id=key_id, tenant=of_tenant or tenant or "default", limits=tuple(found))


def _read(connection: Connection, key_id: str) -> tuple[str, str | None, list[str]] | None:
    """Return tenant, parent and limits of a key."""
    from sqlalchemy import select

    from hookline.store.tables import KEYS

    row = connection.execute(
        select(KEYS.c.tenant, KEYS.c.parent_id, KEYS.c.limits).where(KEYS.c.id == key_id)
    ).first()
    return None if row is None else (row[0], row[1], json.loads(row[2]))
