"""Going on with the next connection: when, how often, what is remembered, and what the caller is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ConfigDict

from connections_lab import body_of, streamed_by
from hookline import Call, UpstreamRequest, UpstreamResponse, hookimpl
from hookline.errors import (
    ConfigurationError,
    InvalidInputError,
    RateLimitedError,
    StoreUnavailableError,
    StreamInterruptedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from small_service import DONE, Body, event, streamed, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from connections_lab import Lab


def failing(error: Callable[[], Exception]) -> Callable[[UpstreamRequest], UpstreamResponse]:
    def answer(request: UpstreamRequest) -> UpstreamResponse:
        raise error()

    return answer


def unreachable() -> Exception:
    return UpstreamUnavailableError("No connection.", reached_upstream=False)


@pytest.fixture
def pair(make_lab: Callable[..., Lab]) -> Lab:
    """Two connections: `a` first, then `b`."""
    lab = make_lab()
    lab.add("a")
    lab.add("b", priority=1)
    return lab


def script(lab: Lab, host: str, *answers: Any) -> None:
    lab.service.scripts[f"{host}.example"] = [
        lab.refuse(answer) if isinstance(answer, int) else answer for answer in answers
    ]


# ---------------------------------------------------------------- when


@pytest.mark.parametrize("status", [401, 402, 403, 429, 500, 503, 529])
def test_a_refusal_that_surely_did_not_run_moves_the_call(pair: Lab, status: int) -> None:
    script(pair, "a", status)

    reply = pair.say()

    assert body_of(reply)["text"] == "from b.example"
    assert pair.service.sent == [("a.example", "sk-shared-a"), ("b.example", "sk-shared-b")]
    headers = dict(reply.headers)
    assert headers["x-hookline-connection"] == "b"
    assert headers["x-hookline-attempts"] == "2"
    assert pair.clock.waits == []


@pytest.mark.parametrize(
    "error",
    [
        unreachable,
        lambda: UpstreamTimeoutError("No connection in time.", reached_upstream=False),
        lambda: StoreUnavailableError("The vault is away.", reached_upstream=False),
    ],
    ids=["unreachable", "not connected in time", "no credential for now"],
)
def test_what_was_not_sent_at_all_moves_the_call(pair: Lab, error: Callable[[], Exception]) -> None:
    script(pair, "a", failing(error))

    assert pair.tell() == (200, "from b.example")


@pytest.mark.parametrize(
    "answer",
    [
        400,
        404,
        408,
        409,
        413,
        422,
        502,
        504,
        pytest.param(failing(lambda: UpstreamTimeoutError("No answer.")), id="timeout"),
        pytest.param(failing(lambda: UpstreamUnavailableError("Broken off.")), id="broken"),
        pytest.param(failing(lambda: StreamInterruptedError("Broken off.")), id="cut"),
        pytest.param(failing(lambda: ConfigurationError("Our own fault.")), id="configuration"),
        pytest.param(failing(lambda: ValueError("A plugin's fault.")), id="fault"),
    ],
)
def test_what_may_have_run_or_is_the_request_s_own_fault_stays(pair: Lab, answer: Any) -> None:
    script(pair, "a", answer)

    assert pair.tell()[0] >= 400
    assert pair.service.hosts == ["a.example"]
    assert pair.tell()[0] >= 400  # and the connection is asked first again
    assert pair.service.hosts == ["a.example"] * 2


def test_it_can_be_switched_off(make_lab: Any) -> None:
    lab = make_lab(fall_back=False)
    lab.add("a")
    lab.add("b", priority=1)
    script(lab, "a", 503)

    assert lab.tell()[0] == 502
    assert lab.tell() == (200, "from b.example")  # who failed is still avoided


def test_a_stream_moves_before_it_begins_and_not_after(pair: Lab) -> None:
    def broken(request: UpstreamRequest) -> UpstreamResponse:
        return streamed(Body([event("Hel"), StreamInterruptedError("Cut.", reached_upstream=False)]))

    script(pair, "a", 503)
    script(pair, "b", lambda request: streamed(Body([event("ok"), DONE])))
    assert b'"ok"' in streamed_by(pair.say(stream=True))
    assert pair.service.hosts == ["a.example", "b.example"]

    script(pair, "b", broken)
    script(pair, "a", lambda request: streamed(Body([event("second try"), DONE])))
    told = streamed_by(pair.say(stream=True))
    assert b"second try" not in told
    assert b"error" in told
    assert pair.service.hosts[2:] == ["b.example"]


def test_the_request_stays_the_same_but_for_where_it_goes(pair: Lab) -> None:
    script(pair, "a", 503)
    pair.say(text="the same", times=2)

    first, second = pair.requests
    assert (first.url, second.url) == ("https://a.example/v1/say", "https://b.example/v1/say")
    assert first.content == second.content
    assert {**first.headers, "authorization": ""} == {**second.headers, "authorization": ""}


class Shape(BaseModel):
    """An option of a connector on which the request depends."""

    model_config = ConfigDict(extra="forbid")

    stream_usage: bool = True


def test_a_connection_with_other_options_is_no_fallback(make_lab: Any) -> None:
    """The request was made with the options of the first; another server may not understand it."""
    lab = make_lab()
    lab.gateway.catalog.connectors["acme"].options = Shape
    lab.add("a")
    lab.add("b", priority=1, options={"stream_usage": False})
    lab.add("c", priority=2, options={"stream_usage": True})
    script(lab, "a", 503)

    assert lab.tell() == (200, "from c.example")
    assert lab.service.hosts == ["a.example", "c.example"]


def test_with_other_options_everywhere_the_error_is_told_and_the_next_call_goes_elsewhere(
    make_lab: Any,
) -> None:
    lab = make_lab()
    lab.gateway.catalog.connectors["acme"].options = Shape
    lab.add("a")
    lab.add("b", priority=1, options={"stream_usage": False})
    script(lab, "a", 503)

    reply = lab.say()

    assert reply.status == 502
    assert "Every connection" not in body_of(reply)["detail"]
    assert lab.tell() == (200, "from b.example")  # made for it from the start
    assert lab.service.hosts == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"baseurl": "x"}, "there is no option `baseurl`. Did you mean `--base-url`?"),
        ({"stream_usag": True}, "there is no option `stream_usag`. Did you mean `stream_usage`?"),
        ({"zzz": 1}, "there is no option `zzz`."),
    ],
)
def test_an_option_that_is_nearly_right_is_named(lab: Lab, option: dict[str, object], said: str) -> None:
    lab.gateway.catalog.connectors["acme"].options = Shape

    with pytest.raises(InvalidInputError) as caught:
        lab.add("a", options=option)

    assert caught.value.message == f"This connection cannot be: {said}"


# ---------------------------------------------------------------- how often


def test_every_connection_is_tried_once_and_then_the_last_error_is_told(make_lab: Any) -> None:
    lab = make_lab()
    for number, name in enumerate("abcd"):
        lab.add(name, priority=number)
        script(lab, name, 401)

    reply = lab.say()

    assert lab.service.hosts == [f"{name}.example" for name in "abcd"]
    told = body_of(reply)
    assert (reply.status, told["error"]["code"]) == (502, "upstream_credential_rejected")
    assert told["detail"].endswith(". Every connection that could serve this call failed lately.")
    assert told["message"].count("our key for this gateway is fine") == 1
    assert dict(reply.headers)["x-hookline-attempts"] == "4"


def test_what_is_added_to_an_error_is_a_sentence_of_its_own(pair: Lab) -> None:
    script(pair, "a", 503)
    script(pair, "b", failing(lambda: RateLimitedError("Try again later", reached_upstream=False)))

    told = body_of(pair.say())

    assert told["detail"] == "Try again later. Every connection that could serve this call failed lately."
    assert told["message"].count("Your key for this gateway is fine.") == 1


def test_the_last_error_is_told_as_it_is(pair: Lab) -> None:
    script(pair, "a", 503)
    script(pair, "b", lambda request: whole({}, status=429, retry_after="7"))

    reply = pair.say()

    assert reply.status == 429
    assert dict(reply.headers)["retry-after"] == "7"


def test_an_outage_of_all_is_not_multiplied(make_lab: Any) -> None:
    """100 calls while both are down: each has one attempt, and one in a window of 10 s has two."""
    lab = make_lab()
    lab.add("a")
    lab.add("b", priority=1)
    script(lab, "a", 503)
    script(lab, "b", 503)
    for _ in range(100):
        assert lab.tell()[0] == 502
        lab.clock.advance(1)

    assert len(lab.service.sent) <= 100 + 100 / 10 + 1


def test_retries_on_the_same_connection_begin_when_there_is_no_other(make_lab: Any) -> None:
    lab = make_lab(retry=True)
    lab.add("a")
    lab.add("b", priority=1)
    script(lab, "a", 503)
    script(lab, "b", 503, 503, lambda request: whole({"text": "at last"}))

    assert lab.tell() == (502, "upstream_unavailable")
    assert lab.service.hosts == ["a.example", "b.example", "b.example"]
    assert len(lab.clock.waits) == 1  # three attempts are the most; only the retry waited


@pytest.mark.parametrize("status", [401, 429, 503])
def test_many_calls_that_fail_at_once_all_move_and_spend_no_retries(make_lab: Any, status: int) -> None:
    """A move is no retry: 40 calls move, though a budget holds 10 retries."""
    lab = make_lab(retry=True, avoid_down_s=0, avoid_limited_s=0, avoid_refused_s=0)
    lab.add("a")
    lab.add("b", priority=1)
    script(lab, "a", status)

    assert [lab.tell() for _ in range(40)] == [(200, "from b.example")] * 40
    assert lab.service.hosts == ["a.example", "b.example"] * 40


# ---------------------------------------------------------------- pauses


def test_the_next_connection_does_not_wait_for_the_pause_of_the_first(make_lab: Any) -> None:
    lab = make_lab(retry=True)
    lab.add("a")
    lab.add("b", priority=1)
    script(lab, "a", lambda request: whole({}, status=429, retry_after="30"))

    assert lab.tell() == (200, "from b.example")
    assert lab.clock.waits == []


def test_the_next_connection_s_own_pause_is_kept(make_lab: Any) -> None:
    """`b` asked for 20 s of rest when it was used alone; a call that moves to it waits for them."""
    lab = make_lab(retry=True)
    lab.add("b", priority=1)
    script(
        lab,
        "b",
        lambda request: whole({}, status=429, retry_after="20"),
        lambda request: whole({"text": "b"}),
    )
    assert lab.ask(model="m") == (200, "b")  # after its own wait
    lab.clock.waits.clear()
    script(
        lab,
        "b",
        lambda request: whole({}, status=429, retry_after="90"),
        lambda request: whole({"text": "b"}),
    )
    assert lab.ask(model="m")[0] == 429
    lab.clock.advance(70)
    lab.add("a")
    lab.office.standing.forget("b")
    script(lab, "a", 401)

    assert lab.ask(model="m") == (200, "b")
    assert [round(wait) for wait in lab.clock.waits] == [20]


def test_a_closed_gate_that_is_too_long_to_wait_for_moves_the_call(make_lab: Any) -> None:
    lab = make_lab(retry=True, avoid_limited_s=0)
    lab.add("a")
    script(lab, "a", lambda request: whole({}, status=429, retry_after="600"))
    assert lab.tell()[0] == 429
    lab.add("b", priority=1)
    lab.office.standing.forget("a")

    assert lab.tell() == (200, "from b.example")
    assert lab.service.hosts == ["a.example", "b.example"]


# ---------------------------------------------------------------- what is remembered


@pytest.mark.parametrize(
    ("answer", "avoided_s"),
    [(503, 10), (401, 300), (402, 300), (429, 10), ("429 after 45", 45), ("503 after 45", 45)],
)
def test_who_failed_is_asked_last_for_a_while(pair: Lab, answer: Any, avoided_s: float) -> None:
    if isinstance(answer, str):
        kind = RateLimitedError if answer.startswith("429") else UpstreamUnavailableError
        answer = failing(lambda: kind("Wait.", retry_after_s=45, reached_upstream=False))
    script(pair, "a", answer, lambda request: whole({"text": "a is back"}))
    pair.tell()
    assert pair.tell() == (200, "from b.example")

    pair.clock.advance(avoided_s - 0.1)
    assert pair.tell() == (200, "from b.example")
    pair.clock.advance(0.2)
    assert pair.tell() == (200, "a is back")


def test_a_rate_limit_of_one_model_says_nothing_of_others(pair: Lab) -> None:
    script(pair, "a", 429, lambda request: whole({"text": "a"}))

    assert pair.ask(model="m") == (200, "from b.example")
    assert pair.ask(model="n") == (200, "a")
    assert pair.ask(model="m") == (200, "from b.example")


def test_a_connection_that_was_changed_gets_a_new_chance_at_once(pair: Lab, operator: Any) -> None:
    script(pair, "a", 401, lambda request: whole({"text": "a is back"}))
    assert pair.tell() == (200, "from b.example")

    pair.desk.rotate("", "a", operator, secret="sk-renewed")

    assert pair.tell() == (200, "a is back")
    assert pair.service.sent[-1] == ("a.example", "sk-renewed")


def test_one_tenant_s_failing_connection_says_nothing_of_another_tenant_s(make_lab: Any, caller: Any) -> None:
    lab = make_lab()
    for tenant in ("ada", "bob"):
        lab.add("a", tenant=tenant, host=f"{tenant}-a.example")
        lab.add("b", tenant=tenant, host=f"{tenant}-b.example", priority=1)
    script(lab, "ada-a", 401)
    assert lab.tell(caller("ada")) == (200, "from ada-b.example")

    assert lab.tell(caller("bob")) == (200, "from bob-a.example")


def test_a_pause_of_one_tenant_s_connection_is_not_another_s_of_the_same_name(
    make_lab: Any, caller: Any
) -> None:
    """Gates and retries are counted per connection and not per name."""
    lab = make_lab(retry=True)
    for tenant in ("ada", "bob"):
        lab.add("main", tenant=tenant, host=f"{tenant}.example")
    script(lab, "ada", lambda request: whole({}, status=429, retry_after="600"))
    assert lab.tell(caller("ada"))[0] == 429
    assert lab.tell(caller("ada"))[0] == 429
    assert lab.service.hosts == ["ada.example"]  # its gate is closed

    assert lab.tell(caller("bob")) == (200, "from bob.example")
    assert lab.clock.waits == []


def test_a_credential_that_cannot_be_opened_moves_the_call_and_harms_no_other(
    pair: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    pair.sql("UPDATE connections SET secret = x'0102' WHERE name = 'a'")

    assert pair.tell() == (200, "from b.example")
    assert pair.service.hosts == ["b.example"]
    assert "the credential of the connection 'a' cannot be opened" in caplog.text


# ---------------------------------------------------------------- calls inside calls


class Check:
    """Runs another call before each attempt of a call from outside, as a check of content does."""

    def __init__(self) -> None:
        self.fails = False

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call) -> None:
        if call.parent is None and self.fails:
            call.run("acme.probe", {}, as_gateway=True)


def test_a_failure_of_a_call_inside_is_not_the_outer_connection_s(make_lab: Any) -> None:
    """The inner call has tried all connections itself; the outer one is not sent four times over."""
    check = Check()
    lab = make_lab(plugins=(check,))
    lab.add("a")
    lab.add("b", priority=1)
    script(lab, "a", 503)
    script(lab, "b", 503)
    check.fails = True

    assert lab.tell()[0] == 502
    assert [request.path for request in lab.requests] == ["/probe", "/probe"]
