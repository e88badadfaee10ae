"""Calls with several items, from the request to the reply."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bulk_lab import BulkLab, read, repeat, statuses, text_of
from fake_clock import FakeClock
from hookline import Call, HooklineError, Order, Reply, UpstreamRequest, UpstreamResponse, hookimpl
from hookline.call import Cancellation
from hookline.errors import BudgetExhaustedError, RateLimitedError, StoreUnavailableError
from hookline.settings import LimitSettings, Settings
from hookline_bulk import BulkPlugin
from hookline_bulk.bulk_request import read_request
from hookline_bulk.packing import fields_of_unit
from small_service import CALLER, Upstream, make_connector, make_gateway, say, whole

if TYPE_CHECKING:
    from hookline.engine.transport import Timeouts
    from hookline.usage import Usage


class Admit:
    """Lets a call in if a function says nothing against it."""

    def __init__(self, refuse: Any) -> None:
        self._refuse = refuse

    @hookimpl
    def hookline_admit(self, call: Call) -> None:
        error = self._refuse(call)
        if error is not None:
            raise error


def test_each_item_has_its_output_at_its_place_and_fields_beside_them_are_defaults() -> None:
    lab = BulkLab()

    status, body = lab.run([{"text": "one"}, {}, {"text": "three", "times": 3}], text="shared", times=2)

    assert status == 200
    assert [(item["index"], item["status"], item["output"]["text"]) for item in body["items"]] == [
        (0, 200, "one"),
        (1, 200, "shared"),
        (2, 200, "three"),
    ]
    sent = {text_of(request): (request.body or {})["times"] for request in lab.upstream.sent}
    assert sent == {"one": 2, "shared": 2, "three": 3}


def test_a_large_field_that_all_share_is_not_copied_before_its_call_runs() -> None:
    large = [{"role": "user", "content": "x" * 1000}] * 1000
    connector = make_connector()
    fields: dict[str, Any] = {"items": [{"text": "a"}] * 1000, "large": large}
    request = read_request(connector.actions["acme.say"], fields, max_items=1000, concurrency=1, is_job=False)
    assert all(item["large"] is large for item in request.items)


def test_text_that_all_share_becomes_what_the_schema_asks_for_in_each_call_alone() -> None:
    shared = {"a": "1"}
    first = fields_of_unit((0,), [{"shared": shared}], None)
    assert first == {"shared": {"a": "1"}}
    assert first["shared"] is not shared


def test_the_summary_tells_what_all_took_together() -> None:
    _, body = BulkLab().run([{"text": "ab"}, {"text": "cde"}, {"text": "refuse"}])
    summary = body["summary"]
    assert summary.pop("duration_ms") >= 0
    assert summary == {
        "total": 3,
        "succeeded": 2,
        "failed": 1,
        "skipped": 0,
        "calls": 3,
        "usage": {
            "input_tokens": 5,
            "output_tokens": 2,
            "total_tokens": 7,
            "cached_tokens": None,
            "reasoning_tokens": None,
        },
        "cost_usd": pytest.approx(25e-9),
    }


def test_an_item_that_fails_has_its_own_status_and_problem_and_the_others_go_well() -> None:
    status, body = BulkLab().run([{"text": "a"}, {"wrong": 1}, {"text": "break"}, {"text": "b"}])
    assert (status, statuses(body)) == (200, [200, 422, 502, 200])
    assert body["items"][1]["error"]["field"] == "wrong"
    assert body["items"][2]["error"]["upstream"]["status"] == 503


def test_if_no_item_goes_well_the_reply_is_the_first_error_with_all_items_beside_it() -> None:
    reply = BulkLab().reply([{"wrong": 1}, {"text": "break"}])
    status, body = read(reply)
    assert (status, statuses(body)) == (422, [422, 502])
    assert (body["status"], body["field"], body["summary"]["failed"]) == (422, "wrong", 2)
    assert dict(reply.headers)["content-type"] == "application/problem+json"


def test_an_empty_list_is_answered_with_an_empty_list() -> None:
    status, body = BulkLab().run([])
    assert (status, body["items"], body["summary"]["total"]) == (200, [], 0)


def test_every_item_is_a_call_of_its_own_with_its_own_id() -> None:
    ids: list[str] = []

    class Note:
        @hookimpl
        def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
            ids.append(call.id)

    _, body = BulkLab(Note()).run([{"text": "a"}, {"text": "b"}])

    assert sorted(ids) == sorted(item["call_id"] for item in body["items"])
    assert len({*ids, "call_1"}) == 3


def test_no_more_items_run_at_once_than_the_caller_asks_for() -> None:
    lock, running, most = threading.Lock(), 0, 0
    two = threading.Barrier(2)

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        two.wait(5)  # each waits for another: with one at a time nothing would ever end
        with lock:
            running -= 1
        return repeat(request)

    status, _ = BulkLab(answer=answer).run([{"text": str(n)} for n in range(12)], concurrency="2")

    assert (status, most) == (200, 2)


def test_the_items_of_all_calls_share_the_threads_of_a_worker() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1
        return repeat(request)

    settings = Settings.model_validate({"plugins": {"plugin1": {"max_running": 2}}})
    lab = BulkLab(answer=answer, settings=settings)
    done: list[int] = []
    calls = [
        threading.Thread(target=lambda: done.append(lab.run([{"text": str(n)} for n in range(20)])[0]))
        for _ in range(4)
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join(10)

    assert done == [200] * 4
    assert most <= 2


def test_our_own_rate_limit_is_waited_for() -> None:
    clock = FakeClock()
    refused: Counter[str] = Counter()

    def refuse(call: Call) -> HooklineError | None:
        text = str(call.input["text"])
        refused[text] += 1
        if refused[text] == 1:
            return RateLimitedError("Too many.", retry_after_s=7.0, reached_upstream=False)
        return None

    lab = BulkLab(Admit(refuse), clock=clock)
    status, body = lab.run([{"text": "a"}, {"text": "b"}], concurrency=1)

    assert (status, statuses(body)) == (200, [200, 200])
    assert round(sum(clock.waits)) == 14
    assert lab.asked == ["a", "b"]


def test_a_rate_limit_that_outlasts_the_call_is_told_at_once() -> None:
    clock = FakeClock()
    lab = BulkLab(
        Admit(lambda call: RateLimitedError("Too many.", retry_after_s=7200.0, reached_upstream=False)),
        clock=clock,
    )
    reply = lab.reply([{"text": "a"}, {"text": "b"}, {"text": "c"}], concurrency=1)
    status, body = read(reply)
    assert (status, statuses(body)) == (429, [429, 424, 424])
    assert dict(reply.headers)["retry-after"] == "7200"
    assert body["items"][1]["error"]["because"] == "limit"
    assert clock.waits == []


def test_our_own_503_before_anything_was_sent_is_waited_for() -> None:
    """Such as a database that is locked for a moment."""
    clock = FakeClock()
    refused: Counter[str] = Counter()

    def refuse(call: Call) -> HooklineError | None:
        refused[str(call.input["text"])] += 1
        if refused[str(call.input["text"])] == 1:
            return StoreUnavailableError("The database is locked.", reached_upstream=False)
        return None

    lab = BulkLab(Admit(refuse), clock=clock)
    status, body = lab.run([{"text": "a"}, {"text": "b"}], concurrency=1)

    assert (status, statuses(body), lab.asked) == (200, [200, 200], ["a", "b"])
    assert sum(clock.waits) >= 2


def test_our_own_503_that_outlasts_the_call_is_the_items_result_within_its_time() -> None:
    clock = FakeClock()
    lab = BulkLab(
        Admit(lambda call: StoreUnavailableError("It is down.", reached_upstream=False)),
        clock=clock,
        settings=Settings(limits=LimitSettings(timeout_s=5.0)),
    )
    status, body = lab.run([{"text": "a"}, {"text": "b"}], concurrency=1)

    assert status == 503
    assert statuses(body)[0] == 503
    assert sum(clock.waits) <= 5.0


@pytest.mark.parametrize("error", [StoreUnavailableError("Down."), RateLimitedError("Too many.")])
def test_an_item_that_was_sent_is_not_sent_again_although_we_refuse_its_answer_for_now(
    error: HooklineError,
) -> None:
    class Check:
        @hookimpl
        def hookline_process_response(self) -> None:
            raise error

    lab = BulkLab(Check(), clock=FakeClock())
    _, body = lab.run([{"text": "a"}], concurrency=1)

    assert (statuses(body), lab.asked) == ([error.status], ["a"])


def test_a_rate_limit_of_the_service_is_the_items_result() -> None:
    def answer(request: UpstreamRequest) -> UpstreamResponse:
        return whole({"error": "slow down"}, status=429) if text_of(request) == "b" else repeat(request)

    lab = BulkLab(answer=answer)
    _, body = lab.run([{"text": "a"}, {"text": "b"}])
    assert (statuses(body), lab.asked.count("b")) == ([200, 429], 1)


def test_nothing_more_is_begun_once_a_budget_is_used_up() -> None:
    def refuse(call: Call) -> HooklineError | None:
        return BudgetExhaustedError("No money.") if call.input["text"] == "b" else None

    lab = BulkLab(Admit(refuse))
    status, body = lab.run([{"text": text} for text in "abcd"], concurrency=1)

    assert (status, statuses(body), lab.asked) == (200, [200, 402, 424, 424], ["a"])
    assert body["items"][3]["error"]["because"] == "budget"
    assert body["summary"]["skipped"] == 2


def test_on_error_stop_begins_nothing_more_after_an_item_that_failed() -> None:
    lab = BulkLab()
    _, body = lab.run([{"text": text} for text in ("a", "refuse", "c")], on_error="stop", concurrency=1)
    assert (statuses(body), lab.asked) == ([200, 400, 424], ["a", "refuse"])
    assert body["items"][2]["error"]["because"] == "error"


def test_when_the_time_of_the_call_is_over_what_runs_is_ended_and_the_rest_skipped() -> None:
    clock = FakeClock()

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        clock.advance(40.0)
        return repeat(request)

    settings = Settings(limits=LimitSettings(timeout_s=60.0))
    _, body = BulkLab(answer=answer, clock=clock, settings=settings).run(
        [{"text": text} for text in "abcd"], concurrency=1
    )
    assert statuses(body) == [200, 200, 424, 424]
    assert body["items"][2]["error"]["because"] == "time"


def test_a_job_has_a_time_of_its_own() -> None:
    clock = FakeClock()

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        clock.advance(40.0)
        return repeat(request)

    settings = Settings(limits=LimitSettings(timeout_s=60.0))
    _, body = BulkLab(answer=answer, clock=clock, settings=settings).run(
        [{"text": text} for text in "abcd"], concurrency=1, order={"is_detached": True}
    )
    assert statuses(body) == [200] * 4


def test_what_still_runs_when_the_time_is_over_is_ended_and_told_as_504() -> None:
    class Slow(Upstream):
        def send(
            self, request: UpstreamRequest, *, timeouts: Timeouts, cancellation: Cancellation
        ) -> UpstreamResponse:
            if text_of(request) == "quick":
                return repeat(request)
            ended = threading.Event()
            cancellation.add(ended.set)
            assert ended.wait(10)
            raise ConnectionError("the connection was closed")

    lab = BulkLab(upstream=Slow(), settings=Settings(limits=LimitSettings(timeout_s=0.3)))
    _, body = lab.run(["quick", "slow", "late"], concurrency=1)

    assert statuses(body) == [200, 504, 424]
    assert "may have charged" in body["items"][1]["error"]["detail"]


def test_an_item_that_ends_its_task_fails_alone_and_at_once() -> None:
    plugin = BulkPlugin()
    make_gateway(plugin, settings=Settings(limits=LimitSettings(timeout_s=60.0)))
    order = replace(say(), fields={"items": [{"text": "good"}, {"text": "bad"}], "concurrency": 1})

    def proceed(item: Order) -> Reply:
        if item.fields["text"] == "bad":
            raise asyncio.CancelledError
        return Reply(status=200, headers=[], content=b'{"text": "good"}')

    began_at = time.monotonic()
    reply = plugin.hookline_run_order(CALLER, order, proceed)

    assert reply is not None
    _, body = read(reply)
    assert statuses(body) == [200, 500]
    assert time.monotonic() - began_at < 30


def test_cancelling_ends_what_runs_and_skips_the_rest() -> None:
    cancellation = Cancellation()

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        if text_of(request) == "b":
            cancellation.cancel()
            raise ConnectionError("the connection was closed")
        return repeat(request)

    lab = BulkLab(answer=answer)
    _, body = lab.run(
        [{"text": text} for text in "abcd"], concurrency=1, order={"cancellation": cancellation}
    )
    assert (statuses(body), lab.asked) == ([200, 499, 424, 424], ["a", "b"])
    assert body["items"][3]["error"]["because"] == "cancelled"


def test_the_calls_of_items_share_the_orders_cancellation_by_which_others_know_them() -> None:
    cancellation = Cancellation()
    seen: list[Cancellation] = []

    class Note:
        @hookimpl
        def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
            seen.append(call.cancellation)

    BulkLab(Note()).run(["a", "b"], order={"cancellation": cancellation})
    assert [one is cancellation for one in seen] == [True, True]


def test_progress_is_told_until_all_is_done() -> None:
    told: list[tuple[int, int]] = []
    BulkLab().run(
        [{"text": text} for text in "abc"],
        concurrency=1,
        order={"report": lambda done, total: told.append((done, total))},
    )
    assert told[0] == (0, 3)
    assert told[-1] == (3, 3)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_after_the_gateway_was_closed_nothing_is_begun() -> None:
    lab = BulkLab()
    lab.gateway.close()
    status, body = lab.run([{"text": "a"}])
    assert (status, statuses(body), lab.asked) == (503, [424], [])
    assert body["error"]["code"] == "shutting_down"


def test_what_runs_while_the_gateway_is_closed_is_finished_and_the_rest_skipped() -> None:
    labs: list[BulkLab] = []

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        if text_of(request) == "b":
            labs[0].gateway.close()
        return repeat(request)

    labs.append(BulkLab(answer=answer))
    status, body = labs[0].run([{"text": text} for text in "abcd"], concurrency=1)

    assert (status, statuses(body)) == (200, [200, 200, 424, 424])
    assert body["items"][3]["error"]["because"] == "closing"


@pytest.mark.parametrize("last", ["b", "refuse"])
def test_an_order_that_nobody_waits_for_is_told_as_interrupted_with_what_was_paid_for(last: str) -> None:
    labs: list[BulkLab] = []

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        if text_of(request) == last:
            labs[0].gateway.close()
        return repeat(request)

    labs.append(BulkLab(answer=answer))
    items = [{"text": text} for text in ("a", last, "c", "d")]
    status, body = labs[0].run(items, concurrency=1, order={"is_detached": True})

    assert (status, body["error"]["code"], body["retryable"]) == (502, "interrupted", False)
    assert statuses(body) == [200, 200 if last == "b" else 400, 424, 424]
    assert body["items"][0]["output"]["text"] == "a"
    assert (body["summary"]["skipped"], body["summary"]["usage"]["total_tokens"] > 0) == (2, True)
    assert "by their index: 2-3." in body["message"]


def test_an_order_that_nobody_waits_for_may_run_again_if_the_gateway_was_closed_before_it_sent() -> None:
    labs: list[BulkLab] = []

    def refuse(call: Call) -> HooklineError:
        labs[0].gateway.close()
        return HooklineError("Not this.", status=403, code="not_this")

    labs.append(BulkLab(Admit(refuse)))
    status, body = labs[0].run([{"text": "a"}, {"text": "b"}], concurrency=1, order={"is_detached": True})

    assert (status, body["error"]["code"], statuses(body)) == (503, "shutting_down", [403, 424])


def test_an_order_that_was_complete_when_the_gateway_was_closed_is_done() -> None:
    labs: list[BulkLab] = []

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        labs[0].gateway.close()
        return repeat(request)

    labs.append(BulkLab(answer=answer))
    assert labs[0].run([{"text": "a"}], order={"is_detached": True})[0] == 200


def test_a_call_without_items_is_left_alone() -> None:
    lab = BulkLab()
    status, body = read(lab.gateway.runner.run(CALLER, say("alone")))
    assert (status, body["text"]) == (200, "alone")


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"items": 7}, "items", "`items` must be a list, not a number."),
        ({"items": None}, "items", "`items` must be a list, not null."),
        ({"items": "[1"}, "items", "not the JSON of one"),
        ({"items": ["a", 3]}, "items[1]", "`items[1]` must be an object, not a number."),
        ({"items": [{}, {"items": []}]}, "items[1].items", "cannot have items of its own"),
        ({"items": [{"text": "a", "stream": "true"}]}, "items[0].stream", "cannot be streamed"),
        ({"items": [], "stream": True}, "stream", "cannot be streamed"),
        ({"items": [{}] * 1001}, "items", "1,001 items, and at most 1,000"),
        ({"items": [], "on_error": "ignore"}, "on_error", "`continue` or `stop`"),
        ({"items": [], "concurrency": 0}, "concurrency", "at least 1"),
        ({"items": [], "concurrency": True}, "concurrency", "at least 1"),
    ],
)
def test_what_cannot_be_run_as_a_whole_is_refused_with_the_field(
    fields: dict[str, Any], field: str, message: str
) -> None:
    lab = BulkLab()
    status, body = lab.run(fields.pop("items"), **fields)
    assert (status, body["field"]) == (422, field)
    assert message in body["detail"]
    assert lab.asked == []


def test_a_job_may_have_more_items() -> None:
    status, body = BulkLab().run([{"wrong": 1}] * 1001, order={"is_detached": True})
    assert (status, body["summary"]["total"]) == (422, 1001)


def test_a_text_is_an_item_where_the_action_has_one_field_for_it() -> None:
    status, body = BulkLab().run(["one", {"text": "two"}])
    assert (status, [item["output"]["text"] for item in body["items"]]) == (200, ["one", "two"])


def test_a_text_is_refused_where_it_has_none() -> None:
    status, body = BulkLab().run(["one"], action="acme.look")
    assert (status, body["field"]) == (422, "items[0]")


def test_a_form_sends_the_list_as_text() -> None:
    status, body = BulkLab().run('[{"text": "one"}]')
    assert (status, body["items"][0]["output"]["text"]) == (200, "one")


def test_an_unknown_action_is_404() -> None:
    status, body = BulkLab().run([{}], action="acme.shout")
    assert (status, body["error"]["code"]) == (404, "unknown_action")
