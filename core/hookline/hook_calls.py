"""Hooks called straight: what pluggy's caller does, without what it works out anew at every call.

pluggy copies the list of implementations, checks the names of the arguments and picks those of each
implementation whenever a hook is called. Here a function is written for each hook when it is first called, as
one would write it who knew the plugins; `_source` shows it. Order, results and errors are pluggy's. A hook
with a wrapper of the old kind (``hookwrapper=True``) stays with pluggy.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Sequence
from textwrap import indent
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pluggy

HookCall = Callable[..., Any]

_MOST_NESTED = 8
"""Wrappers in one function; Python nests no more than 20 blocks."""


class HookCalls:
    """The hooks of a host, as attributes: each is called with all of its arguments, by keyword.

    Args:
        relay: pluggy's own.
    """

    def __init__(self, relay: pluggy.HookRelay) -> None:
        self._relay = relay
        self._each: dict[str, list[tuple[str, HookCall]]] = {}

    def __getattr__(self, name: str) -> HookCall:
        known = self.__dict__  # that of now: what is worked out while all is forgotten is not kept
        call = _straight(getattr(self._relay, name))
        known[name] = call  # and next time it is found without coming here
        return call

    def each(self, name: str) -> list[tuple[str, HookCall]]:
        """Return plugin name and a caller of every implementation of a hook, in the order they run.

        To be asked for at each call; it is worked out once. Wrappers are among them.
        """
        known = self._each
        found = known.get(name)
        if found is None:
            hook: pluggy.HookCaller = getattr(self._relay, name)
            given = _given(hook)
            found = [
                (one.plugin_name, _write(name, given, [one], is_first=True))
                for one in reversed(hook.get_hookimpls())
            ]
            known[name] = found
        return found

    def forget(self) -> None:
        """Work everything out anew: plugins have come, gone, or changed places."""
        self.__dict__ = {"_relay": self._relay, "_each": {}}


def caller_of(implementation: pluggy.HookImpl) -> HookCall:
    """Return what takes all arguments of a hook by keyword and hands on those that an implementation wants.

    It goes on being right when the implementation's function is exchanged for one that is watched or traced.
    """
    return lambda **given: implementation.function(*map(given.__getitem__, implementation.argnames))


def _straight(hook: pluggy.HookCaller) -> HookCall:
    implementations = hook.get_hookimpls()  # the last one runs first, and wrappers are the last
    if hook.spec is None or any(one.hookwrapper for one in implementations):
        return hook
    name, given = hook.name, _given(hook)
    plain = [one for one in reversed(implementations) if not one.wrapper]
    wrappers = [one for one in implementations if one.wrapper]
    is_first = bool(hook.spec.opts.get("firstresult"))
    call = _write(name, given, plain, wrappers[:_MOST_NESTED], is_first=is_first)
    for start in range(_MOST_NESTED, len(wrappers), _MOST_NESTED):
        call = _write(name, given, call, wrappers[start : start + _MOST_NESTED], is_first=True)
    return call


def _given(hook: pluggy.HookCaller) -> tuple[str, ...]:
    return () if hook.spec is None else tuple(hook.spec.argnames)


def _write(
    hook: str,
    given: tuple[str, ...],
    plain: Sequence[pluggy.HookImpl] | HookCall,
    wrappers: Sequence[pluggy.HookImpl] = (),
    *,
    is_first: bool,
) -> HookCall:
    """Return a function that calls implementations with those arguments that each of them wants.

    Args:
        hook: Name of the hook.
        given: Names of all its arguments.
        plain: Those that are no wrappers, in the order they run; or what takes their place and all arguments.
        wrappers: Those that are, the innermost first.
        is_first: Whether the first result is the result, and not the list of all.
    """
    inner = [(plain, given)] if callable(plain) else [(one.function, tuple(one.argnames)) for one in plain]
    if not wrappers and is_first and len(inner) == 1 and _names_taken(inner[0][0]) == set(given):
        return inner[0][0]
    source = _source(
        given,
        [taken for _, taken in inner],
        [tuple(one.argnames) for one in wrappers],
        is_first=is_first,
    )
    space: dict[str, Any] = {
        "__name__": __name__,
        "_end_with": _end_with,
        "_did_not_yield": _did_not_yield,
        "_yielded_again": _yielded_again,
        **{f"_run_{number}": function for number, (function, _) in enumerate(inner)},
        **{f"_wrap_{number}": one.function for number, one in enumerate(wrappers)},
        **{f"_name_{number}": f"{hook}() of {one.plugin_name}" for number, one in enumerate(wrappers)},
    }
    exec(compile(source, f"<{hook}>", "exec"), space)  # of it, only names of arguments vary
    return space["_call"]  # type: ignore[no-any-return]  # which the source defines


def _source(
    given: tuple[str, ...],
    plain: Sequence[tuple[str, ...]],
    wrappers: Sequence[tuple[str, ...]],
    *,
    is_first: bool,
) -> str:
    """Return the text of a function ``_call`` that takes all arguments of a hook and returns its result.

    Of a hook with two arguments, an implementation that wants one of them, and a wrapper, it is this::

        def _call(call, request):
            _wrapper_0 = _wrap_0(call, request)
            try:
                next(_wrapper_0)
            except StopIteration:
                raise _did_not_yield(_name_0) from None
            try:
                _result = _run_0(call)
            except BaseException as _exc:
                _result = _end_with(_wrapper_0, _exc, _name_0)
            else:
                try:
                    _wrapper_0.send(_result)
                except StopIteration as _end:
                    _result = _end.value
                else:
                    raise _yielded_again(_wrapper_0, _name_0)
            return _result

    Args:
        given: Names of the arguments.
        plain: Names of those that each implementation wants, in the order they run.
        wrappers: The same of wrappers, the innermost first.
        is_first: Whether the first result is the result.
    """
    runs = [f"_run_{number}({', '.join(taken)})" for number, taken in enumerate(plain)]
    body = _first_of(runs) if is_first else _all_of(runs)
    for number, taken in enumerate(wrappers):
        body = _WRAPPED.format(number=number, taken=", ".join(taken), inner=indent(body, "    "))
    return f"def _call({', '.join(given)}):\n{indent(body, '    ')}    return _result\n"


_WRAPPED = """\
_wrapper_{number} = _wrap_{number}({taken})
try:
    next(_wrapper_{number})
except StopIteration:
    raise _did_not_yield(_name_{number}) from None
try:
{inner}except BaseException as _exc:
    _result = _end_with(_wrapper_{number}, _exc, _name_{number})
else:
    try:
        _wrapper_{number}.send(_result)
    except StopIteration as _end:
        _result = _end.value
    else:
        raise _yielded_again(_wrapper_{number}, _name_{number})
"""


def _first_of(runs: list[str]) -> str:
    lines = [f"_result = {run}\n" for run in runs] or ["_result = None\n"]
    return "if _result is None:\n    ".join(lines)


def _all_of(runs: list[str]) -> str:
    return "_result = []\n" + "".join(
        f"_one = {run}\nif _one is not None:\n    _result.append(_one)\n" for run in runs
    )


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


def _did_not_yield(name: str) -> RuntimeError:
    return RuntimeError(f"{name} is a wrapper and did not yield.")


def _yielded_again(generator: Generator[None, object, object], name: str) -> RuntimeError:
    generator.close()
    return RuntimeError(f"{name} is a wrapper and yielded twice.")


def _names_taken(function: HookCall) -> set[str] | None:
    """Return the names of the arguments that a function takes by keyword; None if there are others."""
    parameters = inspect.signature(function, follow_wrapped=False).parameters
    if any(one.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD for one in parameters.values()):
        return None
    return set(parameters)
