"""The steps of one call: who may, what goes out, what comes back, and what no plugin can do."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hookline import (
    Call,
    Connection,
    Decision,
    HooklineError,
    InboundRequest,
    Principal,
    Reply,
    Reservation,
    Response,
    Secret,
    UpstreamRequest,
    UpstreamResponse,
    Usage,
    WireEndpoint,
    hookimpl,
)
from hookline.errors import AuthenticationError, NotFoundError, PluginError, RateLimitedError
from hookline.hookspecs import SETUP_HOOKS
from hookline.order import Order
from hookline.problems import ProblemFormat
from hookline.settings import LimitSettings, Settings
from small_service import (
    CALLER,
    ORIGIN,
    TEXT,
    Acme,
    Body,
    Sign,
    Upstream,
    make_connector,
    make_gateway,
    say,
    say_on_the_wire,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookline.gateway import Gateway

INBOUND = InboundRequest(method="POST", path="/actions/acme.say", headers={})


def run(gateway: Gateway, order: Order | None = None) -> Reply:
    return gateway.runner.run(CALLER, order or say())


def body(reply: Reply) -> dict[str, Any]:
    assert isinstance(reply.content, bytes)
    found = orjson.loads(reply.content)
    assert isinstance(found, dict)
    return found


def outcome(reply: Reply) -> tuple[int, str]:
    return reply.status, body(reply).get("error", {}).get("code", "")


def shaping(change: Callable[[UpstreamRequest], object]) -> object:
    class Shape:
        @hookimpl
        def hookline_shape_request(self, request: UpstreamRequest) -> None:
            change(request)

    return Shape()


def processing(change: Callable[[Response], object]) -> object:
    class Process:
        @hookimpl
        def hookline_process_response(self, response: Response) -> None:
            change(response)

    return Process()


def deciding(decision: object) -> object:
    class Decide:
        @hookimpl
        def hookline_authorize(self) -> Any:
            if isinstance(decision, Exception):
                raise decision
            return decision

    return Decide()


# ---------------------------------------------------------------- the order of things


class Recorder(Sign):
    """Implements every hook of a call and notes which were called."""

    def __init__(self) -> None:
        super().__init__()
        self.called: list[str] = []

    @hookimpl
    def hookline_authenticate(self, request: InboundRequest) -> Principal:
        self.called.append("hookline_authenticate")
        return CALLER

    @hookimpl
    def hookline_run_order(self, order: Order) -> None:
        self.called.append("hookline_run_order")

    @hookimpl
    def hookline_authorize(self, call: Call) -> Decision:
        self.called.append("hookline_authorize")
        return Decision(allow=True)

    @hookimpl
    def hookline_choose_connections(self, call: Call) -> list[Connection]:
        self.called.append("hookline_choose_connections")
        return [call.connection]

    @hookimpl
    def hookline_shape_request(self, call: Call, request: UpstreamRequest) -> None:
        self.called.append("hookline_shape_request")

    @hookimpl
    def hookline_admit(self, call: Call, request: UpstreamRequest, estimate: Usage) -> Reservation:
        self.called.append("hookline_admit")
        return Reservation()

    @hookimpl
    def hookline_settle(self, call: Call, reservation: Reservation, usage: Usage | None) -> None:
        self.called.append("hookline_settle")

    @hookimpl
    def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
        self.called.append("hookline_record_usage")

    @hookimpl
    def hookline_resolve_credential(self) -> Secret:
        self.called.append("hookline_resolve_credential")
        return self.secret

    @hookimpl
    def hookline_apply_upstream_auth(self, request: UpstreamRequest, secret: Secret) -> bool:
        self.called.append("hookline_apply_upstream_auth")
        return True

    @hookimpl
    def hookline_execute(self, call: Call, request: UpstreamRequest) -> UpstreamResponse | None:
        self.called.append("hookline_execute")
        return None

    @hookimpl
    def hookline_process_response(self, call: Call, response: Response) -> None:
        self.called.append("hookline_process_response")

    @hookimpl
    def hookline_map_error(self, call: Call, error: HooklineError) -> None:
        self.called.append("hookline_map_error")


@pytest.mark.parametrize("order", [say(), say_on_the_wire()], ids=["action", "wire"])
def test_hooks_are_called_in_the_order_of_their_specifications_once_each(order: Order) -> None:
    recorder = Recorder()
    gateway = make_gateway(recorder)

    gateway.pipeline.authenticate(INBOUND)
    reply = run(gateway, order)

    specified = [name for name in gateway.host.order() if name not in SETUP_HOOKS]
    others = (
        "hookline_map_error",
        "hookline_retry",
        "hookline_exchange_credential",
        "hookline_open_stream",
        "hookline_job_over",
        "hookline_renew_principal",
    )
    assert recorder.called == [name for name in specified if name not in others]
    assert reply.status == 200
    assert body(reply)["text"] == "hello"


def test_a_call_that_is_refused_early_asks_no_later_hook() -> None:
    recorder = Recorder()

    reply = run(make_gateway(recorder), say(times=0))

    assert outcome(reply) == (422, "invalid_input")
    assert recorder.called == [
        "hookline_run_order",
        "hookline_authorize",
        "hookline_map_error",
        "hookline_record_usage",
    ]


def test_an_input_is_coerced_checked_and_sent_as_json() -> None:
    upstream = Upstream()

    reply = run(make_gateway(upstream=upstream), say("hi", times="2"))

    assert reply.status == 200
    assert upstream.sent == [
        UpstreamRequest(
            method="POST",
            base_url="https://api.acme.example/v1",
            path="/say",
            headers={
                "accept": "application/json",
                "accept-encoding": "identity",
                "user-agent": upstream.sent[0].headers["user-agent"],
                "x-hookline-hops": "1",
                "content-type": "application/json",
            },
            body={"text": "hi", "times": 2},
            content=b'{"text":"hi","times":2}',
        )
    ]
    assert upstream.sent[0].headers["user-agent"].startswith("hookline/")


def test_an_unknown_action_is_named_with_similar_ones() -> None:
    reply = run(make_gateway(), Order(action_id="acme.sya", fields={}))

    assert outcome(reply) == (404, "unknown_action")
    assert "Did you mean acme.say" in body(reply)["message"]


def test_headers_of_the_caller_are_forwarded_only_by_name_and_unless_unsafe() -> None:
    upstream = Upstream()
    gateway = make_gateway(upstream=upstream)

    def call(headers: dict[str, str]) -> Reply:
        return run(gateway, Order(action_id="acme.say", fields={"text": "hi"}, headers=headers))

    good = call({"x-organization": "ours", "x-other": "no", "host": "evil.example"})
    bad = call({"x-organization": "ours\r\nx-evil: 1"})

    assert good.status == 200
    assert {name: upstream.sent[0].headers.get(name) for name in ("x-organization", "x-other", "host")} == {
        "x-organization": "ours",
        "x-other": None,
        "host": None,
    }
    assert bad.status == 400
    assert len(upstream.sent) == 1


def test_a_field_of_the_path_cannot_leave_its_place() -> None:
    upstream = Upstream()
    gateway = make_gateway(upstream=upstream)

    def look(id: object) -> Reply:
        return run(gateway, Order(action_id="acme.look", fields={"id": id, "q": "a&b=c#d"}))

    refused = [look(id).status for id in ("", ".", "..")]
    sent = [look(id).status for id in ("a/../b", "//evil.example", "x?y#z", "é\r\n")]

    assert (refused, sent) == ([422] * 3, [200] * 4)
    assert [request.path for request in upstream.sent] == [
        f"/things/{quoted}?q=a%26b%3Dc%23d"
        for quoted in ("a%2F..%2Fb", "%2F%2Fevil.example", "x%3Fy%23z", "%C3%A9%0D%0A")
    ]


# ---------------------------------------------------------------- who may


@pytest.mark.parametrize(
    ("decisions", "status"),
    [
        ([], 403),
        ([None], 403),
        ([Decision(allow=True)], 200),
        ([Decision(allow=True), None], 200),
        ([Decision(allow=True), Decision(allow=False)], 403),
        ([Decision(allow=False), Decision(allow=True)], 403),
        ([Decision(allow=True), RuntimeError("oops")], 403),
        ([RuntimeError("oops"), Decision(allow=True)], 403),
        ([Decision(allow=True), True], 403),
        ([Decision(allow=True), False], 403),
        ([Decision(allow=True), "yes"], 403),
        ([Decision(allow=True), ()], 403),
        ([{"allow": True}], 403),
        ([Decision(allow=1)], 403),  # type: ignore[arg-type]  # truthy is not True
        ([Decision(allow="true")], 403),  # type: ignore[arg-type]  # truthy is not True
        ([Decision(allow=False, reason=None)], 403),  # type: ignore[arg-type]  # denied without a word
        ([Decision(allow=False, reason=None), Decision(allow=True)], 403),  # type: ignore[arg-type]
    ],
)
def test_one_allows_and_nobody_denies_or_the_call_is_not_run(decisions: list[object], status: int) -> None:
    upstream = Upstream()
    plugins = [deciding(decision) for decision in decisions]

    reply = run(make_gateway(*plugins, upstream=upstream, open_to_all=False))

    assert reply.status == status
    assert len(upstream.sent) == (1 if status == 200 else 0)
    assert "oops" not in str(reply.content)


def test_the_reason_of_a_denial_is_told() -> None:
    reply = run(make_gateway(deciding(Decision(allow=False, reason="Only on weekdays."))))

    assert outcome(reply) == (403, "permission_denied")
    assert "This key may not run acme.say. Only on weekdays." in body(reply)["message"]


@pytest.mark.parametrize("found", [None, True, (), "caller", {"key_id": "caller"}])
def test_only_a_principal_is_a_caller(found: object) -> None:
    class Recognise:
        @hookimpl
        def hookline_authenticate(self) -> Any:
            return found

    gateway = make_gateway(Recognise(), open_to_all=False)

    with pytest.raises(AuthenticationError) as caught:
        gateway.pipeline.authenticate(INBOUND)
    assert (caught.value.status, caught.value.message) == (401, "This request carries no valid API key.")


def test_a_caller_is_who_the_first_plugin_that_knows_says() -> None:
    class Unknown:
        @hookimpl
        def hookline_authenticate(self) -> None: ...

    assert make_gateway(Unknown()).pipeline.authenticate(INBOUND) is CALLER


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(AuthenticationError("Expired."), AuthenticationError), (RuntimeError("sk-oops"), PluginError)],
)
def test_a_credential_that_is_refused_is_shown_to_nobody_else(
    raised: Exception, expected: type[Exception]
) -> None:
    class Refuse:
        @hookimpl
        def hookline_authenticate(self) -> None:
            raise raised

    gateway = make_gateway(Refuse())  # `Allow` would let everybody in

    with pytest.raises(expected) as caught:
        gateway.pipeline.authenticate(INBOUND)
    assert "sk-oops" not in str(caught.value)


# ---------------------------------------------------------------- what goes out


def attribute(name: str, value: object) -> Callable[[UpstreamRequest], None]:
    return lambda request: setattr(request, name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_url", "https://evil.example"),
        ("base_url", "http://api.acme.example/v1"),
        ("base_url", "https://api.acme.example:8443/v1"),
        ("base_url", "https://api.acme.example@evil.example"),
        ("base_url", "https://api.acme.example.evil.example"),
        ("base_url", "https://api.acme.example."),
        ("base_url", "https://api.acme.example:0"),
        ("base_url", "//evil.example"),
        ("base_url", "file:///etc"),
        ("base_url", ""),
        ("path", "@evil.example/say"),
        ("path", ".evil.example/say"),
        ("path", ":443@evil.example/say"),
        ("path", "\\evil.example"),
        ("path", "say"),
        ("path", ""),
    ],
)
def test_no_plugin_changes_where_a_request_goes(name: str, value: str) -> None:
    upstream = Upstream()
    connector = make_connector()
    connector.base_url = "https://api.acme.example"
    gateway = make_gateway(
        shaping(attribute(name, value)), Sign(), upstream=upstream, service=Acme(connector)
    )

    reply = run(gateway)

    assert reply.status == 500
    assert upstream.sent == []


def test_a_path_that_looks_like_another_host_stays_on_the_same_one() -> None:
    upstream = Upstream()

    reply = run(make_gateway(shaping(attribute("path", "//evil.example/say")), upstream=upstream))

    assert reply.status == 200
    assert upstream.sent[0].url == "https://api.acme.example/v1//evil.example/say"


def test_a_plugin_that_changes_the_address_is_named() -> None:
    reply = run(make_gateway(shaping(attribute("base_url", "https://evil.example"))))

    assert outcome(reply) == (500, "plugin_failed")
    assert "hookline_shape_request() of plugin1 changed where the request goes" in body(reply)["message"]


@pytest.mark.parametrize("is_wrapper", [False, True])
def test_an_address_that_is_changed_after_signing_is_not_gone_to(is_wrapper: bool) -> None:
    class Early:
        @hookimpl
        def hookline_execute(self, request: UpstreamRequest) -> None:
            request.base_url = "https://evil.example"

    class Wrapper:
        @hookimpl(wrapper=True)
        def hookline_execute(self, request: UpstreamRequest) -> Iterator[None]:
            request.base_url = "https://evil.example"
            return (yield)

    upstream = Upstream()

    reply = run(make_gateway(Sign(), Wrapper() if is_wrapper else Early(), upstream=upstream))

    assert outcome(reply) == (500, "configuration_error")
    assert upstream.sent == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-a", "1\r\nx-evil: 1"),
        ("x-a", "1\nx"),
        ("x-a", "1\rx"),
        ("x-a", "1\x00"),
        ("x-a", "1\x7f"),
        ("x-a", "é"),
        ("x-a", "\u2028"),
    ],
)
def test_a_header_value_that_cannot_stand_as_it_is_is_never_sent(name: str, value: str) -> None:
    upstream = Upstream()

    reply = run(
        make_gateway(shaping(lambda request: request.headers.update({name: value})), upstream=upstream)
    )

    assert reply.status == 400
    assert upstream.sent == []


@pytest.mark.parametrize("name", ["x-a\r\nx-evil", "x a", "x-a:", "", "ä", "X-Upper"])
def test_a_plugin_that_sets_a_header_of_an_impossible_name_is_blamed(name: str) -> None:
    upstream = Upstream()

    reply = run(make_gateway(shaping(lambda request: request.headers.update({name: "1"})), upstream=upstream))

    assert outcome(reply) == (500, "plugin_failed")
    assert upstream.sent == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda request: request.body.update(times=0),
            "made the request invalid: `times` must be at least 1",
        ),
        (lambda request: request.body.update(extra=1), "made the request invalid: `extra` is not a field"),
        (lambda request: request.body.pop("text"), "made the request invalid: `text` is required"),
        (attribute("body", None), "made the request invalid"),
        (lambda request: request.body.update(text={1, 2}), "put something into the body that is not JSON"),
        (lambda request: request.headers.update({"x-a": 1}), "set a header that is not text"),
    ],
)
def test_a_plugin_that_spoils_the_request_is_named(
    change: Callable[[UpstreamRequest], object], words: str
) -> None:
    upstream = Upstream()

    reply = run(make_gateway(shaping(change), upstream=upstream))

    assert outcome(reply) == (500, "plugin_failed")
    assert "hookline_shape_request() of plugin1 " in body(reply)["message"]
    assert words in body(reply)["message"]
    assert upstream.sent == []


def test_what_a_plugin_changes_is_what_is_sent() -> None:
    upstream = Upstream()

    def change(request: UpstreamRequest) -> None:
        assert request.body is not None
        request.body["times"] = 3
        request.headers["x-team"] = "blue"

    run(make_gateway(shaping(change), upstream=upstream))

    assert upstream.sent[0].content == b'{"text":"hi","times":3}'
    assert upstream.sent[0].headers["x-team"] == "blue"


@pytest.mark.parametrize("watchers", [0, 1])
def test_the_wire_door_sends_the_very_bytes_and_returns_the_very_bytes(watchers: int) -> None:
    sent = b'{ "text":"h\\u0069" ,\n "times": 1.0e0, "big": 123456789012345678901234567890, "new": [ ] }'
    received = b'{"text" : "hello","n":1e2, "big":123456789012345678901234567890}\n'
    upstream = Upstream(lambda request: whole(received))
    looking = [shaping(lambda request: request.body), processing(lambda response: response.output["text"])]

    reply = run(make_gateway(*looking * watchers, upstream=upstream), say_on_the_wire(sent))

    assert upstream.sent[0].content == sent
    assert (reply.status, reply.content) == (200, received)


def test_a_wire_endpoint_takes_its_path_from_the_route_and_quotes_it() -> None:
    upstream = Upstream()
    endpoint = WireEndpoint(action="acme.look", format=ProblemFormat(), path="/v2/things/{id}")
    gateway = make_gateway(upstream=upstream)

    def look(id: str) -> int:
        order = Order(action_id="acme.look", fields={}, endpoint=endpoint, parameters={"id": id})
        return run(gateway, order).status

    assert (look("a/../b"), look("..")) == (200, 422)
    assert [request.path for request in upstream.sent] == ["/v2/things/a%2F..%2Fb"]
    assert upstream.sent[0].content is None


# ---------------------------------------------------------------- the secret


def test_a_credential_goes_only_where_it_is_bound_to() -> None:
    applied: list[str] = []

    class Watch(Sign):
        @hookimpl
        def hookline_apply_upstream_auth(self, request: UpstreamRequest, secret: Secret) -> bool:
            applied.append(request.url)
            return super().hookline_apply_upstream_auth(request, secret)

    here, elsewhere = Upstream(), Upstream()

    good = run(make_gateway(Watch(origins=[ORIGIN]), upstream=here))
    bad = run(make_gateway(Watch(origins=["https://api.other.example:443"]), upstream=elsewhere))
    nowhere = run(make_gateway(Watch(origins=[]), upstream=elsewhere))

    assert good.status == 200
    assert here.sent[0].headers["authorization"] == "Bearer sk-secret"
    assert (outcome(bad), outcome(nowhere)) == ((500, "configuration_error"),) * 2
    assert applied == ["https://api.acme.example/v1/say"]
    assert elsewhere.sent == []
    assert "sk-secret" not in str((bad.content, nowhere.content))


def test_a_signer_that_moves_the_request_sends_nothing() -> None:
    class Move(Sign):
        @hookimpl
        def hookline_apply_upstream_auth(self, request: UpstreamRequest, secret: Secret) -> bool:
            request.headers["authorization"] = secret.reveal()
            request.base_url = "https://evil.example"
            return True

    upstream = Upstream()

    reply = run(make_gateway(Move(), upstream=upstream))

    assert outcome(reply) == (500, "configuration_error")
    assert upstream.sent == []


@pytest.mark.parametrize("found", ["sk-secret", True, ("sk-secret",)])
def test_a_credential_of_another_type_is_refused_and_not_shown(found: object) -> None:
    class Resolve:
        @hookimpl
        def hookline_resolve_credential(self) -> Any:
            return found

    upstream = Upstream()

    reply = run(make_gateway(Resolve(), upstream=upstream))

    assert outcome(reply) == (500, "plugin_failed")
    assert "hookline_resolve_credential() of plugin1 returned something other" in body(reply)["message"]
    assert "sk-secret" not in str(reply.content)
    assert upstream.sent == []


def test_a_credential_that_nobody_can_apply_stops_the_call() -> None:
    class Resolve:
        @hookimpl
        def hookline_resolve_credential(self) -> Secret:
            return Secret("sk-secret", allowed_origins=frozenset([ORIGIN]))

    upstream = Upstream()

    assert outcome(run(make_gateway(Resolve(), upstream=upstream))) == (500, "configuration_error")
    assert upstream.sent == []


def test_without_a_credential_the_request_is_sent_as_it_is() -> None:
    upstream = Upstream()

    assert run(make_gateway(upstream=upstream)).status == 200
    assert "authorization" not in upstream.sent[0].headers


def test_a_secret_shows_itself_in_no_way_but_one() -> None:
    secret = Secret("sk-secret", allowed_origins=frozenset([ORIGIN]))
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!a}", repr([secret]), repr(dir(secret))]

    assert not any("sk-secret" in text for text in shown)
    assert not hasattr(secret, "__dict__")
    for leak in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps, orjson.dumps):
        with pytest.raises(TypeError) as caught:
            leak(secret)
        assert "sk-secret" not in str(caught.value)
    assert secret.reveal() == "sk-secret"


# ---------------------------------------------------------------- what comes back


@pytest.mark.parametrize("order", [say(), say_on_the_wire()], ids=["action", "wire"])
def test_a_change_of_the_output_is_seen_at_both_doors(order: Order) -> None:
    def shout(response: Response) -> None:
        response.output["text"] = str(response.output["text"]).upper()
        response.headers["x-shouted"] = "yes"

    gateway = make_gateway(processing(shout), answer=lambda request: whole({"text": "hello", "id": 7}))

    reply = run(gateway, order)

    expected: dict[str, object] = {"text": "HELLO", "id": 7}
    if order.endpoint is None:
        expected = {"text": "HELLO", "warnings": []}
    assert body(reply) == expected
    assert ("x-shouted", "yes") in reply.headers


def test_an_output_that_is_replaced_is_the_answer() -> None:
    reply = run(make_gateway(processing(lambda response: setattr(response, "output", {"text": "other"}))))

    assert body(reply) == {"text": "other", "warnings": []}


def test_a_change_that_the_wire_format_cannot_say_fails_the_call_and_names_the_plugin() -> None:
    plugin = processing(lambda response: response.output.update(parsed={"a": 1}))
    gateway = make_gateway(plugin)

    assert body(run(gateway)) == {"text": "hello", "parsed": {"a": 1}, "warnings": []}
    reply = run(gateway, say_on_the_wire())
    assert outcome(reply) == (500, "plugin_failed")
    assert "of plugin1 changed what the format of acme.say cannot say" in body(reply)["message"]


def test_a_plugin_that_makes_the_output_no_json_fails_the_call() -> None:
    gateway = make_gateway(processing(lambda response: response.output.update(text={1})))

    assert [run(gateway, order).status for order in (say(), say_on_the_wire())] == [500, 500]


ANSWERS = {
    "HTML": (b"<html>sk-upstream</html>", {"content_type": "text/html"}),
    "HTML that says JSON": (b"<html>sk-upstream</html>", {}),
    "nothing": (b"", {}),
    "white space": (b" \n", {}),
    "half of it": (b'{"text": "sk-upstream', {}),
    "two values": (b'{"text": "a"}{"text": "b"}', {}),
    "invalid UTF-8": (b'{"text": "\xff"}', {}),
    "NaN": (b'{"text": NaN}', {}),
    "a redirect": (b'{"text": "sk-upstream"}', {"status": 302, "location": "https://evil.example/"}),
    "a moved address": (b"", {"status": 308, "location": "https://evil.example/"}),
    "not modified": (b"", {"status": 304}),
    "a stream": (b"data: {}\n\n", {"content_type": "text/event-stream"}),
}


@pytest.mark.parametrize("order", [say(), say_on_the_wire()], ids=["action", "wire"])
@pytest.mark.parametrize(("content", "more"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_none_is_a_502_and_is_let_go(
    content: bytes, more: dict[str, Any], order: Order
) -> None:
    received = Body([content])
    upstream = Upstream(lambda request: received.response(**more))

    reply = run(make_gateway(upstream=upstream), order)

    assert outcome(reply) == (502, "invalid_upstream_answer")
    assert "sk-upstream" not in str(reply.content)
    assert "location" not in dict(reply.headers)
    assert received.closed == 1
    assert len(upstream.sent) == 1


def test_an_answer_over_the_cap_is_not_read_any_further() -> None:
    received = Body([b"x" * 700] * 100)
    limits = LimitSettings(max_answer_bytes=1024)

    reply = run(make_gateway(answer=lambda request: received.response(), settings=Settings(limits=limits)))

    assert outcome(reply) == (502, "upstream_answer_too_large")
    assert (received.closed, received.is_read) == (1, False)
    assert len(list(received.chunks())) == 98


@pytest.mark.parametrize("status", [200, 429])
def test_headers_of_the_service_are_passed_on_by_name_and_only_if_they_can_stand(status: int) -> None:
    headers = {
        "x_request_id": "req_1",
        "x_ratelimit_limit": "60",
        "set_cookie": "a=b",
        "connection": "keep-alive, x-request-id",
        "transfer_encoding": "chunked",
        "content_length": "99",
        "content_encoding": "gzip",
        "server": "nginx",
        "location": "https://evil.example",
        "x_ratelimit_bad": "1\r\nx-evil: 1",
        "x_ratelimit_odd": "é",
    }

    reply = run(make_gateway(answer=lambda request: whole({"text": "a"}, status=status, **headers)))

    assert reply.status == status
    passed = {name: value for name, value in reply.headers if name not in ("content-type", "cache-control")}
    assert passed == {"x-request-id": "req_1", "x-ratelimit-limit": "60"} | (
        {"retry-after": "1"} if status == 429 else {}
    )


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (400, {}, (400, "request_rejected", None)),
        (401, {}, (502, "upstream_credential_rejected", None)),
        (402, {}, (402, "insufficient_quota", None)),
        (403, {}, (502, "upstream_forbidden", None)),
        (404, {}, (404, "request_rejected", None)),
        (408, {}, (504, "upstream_timeout", None)),
        (422, {}, (422, "request_rejected", None)),
        (429, {"retry_after": "7"}, (429, "rate_limit_exceeded", 7)),
        (429, {"retry_after": "soon"}, (429, "rate_limit_exceeded", 1)),
        (429, {"retry_after": "99999999999"}, (429, "rate_limit_exceeded", 1)),
        (500, {}, (502, "upstream_unavailable", None)),
        (503, {}, (502, "upstream_unavailable", None)),
        (504, {}, (504, "upstream_timeout", None)),
    ],
)
def test_a_refusal_of_the_service_becomes_the_status_that_says_who_must_act(
    status: int, headers: dict[str, str], expected: tuple[int, str, int | None]
) -> None:
    answer = {"error": {"message": "key sk-upstream is wrong"}}

    reply = run(
        make_gateway(answer=lambda request: whole(answer, status=status, x_request_id="req_1", **headers))
    )

    found = body(reply)
    assert (reply.status, found["error"]["code"], found["retry_after"]) == expected
    assert found["upstream"] == {"status": status, "request_id": "req_1", "code": None}
    assert "sk-upstream" not in str(found)


# ---------------------------------------------------------------- errors


def test_a_mapped_error_is_what_the_caller_reads_and_what_is_no_error_is_ignored() -> None:
    seen: list[tuple[str, int, object]] = []

    def mapping(result: object) -> object:
        class MapErrors:
            @hookimpl
            def hookline_map_error(self, call: Call, error: HooklineError) -> Any:
                assert error.answer is not None
                seen.append((call.id, error.answer.status, error.answer.json()))
                return result

        return MapErrors()

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        return whole({"why": "busy"}, status=503)

    mapped = run(make_gateway(mapping(RateLimitedError("Slow down.", retry_after_s=2.1)), answer=answer))
    ignored = run(make_gateway(mapping("text"), answer=answer))

    assert outcome(mapped) == (429, "rate_limit_exceeded")
    assert dict(mapped.headers)["retry-after"] == "3"
    assert outcome(ignored) == (502, "upstream_unavailable")
    assert seen == [("call_1", 503, {"why": "busy"})] * 2


HOOKS: dict[str, Callable[[object], object]] = {
    "hookline_shape_request": lambda call: None,
    "hookline_resolve_credential": lambda call: None,
    "hookline_execute": lambda call: None,
    "hookline_process_response": lambda call: None,
}


@pytest.mark.parametrize("order", [say(), say_on_the_wire()], ids=["action", "wire"])
@pytest.mark.parametrize("hook_name", HOOKS)
def test_a_plugin_that_fails_is_a_500_without_its_words(
    hook_name: str, order: Order, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: object) -> None:
        raise ValueError("sk-oops")

    fail.__name__ = hook_name
    plugin = type("Plugin", (), {hook_name: hookimpl(fail)})()

    with caplog.at_level(logging.ERROR, "hookline"):
        reply = run(make_gateway(plugin), order)

    assert outcome(reply) == (500, "plugin_failed")
    assert "ValueError" in body(reply)["message"]
    assert "sk-oops" not in str(reply.content)
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_a_mapper_that_fails_is_a_500_without_its_words() -> None:
    class MapErrors:
        @hookimpl
        def hookline_map_error(self) -> None:
            raise ValueError("sk-oops")

    reply = run(make_gateway(MapErrors()), say(times=0))

    assert outcome(reply) == (500, "plugin_failed")
    assert "sk-oops" not in str(reply.content)


@pytest.mark.parametrize("found", ["text", {"status": 200}, True])
def test_an_answer_of_another_type_is_refused(found: object) -> None:
    class Execute:
        @hookimpl
        def hookline_execute(self) -> Any:
            return found

    upstream = Upstream()

    reply = run(make_gateway(Execute(), upstream=upstream))

    assert outcome(reply) == (500, "plugin_failed")
    assert (
        "hookline_execute() of plugin1 returned something other than an UpstreamResponse"
        in body(reply)["message"]
    )
    assert upstream.sent == []


def test_an_early_answer_of_a_plugin_replaces_the_upstream() -> None:
    class Cache:
        @hookimpl
        def hookline_execute(self) -> UpstreamResponse:
            return whole({"text": "cached"})

    upstream = Upstream()

    assert body(run(make_gateway(Cache(), upstream=upstream))) == {"text": "cached", "warnings": []}
    assert upstream.sent == []


def test_an_unknown_action_at_the_catalog_is_an_error_with_a_code() -> None:
    with pytest.raises(NotFoundError) as caught:
        make_gateway().catalog.find("zzz")

    assert (caught.value.code, caught.value.message) == ("unknown_action", "There is no action 'zzz'.")


def test_the_schema_of_the_service_is_never_changed_by_a_call() -> None:
    before = copy.deepcopy(TEXT)

    run(make_gateway(shaping(lambda request: request.body)), say("x" * 10, times="3"))

    assert before == TEXT
