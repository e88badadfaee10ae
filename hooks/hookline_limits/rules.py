"""What a limit counts, for whom, and under which name."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from hookline_limits.windows import mode_of, reach_of, slot_us_of

if TYPE_CHECKING:
    from hookline.limit import Limit, Resource
    from hookline_limits.windows import Mode

LONG_S = 3600
"""What counts for longer than this is kept where it survives a restart, if there is such a place."""

Origin = Literal["limit", "runaway"]

_PLAIN = re.compile(r"[A-Za-z0-9._@+-]{1,64}")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Rule:
    """A limit, ready to be counted.

    Attributes:
        limit: The limit.
        text: The limit as people write it, without its warning.
        resource: What is counted.
        group: Beginning of the names of its counters; says what is counted, over which time, for what kind
            of holder and in which tenant. Not how much: to change the amount does not begin anew.
        scope: Actions whose calls count, if not all do.
        origin: Whether somebody set it as a limit, or it is the guard against flows that run away.
        amount: How much may be taken.
        mode: How its time is cut.
        slot_us: Length of a slot of a window that slides, in microseconds; 0 for others.
        reach: How many slots before the present one count, too.
        is_long: Whether what is counted should survive a restart.
    """

    limit: Limit
    text: str
    resource: Resource
    group: str
    scope: str
    origin: Origin
    amount: int
    mode: Mode
    slot_us: int
    reach: int
    is_long: bool

    def counter(self, holder: str) -> Counter:
        """Return the counter of one holder."""
        return Counter(self, f"{self.group}/{plain(holder)}", holder)


class Counter(NamedTuple):
    """Where one holder's share of a limit is counted.

    Attributes:
        rule: The limit.
        name: Unlike that of any other counter, whatever callers named themselves.
        holder: Key id, tenant, user or flow.
    """

    rule: Rule
    name: str
    holder: str


class Take(NamedTuple):
    """What is to be set aside.

    Attributes:
        counter: Where it counts.
        amount: How much; zero or more.
    """

    counter: Counter
    amount: int


def make_rule(limit: Limit, *, tenant: str, scope: str = "", origin: Origin = "limit") -> Rule:
    """Return the rule of a limit.

    Args:
        limit: The limit.
        tenant: Users and flows count inside of it.
        scope: Actions whose calls count, if not all do: an action's id, or ``connector.*``.
        origin: Where it comes from.
    """
    time = limit.period or (f"{limit.window_s}s" if limit.window_s else "now")
    group = f"{limit.resource}/{time}/{limit.subject}"
    if origin != "limit":
        group = f"{origin}:{group}"
    if scope:
        group = f"{group}@{scope}"
    if limit.subject in ("user", "flow"):
        group = f"{group}/{plain(tenant)}"
    return Rule(
        limit=limit,
        text=str(replace(limit, warn_at=None)),
        resource=limit.resource,
        group=group,
        scope=scope,
        origin=origin,
        amount=limit.amount,
        mode=mode_of(limit),
        slot_us=slot_us_of(limit),
        reach=reach_of(limit),
        is_long=limit.period is not None or (limit.window_s or 0) > LONG_S,
    )


def plain(text: str) -> str:
    """Return a text as it can stand in a name: itself if it is short and plain, else a digest of it.

    No two texts have the same: a digest begins with a character that no plain text has.
    """
    if _PLAIN.fullmatch(text):
        return text
    return "#" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]
