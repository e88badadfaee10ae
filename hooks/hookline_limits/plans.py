"""Which limits apply to the calls of a key on an action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookline.call import FLOW_HEADER
from hookline.limit import parse_limit
from hookline_limits.rules import make_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hookline.call import Call
    from hookline.limit import Limit
    from hookline.options import LayeredOptions
    from hookline.principal import Principal
    from hookline_limits.options import LimitsOptions
    from hookline_limits.rules import Counter, Rule

_MOST_PLANS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What applies to the calls of one key on one action.

    Attributes:
        principal: Whom it was made for.
        fixed: Counters that are the same for each call.
        user_rules: Limits that each end user has for itself.
        flow_rules: Limits that each flow has for itself.
        runaway: The guard against flows that run away.
        options: What else is set.
    """

    principal: Principal
    fixed: tuple[Counter, ...]
    user_rules: tuple[Rule, ...]
    flow_rules: tuple[Rule, ...]
    runaway: Rule | None
    options: LimitsOptions

    def counters(self, call: Call) -> Sequence[Counter]:
        """Return the counters of a call. Calls that name no user, or no flow, count together as one."""
        is_in_flow = call.parent is not None or FLOW_HEADER in call.headers
        if not (self.user_rules or self.flow_rules or (self.runaway is not None and is_in_flow)):
            return self.fixed
        found = list(self.fixed)
        if self.user_rules:
            user = call.end_user or top_of(call).end_user or ""
            found += [rule.counter(user) for rule in self.user_rules]
        if self.flow_rules or self.runaway is not None:
            flow = top_of(call).flow
            found += [rule.counter(flow or "") for rule in self.flow_rules]
            if self.runaway is not None and flow is not None:
                found.append(self.runaway.counter(flow))
        return found


class Plans:
    """Makes plans, and remembers them.

    Args:
        options: What is set.
    """

    def __init__(self, options: LayeredOptions[LimitsOptions]) -> None:
        self._options = options
        self._plans: dict[tuple[str, str], Plan] = {}

    def of(self, call: Call) -> Plan:
        """Return what applies to a call."""
        principal = call.principal
        key = (principal.key_id, call.action.id)
        plan = self._plans.get(key)
        if plan is None or (plan.principal is not principal and not _is_same(plan.principal, principal)):
            plan = make_plan(self._options, principal, call.action.id)
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[key] = plan
        return plan


def make_plan(layers: LayeredOptions[LimitsOptions], principal: Principal, action_id: str) -> Plan:
    """Return what applies to the calls of a caller on an action."""
    key_id = principal.key_id if principal.key_id in layers.key_ids else ""
    options = layers.find(action_id=action_id, key_id=key_id)
    found: dict[str, tuple[Limit, Rule, str]] = {}
    scope = _scope(layers, key_id, action_id)
    for text in options.limits:
        _add(found, parse_limit(text), principal.key_id, principal, scope=scope)
    for entry in principal.limits:
        for limit in entry.limits:
            _add(found, limit, entry.key_id, principal)
    runaway = None
    if options.runaway:
        runaway = make_rule(parse_limit(options.runaway), tenant=principal.tenant, origin="runaway")
    rules = [(rule, holder) for _, rule, holder in found.values()]
    return Plan(
        principal=principal,
        fixed=tuple(
            rule.counter(holder) for rule, holder in rules if rule.limit.subject in ("key", "tenant")
        ),
        user_rules=_for_subject(rules, "user"),
        flow_rules=_for_subject(rules, "flow"),
        runaway=runaway,
        options=options,
    )


def _scope(layers: LayeredOptions[LimitsOptions], key_id: str, action_id: str) -> str:
    """Return the actions whose calls count together: those that the innermost table of limits is for."""
    connector = f"{action_id.partition('.')[0]}."
    of_connector = layers.find(action_id=connector, key_id=key_id).limits
    if layers.find(action_id=action_id, key_id=key_id).limits != of_connector:
        return action_id
    of_all = layers.find(action_id="", key_id=key_id).limits
    return f"{connector}*" if of_connector != of_all else ""


def top_of(call: Call) -> Call:
    """Return the call from outside that a call is part of."""
    while call.parent is not None:
        call = call.parent
    return call


def _add(
    found: dict[str, tuple[Limit, Rule, str]],
    limit: Limit,
    key_id: str,
    principal: Principal,
    *,
    scope: str = "",
) -> None:
    """Add a limit; of several for the same counter the smallest counts, because all of them must hold."""
    rule = make_rule(limit, tenant=principal.tenant, scope=scope)
    holder = {"key": key_id, "tenant": principal.tenant}.get(limit.subject, "")
    name = rule.counter(holder).name
    if name not in found or limit.amount < found[name][0].amount:
        found[name] = (limit, rule, holder)


def _for_subject(rules: Iterable[tuple[Rule, str]], subject: str) -> tuple[Rule, ...]:
    return tuple(rule for rule, _ in rules if rule.limit.subject == subject)


def _is_same(one: Principal, other: Principal) -> bool:
    return one.tenant == other.tenant and (one.limits is other.limits or one.limits == other.limits)
