"""What a caller may run, with which model and how much of it; whatever plugins in between do."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from hookline import (
    Call,
    Decision,
    InboundRequest,
    Principal,
    UpstreamRequest,
    UpstreamResponse,
    Usage,
    hookimpl,
)
from hookline.attempt import Attempt, RetryDecision
from hookline.errors import (
    AuthenticationError,
    HooklineError,
    PermissionDeniedError,
    UpstreamUnavailableError,
)
from hookline.order import Order
from hookline.principal import Caps
from hookline_auth import AuthPlugin
from small_service import Acme, Upstream, make_connector, make_gateway, say, whole

if TYPE_CHECKING:
    from hookline.gateway import Gateway

ANY_TEXT: dict[str, object] = {"type": "object", "properties": {"text": {"type": "string"}, "model": {}}}


class NumberedMeter:
    """Knows a model in the body, and holds ``times`` to the most choices."""

    def model(self, request: UpstreamRequest) -> str | None:
        model = (request.body or {}).get("model")
        return model if isinstance(model, str) else None

    def estimate(self, call: Call, request: UpstreamRequest) -> Usage:
        return Usage(input_tokens=0, output_tokens=0)

    def read(self, call: Call, answer: object) -> Usage | None:
        return None

    def price(self, call: Call, usage: Usage, model: str | None) -> int | None:
        return None

    def bound(self, call: Call, request: UpstreamRequest, caps: Caps) -> None:
        assert request.body is not None
        asked = request.body.get("times", 1)
        if caps.max_choices is not None and isinstance(asked, int) and asked > caps.max_choices:
            raise PermissionDeniedError(f"`times` may be {caps.max_choices} at most.", field="times")
        request.body.setdefault("times", 1)


def make(*plugins: object, has_meter: bool = True, upstream: Upstream | None = None) -> Gateway:
    """Return a gateway whose service has ``acme.think``, an action with a model."""
    connector = make_connector()
    connector.endpoint(
        "think",
        "POST",
        "/think",
        input=ANY_TEXT,
        output={"type": "object"},
        meter=NumberedMeter() if has_meter else None,
    )
    return make_gateway(
        AuthPlugin(), *plugins, open_to_all=False, service=Acme(connector), upstream=upstream or Upstream()
    )


def caller(**rights: Any) -> Principal:
    return Principal(key_id="caller", **{"scopes": frozenset({"actions:run"}), **rights})


def think(**fields: object) -> Order:
    return Order(action_id="acme.think", fields={"text": "hi", **fields}, call_id="call_1")


def run(gateway: Gateway, principal: Principal, order: Order) -> object:
    return gateway.pipeline.perform(gateway.pipeline.prepare(principal, order)).content


def denial(gateway: Gateway, principal: Principal, order: Order) -> PermissionDeniedError:
    with pytest.raises(PermissionDeniedError) as caught:
        run(gateway, principal, order)
    return caught.value


# ---------------------------------------------------------------- actions


@pytest.mark.parametrize(
    ("patterns", "is_allowed"),
    [
        (("*",), True),
        (("acme.*",), True),
        (("acme.say",), True),
        (("ac*",), True),
        (("other.*", "acme.say"), True),
        (("acme.look",), False),
        (("acme",), False),
        (("acme.sa",), False),
        (("acme.say.*",), False),
        ((), False),
    ],
)
def test_only_the_actions_of_the_key_run(patterns: tuple[str, ...], is_allowed: bool) -> None:
    gateway = make()
    if is_allowed:
        assert run(gateway, caller(actions=patterns), say())
    else:
        assert "may not run acme.say" in denial(gateway, caller(actions=patterns), say()).message


def test_no_right_to_run_is_a_denial_whatever_else_is_allowed() -> None:
    assert denial(make(), caller(scopes=frozenset({"catalog:read", "keys:admin"})), say()).status == 403


# ---------------------------------------------------------------- models


def test_a_model_that_is_not_the_key_s_is_refused_before_anything_is_made_of_it() -> None:
    upstream = Upstream()

    error = denial(make(upstream=upstream), caller(models=("gpt-4o*",)), think(model="o3"))

    assert "'o3' is not among its models: gpt-4o*" in error.message
    assert (error.field, "another key" in error.hint, "scopes" in error.hint) == ("model", True, False)
    assert upstream.sent == []


@pytest.mark.parametrize("has_meter", [True, False])
@pytest.mark.parametrize(("model", "is_allowed"), [("gpt-4o", True), ("gpt-4o-mini", True), ("o3", False)])
def test_models_are_held_to_with_and_without_a_meter(has_meter: bool, model: str, is_allowed: bool) -> None:
    gateway = make(has_meter=has_meter)
    if is_allowed:
        assert run(gateway, caller(models=("gpt-4o*",)), think(model=model))
    else:
        denial(gateway, caller(models=("gpt-4o*",)), think(model=model))


@pytest.mark.parametrize("model", [None, 5, ["gpt-4o"], {"id": "gpt-4o"}])
def test_a_request_that_names_no_model_is_refused_where_the_action_has_models(model: object) -> None:
    error = denial(make(), caller(models=("gpt-4o",)), think(model=model))
    assert (error.field, "Name a model" in error.message) == ("model", True)


def test_a_request_without_a_model_runs_where_the_action_has_none() -> None:
    gateway = make(has_meter=False)

    assert run(gateway, caller(models=("gpt-4o",)), say())
    denial(gateway, caller(models=("gpt-4o",)), think(model=None))


class Replaces:
    """Asks for another model."""

    def __init__(self, model: str) -> None:
        self.model = model

    @hookimpl(trylast=True)
    def hookline_shape_request(self, request: UpstreamRequest) -> None:
        if request.body is not None:
            request.body["model"] = self.model


class ReplacesLate:
    """Asks for another model when the request is about to be sent."""

    def __init__(self, model: str) -> None:
        self.model = model

    @hookimpl(wrapper=True)
    def hookline_execute(
        self, request: UpstreamRequest
    ) -> Generator[None, UpstreamResponse, UpstreamResponse]:
        request.body = {**(request.body or {}), "model": self.model}
        return (yield)


class GoesOnWithAnother:
    """Asks another model when the first one fails."""

    @hookimpl
    def hookline_retry(self, attempt: Attempt) -> RetryDecision:
        request = attempt.request.copy()
        assert request.body is not None
        request.body["model"] = "o3"
        return RetryDecision(again=True, request=request)


class Answers:
    """Answers in the upstream's place, as a cache does."""

    @hookimpl(tryfirst=True)
    def hookline_execute(self) -> UpstreamResponse:
        return whole({"text": "from the cache"})


@pytest.mark.parametrize("plugins", [[Replaces("o3")], [ReplacesLate("o3")], [Replaces("o3"), Answers()]])
def test_a_replacement_does_not_lead_out_of_the_models_of_the_key(plugins: list[object]) -> None:
    upstream = Upstream()

    denial(make(*plugins, upstream=upstream), caller(models=("gpt-4o",)), think(model="gpt-4o"))

    assert upstream.sent == []


def test_a_replacement_within_the_models_of_the_key_runs() -> None:
    assert run(make(Replaces("gpt-4o")), caller(models=("gpt-4o",)), think(model="gpt-4o"))


def test_every_attempt_is_held_to_the_models_of_the_key() -> None:
    def fail(request: UpstreamRequest) -> UpstreamResponse:
        raise UpstreamUnavailableError("It is down.")

    upstream = Upstream(fail)

    with pytest.raises(HooklineError):
        run(make(GoesOnWithAnother(), upstream=upstream), caller(models=("gpt-4o",)), think(model="gpt-4o"))
    assert [(request.body or {})["model"] for request in upstream.sent] == ["gpt-4o"]


# ---------------------------------------------------------------- caps


def test_s30_more_than_the_cap_is_refused_naming_the_field() -> None:
    """S30: what one call may ask for is bounded by the key."""
    error = denial(make(), caller(caps=Caps(max_choices=2)), think(model="m", times=3))

    assert error.field == "times"


def test_s30_a_plugin_cannot_lift_the_cap() -> None:
    """S30: caps are held to after all other plugins changed the request."""

    class Asks:
        @hookimpl(wrapper=True)
        def hookline_shape_request(self, request: UpstreamRequest) -> Generator[None, object, object]:
            result = yield
            assert request.body is not None
            request.body["times"] = 9
            return result

    assert denial(make(Asks()), caller(caps=Caps(max_choices=2)), think(model="m", times=1)).field == "times"


def test_a_bound_is_set_where_none_was_asked_for_and_nothing_is_touched_without_caps() -> None:
    upstream = Upstream()
    gateway = make(upstream=upstream)

    run(gateway, caller(caps=Caps(max_choices=2)), think(model="m"))
    run(gateway, caller(), think(model="m"))

    assert [request.body for request in upstream.sent] == [
        {"text": "hi", "model": "m", "times": 1},
        {"text": "hi", "model": "m"},
    ]


def test_what_the_gateway_itself_wants_is_not_held_to_the_caller_s_rights() -> None:
    class Checks:
        @hookimpl
        def hookline_shape_request(self, call: Call) -> None:
            if call.parent is None:
                call.run("acme.think", {"text": "check", "model": "o3", "times": 9}, as_gateway=True)

    upstream = Upstream()
    principal = caller(models=("gpt-4o",), actions=("acme.say",), caps=Caps(max_choices=1))

    assert run(make(Checks(), upstream=upstream), principal, say())
    assert len(upstream.sent) == 2


def test_what_another_action_wants_is_held_to_the_caller_s_rights() -> None:
    class Helps:
        @hookimpl
        def hookline_shape_request(self, call: Call) -> None:
            if call.parent is None:
                call.run("acme.think", {"text": "help", "model": "o3"})

    upstream = Upstream()
    with pytest.raises(PermissionDeniedError):
        run(make(Helps(), upstream=upstream), caller(models=("gpt-4o",)), say())
    assert upstream.sent == []


# ---------------------------------------------------------------- plugins that decide badly


def _value(value: object) -> Any:
    def decide(self: object) -> Any:
        if isinstance(value, type) and issubclass(value, BaseException):
            raise value("no idea")
        return value

    return decide


async def _later() -> None:
    """Never awaited."""


BAD = [(), "yes", True, 1, {}, "text", [Decision(allow=True)], ValueError, KeyError, AssertionError]


@pytest.mark.parametrize("value", BAD, ids=str)
def test_s13_an_authorizer_that_says_nonsense_denies(value: object) -> None:
    """S13: anything but a decision denies, also when this plugin would allow."""
    authorizer = type("Authorizer", (), {"hookline_authorize": hookimpl(_value(value))})()

    assert denial(make(authorizer), caller(), say()).status == 403


def test_s13_silence_denies() -> None:
    """S13: None of everybody is no permission."""
    silent = type("Silent", (), {"hookline_authorize": hookimpl(_value(None))})()

    assert denial(make(silent), caller(scopes=frozenset()), say()).status == 403
    assert run(make(silent), caller(), say())


@pytest.mark.parametrize("value", BAD, ids=str)
def test_s13_an_authenticator_that_says_nonsense_lets_nobody_in(value: object) -> None:
    """S13: anything but a principal is nobody, and nobody else is asked."""
    plugin = type("Authenticator", (), {"hookline_authenticate": hookimpl(_value(value))})()
    gateway = make(plugin)

    with pytest.raises(HooklineError) as caught:
        gateway.pipeline.authenticate(InboundRequest(method="GET", path="/", headers={}))
    assert caught.value.status in (401, 500)
    if not isinstance(value, type):
        assert isinstance(caught.value, AuthenticationError)


def test_s13_a_coroutine_is_neither_a_principal_nor_a_decision() -> None:
    """S13: a plain function that returns a coroutine is caught when it runs."""
    made: list[Any] = []

    def answer(self: object) -> Any:
        made.append(_later())
        return made[-1]

    plugin = type(
        "Later", (), {"hookline_authenticate": hookimpl(answer), "hookline_authorize": hookimpl(answer)}
    )()
    gateway = make(plugin)

    with pytest.raises(AuthenticationError):
        gateway.pipeline.authenticate(InboundRequest(method="GET", path="/", headers={}))
    assert denial(gateway, caller(), say()).status == 403
    for coroutine in made:
        asyncio.run(coroutine)


def test_s12_a_principal_without_a_tenant_cannot_be_made() -> None:
    """S12: there is no default to fall back to."""
    with pytest.raises(ValueError, match="tenant"):
        Principal(key_id="x", tenant="")
    with pytest.raises(ValueError, match="key id"):
        Principal(key_id="")
