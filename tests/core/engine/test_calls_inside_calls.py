"""An action may run another: under the same caller, deadline and cancellation."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from fake_clock import FakeClock
from hookline import Call, Decision, HooklineError, Reply, UpstreamRequest, UpstreamResponse, hookimpl
from hookline.call import Cancellation
from hookline.connection import Connection
from hookline.errors import RateLimitedError, RequestRejectedError
from small_service import BASE_URL, CALLER, Upstream, make_connector, make_gateway, say, whole

if TYPE_CHECKING:
    from collections.abc import Callable


class Asks:
    """Runs something of its own before every call from outside."""

    def __init__(self, ask: Callable[[Call], object]) -> None:
        self.ask = ask
        self.calls: list[Call] = []

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call) -> None:
        self.calls.append(call)
        if call.parent is None:
            self.ask(call)


def run(upstream: Upstream, *plugins: object, headers: dict[str, str] | None = None) -> Reply:
    order = say()
    if headers:
        order = replace(order, headers=headers)
    return make_gateway(*plugins, upstream=upstream, clock=FakeClock()).runner.run(CALLER, order)


def body(reply: Reply) -> dict[str, Any]:
    assert isinstance(reply.content, bytes)
    found: dict[str, Any] = orjson.loads(reply.content)
    return found


def test_a_call_runs_another_action_to_its_output() -> None:
    outputs: list[object] = []
    plugin = Asks(lambda call: outputs.append(call.run("acme.say", {"text": "inner"})))
    upstream = Upstream(lambda request: whole({"text": (request.body or {})["text"]}))

    reply = run(upstream, plugin)

    assert outputs == [{"text": "inner", "warnings": []}]
    assert body(reply)["text"] == "hi"
    outer, inner = plugin.calls
    assert inner.parent is outer
    assert (inner.principal, inner.deadline, inner.cancellation) == (
        outer.principal,
        outer.deadline,
        outer.cancellation,
    )
    assert inner.record is not outer.record


def test_what_the_other_action_is_refused_for_is_raised() -> None:
    plugin = Asks(lambda call: call.run("acme.say", {"text": 5, "times": 0}))
    upstream = Upstream()

    assert (run(upstream, plugin).status, upstream.sent) == (422, [])


def test_rights_are_the_caller_s_unless_the_gateway_itself_asks() -> None:
    class Narrow:
        @hookimpl
        def hookline_authorize(self, call: Call) -> Decision:
            return Decision(allow=call.action.id == "acme.say", reason="Only say.")

    def look(call: Call, *, as_gateway: bool) -> None:
        call.run("acme.look", {"id": "1"}, as_gateway=as_gateway)

    for as_gateway, status in ((False, 403), (True, 200)):
        plugin = Asks(partial(look, as_gateway=as_gateway))
        assert run(Upstream(), plugin, Narrow()).status == status


def test_headers_of_the_caller_go_along_unless_the_gateway_itself_asks() -> None:
    def ask(call: Call) -> None:
        call.run("acme.say", {"text": "a"})
        call.run("acme.say", {"text": "b"}, as_gateway=True)

    upstream = Upstream()
    run(upstream, Asks(ask), headers={"x-organization": "ours"})

    assert [request.headers.get("x-organization") for request in upstream.sent] == ["ours", None, "ours"]


def test_an_inner_call_never_streams() -> None:
    upstream = Upstream()
    run(upstream, Asks(lambda call: call.run("acme.say", {"text": "a", "stream": True})))

    assert upstream.sent[0].body == {"text": "a", "stream": False}


def test_calls_that_run_each_other_without_end_are_stopped() -> None:
    class Endless:
        @hookimpl(tryfirst=True)
        def hookline_execute(self, call: Call) -> UpstreamResponse:
            return UpstreamResponse.of_json(call.run("acme.say", {"text": "again"}))

    reply = run(Upstream(), Endless())

    assert reply.status == 500
    assert "deep" in body(reply)["message"]


def test_a_call_without_a_gateway_says_so() -> None:
    call = Call(
        action=make_connector().actions["acme.say"],
        principal=CALLER,
        connection=Connection(name="acme", connector="acme", base_url=BASE_URL),
        input={},
        deadline=0,
        cancellation=Cancellation(),
    )

    with pytest.raises(RuntimeError, match="not made by a gateway"):
        call.run("acme.say", {})


# ---------------------------------------------------------------- what a caller is told besides


class Warns:
    @hookimpl
    def hookline_shape_request(self, call: Call, request: UpstreamRequest) -> None:
        for _ in range(2):
            call.record.warn("old_model", "It ends on 2027-01-01.\nUse “another” one.")
        call.record.headers["sunset"] = "Fri, 01 Jan 2027 00:00:00 GMT"


def test_warnings_are_told_once_in_the_output_and_as_a_header() -> None:
    reply = run(Upstream(), Warns())

    assert body(reply)["warnings"] == [
        {"code": "old_model", "message": "It ends on 2027-01-01.\nUse “another” one."}
    ]
    headers = dict(reply.headers)
    assert headers["x-hookline-warnings"] == "old_model: It ends on 2027-01-01.?Use ?another? one."
    assert headers["sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"


def test_headers_of_the_record_go_with_errors_too() -> None:
    def refuse(request: UpstreamRequest) -> UpstreamResponse:
        raise RequestRejectedError("No.")

    class RefusesEarly:
        @hookimpl(trylast=True)
        def hookline_shape_request(self) -> None:
            raise RequestRejectedError("No.")

    for reply in (run(Upstream(refuse), Warns()), run(Upstream(), Warns(), RefusesEarly())):
        assert reply.status == 400
        assert {"sunset", "x-hookline-warnings"} < set(dict(reply.headers))


def test_there_is_a_bound_on_warnings() -> None:
    class WarnsALot:
        @hookimpl
        def hookline_shape_request(self, call: Call) -> None:
            for number in range(1000):
                call.record.warn("w", f"{number} " + "x" * 500)

    reply = run(Upstream(), WarnsALot())

    assert len(body(reply)["warnings"]) == 20
    assert len(dict(reply.headers)["x-hookline-warnings"]) == 1000


def test_an_error_of_an_inner_call_is_mapped_once() -> None:
    mapped: list[str] = []

    class Maps:
        @hookimpl
        def hookline_map_error(self, call: Call, error: HooklineError) -> HooklineError:
            mapped.append(call.id)
            return RateLimitedError("Slower.", retry_after_s=2)

    plugin = Asks(lambda call: call.run("acme.say", {"text": "inner"}))
    upstream = Upstream(lambda request: whole({}, status=503))

    reply = run(upstream, plugin, Maps())

    assert (reply.status, len(mapped), len(upstream.sent)) == (429, 1, 1)
    assert mapped == [plugin.calls[1].id]
