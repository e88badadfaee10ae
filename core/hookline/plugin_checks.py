"""What a plugin must look like: its hooks are checked when it is loaded, and refused with words."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from hookline import hookspecs
from hookline.errors import ConfigurationError

if TYPE_CHECKING:
    from hookline.connector import Connector

HOOK_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    name: tuple(inspect.signature(spec).parameters)
    for name, spec in vars(hookspecs).items()
    if name.startswith("hookline_") and callable(spec)
}
"""What each hook hands over, in the order of a call."""

Found = list[tuple[str, str, Callable[..., object], dict[str, object]]]


def connector_of(plugin: object) -> Connector | None:
    """Return the connector that a plugin has under the name ``connector``, if it has one."""
    found = getattr(plugin, "connector", None)
    if found is None:
        return None
    from hookline.connector import Connector  # commands start without it, and most plugins have none

    return found if isinstance(found, Connector) else None


def find_hooks(plugin: object, name: str) -> Found:
    """Return the hooks that a plugin implements.

    Returns:
        The attribute, the hook, the function, and what was said in ``@hookimpl(...)``, of each.

    Raises:
        ConfigurationError: If one breaks a rule; the message names the rule and how to keep it.
    """
    found: Found = []
    for attribute in dir(plugin):
        function = getattr(plugin, attribute, None)
        options = getattr(function, f"{hookspecs.PROJECT}_impl", None)
        if options is None and not attribute.startswith("hookline_"):
            continue
        if not inspect.isroutine(function):
            continue
        if options is None:
            if inspect.getmodule(function) is inspect.getmodule(plugin):
                raise ConfigurationError(
                    f"Plugin {name!r}: {attribute}() is not marked and would never run; "
                    "put @hookimpl above it."
                )
            continue
        hook = options.get("specname") or attribute
        _check_hook(function, hook, options, name)
        found.append((attribute, hook, function, options))
    if not found and connector_of(plugin) is None:
        raise ConfigurationError(
            f"Plugin {name!r} implements no hook; mark at least one function with @hookimpl, "
            "or call its Connector `connector`."
        )
    return sorted(found, key=lambda one: list(HOOK_ARGUMENTS).index(one[1]))


def _check_hook(
    function: Callable[..., object], hook_name: str, options: Mapping[str, object], name: str
) -> None:
    where = f"Plugin {name!r}: {hook_name}()"
    if hook_name not in HOOK_ARGUMENTS:
        near = difflib.get_close_matches(hook_name, HOOK_ARGUMENTS, n=1)
        raise ConfigurationError(
            f"{where} is not a hook of this version." + (f" Did you mean {near[0]}()?" if near else "")
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigurationError(
            f"{where} is declared with `async def`; hooks are plain functions. Write `def`."
        )
    _check_arguments(function, HOOK_ARGUMENTS[hook_name], where)
    is_wrapper = bool(options.get("wrapper") or options.get("hookwrapper"))
    if is_wrapper:
        _check_wrapper(hook_name, where)
    if is_wrapper is not inspect.isgeneratorfunction(function):
        raise ConfigurationError(
            f"{where} must yield exactly once if it is a wrapper, and not at all if it is none."
        )


def _check_arguments(function: Callable[..., object], known: tuple[str, ...], where: str) -> None:
    parameters = inspect.signature(function).parameters
    unknown = [argument for argument in parameters if argument not in known]
    if unknown:
        raise ConfigurationError(
            f"{where} takes unknown argument(s) {', '.join(unknown)}; "
            f"it may take any of: {', '.join(sorted(known)) or 'none'}."
        )
    for parameter in parameters.values():
        if parameter.default is not parameter.empty:  # pluggy leaves such an argument out of the call
            raise ConfigurationError(
                f"{where} gives its argument {parameter.name} a default and would never be handed a "
                f"value; write `{parameter.name}` alone."
            )


def _check_wrapper(hook_name: str, where: str) -> None:
    if hook_name in hookspecs.SECURITY_HOOKS:
        raise ConfigurationError(
            f"{where} is a wrapper; hooks that decide about rights, secrets and money take none."
        )
    if hook_name in hookspecs.SETUP_HOOKS | hookspecs.OBSERVER_HOOKS:
        raise ConfigurationError(
            f"{where} is a wrapper; this hook is called one plugin after another, so there is nothing to "
            "wrap."
        )
    if hook_name in hookspecs.AROUND_HOOKS:
        raise ConfigurationError(
            f"{where} is a wrapper; this hook stands around the others by itself: call `proceed`."
        )
