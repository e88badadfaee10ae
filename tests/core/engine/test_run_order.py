"""Plugins that stand around orders."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hookline import HooklineError, Order, Principal, Proceed, Reply, hookimpl
from hookline.errors import ConfigurationError
from hookline.plugins import PluginHost
from small_service import CALLER, make_gateway, say, whole

if TYPE_CHECKING:
    from hookline.gateway import Gateway
    from hookline.upstream import UpstreamRequest, UpstreamResponse


class Around:
    """Does with an order what a function says."""

    def __init__(self, do: Callable[[Order, Proceed], object]) -> None:
        self._do = do

    @hookimpl
    def hookline_run_order(self, principal: Principal, order: Order, proceed: Proceed) -> object:
        assert principal is CALLER
        return self._do(order, proceed)


def echo(request: UpstreamRequest) -> UpstreamResponse:
    return whole({"text": (request.body or {})["text"]})


def must_not_be_asked(request: UpstreamRequest) -> UpstreamResponse:
    raise AssertionError("the upstream was asked")


def make_echo(*plugins: object, **options: Any) -> Gateway:
    """Return a gateway whose service repeats what it is sent."""
    return make_gateway(*plugins, **{"answer": echo, **options})


def text_of(reply: Reply) -> object:
    assert isinstance(reply.content, bytes)
    return orjson.loads(reply.content)["text"]


def test_a_plugin_that_returns_none_changes_nothing() -> None:
    seen: list[Order] = []
    order = say("Hello")

    reply = make_echo(Around(lambda order, _: seen.append(order))).runner.run(CALLER, order)

    assert (reply.status, text_of(reply)) == (200, "Hello")
    assert seen == [order]
    assert seen[0] is order


def test_a_plugin_may_answer_from_what_it_keeps_so_that_nothing_runs() -> None:
    kept = Reply(content=b"kept")
    gateway = make_echo(Around(lambda order, proceed: kept), answer=must_not_be_asked)
    assert gateway.runner.run(CALLER, say("Hello")) is kept


def test_a_plugin_may_run_an_order_in_parts() -> None:
    def split(order: Order, proceed: Proceed) -> Reply:
        parts = [proceed(dataclasses.replace(order, fields={"text": word})) for word in ("one", "two")]
        return Reply(content=b" ".join(str(text_of(part)).encode() for part in parts))

    assert make_echo(Around(split)).runner.run(CALLER, say("one two")).content == b"one two"


def test_plugins_stand_around_each_other_in_running_order() -> None:
    told: list[str] = []

    def noting(name: str) -> Around:
        def note(order: Order, proceed: Proceed) -> Reply:
            told.append(f"{name} begins")
            reply = proceed(order)
            told.append(f"{name} ends")
            return reply

        return Around(note)

    gateway = make_echo(noting("inner"), noting("outer"))
    gateway.runner.run(CALLER, say("Hello"))

    assert told == ["outer begins", "inner begins", "inner ends", "outer ends"]


def test_what_a_plugin_raises_is_the_reply_and_reaches_those_around_it_as_one() -> None:
    seen: list[int] = []

    def refuse(order: Order, proceed: Proceed) -> Reply:
        raise HooklineError("Not today.", status=409, code="not_today")

    def watch(order: Order, proceed: Proceed) -> Reply:
        reply = proceed(order)
        seen.append(reply.status)
        return reply

    reply = make_echo(Around(refuse), Around(watch)).runner.run(CALLER, say("Hello"))

    assert seen == [409]
    assert isinstance(reply.content, bytes)
    assert orjson.loads(reply.content)["error"]["code"] == "not_today"


@pytest.mark.parametrize("value", [True, "a text", 200])
def test_what_is_no_reply_is_a_fault_of_the_plugin(value: object) -> None:
    reply = make_echo(Around(lambda order, proceed: value)).runner.run(CALLER, say("Hello"))
    assert reply.status == 500
    assert isinstance(reply.content, bytes)
    assert orjson.loads(reply.content)["error"]["code"] == "plugin_failed"


def test_a_plugin_that_fails_is_a_reply_too() -> None:
    reply = make_echo(Around(lambda order, proceed: 1 / 0)).runner.run(CALLER, say("Hello"))
    assert reply.status == 500


def test_a_wrapper_of_pluggy_is_refused_because_it_could_call_the_rest_only_once() -> None:
    class Wrapper:
        @hookimpl(wrapper=True)
        def hookline_run_order(self, order: Order) -> object:
            return (yield)

    with pytest.raises(ConfigurationError, match="call `proceed`"):
        PluginHost().register(Wrapper(), name="wrapper")


def test_a_check_finds_what_is_wrong_and_runs_nothing() -> None:
    gateway = make_echo(answer=must_not_be_asked)

    draft = gateway.pipeline.check(CALLER, say("Hello"))

    assert (draft.call.action.id, draft.request.body) == ("acme.say", {"text": "Hello"})
    with pytest.raises(HooklineError) as caught:
        gateway.pipeline.check(CALLER, say({}))
    assert (caught.value.status, caught.value.field) == (422, "text")
