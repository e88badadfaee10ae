"""The order in which plugins run where the settings have a say.

A hook runs its wrappers first, then implementations with ``tryfirst``, plain ones, and those with
``trylast``. ``plugins.order`` arranges plugins within each of these four groups and never moves one out of
its group: what an author put first stays before all that is not, and the built-in transport stays last.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError
from hookline.hookspecs import OBSERVER_HOOKS, SECURITY_HOOKS, SETUP_HOOKS

if TYPE_CHECKING:
    import pluggy

    from hookline.plugins import PluginHost

Order = Sequence[str] | Mapping[str, Sequence[str]]

FIXED_HOOKS = SECURITY_HOOKS | SETUP_HOOKS | OBSERVER_HOOKS
"""Hooks whose order is not set: those that decide about rights, secrets and money, set up, or watch."""


def arrange(host: PluginHost, order: Order) -> None:
    """Put the implementations of a host into the order of the settings.

    Args:
        host: The plugins.
        order: Names that run first, in this order: for all hooks, or by hook.

    Raises:
        ConfigurationError: If a name is no plugin, is named twice, or a hook is none whose order can be set.
    """
    for _, message in find_problems(host, order):
        raise ConfigurationError(message, field="plugins.order")
    by_hook = order if isinstance(order, Mapping) else dict.fromkeys(_arrangeable(host), order)
    for hook, names in by_hook.items():
        caller: pluggy.HookCaller = getattr(host.hook, hook)
        caller._hookimpls[:] = _sorted(caller.get_hookimpls(), list(names))


def find_problems(host: PluginHost, order: Order) -> list[tuple[tuple[str, ...], str]]:
    """Return all that is wrong with an order, each with its key below ``plugins.order``.

    Args:
        host: The plugins.
        order: As for `arrange`.
    """
    if not isinstance(order, Mapping):
        return list(_problems_of_names(host, order, key=()))
    found: list[tuple[tuple[str, ...], str]] = []
    for hook, names in order.items():
        problem = _problem_of_hook(host, hook)
        if problem:
            found.append(((hook,), problem))
        found += _problems_of_names(host, names, key=(hook,))
    return found


def rank_of(implementation: pluggy.HookImpl) -> int:
    """Return the group that an implementation runs in; lower ones run first."""
    is_wrapper = implementation.wrapper or implementation.hookwrapper
    place = 0 if implementation.tryfirst else 2 if implementation.trylast else 1
    return place if is_wrapper else 3 + place


def _sorted(implementations: list[pluggy.HookImpl], names: list[str]) -> list[pluggy.HookImpl]:
    """Return them as pluggy keeps them: what runs first stands last."""
    running = list(reversed(implementations))
    places = {name: place for place, name in enumerate(names)}
    running.sort(key=lambda one: (rank_of(one), places.get(one.plugin_name, len(places))))
    return list(reversed(running))


def _arrangeable(host: PluginHost) -> list[str]:
    return [hook for hook in host.order() if hook not in FIXED_HOOKS]


def _problem_of_hook(host: PluginHost, hook: str) -> str:
    if hook not in host.order():
        near = difflib.get_close_matches(hook, _arrangeable(host), n=1)
        return f"plugins.order names the hook {hook!r}, which there is not." + (
            f" Did you mean {near[0]!r}?" if near else ""
        )
    if hook in FIXED_HOOKS:
        return (
            f"plugins.order: the order of {hook}() cannot be set; plugins that decide about rights, secrets "
            "and money, set the gateway up or only watch keep their own."
        )
    return ""


def _problems_of_names(
    host: PluginHost, names: Sequence[str], *, key: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    for position, name in enumerate(names):
        place = (*key, str(position))
        if name not in host.plugins:
            near = difflib.get_close_matches(name, host.plugins, n=1)
            yield (
                place,
                f"plugins.order names {name!r}, which is not installed."
                + (f" Did you mean {near[0]!r}?" if near else ""),
            )
        elif name in names[:position]:
            yield place, f"plugins.order names {name!r} twice."
