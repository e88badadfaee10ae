"""A request that comes again: what it gets, and that nothing runs twice."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from fake_clock import FakeClock
from hookline import Attempt, HooklineError, Order, Principal, Proceed, Reply, RetryDecision, hookimpl
from hookline.errors import ConfigurationError, StoreUnavailableError, UpstreamUnavailableError
from hookline.store.seals import SealError
from hookline.store.tables import KEPT_REPLIES
from hookline.webhook.app import create_app
from replay_lab import ReplayLab, body_of, code_of, header, is_replayed
from small_service import CALLER, say, say_on_the_wire, whole

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest, UpstreamResponse


@pytest.fixture
def lab() -> Iterator[ReplayLab]:
    lab = ReplayLab()
    yield lab
    lab.close()


def rows(lab: ReplayLab) -> list[dict[str, Any]]:
    with lab.gateway.database.connect() as connection:
        return [dict(row) for row in connection.execute(select(KEPT_REPLIES)).mappings()]


@pytest.mark.parametrize("is_wire", [False, True])
def test_a_request_that_comes_again_gets_the_same_bytes_and_says_so(lab: ReplayLab, is_wire: bool) -> None:
    first = lab.ask(is_wire=is_wire)
    second = lab.ask(is_wire=is_wire)

    assert lab.sent == 1
    assert (second.status, second.content) == (first.status, first.content) == (200, first.content)
    assert (is_replayed(first), is_replayed(second)) == (False, True)
    assert [pair for pair in second.headers if pair[0] != "idempotent-replayed"] == first.headers


def test_the_reply_tells_until_when_the_key_holds(lab: ReplayLab) -> None:
    expires = header(lab.ask(), "idempotency-expires")

    assert expires == "Mon, 23 Nov 2026 12:00:00 GMT"
    assert (parsedate_to_datetime(expires) - lab.clock.now()).total_seconds() == 86_400
    lab.clock.advance(600)
    assert header(lab.ask(), "idempotency-expires") == expires


def test_a_quoted_and_a_bare_key_are_the_same(lab: ReplayLab) -> None:
    lab.ask('"key-1"')
    assert is_replayed(lab.ask("key-1"))


def test_after_its_time_a_key_is_new(lab: ReplayLab) -> None:
    lab.ask(text="one")
    lab.clock.advance(86_400)

    assert not is_replayed(lab.ask(text="two"))
    assert lab.sent == 2
    assert is_replayed(lab.ask(text="two"))


def test_without_a_key_every_request_runs_and_nothing_is_opened(lab: ReplayLab) -> None:
    for _ in range(3):
        assert header(lab.ask(None), "idempotency-expires") is None

    assert lab.sent == 3
    assert lab.gateway.database._opened is None
    assert lab.plugin._keeper.leases._thread is None


def test_a_request_without_a_key_costs_less_than_three_microseconds(lab: ReplayLab) -> None:
    order = dataclasses.replace(say(), headers={f"x-{number}": "a" for number in range(20)})

    def measure() -> float:
        began_s = time.perf_counter()
        for _ in range(10_000):
            lab.plugin.hookline_run_order(principal=CALLER, order=order, proceed=lambda order: Reply())
        return (time.perf_counter() - began_s) / 10_000

    assert min(measure() for _ in range(5)) < 3e-6


@pytest.mark.parametrize(
    "change",
    [
        {"text": "another"},
        {"times": 2},
        {"query": {"mode": "fast"}},
        {"headers": {"x-organization": "other"}},
        {"headers": {"x-hookline-test": "1"}},
        {"headers": {"x-sandbox-fault": "cut"}},
    ],
)
def test_the_same_key_for_another_request_is_refused(lab: ReplayLab, change: dict[str, Any]) -> None:
    lab.ask()
    reply = lab.ask(**change)

    assert lab.sent == 1
    assert (reply.status, code_of(reply)) == (422, "idempotency_key_reused")
    assert body_of(reply)["field"] == "Idempotency-Key"
    assert header(reply, "link") == '</problems/idempotency_key_reused>; rel="describedby"'


@pytest.mark.parametrize(
    "change",
    [
        {
            "headers": {
                "traceparent": "00-1",
                "x-request-id": "2",
                "user-agent": "other",
                "x-hookline-flow": "f",
            }
        },
        {"query": {"profile": "zapier", "hookline_key_id": "k"}},
    ],
)
def test_what_does_not_change_the_answer_is_the_same_request(lab: ReplayLab, change: dict[str, Any]) -> None:
    lab.ask()
    assert is_replayed(lab.ask(**change))


def test_the_order_of_members_does_not_matter(lab: ReplayLab) -> None:
    lab.run(say_on_the_wire(b'{"text": "hi", "times": 2}'))
    assert is_replayed(lab.run(say_on_the_wire(b'{"times":2,"text":"hi"}')))


ADA = Principal(key_id="ada", tenant="acme", scopes=CALLER.scopes)


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(ADA, tenant="globex"),
        dataclasses.replace(ADA, key_id="bob"),
        dataclasses.replace(ADA, tenant="acmea", key_id="da"),
        dataclasses.replace(ADA, tenant="ada", key_id="acme"),
    ],
    ids=["tenant", "key", "shifted", "swapped"],
)
@pytest.mark.parametrize("text", ["hi", "another"])
def test_nobody_else_ever_meets_a_key_of_the_same_name(lab: ReplayLab, other: Principal, text: str) -> None:
    """S25: neither the reply, nor that there is one, nor that the input differs."""
    first = lab.ask(caller=ADA)
    reply = lab.ask(text=text, caller=other)

    assert (reply.status, is_replayed(reply), lab.sent) == (200, False, 2)
    assert reply.content != first.content
    assert is_replayed(lab.ask(caller=ADA))


def test_a_key_is_for_one_action_at_one_door(lab: ReplayLab) -> None:
    """S25: the two doors answer in different forms."""
    lab.ask()
    assert not is_replayed(lab.ask(is_wire=True))
    look = lab.run(Order(action_id="acme.look", fields={"id": "1"}))
    assert not is_replayed(look)
    assert lab.sent == 3


def test_what_is_stored_cannot_be_read(lab: ReplayLab) -> None:
    lab.ask("a-secret-key", "a secret question")

    (row,) = rows(lab)
    assert (row["state"], row["tenant"], row["key_id"], row["is_sent"]) == ("kept", "default", "caller", True)
    text = repr(row)
    assert "secret" not in text
    assert b"answer 1" not in row["reply"]


def test_a_reply_that_was_moved_to_another_row_is_not_given(lab: ReplayLab) -> None:
    lab.ask("key-1")
    lab.ask("key-2")
    one, two = rows(lab)
    with lab.gateway.database.begin() as connection:
        connection.execute(
            KEPT_REPLIES.update().where(KEPT_REPLIES.c.id == two["id"]).values(reply=one["reply"])
        )

    replies = [lab.ask("key-1"), lab.ask("key-2")]

    assert sorted(reply.status for reply in replies) == [200, 409]
    assert lab.sent == 2


@pytest.mark.parametrize("is_wire", [False, True])
def test_while_the_first_runs_others_are_told_to_come_again(is_wire: bool) -> None:
    """A wait in whole seconds; OpenAI's SDKs come again by themselves."""
    replies: list[Reply] = []

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        replies.append(asked.ask(is_wire=is_wire))
        return whole({"text": "hi"})

    lab = asked = ReplayLab(answer)
    lab.ask(is_wire=is_wire)

    (reply,) = replies
    assert (reply.status, code_of(reply), header(reply, "retry-after")) == (409, "still_running", "1")
    assert header(reply, "link") == '</problems/still_running>; rel="describedby"'
    assert body_of(reply)["retryable"] is True
    assert lab.sent == 1
    assert is_replayed(lab.ask(is_wire=is_wire))


# ---------------------------------------------------------------- what is final


def refuse(status: int) -> Any:
    return lambda request: whole({"error": {"message": "No."}}, status=status)


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_a_refusal_of_the_service_is_kept(status: int) -> None:
    lab = ReplayLab(refuse(status))
    first, second = lab.ask(), lab.ask()

    assert lab.sent == 1
    assert 400 <= first.status < 500
    assert (second.status, second.content, is_replayed(second)) == (first.status, first.content, True)


@pytest.mark.parametrize("status", [401, 402, 403, 409, 429, 500, 503, 529])
def test_what_passes_and_costs_nothing_frees_the_key(status: int) -> None:
    answers = [refuse(status), lambda request: whole({"text": "hi"})]
    lab = ReplayLab(lambda request: answers.pop(0)(request))

    first, second, third = lab.ask(), lab.ask(), lab.ask()

    assert first.status >= 400
    assert header(first, "idempotency-expires") is None
    assert (second.status, is_replayed(second)) == (200, False)
    assert is_replayed(third)
    assert lab.sent == 2


def fail(*, reached: bool) -> Any:
    def answer(request: UpstreamRequest) -> UpstreamResponse:
        raise UpstreamUnavailableError("The connection broke.", reached_upstream=reached)

    return answer


@pytest.mark.parametrize("is_wire", [False, True])
def test_a_failure_that_may_have_been_charged_is_the_answer_and_says_that_it_stays(is_wire: bool) -> None:
    lab = ReplayLab(fail(reached=True))
    first, second = lab.ask(is_wire=is_wire), lab.ask(is_wire=is_wire)

    assert lab.sent == 1
    assert (first.status, second.status, is_replayed(second)) == (502, 502, True)
    assert first.content == second.content
    body = body_of(first)
    assert body["retryable"] is False
    assert "send another `Idempotency-Key`" in body["message"]
    assert body["message"].startswith(body["detail"])


@pytest.mark.parametrize(("first", "is_kept"), [(500, False), (504, True)])
def test_what_an_earlier_attempt_cost_counts_whoever_decided_to_try_again(first: int, is_kept: bool) -> None:
    """Another plugin repeats the attempt, and the second one fails without any cost."""

    class Again:
        @hookimpl(tryfirst=True)
        def hookline_retry(self, attempt: Attempt) -> RetryDecision:
            return RetryDecision(again=attempt.number == 1)

    statuses = [first, 500, 500, 500]
    lab = ReplayLab(lambda request: refuse(statuses.pop(0))(request), plugins={"zz_again": Again()})

    assert lab.ask().status == 502
    assert is_replayed(lab.ask()) is is_kept


@pytest.mark.parametrize("status", [401, 402, 403, 409, 425, 429, 499, 503])
@pytest.mark.parametrize("is_wire", [False, True])
def test_a_call_that_was_paid_for_is_not_made_again_whatever_its_reply_says(
    status: int, is_wire: bool
) -> None:
    """Such as a check of the output that is out of order, and answers 503."""

    class Check:
        @hookimpl
        def hookline_process_response(self) -> None:
            error = HooklineError("Not now.", status=status, code="not_now")
            error.retryable = True
            raise error

    lab = ReplayLab(plugins={"check": Check()})
    first, second = lab.ask(is_wire=is_wire), lab.ask(is_wire=is_wire)

    assert lab.sent == 1
    assert (first.status, second.status, is_replayed(second)) == (status, status, True)
    assert body_of(first)["retryable"] is False
    assert header(first, "x-should-retry") in (None, "false")


@pytest.mark.parametrize(("upstream", "status"), [(429, 429), (503, 502)])
def test_an_answer_that_was_lost_is_remembered_when_the_next_attempt_is_refused(
    upstream: int, status: int
) -> None:
    class Again:
        @hookimpl(tryfirst=True)
        def hookline_retry(self, attempt: Attempt) -> RetryDecision:
            return RetryDecision(again=attempt.number == 1)

    statuses = [504, upstream]
    lab = ReplayLab(lambda request: refuse(statuses.pop(0))(request), plugins={"zz_again": Again()})
    first, second = lab.ask(), lab.ask()

    assert (first.status, is_replayed(second), lab.sent) == (status, True, 2)
    assert body_of(first)["retryable"] is False


@pytest.mark.parametrize("status", [422, 503])
def test_a_call_that_goes_on_without_its_caller_keeps_its_key_whatever_its_caller_was_told(
    status: int,
) -> None:
    """Such as one that outlasted the wait of its caller, and of which no job could be made."""
    begun, let_go = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    class Elsewhere:
        @hookimpl
        def hookline_run_order(self, order: Order, proceed: Proceed) -> Reply:
            threads.append(threading.Thread(target=proceed, args=(order,)))
            threads[-1].start()
            assert begun.wait(10)
            return Reply(status=status, content=b"{}")

        @hookimpl
        def hookline_admit(self) -> None:
            begun.set()
            assert let_go.wait(10)

    lab = ReplayLab(plugins={"elsewhere": Elsewhere()})
    first, second = lab.ask(), lab.ask()
    let_go.set()
    for thread in threads:
        thread.join(10)

    assert (first.status, second.status, is_replayed(second)) == (status, status, True)
    assert lab.sent == 1


def test_parts_of_a_call_belong_to_it() -> None:
    """Another plugin runs a call in parts, each with an id of its own."""

    class Parts:
        @hookimpl
        def hookline_run_order(self, order: Order, proceed: Proceed) -> Reply:
            for number in range(2):
                fields: dict[str, object] = {"text": str(number)}
                proceed(dataclasses.replace(order, fields=fields, call_id=f"part_{number}"))
            return Reply(status=400, content=b"{}")

    lab = ReplayLab(plugins={"parts": Parts()})
    items: list[object] = [{"text": "a"}, {"text": "b"}]
    assert lab.ask(items=items).status == 400
    assert is_replayed(lab.ask(items=items))
    assert lab.sent == 2


@pytest.mark.parametrize("is_asked", [False, True])
def test_what_may_run_elsewhere_counts_as_sent_from_its_beginning(is_asked: bool) -> None:
    """Its process may die after it gave the call away, and before anything was sent from here."""
    seen: list[bool] = []

    class Look:
        @hookimpl
        def hookline_run_order(self, order: Order) -> Reply:
            seen.extend(row["is_sent"] for row in rows(looking))
            return Reply()

    lab = looking = ReplayLab(plugins={"look": Look()})
    lab.ask(headers={"prefer": "wait=5"} if is_asked else {})
    assert seen == [is_asked]


@pytest.mark.parametrize("status", [408, 504, 524])
def test_an_answer_that_was_lost_on_its_way_is_not_asked_for_again(status: int) -> None:
    lab = ReplayLab(refuse(status))
    lab.ask()
    assert is_replayed(lab.ask())


def test_a_failure_before_anything_was_sent_frees_the_key() -> None:
    lab = ReplayLab(fail(reached=False))
    assert [lab.ask().status, lab.ask().status] == [502, 502]
    assert lab.sent == 2


def test_an_input_that_was_refused_here_does_not_use_up_its_key(lab: ReplayLab) -> None:
    """It can be corrected and sent with the same key."""
    assert lab.ask(text=1, times=0).status == 422
    assert lab.ask(text="hi", times=1).status == 200


def test_a_plugin_that_fails_before_anything_was_sent_frees_the_key() -> None:
    class Broken:
        @hookimpl
        def hookline_shape_request(self) -> None:
            raise RuntimeError

    lab = ReplayLab(plugins={"broken": Broken()})
    assert [lab.ask().status, lab.ask().status] == [500, 500]
    assert [row["state"] for row in rows(lab)] == []


def test_a_reply_that_is_too_large_is_given_once() -> None:
    lab = ReplayLab(max_reply_bytes=10)
    first, second, third = lab.ask(), lab.ask(), lab.ask(text="another")

    assert (first.status, lab.sent) == (200, 1)
    assert (second.status, code_of(second)) == (409, "reply_too_large")
    assert body_of(second)["retryable"] is False
    assert header(second, "link") == '</problems/first_attempt_lost>; rel="describedby"'
    assert third.status == 422


def test_a_reply_of_another_plugin_is_kept_too() -> None:
    """Such as 202 with the address of a job."""

    class Later:
        @hookimpl
        def hookline_run_order(self, order: Order, proceed: Proceed) -> Reply:
            made.append(order)
            return Reply(status=202, headers=[("location", f"/jobs/{len(made)}")], content=b"{}")

    made: list[Order] = []
    lab = ReplayLab(plugins={"later": Later()})
    first = lab.ask(headers={"prefer": "respond-async"})
    second = lab.ask(headers={"prefer": "respond-async"})

    assert len(made) == 1
    assert (first.status, second.status, is_replayed(second)) == (202, 202, True)
    assert header(second, "location") == "/jobs/1"


def test_an_order_that_nobody_waits_for_and_a_get_are_left_alone(lab: ReplayLab) -> None:
    read = dataclasses.replace(say_on_the_wire(), content=None)
    for order in (dataclasses.replace(say(), is_detached=True), read, read):
        assert not is_replayed(lab.run(order))
    assert lab.gateway.database._opened is None


# ---------------------------------------------------------------- hostile, and without a database


@pytest.mark.parametrize("key", ["", '"', "a,b", "k" * 256, "\x00", '"a" "b"'])
def test_what_is_no_key_is_refused_before_anything_runs(lab: ReplayLab, key: str) -> None:
    reply = lab.ask(key)

    assert (reply.status, code_of(reply)) == (400, "invalid_idempotency_key")
    assert header(reply, "link") == '</problems/malformed_request>; rel="describedby"'
    assert lab.sent == 0
    assert lab.gateway.database._opened is None


@pytest.mark.parametrize(
    "key", ["'; DROP TABLE kept_replies; --", "%", "_", "../../etc", "{{x}}", "${x}", "$(id)", "k" * 255]
)
def test_a_strange_key_is_a_key(lab: ReplayLab, key: str) -> None:
    lab.ask(key)
    assert is_replayed(lab.ask(key))
    assert not is_replayed(lab.ask(key[:-1] + "~"))


def test_with_a_key_and_no_database_nothing_runs(lab: ReplayLab) -> None:
    lab.gateway.database.close()

    reply = lab.ask()

    assert (reply.status, code_of(reply), lab.sent) == (503, "store_unavailable", 0)
    assert lab.ask(None).status == 200


def test_a_database_that_goes_away_before_the_call_is_sent_stops_it() -> None:
    class Close:
        @hookimpl
        def hookline_shape_request(self) -> None:
            closing.gateway.database.close()

    lab = closing = ReplayLab(plugins={"close": Close()})
    assert (lab.ask().status, lab.sent) == (503, 0)
    lab.close()


def test_an_answer_that_cannot_be_written_at_once_is_given_and_written_later(
    lab: ReplayLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = lab.plugin._keeper._store

    def away(*arguments: object) -> bool:
        raise StoreUnavailableError("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "end", away)
        first = lab.ask()
        assert (first.status, lab.ask().status) == (200, 409)
        lab.plugin._keeper.leases.tend()
        assert lab.ask().status == 409
    lab.plugin._keeper.leases.tend()

    assert (lab.ask().content, lab.sent) == (first.content, 1)


def test_an_answer_that_cannot_be_encrypted_is_given_once(
    lab: ReplayLab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse_to_seal(content: bytes, *label: str) -> bytes:
        raise SealError("the key file can be read by others")

    monkeypatch.setattr(lab.gateway.seals, "seal", refuse_to_seal)

    assert lab.ask().status == 200
    assert (code_of(lab.ask()), lab.sent) == ("first_attempt_lost", 1)
    assert "the key file can be read by others" in caplog.text


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_process_that_is_ended_in_the_middle_tells_what_is_true(is_sent: bool) -> None:
    class Ends:
        @hookimpl
        def hookline_run_order(self, order: Order, proceed: Proceed) -> Reply:
            if not ended:
                ended.append(order)
                if is_sent:
                    proceed(order)
                raise KeyboardInterrupt
            return proceed(order)

    ended: list[Order] = []
    lab = ReplayLab(plugins={"ends": Ends()})
    with pytest.raises(KeyboardInterrupt):
        lab.ask()

    assert lab.ask().status == (409 if is_sent else 200)
    assert lab.sent == 1


def test_a_row_that_the_database_refuses_does_not_spoil_the_answer(
    lab: ReplayLab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse_it(*arguments: object) -> bool:
        raise ValueError

    monkeypatch.setattr(lab.plugin._keeper._store, "end", refuse_it)

    assert lab.ask().status == 200
    assert "cannot be kept" in caplog.text
    assert len(lab.plugin._keeper.claims) == 0


def test_old_rows_are_removed_by_those_who_write(
    lab: ReplayLab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that cannot do so now stops nobody."""
    for number in range(3):
        lab.ask(f"old-{number}")
    lab.clock.advance(86_400)
    lab.ask("new")
    assert [row["state"] for row in rows(lab)] == ["kept"]

    def away(now_us: int, *, limit: int) -> int:
        raise StoreUnavailableError("It is away.")

    monkeypatch.setattr(lab.plugin._keeper._store, "remove_old", away)
    lab.clock.advance(60)
    assert lab.ask("newer").status == 200
    assert "old replies could not be removed: It is away." in caplog.text


def test_an_error_of_a_plugin_around_it_does_not_leave_the_key_behind() -> None:
    class Refuse:
        @hookimpl
        def hookline_run_order(self, order: Order) -> Reply:
            raise HooklineError("Full.", status=503, code="full")

    lab = ReplayLab(plugins={"refuse": Refuse()})
    assert [lab.ask().status, lab.ask().status] == [503, 503]
    assert rows(lab) == []


# ---------------------------------------------------------------- other keys


def test_headers_that_name_a_step_are_a_key_for_each_input() -> None:
    """A step in a loop runs several calls: the one that comes again is the one with the same input."""
    lab = ReplayLab(derive_from=["X-Run-Id", "X-Step-Id"])
    step = {"x-run-id": "run-1", "x-step-id": "step-1"}

    def run(text: str, headers: dict[str, str]) -> bool:
        return is_replayed(lab.ask(None, text, headers=headers))

    assert [run("a", step), run("b", step), run("a", step), run("b", step)] == [False, False, True, True]
    assert not run("a", {**step, "x-run-id": "run-2"})
    assert not run("a", {"x-run-id": "run-1"})
    assert lab.sent == 4


def test_the_id_of_a_signed_call_is_its_key_and_no_other(lab: ReplayLab) -> None:
    signed = dataclasses.replace(CALLER, delivery_id="msg_1")
    lab.ask(None, caller=signed)

    assert is_replayed(lab.ask(None, caller=signed))
    assert lab.ask(None, "another", caller=signed).status == 422
    assert not is_replayed(lab.ask("msg_1"))
    assert not is_replayed(lab.ask(None))


def test_it_can_be_switched_off_for_a_key_or_an_action() -> None:
    lab = ReplayLab(keys={"caller": {"enabled": False}})
    lab.ask()
    assert not is_replayed(lab.ask())
    assert lab.gateway.database._opened is None


@pytest.mark.parametrize("options", [{"derive_from": ["a header"]}, {"keep_s": 0}, {"lease_s": 1}])
def test_options_that_make_no_sense_keep_the_gateway_from_starting(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="idempotency"):
        ReplayLab(**options)


# ---------------------------------------------------------------- over HTTP


def test_replies_over_http_have_all_of_it(tmp_path: Path) -> None:
    lab = ReplayLab(settings={"state_dir": str(tmp_path)}, clock=FakeClock())
    client = create_app(lab.gateway).test_client()

    def post(text: str) -> Any:
        return client.post("/actions/acme.say", json={"text": text}, headers={"Idempotency-Key": '"k"'})

    first, second, other = post("hi"), post("hi"), post("ho")

    assert (first.data, second.headers["Idempotent-Replayed"]) == (second.data, "true")
    assert "Idempotent-Replayed" not in first.headers
    assert first.headers["x-hookline-call-id"] != second.headers["x-hookline-call-id"]
    assert other.status_code == 422
    problem = other.headers["Link"].partition(">")[0].removeprefix("<")
    assert client.get(problem).get_json()["code"] == "idempotency_key_reused"
    lab.close()


def test_threads_that_ask_at_once_run_one_call(tmp_path: Path) -> None:
    lab = ReplayLab(settings={"state_dir": str(tmp_path)})
    barrier = threading.Barrier(16)
    statuses: list[int] = []

    def work() -> None:
        barrier.wait(20)
        statuses.append(lab.ask().status)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(statuses) == 16
    assert set(statuses) <= {200, 409}
    assert lab.sent == 1
    lab.close()


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    code = (
        "import sys, hookline_idempotency;"
        "print(sorted({'sqlalchemy', 'cryptography', 'pydantic', 'flask'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
