"""A plugin as it is, but for one hook that fails or one thing that it depends on."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from hookline.hookspecs import PROJECT

INTERNALS = "password at cache-internal-3.corp"
"""Text of every failure here; no caller may read it."""

Hook = Callable[..., Any]


def hooks_of(plugin: object) -> dict[str, Hook]:
    """Return a plugin's marked functions, by the hook's name."""
    found: dict[str, Hook] = {}
    for attribute in dir(plugin):
        function = getattr(plugin, attribute, None)
        options = getattr(function, f"{PROJECT}_impl", None)
        if options is not None and inspect.isroutine(function):
            found[str(options.get("specname") or attribute)] = function
    return found


def with_failing_hook(plugin: object, hook: str) -> object:
    """Return the plugin with one of its hooks raising as soon as it is called."""
    members: dict[str, object] = {
        name: getattr(plugin, name) for name in ("options", "connector") if hasattr(plugin, name)
    }
    for name, function in hooks_of(plugin).items():
        members[name] = _failing(function) if name == hook else function
    return SimpleNamespace(**members)


def _failing(function: Hook) -> Hook:
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*arguments: object) -> Iterator[object]:
            raise RuntimeError(INTERNALS)
            yield

        return wrapper

    @functools.wraps(function)
    def plain(*arguments: object) -> object:
        raise RuntimeError(INTERNALS)

    return plain


@contextmanager
def failing_dependency(where: str) -> Iterator[list[str]]:
    """Let a function or method fail inside the block; yields a list that grows whenever it is asked.

    Args:
        where: Such as ``hookline_redact.vault:Vault.read``.

    Raises:
        ValueError: If there is no such thing.
    """
    module, _, path = where.partition(":")
    *owners, name = path.split(".")
    try:
        owner: object = functools.reduce(getattr, owners, import_module(module))
        real = getattr(owner, name)
    except (ImportError, AttributeError) as exc:
        raise ValueError(f"{where!r} leads nowhere; write `package.module:Class.method`.") from exc

    asked: list[str] = []

    def fail(*arguments: object, **options: object) -> object:
        asked.append(where)
        raise ConnectionError(INTERNALS)

    is_own = name in vars(owner)
    setattr(owner, name, fail)
    try:
        yield asked
    finally:
        if is_own:
            setattr(owner, name, real)
        else:
            delattr(owner, name)
