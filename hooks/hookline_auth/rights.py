"""What a key may do, and how two keys compare: a key never holds more than the one that made it.

`narrow` returns what two keys both allow. It is used when a key is recognised, over the key and everything
that it descends from, so that a maker that has lost a right takes it from its descendants as well.
`excess` says what one key has and the other lacks; it is used when a key is made or changed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from hookline.principal import ANYTHING, Caps

if TYPE_CHECKING:
    from hookline.limit import Limit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
N = TypeVar("N", int, float)

NO_CONNECTION = ("",)
"""Names of upstream accounts where none is left; an empty list would say that all are allowed."""
NOWHERE = ("255.255.255.255/32",)
"""Networks where none is left; nobody calls from the broadcast address."""
NO_CAPS = Caps()
DEFAULT_SCOPES = frozenset({"actions:run", "catalog:read", "usage:read"})
ADMIN_SCOPES = frozenset({"callbacks:admin", "connections:admin", "connections:test", "keys:admin"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """What a key may do.

    Attributes:
        scopes: Rights such as ``actions:run``.
        actions: Patterns of actions.
        models: Patterns of models.
        connections: Names of upstream accounts; empty for all of its tenant.
        caps: The most that one call may ask for.
        networks: Where its holder may call from; empty for everywhere.
        expires_at_us: When it ends, in microseconds since 1970; None for never.
        limits: What is counted for this key. Those of its makers count as well, so none is too large.
    """

    scopes: frozenset[str] = DEFAULT_SCOPES
    actions: tuple[str, ...] = ANYTHING
    models: tuple[str, ...] = ANYTHING
    connections: tuple[str, ...] = ()
    caps: Caps = NO_CAPS
    networks: tuple[str, ...] = ()
    expires_at_us: int | None = None
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Excess:
    """One thing that a key would have and its maker has not.

    Attributes:
        field: Where, such as ``caps.max_choices``.
        message: What, in words.
    """

    field: str
    message: str


def narrow(one: Rights, other: Rights) -> Rights:
    """Return what both allow; the limits are those of ``one``, for limits are counted per key."""
    ends = [end for end in (one.expires_at_us, other.expires_at_us) if end is not None]
    return Rights(
        scopes=one.scopes & other.scopes,
        actions=narrow_patterns(one.actions, other.actions),
        models=narrow_patterns(one.models, other.models),
        connections=_narrow_names(one.connections, other.connections),
        caps=narrow_caps(one.caps, other.caps),
        networks=_narrow_networks(one.networks, other.networks),
        expires_at_us=min(ends, default=None),
        limits=one.limits,
    )


def excess(child: Rights, maker: Rights) -> list[Excess]:
    """Return all that a key would have beyond its maker; nothing if it may be made."""
    found = [
        Excess(field="scopes", message=f"the scope {scope!r}")
        for scope in sorted(child.scopes - maker.scopes)
    ]
    found += _excess_patterns("actions", child.actions, maker.actions)
    found += _excess_patterns("models", child.models, maker.models)
    if maker.connections and not child.connections:
        found.append(Excess(field="connections", message="every connection"))
    elif maker.connections:
        found += [
            Excess(field="connections", message=f"the connection {name!r}")
            for name in child.connections
            if name not in maker.connections
        ]
    for name in ("max_output_tokens", "max_choices", "max_stream_s"):
        most, asked = getattr(maker.caps, name), getattr(child.caps, name)
        if most is not None and (asked is None or asked > most):
            found.append(Excess(field=f"caps.{name}", message=f"more than {most} for {name}"))
    found += _excess_networks(child.networks, maker.networks)
    end = maker.expires_at_us
    if end is not None and (child.expires_at_us is None or child.expires_at_us > end):
        found.append(Excess(field="expires_at", message="a later end"))
    return found


def narrow_patterns(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Return patterns for exactly what both lists of patterns match."""
    if one == ANYTHING:
        return ANYTHING if other == ANYTHING else other
    if other == ANYTHING:
        return one
    both = (_narrow_pattern(mine, yours) for mine in one for yours in other)
    return tuple(dict.fromkeys(pattern for pattern in both if pattern is not None))


def narrow_caps(one: Caps, other: Caps) -> Caps:
    """Return the smaller of every bound."""
    return Caps(
        max_output_tokens=_smaller(one.max_output_tokens, other.max_output_tokens),
        max_choices=_smaller(one.max_choices, other.max_choices),
        max_stream_s=_smaller(one.max_stream_s, other.max_stream_s),
    )


def is_inside(client: str, networks: Iterable[str]) -> bool:
    """Tell whether an address belongs to one of some networks; what is no address belongs to none."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network_of(text) for text in networks)


@lru_cache(maxsize=4096)
def network_of(text: str) -> Network:
    """Return the network that a text such as ``10.0.0.0/8`` or ``2001:db8::1`` names.

    Raises:
        ValueError: If it names none.
    """
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise ValueError("write an IPv4 network as such, not as a part of IPv6")
    return network


def _narrow_pattern(one: str, other: str) -> str | None:
    for pattern, text in ((one, other), (other, one)):
        if pattern.endswith("*"):
            if text.removesuffix("*").startswith(pattern[:-1]):
                return text
        elif pattern == text:
            return text
    return None


def _covers(pattern: str, text: str) -> bool:
    """Tell whether a pattern matches all that another one matches."""
    if pattern.endswith("*"):
        return text.removesuffix("*").startswith(pattern[:-1])
    return pattern == text


def _excess_patterns(field: str, child: tuple[str, ...], maker: tuple[str, ...]) -> Iterator[Excess]:
    for pattern in child:
        if not any(_covers(mine, pattern) for mine in maker):
            yield Excess(field=field, message=f"the {field} {pattern!r}")


def _narrow_names(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    if not one or not other:
        return one or other
    return tuple(name for name in one if name in other) or NO_CONNECTION


def _narrow_networks(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    if not one or not other:
        return one or other
    both = [
        mine if _is_part(mine, yours) else yours
        for mine in one
        for yours in other
        if _is_part(mine, yours) or _is_part(yours, mine)
    ]
    return tuple(dict.fromkeys(both)) or NOWHERE


def _is_part(one: str, other: str) -> bool:
    mine, yours = network_of(one), network_of(other)
    if isinstance(mine, ipaddress.IPv4Network) and isinstance(yours, ipaddress.IPv4Network):
        return mine.subnet_of(yours)
    if isinstance(mine, ipaddress.IPv6Network) and isinstance(yours, ipaddress.IPv6Network):
        return mine.subnet_of(yours)
    return False


def _excess_networks(child: tuple[str, ...], maker: tuple[str, ...]) -> Iterator[Excess]:
    if maker and not child:
        yield Excess(field="networks", message="every network")
    for text in child if maker else ():
        if not any(_is_part(text, mine) for mine in maker):
            yield Excess(field="networks", message=f"the network {text}")


def _smaller(one: N | None, other: N | None) -> N | None:
    pick: Callable[[N, N], N] = min
    return other if one is None else one if other is None else pick(one, other)
