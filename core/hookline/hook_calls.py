"""Hooks called straight: what pluggy's caller does, without what it works out anew at every call.

pluggy copies the list of implementations, checks the names of the arguments and picks those of each
implementation whenever a hook is called. Here that is done once for each hook, when it is first called, so
that a hook without implementations costs one function that returns. Order, results and errors are pluggy's. A
hook with a wrapper of the old kind (``hookwrapper=True``) stays with pluggy.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Generator
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pluggy

HookCall = Callable[..., Any]


class HookCalls:
    """The hooks of a host, as attributes: each is called with all of its arguments, by keyword.

    Args:
        relay: pluggy's own.
    """

    def __init__(self, relay: pluggy.HookRelay) -> None:
        self._relay = relay
        self._each: dict[str, list[tuple[str, HookCall]]] = {}

    def __getattr__(self, name: str) -> HookCall:
        call = _straight(getattr(self._relay, name))
        setattr(self, name, call)  # and next time it is found without coming here
        return call

    def each(self, name: str) -> list[tuple[str, HookCall]]:
        """Return plugin name and a caller of every implementation of a hook, in the order they run.

        To be asked for at each call; it is worked out once. Wrappers are among them.
        """
        found = self._each.get(name)
        if found is None:
            hook: pluggy.HookCaller = getattr(self._relay, name)
            given = _given(hook)
            found = [
                (one.plugin_name, _fixed_caller_of(one, given)) for one in reversed(hook.get_hookimpls())
            ]
            self._each[name] = found
        return found

    def forget(self) -> None:
        """Work everything out anew: plugins have come, gone, or changed places."""
        self.__dict__ = {"_relay": self._relay, "_each": {}}


def caller_of(implementation: pluggy.HookImpl) -> HookCall:
    """Return what takes all arguments of a hook by keyword and hands on those that an implementation wants.

    It goes on being right when the implementation's function is exchanged for one that is watched or traced.
    """
    return lambda **given: implementation.function(*[given[name] for name in implementation.argnames])


def _straight(hook: pluggy.HookCaller) -> HookCall:
    implementations = hook.get_hookimpls()  # the last one runs first, and wrappers are the last
    if any(one.hookwrapper for one in implementations):
        return hook
    given = _given(hook)
    plain = tuple(_fixed_caller_of(one, given) for one in reversed(implementations) if not one.wrapper)
    is_first = hook.spec is not None and hook.spec.opts.get("firstresult")
    call = _first_of(plain) if is_first else _all_of(plain)
    for one in implementations:
        if one.wrapper:
            call = _wrapped(_fixed_caller_of(one, given), call, f"{hook.name}() of {one.plugin_name}")
    return call


def _given(hook: pluggy.HookCaller) -> Collection[str]:
    return () if hook.spec is None else hook.spec.argnames


def _first_of(calls: tuple[HookCall, ...]) -> HookCall:
    if len(calls) == 1:
        return calls[0]

    def call(**given: object) -> object:
        for one in calls:
            result = one(**given)
            if result is not None:
                return result
        return None

    return call


def _all_of(calls: tuple[HookCall, ...]) -> HookCall:
    def call(**given: object) -> list[object]:
        results = [one(**given) for one in calls]
        return [result for result in results if result is not None]

    return call


def _wrapped(wrapper: HookCall, inner: HookCall, name: str) -> HookCall:
    """Return what runs a wrapper around others: its generator up to ``yield``, them, and the rest of it."""

    def call(**given: object) -> object:
        generator = cast("Generator[None, object, object]", wrapper(**given))
        try:
            next(generator)
        except StopIteration:
            raise RuntimeError(f"{name} is a wrapper and did not yield.") from None
        try:
            result = inner(**given)
        except BaseException as exc:
            return _end_with(generator, exc, name)
        try:
            generator.send(result)
        except StopIteration as end:
            return end.value
        raise _yielded_again(generator, name)

    return call


def _end_with(generator: Generator[None, object, object], exc: BaseException, name: str) -> object:
    try:
        generator.throw(exc)
    except StopIteration as end:
        return end.value
    except RuntimeError as failure:
        if isinstance(exc, StopIteration) and failure.__cause__ is exc:  # what a generator makes of it
            raise exc from None
        raise
    finally:
        del exc  # or its traceback, which holds this frame, would keep it alive
    raise _yielded_again(generator, name)


def _yielded_again(generator: Generator[None, object, object], name: str) -> RuntimeError:
    generator.close()
    return RuntimeError(f"{name} is a wrapper and yielded twice.")


def _fixed_caller_of(implementation: pluggy.HookImpl, given: Collection[str]) -> HookCall:
    """Return a quick `caller_of`, right until `HookCalls.forget`.

    Args:
        implementation: Whose.
        given: The names of all arguments of the hook.
    """
    function: HookCall = implementation.function
    if _names_taken(function) == set(given):
        return function
    match tuple(implementation.argnames):
        case ():
            return lambda **_: function()
        case (one,):
            return lambda **given: function(given[one])
        case (one, two):
            return lambda **given: function(given[one], given[two])
    return caller_of(implementation)


def _names_taken(function: HookCall) -> set[str] | None:
    """Return the names of the arguments that a function takes by keyword; None if there are others."""
    parameters = inspect.signature(function).parameters
    if any(one.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD for one in parameters.values()):
        return None
    return set(parameters)
