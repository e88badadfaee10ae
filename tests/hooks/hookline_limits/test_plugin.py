"""The plugin in a gateway: what applies to whom, what is told, and what is booked in the end."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fake_clock import FakeClock
from hookline import Call, InboundRequest, KeyLimits, Principal, hookimpl, parse_limit
from hookline.engine.settlement import client_gone
from hookline.errors import (
    BudgetExhaustedError,
    HooklineError,
    InvalidInputError,
    PermissionDeniedError,
    RateLimitedError,
    UpstreamUnavailableError,
)
from hookline.gateway import Gateway
from hookline.order import Order
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.usage import NANO_USD
from hookline.webhook.app import create_app
from hookline_limits import LimitsPlugin
from hookline_limits.answers import never_error
from hookline_limits.rules import Take
from limits_lab import counter
from small_service import Acme, Allow, LetterMeter, Upstream, make_connector, say, whole

if TYPE_CHECKING:
    from hookline.metering import Reservation
    from hookline.upstream import UpstreamRequest, UpstreamResponse
    from hookline.usage import Usage

CALLER = Principal(key_id="k1", tenant="t1", scopes=frozenset({"actions:run"}))


class Lab:
    """A gateway with the plugin, over a service whose answers say that they took 10 and 5 tokens."""

    def __init__(
        self,
        *plugins: object,
        answer: Callable[[UpstreamRequest], UpstreamResponse] | None = None,
        meter: LetterMeter | None = None,
        principal: Principal = CALLER,
        user_fields: tuple[str, ...] = (),
        **options: object,
    ) -> None:
        self.clock = FakeClock()
        self.principal = principal
        self.plugin = LimitsPlugin()
        self.upstream = Upstream(answer or (lambda request: whole({"text": "hello", "took": [10, 5]})))
        self.booked: list[Usage | None] = []
        host = PluginHost()
        connector = make_connector(meter=meter or LetterMeter())
        connector.user_fields = user_fields
        host.register(Acme(connector), name="acme")
        host.register(self, name="lab")
        host.register(Allow(), name="allow")
        host.register(self.plugin, name="limits")
        for number, plugin in enumerate(plugins):
            host.register(plugin, name=f"plugin{number}")
        self.gateway = Gateway(
            Settings.model_validate({"plugins": {"limits": options}}),
            host=host,
            transport=self.upstream,
            environ={},
            clock=self.clock,
        )
        self.app = create_app(self.gateway)

    @hookimpl(tryfirst=True)
    def hookline_authenticate(self, request: InboundRequest) -> Principal:
        return self.principal

    @hookimpl
    def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
        self.booked.append(usage)

    def call(self, text: str = "hi", *, principal: Principal | None = None, **headers: str) -> Call:
        """Run a call, and return it."""
        order = replace(say(text), headers={name.replace("_", "-"): value for name, value in headers.items()})
        return self.run(order, principal=principal)

    def run(self, order: Order, *, principal: Principal | None = None) -> Call:
        prepared = self.gateway.pipeline.prepare(principal or self.principal, order)
        self.gateway.pipeline.perform(prepared)
        return prepared.call

    def post(self, **headers: str) -> tuple[int, dict[str, str], dict[str, object]]:
        """Call over HTTP, and return the status, the headers and the body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        reply = self.app.test_client().post("/actions/acme.say", json={"text": "hi"}, headers=named)
        return reply.status_code, {k.lower(): v for k, v in reply.headers.items()}, reply.get_json()


def key(
    *limits: str, key_id: str = "k1", tenant: str = "t1", parents: dict[str, str] | None = None
) -> Principal:
    """Return a caller whose key carries limits, and perhaps descends from others that do."""
    own = [KeyLimits(key_id=key_id, limits=tuple(map(parse_limit, limits)))]
    above = [KeyLimits(key_id=id, limits=(parse_limit(text),)) for id, text in (parents or {}).items()]
    return Principal(
        key_id=key_id, tenant=tenant, scopes=frozenset({"actions:run"}), limits=tuple(own + above)
    )


def refused(lab: Lab, *arguments: str, **more: object) -> HooklineError:
    with pytest.raises(HooklineError) as caught:
        lab.call(*arguments, **more)  # type: ignore[arg-type]  # as in `call`
    return caught.value


def admitted(lab: Lab, **more: object) -> int:
    """Return how many calls pass until one is refused."""
    for number in range(100):
        try:
            lab.call(**more)  # type: ignore[arg-type]  # as in `call`
        except RateLimitedError:
            return number
    return 100


# ---------------------------------------------------------------- what applies


def test_without_limits_nothing_is_counted_and_nothing_is_told() -> None:
    lab = Lab()

    call = lab.call()

    assert call.record.headers == {}
    assert len(lab.plugin._store) == 0  # type: ignore[arg-type]  # the store in memory


def test_limits_of_the_settings_hold_for_every_key_apart() -> None:
    lab = Lab(limits=["2 requests / minute"])

    assert admitted(lab, principal=key(key_id="a")) == 2
    assert admitted(lab, principal=key(key_id="b")) == 2


def test_limits_of_a_key_hold_besides_those_of_the_settings() -> None:
    lab = Lab(limits=["5 requests / minute"])

    assert admitted(lab, principal=key("3 requests / hour")) == 3
    assert admitted(lab, principal=key("300 requests / hour", key_id="b")) == 5


def test_a_limit_of_a_tenant_is_shared_by_its_keys() -> None:
    lab = Lab(limits=["3 requests / minute per tenant"])

    lab.call(principal=key(key_id="a"))
    assert admitted(lab, principal=key(key_id="b")) == 2
    assert admitted(lab, principal=key(key_id="c", tenant="t2")) == 3


def test_a_child_takes_from_the_limits_of_every_key_it_descends_from() -> None:
    lab = Lab()
    parents = {"grand": "5 requests / minute", "mother": "4 requests / minute"}

    for number in range(4):
        lab.call(principal=key("2 requests / minute", key_id=f"child{number % 2}", parents=parents))
    error = refused(lab, principal=key("2 requests / minute", key_id="third", parents=parents))

    assert "key 'mother', of which this one is" in error.message
    assert admitted(lab, principal=key(key_id="aunt", parents={"grand": "5 requests / minute"})) == 1


def test_of_two_limits_of_the_same_kind_the_smaller_holds_and_nothing_counts_twice() -> None:
    lab = Lab(limits=["4 requests / minute", "3 requests / minute"])

    assert admitted(lab, principal=key("10 requests / minute")) == 3


def test_each_user_has_its_own_share_and_calls_without_one_have_one_together() -> None:
    lab = Lab(limits=["2 requests / minute per user"], user_fields=("text",))

    assert admitted(lab, text="ada") == 2
    assert admitted(lab, text="grace") == 2
    assert admitted(lab, text="ada", principal=key(tenant="t2")) == 2
    assert admitted(lab, text="\x00not a name") == 2
    assert admitted(lab, text="\x01nor this") == 0


def test_each_flow_has_its_own_share() -> None:
    lab = Lab(limits=["2 requests / minute per flow"])

    assert admitted(lab, x_hookline_flow="invoices") == 2
    assert admitted(lab, x_hookline_flow="letters") == 2
    assert admitted(lab) == 2
    assert "calls that name no flow" in refused(lab).message


def test_a_table_for_an_action_counts_only_calls_on_that_action() -> None:
    table = {
        "acme.say": {"limits": ["1 requests / minute"]},
        "acme.look": {"limits": ["1 requests / minute"]},
    }
    lab = Lab(limits=["3 requests / hour"], actions=table)

    assert admitted(lab) == 1
    look = Order(action_id="acme.look", fields={"id": "1"}, call_id="call_2")
    lab.run(look)
    with pytest.raises(RateLimitedError):
        lab.run(look)


def test_a_table_for_a_connector_counts_all_calls_on_it_together() -> None:
    lab = Lab(actions={"acme.*": {"limits": ["2 requests / minute"]}})

    lab.call()
    lab.run(Order(action_id="acme.look", fields={"id": "1"}, call_id="call_2"))
    refused(lab)


def test_a_table_for_a_key_sets_limits_of_that_key_only() -> None:
    lab = Lab(limits=["5 requests / minute"], keys={"k1": {"limits": ["1 requests / minute"]}})

    assert admitted(lab) == 1
    assert admitted(lab, principal=key(key_id="k2")) == 5


def test_a_key_whose_limits_were_changed_has_the_new_ones_at_once() -> None:
    lab = Lab()

    assert admitted(lab, principal=key("2 requests / minute")) == 2
    assert admitted(lab, principal=key("3 requests / minute")) == 1


# ---------------------------------------------------------------- what is told


def test_a_refusal_says_when_to_come_back() -> None:
    lab = Lab(limits=["1 requests / minute"])
    lab.post()

    status, headers, body = lab.post()

    assert status == 429
    assert headers["retry-after"] == "62"
    assert headers["ratelimit-policy"] == '"1 requests / minute";q=1;w=60'
    assert headers["ratelimit"] == '"1 requests / minute";r=0;t=62'
    assert body["message"] == (
        "The limit of 1 requests / minute for this key is reached. "
        "Wait as long as `Retry-After` says, then try again."
    )
    assert (body["retryable"], body["retry_after"], body["limit"]) == (True, 62, "1 requests / minute")
    assert body["limited"] == "this key"
    assert len(lab.upstream.sent) == 1
    lab.clock.advance(62)
    assert lab.post()[0] == 200


def test_good_answers_tell_the_limit_that_is_nearest_to_its_end() -> None:
    lab = Lab(limits=["10 requests / minute", "200 tokens / hour", "50 concurrent"])

    status, headers, _ = lab.post()

    assert status == 200
    assert headers["ratelimit-policy"] == '"200 tokens / hour";q=200;w=3600;qu="tokens"'
    assert headers["ratelimit"] == '"200 tokens / hour";r=98;t=3680'


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("3 requests / 90 seconds per flow", '"3 requests / 90 seconds per flow";q=3;w=90'),
        ("300 requests / day warn 50%", '"300 requests / day";q=300;w=86400'),
        ("300 requests / month", '"300 requests / month";q=300'),
        ("3 concurrent", '"3 concurrent";q=3;qu="concurrent-requests"'),
        (
            "1000000000000000 tokens / day",
            '"1000000000000000 tokens / day";q=999999999999999;w=86400;qu="tokens"',
        ),
    ],
)
def test_the_fields_are_structured_fields(text: str, policy: str) -> None:
    """Source: draft-ietf-httpapi-ratelimit-headers-10 and RFC 9651: a string and integers of 15 digits."""
    headers = Lab(limits=[text]).call().record.headers

    assert headers["ratelimit-policy"] == policy
    name = policy.partition(";")[0]
    assert re.fullmatch(re.escape(name) + r";r=\d{1,15}(;t=[1-9]\d{0,14})?", headers["ratelimit"])


def test_too_many_calls_at_once_are_told_to_come_back_soon() -> None:
    lab = Lab(limits=["1 concurrent"])
    running = lab.gateway.pipeline.prepare(lab.principal, say())

    error = refused(lab)

    assert (error.status, error.retry_after) == (429, 1)
    assert error.message == "1 calls of this key run now, and 1 concurrent is the limit."
    lab.gateway.pipeline.perform(running)
    assert admitted(lab) == 100


def test_a_budget_that_is_used_up_is_named_with_when_it_begins_anew() -> None:
    lab = Lab(limits=["0.000002 usd / day per tenant"])  # 2,000 nano-dollars; a call may cost 1,002
    for _ in range(17):  # and costs 60 in the end
        lab.call()

    status, headers, body = lab.post()

    assert status == 402
    assert "retry-after" not in headers
    assert body["error"]["code"] == "budget_exhausted"  # type: ignore[index]  # JSON
    assert body["retryable"] is False
    assert body["begins_anew_at"] == "2026-11-23T00:00:00Z"
    assert "0.000002 usd / day per tenant" in str(body["message"])
    assert "tenant 't1'" in str(body["message"])
    lab.clock.advance(12 * 3600)
    assert lab.post()[0] == 200


@pytest.mark.parametrize(
    ("text", "error", "code", "word"),
    [
        ("0.000001 usd / month", BudgetExhaustedError, "budget_too_small", "Ask for a shorter answer, send"),
        ("100 tokens / minute", InvalidInputError, "call_over_limit", "Ask for a shorter answer, or send"),
        ("0 requests / minute", PermissionDeniedError, "limit_is_zero", "above zero"),
        ("0 concurrent", PermissionDeniedError, "limit_is_zero", "above zero"),
        ("0 tokens / minute", PermissionDeniedError, "limit_is_zero", "above zero"),
        ("0 usd / day", PermissionDeniedError, "limit_is_zero", "above zero"),
    ],
)
def test_what_can_never_pass_is_not_told_to_wait(
    text: str, error: type[HooklineError], code: str, word: str
) -> None:
    caught = refused(Lab(limits=[text]))

    assert type(caught) is error
    assert (caught.code, caught.retryable, caught.retry_after) == (code, False, None)
    assert word in caught.hint


@pytest.mark.parametrize("limit", ["0.000001 usd / month", "100 tokens / minute"])
@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (("max_tokens",), "max_tokens"),
        (("max_completion_tokens",), "max_completion_tokens"),
        (("model", "max_output_tokens"), "max_output_tokens"),
        (("max_completion_tokens", "max_tokens"), "max_completion_tokens"),
    ],
)
def test_the_hint_names_the_field_by_which_the_action_bounds_its_answer(
    limit: str, fields: tuple[str, ...], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(limits=[limit])
    schema = lab.gateway.catalog.connectors["acme"].actions["acme.say"].input_schema
    monkeypatch.setitem(schema, "properties", {"text": {}, **{name: {} for name in fields}})

    assert f"by a smaller `{named}`" in refused(lab).hint


def test_the_hint_names_the_field_that_the_caller_used() -> None:
    """The wire door takes the field of older models, which the action does not have."""
    prepared = Lab().gateway.pipeline.prepare(CALLER, say())
    call = replace(prepared.call, input={"text": "hi", "max_tokens": 500})

    error = never_error(call, Take(counter("5 usd / day"), 6 * NANO_USD))

    assert "by a smaller `max_tokens`" in error.hint


def test_a_nearly_used_budget_is_warned_of_from_four_fifths_on() -> None:
    lab = Lab(limits=["0.000006 usd / day", "100 requests / day"])  # a call costs 60 of 6,000 nano-dollars

    assert [lab.call().record.warnings for _ in range(80)] == [[]] * 80
    told = lab.call().record.warnings
    assert [warning.code for warning in told] == ["budget_nearly_used"]
    assert told[0].message == (
        "80 % of the budget of 0.000006 usd / day for this key are used or set aside besides this call."
    )


@pytest.mark.parametrize("limit", ["0.0000011 usd / day", "110 tokens / minute warn 80%"])
def test_what_a_call_itself_sets_aside_is_no_reason_to_warn(limit: str) -> None:
    """The call may take nine tenths of all, and takes little in the end."""
    assert Lab(limits=[limit]).call().record.warnings == []


def test_what_other_calls_have_set_aside_is_a_reason_to_warn() -> None:
    lab = Lab(limits=["0.0000025 usd / day warn 40%"])
    running = lab.gateway.pipeline.prepare(lab.principal, say())

    assert [warning.code for warning in lab.call().record.warnings] == ["budget_nearly_used"]
    lab.gateway.pipeline.perform(running)
    assert running.call.record.warnings == []
    assert lab.call().record.warnings == []


def test_a_limit_warns_when_it_says_so() -> None:
    lab = Lab(limits=["4 requests / day warn 50%"])

    assert [[warning.code for warning in lab.call().record.warnings] for _ in range(3)] == [
        [],
        ["limit_nearly_used"],
        ["limit_nearly_used"],
    ]


# ---------------------------------------------------------------- runaway flows


def test_a_flow_that_runs_away_is_stopped_and_others_go_on() -> None:
    lab = Lab(runaway="5 requests / 10m per flow")

    assert admitted(lab, x_hookline_flow="loop") == 5
    error = refused(lab, x_hookline_flow="loop")

    assert (error.status, error.code) == (429, "runaway_flow")
    assert error.message == (
        "The flow 'loop' has made 5 requests / 10 minutes, so it is taken for one that runs away, and "
        "stopped."
    )
    assert admitted(lab, x_hookline_flow="sound") == 5
    assert admitted(lab) == 100
    lab.clock.advance(660)
    assert admitted(lab, x_hookline_flow="loop") == 5


def test_the_guard_and_a_limit_of_flows_count_apart() -> None:
    lab = Lab(limits=["3 requests / 10m per flow"], runaway="5 requests / 10m per flow")

    assert admitted(lab, x_hookline_flow="loop") == 3
    assert refused(lab, x_hookline_flow="loop").code == "rate_limit_exceeded"


def test_flows_of_two_tenants_with_the_same_label_are_two() -> None:
    lab = Lab(runaway="5 requests / 10m per flow")

    assert admitted(lab, x_hookline_flow="loop") == 5
    assert admitted(lab, x_hookline_flow="loop", principal=key(tenant="t2")) == 5


def test_the_guard_is_on_unless_it_is_switched_off() -> None:
    default, off = Lab(), Lab(runaway="")
    for _ in range(1000):
        default.call(x_hookline_flow="loop")
        off.call(x_hookline_flow="loop")

    assert refused(default, x_hookline_flow="loop").code == "runaway_flow"
    off.call(x_hookline_flow="loop")


# ---------------------------------------------------------------- prices


class Unpriced(LetterMeter):
    """Does not know what anything costs."""

    def estimate(self, call: Call, request: UpstreamRequest) -> Usage:
        return replace(super().estimate(call, request), cost_nano_usd=None)

    def price(self, call: Call, usage: Usage, model: str | None) -> int | None:
        return None


def test_a_call_of_unknown_price_is_refused_where_a_budget_applies() -> None:
    lab = Lab(limits=["5 usd / day"], meter=Unpriced())

    error = refused(lab)

    assert (error.status, error.code) == (402, "price_unknown")
    assert "unpriced" in error.hint
    assert lab.upstream.sent == []
    lab.run(
        Order(action_id="acme.look", fields={"id": "1"}, call_id="call_2")
    )  # has no meter: no tokens, no cost


class UnpricedAnswer(LetterMeter):
    """Knows what a call may cost, and not what it has cost."""

    def price(self, call: Call, usage: Usage, model: str | None) -> int | None:
        return None


def test_an_answer_of_unknown_price_costs_what_was_set_aside() -> None:
    lab = Lab(limits=["0.000002 usd / day"], meter=UnpricedAnswer())  # 2,000 nano-dollars, 1,002 a call
    lab.call()

    assert lab.plugin._store.look([counter("5 usd / day")]) == [1002]
    assert refused(lab).status == 402


def test_a_call_of_unknown_price_may_be_allowed() -> None:
    lab = Lab(limits=["5 usd / day"], meter=Unpriced(), unpriced="allow")

    assert admitted(lab) == 100


# ---------------------------------------------------------------- settling


def tokens_used(lab: Lab) -> int:
    return lab.plugin._store.look([counter(TOKENS, lab.principal.key_id)])[0]


TOKENS = "1000000 tokens / hour"


def failing(error: Callable[[], Exception]) -> Callable[[UpstreamRequest], UpstreamResponse]:
    def answer(request: UpstreamRequest) -> UpstreamResponse:
        raise error()

    return answer


def test_a_call_is_settled_to_what_its_answer_says() -> None:
    lab = Lab(limits=[TOKENS])
    lab.call()

    assert tokens_used(lab) == 15


def test_a_call_that_nobody_answered_gives_its_tokens_back_and_stays_a_request() -> None:
    lab = Lab(
        limits=[TOKENS, "2 requests / minute", "1 concurrent"],
        answer=lambda request: whole({"error": "no"}, status=400),
    )

    for _ in range(2):
        with pytest.raises(HooklineError):
            lab.call()

    assert lab.booked == [None, None]
    assert "2 requests / minute" in refused(lab).message


def test_a_call_that_never_reached_the_service_gives_its_tokens_back_and_stays_a_request() -> None:
    lab = Lab(
        limits=["5 requests / minute", "1 concurrent", "150 tokens / hour"],
        answer=failing(lambda: UpstreamUnavailableError("Refused.", reached_upstream=False)),
    )

    for _ in range(5):
        with pytest.raises(UpstreamUnavailableError):
            lab.call()

    assert lab.booked == [None] * 5
    assert "5 requests / minute" in refused(lab).message
    assert lab.plugin._store.look([counter("1 concurrent"), counter("150 tokens / hour")]) == [0, 0]


class Blocks:
    """Lets no call through to the service, as a check of what was said does."""

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call) -> None:
        raise InvalidInputError("Not that.")


@pytest.mark.parametrize("reaches", [True, False])
def test_a_flow_that_runs_into_errors_only_is_stopped_like_any_other(reaches: bool) -> None:
    unreachable = failing(lambda: UpstreamUnavailableError("Refused.", reached_upstream=False))
    plugins = () if reaches else (Blocks(),)
    lab = Lab(*plugins, runaway="5 requests / 10m per flow", answer=unreachable)

    for _ in range(5):
        with pytest.raises((UpstreamUnavailableError, InvalidInputError)):
            lab.call(x_hookline_flow="loop")

    assert refused(lab, x_hookline_flow="loop").code == "runaway_flow"


def test_a_client_that_leaves_before_its_call_began_has_made_a_request() -> None:
    lab = Lab(limits=["1 requests / minute", "1 concurrent"])
    lab.gateway.pipeline.prepare(lab.principal, say()).settlement.finish(client_gone())

    assert "1 requests / minute" in refused(lab).message


class Picky:
    """Refuses every call."""

    @hookimpl
    def hookline_admit(self, call: Call) -> Reservation | None:
        raise PermissionDeniedError("Not today.")


class PickyAtLast:
    """Refuses every call, after limits were taken."""

    @hookimpl(trylast=True)
    def hookline_admit(self, call: Call) -> Reservation | None:
        raise PermissionDeniedError("Not today.")


def test_what_another_plugin_refuses_takes_nothing() -> None:
    lab = Lab(Picky(), limits=["2 requests / minute", "1 concurrent", "150 tokens / hour"])

    for _ in range(5):
        with pytest.raises(PermissionDeniedError):
            lab.call()

    assert len(lab.plugin._store) == 0  # type: ignore[arg-type]  # the store in memory


def test_what_a_plugin_refuses_that_insists_on_being_asked_later_is_a_request() -> None:
    lab = Lab(PickyAtLast(), limits=["5 requests / minute", "1 concurrent", "150 tokens / hour"])

    for _ in range(5):
        with pytest.raises(PermissionDeniedError):
            lab.call()

    assert isinstance(refused(lab), RateLimitedError)
    assert lab.plugin._store.look([counter("1 concurrent"), counter("150 tokens / hour")]) == [0, 0]


def test_a_call_that_cannot_be_told_what_is_left_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(limits=["1 concurrent"])
    with monkeypatch.context() as patch:
        patch.setattr("hookline_limits.desk.add_fields", None)
        with pytest.raises(HooklineError):
            lab.call()

    assert admitted(lab) == 100


class Nested:
    """Makes every call from outside run another inside."""

    @hookimpl
    def hookline_execute(self, call: Call) -> None:
        if call.parent is None:
            call.run("acme.say", {"text": "inner"})


def test_calls_inside_calls_take_tokens_but_are_no_requests_and_hold_no_place() -> None:
    lab = Lab(Nested(), limits=["3 requests / minute", "1 concurrent", TOKENS])

    assert admitted(lab) == 3
    assert len(lab.upstream.sent) == 6
    lab.clock.advance(70)
    assert tokens_used(lab) == 6 * 15


def test_what_the_gateway_itself_asks_is_no_use_of_tokens_by_its_caller() -> None:
    class Checks:
        @hookimpl
        def hookline_execute(self, call: Call) -> None:
            if call.parent is None:
                call.run("acme.say", {"text": "a check"}, as_gateway=True)

    lab = Lab(Checks(), limits=[TOKENS])
    lab.call()

    assert len(lab.upstream.sent) == 2
    assert tokens_used(lab) == 15


def test_money_of_calls_inside_calls_comes_from_the_same_budget() -> None:
    lab = Lab(
        Nested(), limits=["0.000002 usd / day"]
    )  # outer and inner set 1,002 and 1,005 nano-dollars aside

    error = refused(lab)

    assert error.status == 402
    assert len(lab.upstream.sent) == 0
