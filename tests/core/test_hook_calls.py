"""Hooks called straight, held to what pluggy does with the same plugins."""

from __future__ import annotations

import functools
import gc
import inspect
import itertools
import weakref
from collections.abc import Callable, Generator
from contextlib import suppress
from textwrap import indent
from typing import Any

import pluggy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline import Decision, hook_calls, hookimpl
from hookline.hook_calls import HookCall, HookCalls, _source, caller_of
from hookline.plugins import PluginHost

_PROJECT = "tried"
_spec, _impl = pluggy.HookspecMarker(_PROJECT), pluggy.HookimplMarker(_PROJECT)


class _Specs:
    @_spec
    def collect(self, call: object, request: object, estimate: object) -> object:
        """Return what each implementation returns."""

    @_spec(firstresult=True)
    def first(self, call: object, request: object, estimate: object) -> object:
        """Return what the first implementation returns that returns anything."""


class _FailedError(Exception):
    pass


Trace = list[object]
Make = Callable[[str, int, Trace], object]


def _returns(hook: str, number: int, trace: Trace) -> object:
    class Plugin:
        def run(self, request: object) -> object:
            trace.append((number, request))
            return number

    return _named(Plugin, hook, {})


def _passes(hook: str, number: int, trace: Trace) -> object:
    class Plugin:
        def run(self) -> None:
            trace.append(number)

    return _named(Plugin, hook, {})


def _returns_last(hook: str, number: int, trace: Trace) -> object:
    class Plugin:
        def run(self, estimate: object, call: object) -> object:
            trace.append((number, estimate, call))
            return [number]

    return _named(Plugin, hook, {"trylast": True})


def _raises(hook: str, number: int, trace: Trace) -> object:
    class Plugin:
        def run(self, call: object, request: object, estimate: object) -> object:
            trace.append((number, call, request, estimate))
            raise _FailedError(number)

    return _named(Plugin, hook, {})


def _stops(hook: str, number: int, trace: Trace) -> object:
    class Plugin:
        def run(self, call: object) -> object:
            raise StopIteration(number)

    return _named(Plugin, hook, {})


def _wraps(hook: str, number: int, trace: Trace) -> object:
    class Plugin:
        def run(self, call: object) -> Generator[None, object, object]:
            trace.append(("before", number))
            try:
                result = yield
            except Exception as exc:
                trace.append(("failed", number, repr(exc)))
                raise
            trace.append(("after", number, result))
            return (number, result)

    return _named(Plugin, hook, {"wrapper": True})


def _rescues(hook: str, number: int, trace: Trace) -> object:
    class Plugin:
        def run(self) -> Generator[None, object, object]:
            try:
                return (yield)
            except _FailedError:
                return f"rescued by {number}"

    return _named(Plugin, hook, {"wrapper": True, "tryfirst": True})


def _breaks_first(hook: str, number: int, trace: Trace) -> object:
    class Plugin:
        def run(self) -> Generator[None, object, object]:
            if trace is not None:
                raise _FailedError("before")
            yield

    return _named(Plugin, hook, {"wrapper": True})


def _breaks_after(hook: str, number: int, trace: Trace) -> object:
    class Plugin:
        def run(self) -> Generator[None, object, object]:
            yield
            raise _FailedError("after")

    return _named(Plugin, hook, {"wrapper": True, "trylast": True})


def _named(plugin: type, hook: str, options: dict[str, bool]) -> object:
    mark: Callable[[object], object] = _impl(**options)  # type: ignore[call-overload]  # which one is known below
    setattr(plugin, hook, mark(vars(plugin)["run"]))
    return plugin()


_KINDS: dict[str, Make] = {
    "returns": _returns,
    "passes": _passes,
    "last": _returns_last,
    "raises": _raises,
    "stops": _stops,
    "wraps": _wraps,
    "rescues": _rescues,
    "breaks first": _breaks_first,
    "breaks after": _breaks_after,
}


def _manager(*plugins: object) -> pluggy.PluginManager:
    manager = pluggy.PluginManager(_PROJECT)
    manager.add_hookspecs(_Specs)
    for plugin in plugins:
        manager.register(plugin)
    return manager


def _outcome(call: Callable[..., object]) -> object:
    try:
        return call(call="c", request="r", estimate="e")
    except (Exception, RuntimeError) as exc:
        return type(exc), str(exc)


def _both(hook: str, kinds: tuple[str, ...]) -> tuple[object, object]:
    outcomes = []
    for is_straight in (False, True):
        trace: Trace = []
        relay = _manager(*(_KINDS[kind](hook, number, trace) for number, kind in enumerate(kinds))).hook
        hooks = HookCalls(relay) if is_straight else relay
        outcomes.append((_outcome(getattr(hooks, hook)), trace))
    return outcomes[0], outcomes[1]


@pytest.mark.parametrize("hook", ["collect", "first"])
def test_every_two_plugins_do_what_they_do_in_pluggy(hook: str) -> None:
    for number in range(3):
        for kinds in itertools.product(_KINDS, repeat=number):
            by_pluggy, straight = _both(hook, kinds)
            assert straight == by_pluggy, kinds


@given(kinds=st.lists(st.sampled_from(list(_KINDS)), max_size=8), hook=st.sampled_from(["collect", "first"]))
def test_many_plugins_do_what_they_do_in_pluggy(kinds: list[str], hook: str) -> None:
    by_pluggy, straight = _both(hook, tuple(kinds))
    assert straight == by_pluggy


@pytest.mark.parametrize("hook", ["collect", "first"])
@pytest.mark.parametrize("end", ["returns", "raises", "stops", "breaks after"])
def test_more_wrappers_than_python_nests_do_what_they_do_in_pluggy(hook: str, end: str) -> None:
    by_pluggy, straight = _both(hook, ("passes", end, *["wraps"] * 30, "rescues"))
    assert straight == by_pluggy


def test_the_function_that_is_written_is_the_one_that_is_shown() -> None:
    written = _source(("call", "request"), [("call",)], [("call", "request")], is_first=True)
    assert indent(written, "    ") in str(inspect.getdoc(_source))


class _Old:
    @_impl(hookwrapper=True)
    def first(self) -> Generator[None, pluggy.Result[object], None]:
        outcome = yield
        outcome.force_result("old")


def test_a_wrapper_of_the_old_kind_is_left_to_pluggy() -> None:
    relay = _manager(_Old()).hook
    assert HookCalls(relay).first == relay.first
    assert HookCalls(relay).first(call=1, request=2, estimate=3) == "old"


class _Twice:
    @_impl(wrapper=True)
    def first(self) -> Generator[None, object, object]:
        with suppress(_FailedError):
            yield
        yield
        return None


class _Never:
    @_impl(wrapper=True)
    def first(self, request: object) -> Generator[None, object, object]:
        if request is None:
            yield
        return "at once"


class _Fails:
    @_impl
    def first(self) -> object:
        raise _FailedError


@pytest.mark.parametrize("plugins", [[_Twice()], [_Fails(), _Twice()]])
def test_a_wrapper_that_yields_twice_is_told(plugins: list[object]) -> None:
    with pytest.raises(RuntimeError, match=r"first\(\) of .* yielded twice"):
        HookCalls(_manager(*plugins).hook).first(call=1, request=2, estimate=3)


def test_a_wrapper_that_does_not_yield_is_told() -> None:
    with pytest.raises(RuntimeError, match=r"first\(\) of .* did not yield"):
        HookCalls(_manager(_Never()).hook).first(call=1, request=2, estimate=3)


def test_a_hook_that_is_none_is_told_as_pluggy_tells_it() -> None:
    with pytest.raises(AttributeError):
        _ = HookCalls(_manager().hook).third


def test_plugins_that_come_and_go_are_noticed_when_all_is_forgotten() -> None:
    manager = _manager()
    calls, plugin = HookCalls(manager.hook), _returns("first", 7, [])
    assert calls.first(call=1, request=2, estimate=3) is None
    manager.register(plugin)
    calls.forget()
    assert calls.first(call=1, request=2, estimate=3) == 7
    manager.unregister(plugin)
    calls.forget()
    assert calls.first(call=1, request=2, estimate=3) is None


@pytest.mark.parametrize("is_each", [True, False])
def test_what_was_worked_out_while_plugins_changed_is_not_kept(
    is_each: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = _manager(_returns("first", 1, []))
    calls = HookCalls(manager.hook)
    write = hook_calls._write

    def write_while_plugins_change(*arguments: Any, **options: Any) -> HookCall:
        written = write(*arguments, **options)
        monkeypatch.undo()
        manager.register(_returns("first", 2, []))
        calls.forget()
        return written

    def results() -> list[object]:
        called = [call for _, call in calls.each("first")] if is_each else [calls.first]
        return [call(call=1, request=2, estimate=3) for call in called]

    monkeypatch.setattr(hook_calls, "_write", write_while_plugins_change)

    assert results() == [1]
    assert results() == ([2, 1] if is_each else [2])


def test_a_function_that_takes_its_arguments_by_place_alone_gets_them_so() -> None:
    class Plugin:
        def run(self, call: object, request: object, estimate: object) -> object:
            return (call, request, estimate)

    @functools.wraps(Plugin.run)
    def by_place(*arguments: object) -> object:
        return Plugin.run(*arguments)  # type: ignore[arg-type]

    calls = HookCalls(_manager(_named(type("ByPlace", (), {"run": by_place}), "first", {})).hook)

    assert calls.first(call=1, request=2, estimate=3) == (1, 2, 3)


def test_a_caller_follows_a_function_that_was_exchanged() -> None:
    (implementation,) = _manager(_returns("first", 1, [])).hook.first.get_hookimpls()
    call = caller_of(implementation)
    object.__setattr__(implementation, "function", lambda estimate, call: (estimate, call))
    object.__setattr__(implementation, "argnames", ("estimate", "call"))
    assert call(call=1, request=2, estimate=3) == (3, 1)


def test_the_host_s_calls_follow_what_is_registered() -> None:
    host = PluginHost()

    class Allows:
        @hookimpl
        def hookline_authorize(self) -> Decision:
            return Decision(allow=True)

    assert host.calls.hookline_authorize(call=None) == []
    host.register(Allows(), name="allows")
    host.watch_all()
    assert host.calls.hookline_authorize(call=None) == [Decision(allow=True)]
    host.leave_out("allows", "for a test")
    assert host.calls.hookline_authorize(call=None) == []


def test_what_was_raised_past_a_wrapper_is_freed_at_once() -> None:
    trace: Trace = []
    calls = HookCalls(_manager(_raises("first", 1, trace), _wraps("first", 2, trace)).hook)

    class Body:
        pass

    body = Body()
    alive = weakref.ref(body)
    gc.disable()
    try:
        with suppress(_FailedError):
            calls.first(call=1, request=body, estimate=3)
        del body
        trace.clear()  # it held it, too
        assert alive() is None
    finally:
        gc.enable()
