"""What stands around every hook: counts, times, reports, and no plugin that ends the process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from hookline import Call, hookimpl
from hookline.errors import InvalidInputError, PluginError
from hookline.gateway import Gateway
from hookline.hook_watch import HookCount, HookWatch
from hookline.plugins import PluginHost
from hookline.settings import Settings
from small_service import CALLER, Acme, Allow, Upstream, make_gateway, say, whole

if TYPE_CHECKING:
    from hookline.upstream import UpstreamResponse

SHAPE = "hookline_shape_request"


class Ticks:
    """A clock that goes on by a second whenever somebody looks."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1.0
        return self.now_s


def watched(**hooks: object) -> PluginHost:
    host = PluginHost()
    for name, function in hooks.items():
        host.register(type("Plugin", (), {SHAPE: staticmethod(hookimpl(function))})(), name=name)  # type: ignore[call-overload]
    return host


def count_of(host: PluginHost, plugin: str) -> HookCount:
    return next(one for one in host.watch.counts() if one.plugin == plugin)


def test_calls_and_their_own_time_are_counted_by_plugin_and_hook() -> None:
    host = PluginHost()
    host.watch = HookWatch(now=Ticks(), slow_s=1.5)

    class Outer:
        @hookimpl
        def hookline_map_error(self) -> None:
            began_s = host.watch.now()
            for _ in range(5):
                host.watch.now()
            host.watch.deduct(host.watch.now() - began_s)  # as a call inside of it does

    host.register(Outer(), name="outer")
    host.hook.hookline_map_error(call=None, error=None)

    assert count_of(host, "outer") == HookCount(
        plugin="outer", hook="hookline_map_error", calls=1, failures=0, seconds=2.0, slow=1, hanging=0
    )


def test_what_a_call_inside_of_a_hook_takes_is_not_its_own() -> None:
    class Asks:
        @hookimpl
        def hookline_process_response(self, call: Call) -> None:
            if call.parent is None:
                call.run("acme.say", {"text": "again"})

    clock = Ticks()

    def answer(request: object) -> UpstreamResponse:
        clock.now_s += 100
        return whole({"text": "hello"})

    host = PluginHost()
    host.watch = HookWatch(now=clock, slow_s=40)
    for plugin in (Acme(), Allow(), Asks()):
        host.register(plugin, name=type(plugin).__name__)
    settings = Settings.model_validate({"plugins": {"slow_hook_ms": 40_000}})
    gateway = Gateway(settings, host=host, environ={}, transport=Upstream(answer))
    gateway.runner.run(CALLER, say())

    asks = count_of(host, "Asks")
    assert (asks.calls, asks.seconds < 40, asks.slow) == (2, True, 0)
    assert entries_of(host.watch) == 0


def entries_of(watch: HookWatch) -> int:
    """Return how much is kept of calls inside of hooks."""
    return sum(len(one._deducted) for one in watch._implementations)


def test_nothing_is_kept_of_a_call_inside_of_a_hook_once_the_hook_has_returned() -> None:
    host = PluginHost()
    kept: list[int] = []

    def ask() -> None:
        for _ in range(5):
            host.watch.deduct(0.25)
        kept.append(entries_of(host.watch))
        if len(kept) == 2:
            raise KeyError("oops")

    class Asks:
        @hookimpl
        def hookline_shape_request(self) -> None:
            ask()

        @hookimpl
        def hookline_run_order(self) -> None:
            ask()

    host.register(Asks(), name="asks")
    host.hook.hookline_shape_request(call=None, request=None)
    with pytest.raises(KeyError):
        host.hook.hookline_shape_request(call=None, request=None)
    host.implementations("hookline_run_order")[0][1](principal=None, order=None, proceed=None)

    assert kept == [1, 1, 1]
    assert entries_of(host.watch) == 0


def test_counts_of_many_threads_add_up() -> None:
    host = watched(acme=lambda: None)
    threads = [
        threading.Thread(
            target=lambda: [host.hook.hookline_shape_request(call=None, request=None) for _ in range(500)]
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert count_of(host, "acme").calls == 4000


def test_a_refusal_is_no_failure_and_an_exception_is_one() -> None:
    def refuse() -> None:
        raise InvalidInputError("No.")

    def fail() -> None:
        raise KeyError("oops")

    refusing, failing = watched(acme=refuse), watched(acme=fail)
    with pytest.raises(InvalidInputError):
        refusing.hook.hookline_shape_request(call=None, request=None)
    with pytest.raises(KeyError) as caught:
        failing.hook.hookline_shape_request(call=None, request=None)

    assert (count_of(refusing, "acme").failures, count_of(failing, "acme").failures) == (0, 1)
    blamed = failing.to_error(caught.value)
    assert isinstance(blamed, PluginError)
    assert blamed.plugin == "acme"


def test_a_plugin_that_ends_the_process_does_not() -> None:
    def leave() -> None:
        raise SystemExit(3)

    host = watched(acme=leave)
    with pytest.raises(PluginError, match="'acme' wanted to end the process in hookline_shape_request"):
        host.hook.hookline_shape_request(call=None, request=None)
    assert count_of(host, "acme").failures == 1


def test_ctrl_c_is_not_kept_from_whoever_typed_it() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watched(acme=stop).hook.hookline_shape_request(call=None, request=None)


def test_both_styles_of_wrapper_run_as_without_a_watch() -> None:
    seen: list[str] = []

    class New:
        @hookimpl(wrapper=True)
        def hookline_map_error(self) -> Generator[None, Any, str]:
            seen.append("new before")
            found = yield
            return f"{found} new"

    class Old:
        @hookimpl(hookwrapper=True)
        def hookline_map_error(self) -> Generator[None, Any, None]:
            outcome = yield
            outcome.force_result(f"{outcome.get_result()} old")

    class Plain:
        @hookimpl
        def hookline_map_error(self) -> str:
            return "plain"

    class Catches:
        @hookimpl(wrapper=True)
        def hookline_process_response(self) -> Generator[None, Any, str]:
            try:
                found = yield
            except ValueError:
                return "caught"
            return str(found)

    class Raises:
        @hookimpl
        def hookline_process_response(self) -> None:
            raise ValueError

    host = PluginHost()
    for plugin in (New(), Old(), Plain(), Catches(), Raises()):
        host.register(plugin, name=type(plugin).__name__)

    assert host.hook.hookline_map_error(call=None, error=None) == "plain new old"
    assert host.hook.hookline_process_response(call=None, response=None) == "caught"
    assert seen == ["new before"]
    assert {one.plugin: one.calls for one in host.watch.counts()}["New"] == 1


def test_a_slow_plugin_is_logged_once_a_minute_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    clock = Ticks()
    host = PluginHost()
    host.watch = HookWatch(now=clock, slow_s=0.5)

    class Slow:
        @hookimpl
        def hookline_shape_request(self) -> None: ...

    host.register(Slow(), name="acme")
    with caplog.at_level(logging.WARNING, logger="hookline.plugins"):
        for _ in range(5):
            host.hook.hookline_shape_request(call=None, request=None)
        clock.now_s += 60
        host.hook.hookline_shape_request(call=None, request=None)

    assert count_of(host, "acme").slow == 6
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert told[0].startswith("the plugin 'acme' took 1000 ms in hookline_shape_request();")


def test_a_hanging_plugin_is_named_with_its_hook_and_place(caplog: pytest.LogCaptureFixture) -> None:
    entered, go_on = threading.Event(), threading.Event()

    class Hangs:
        @hookimpl
        def hookline_shape_request(self) -> None:
            entered.set()
            go_on.wait(30)

    gateway = make_gateway(Hangs(), upstream=Upstream(lambda request: whole({"text": "hello"})))
    watch = gateway.host.watch
    watch.hanging_s = 0.0
    thread = threading.Thread(target=lambda: gateway.runner.run(CALLER, say()))
    thread.start()
    try:
        assert entered.wait(30)
        with caplog.at_level(logging.ERROR, logger="hookline.plugins"):
            found, again = watch.hanging(), watch.hanging()
    finally:
        go_on.set()
        thread.join(30)

    assert [(one.plugin, one.hook) for one in found] == [("plugin1", SHAPE)]
    assert "wait()" in found[0].where
    assert len(again) == 1
    assert len(caplog.records) == 1
    assert "'plugin1' has not returned from hookline_shape_request() for" in caplog.text
    assert count_of(gateway.host, "plugin1").hanging == 1
    assert watch.hanging() == []
    assert gateway.runner.run(CALLER, say()).status == 200


def test_plugins_that_come_with_hookline_cost_nothing_unless_they_are_watched_too() -> None:
    by_default, all_of_them = PluginHost(), PluginHost()
    by_default.load()
    all_of_them.load()
    all_of_them.watch_all()

    def watched_hooks(host: PluginHost) -> set[str]:
        return {one.plugin for one in host.watch.counts()}

    bundled = {name for name, info in by_default.plugins.items() if info.distribution == "hookline"}
    assert watched_hooks(by_default) & bundled == set()
    assert bundled - watched_hooks(all_of_them) == set()
    functions = [one.function for one in by_default.hook.hookline_authenticate.get_hookimpls()]
    assert all(function.__name__ == "hookline_authenticate" for function in functions)


def test_a_wrapper_around_streams_returns_a_list_and_another_one_the_type_of_its_hook() -> None:
    class Around:
        @hookimpl(wrapper=True)
        def hookline_open_stream(self) -> Generator[None, Any, Any]:
            return (yield)

        @hookimpl(wrapper=True)
        def hookline_retry(self) -> Generator[None, Any, Any]:
            yield
            return "again"

    host = PluginHost()
    host.register(Around(), name="around")

    assert host.hook.hookline_open_stream(call=None) == []
    with pytest.raises(PluginError, match="of around returned something other than a RetryDecision"):
        host.hook.hookline_retry(call=None, attempt=None)
