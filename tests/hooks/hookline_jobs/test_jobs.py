"""Calls that become jobs, seen by whoever makes them."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from fake_clock import FakeClock
from hookline import Caps, KeyLimits, Order, Principal, Reply, hookimpl, parse_limit
from hookline.errors import AuthenticationError, RateLimitedError, StoreUnavailableError
from hookline_jobs.job_table import JobTable
from hookline_jobs.texts import dump_order, load_order
from jobs_lab import SOON_S, JobsLab
from small_service import CALLER, whole

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest, UpstreamResponse

MakeLab = Callable[..., JobsLab]


# ---------------------------------------------------------------- asked for


def test_an_answer_that_may_come_later_is_202_and_then_the_actions_own(lab: JobsLab) -> None:
    accepted = lab.call("hello", prefer="respond-async")

    where = accepted.headers["location"]
    assert accepted.status_code == 202
    assert where == f"/jobs/{accepted.json['id']}"  # type: ignore[index]  # it is an object
    assert accepted.headers["preference-applied"] == "respond-async"
    assert int(accepted.headers["retry-after"]) >= 1
    answer = lab.result(where)
    assert (answer.status_code, answer.json) == (200, {"text": "hello!", "warnings": []})
    assert answer.headers["content-type"] == "application/json"
    assert lab.gate.sent == ["hello"]


def test_links_are_whole_addresses_where_the_gateway_knows_its_own(make_lab: MakeLab) -> None:
    lab = make_lab(settings={"server": {"public_url": "https://hooks.acme.example/hookline/"}})
    accepted = lab.call(prefer="respond-async")
    assert accepted.headers["location"].startswith("https://hooks.acme.example/hookline/jobs/job_")


def test_an_answer_that_comes_in_time_is_given_directly(lab: JobsLab) -> None:
    answer = lab.call("hello", prefer="respond-async, wait=9")
    assert (answer.status_code, answer.json) == (200, {"text": "hello!", "warnings": []})
    assert answer.headers["preference-applied"] == "respond-async, wait=9"
    assert lab.client.get("/jobs").json == {"jobs": [], "next_cursor": None}


def test_a_call_that_takes_longer_goes_on_as_a_job_and_is_not_begun_again(make_lab: MakeLab) -> None:
    lab = make_lab(pace=0.02)
    lab.gate.opened.clear()

    accepted = lab.call("slow", prefer="respond-async, wait=5")

    assert accepted.status_code == 202
    assert accepted.json["status"] == "running"  # type: ignore[index]  # it is an object
    where = accepted.headers["location"]
    waiting = lab.client.get(where)
    assert (waiting.status_code, waiting.headers["location"]) == (202, where)
    assert waiting.json["message"] == "The job runs."  # type: ignore[index]  # it is an object
    lab.gate.opened.set()
    assert lab.result(where).json == {"text": "slow!", "warnings": []}
    assert lab.gate.sent == ["slow"]


def test_without_a_word_about_later_the_504_names_the_job_and_nothing_paid_for_is_lost(
    make_lab: MakeLab,
) -> None:
    lab = make_lab(pace=0.002)
    lab.gate.opened.clear()

    late = lab.call("slow", query="?profile=zapier")

    body: dict[str, Any] = orjson.loads(late.data)
    assert late.status_code == 504
    assert (body["error"]["code"], body["retryable"]) == ("deadline_passed", False)
    assert body["type"] == "/problems/deadline_passed"
    assert body["job"]["result_url"] in body["message"]
    lab.gate.opened.set()
    assert lab.result(body["job"]["result_url"]).json == {"text": "slow!", "warnings": []}
    assert lab.gate.sent == ["slow"]


def test_a_platform_that_polls_by_itself_gets_a_202_instead(make_lab: MakeLab) -> None:
    lab = make_lab(pace=0.0005)
    lab.gate.opened.clear()
    assert lab.call(query="?profile=power-automate").status_code == 202


def test_a_call_at_the_wire_door_names_its_job_as_well(make_lab: MakeLab) -> None:
    from small_service import WIRE

    lab = make_lab(pace=0.02)
    lab.gate.opened.clear()
    order = Order(
        action_id="acme.say",
        fields={"text": "slow"},
        content=b'{"text": "slow"}',
        headers={"prefer": "wait=2"},
        endpoint=WIRE,
    )

    late = lab.run(order)

    assert isinstance(late.content, bytes)
    job = orjson.loads(late.content)["job"]
    assert late.status == 504
    lab.gate.opened.set()
    assert lab.result(job["result_url"]).json == {"text": "slow!"}


def test_what_would_be_refused_is_refused_at_once_and_makes_no_job(lab: JobsLab) -> None:
    misspelt = lab.call("hi", prefer="respond-async", tims=3)
    assert misspelt.status_code == 422
    assert misspelt.json["field"] == "tims"  # type: ignore[index]  # it is an object
    assert lab.client.get("/jobs").json["jobs"] == []  # type: ignore[index]  # it is an object


def test_an_error_of_the_service_is_the_result(make_lab: MakeLab) -> None:
    def refuse(request: UpstreamRequest) -> UpstreamResponse:
        return whole({"error": "no"}, status=400)

    lab = make_lab(answer=refuse)
    where = lab.call(prefer="respond-async").headers["location"]

    result = lab.result(where)

    assert result.status_code == 400
    assert result.json["error"]["code"] == "request_rejected"  # type: ignore[index]  # it is an object
    assert lab.status(where)["status"] == "failed"
    assert lab.status(where)["result_status"] == 400


def test_without_a_database_that_answers_no_job_is_taken_and_a_call_that_runs_is_waited_for(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab(pace=0.01)

    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailableError("The database does not answer.")

    lab.office.desk  # noqa: B018 - made while it still works
    monkeypatch.setattr("hookline_jobs.job_table.JobTable.add", fail)
    assert lab.call(prefer="respond-async").status_code == 503
    lab.gate.opened.clear()
    threading.Timer(0.3, lab.gate.opened.set).start()
    waited = lab.call("slow", prefer="respond-async, wait=1")
    assert (waited.status_code, waited.json) == (200, {"text": "slow!", "warnings": []})


@pytest.mark.parametrize("prefer", ["wait=1", "respond-async, wait=1", "respond-async"])
def test_what_is_wrong_about_a_job_is_told_before_anything_is_sent(make_lab: MakeLab, prefer: str) -> None:
    lab = make_lab(pace=0.01)
    lab.gate.opened.clear()
    refused = lab.call(prefer=prefer, headers={"x-hookline-priority": "urgent"})
    assert refused.status_code == 422
    assert lab.gate.sent == []


def test_whatever_keeps_a_call_from_becoming_a_job_its_answer_is_waited_for(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab(pace=0.01)
    monkeypatch.setattr("hookline_jobs.job_table.JobTable.add", lambda *_: 1 / 0)
    lab.gate.opened.clear()
    threading.Timer(0.3, lab.gate.opened.set).start()
    assert lab.call("slow", prefer="wait=1").json == {"text": "slow!", "warnings": []}
    assert lab.gate.sent == ["slow"]


def test_no_tenant_takes_all_threads_of_those_that_wait(make_lab: MakeLab) -> None:
    lab = make_lab(pace=0.01, settings={"server": {"threads": 4}})
    lab.gate.opened.clear()
    mine, theirs = (Principal(key_id=name, tenant=name, scopes=CALLER.scopes) for name in ("mine", "theirs"))

    def ask(caller: Principal) -> Reply:
        return lab.run(
            Order(action_id="acme.say", fields={"text": caller.tenant}, headers={"prefer": "wait=1"}), caller
        )

    assert [ask(mine).status for _ in range(2)] == [504, 504]
    late = threading.Thread(target=ask, args=[mine])  # runs on the thread of whoever asks, to its end
    late.start()
    assert ask(theirs).status == 504
    assert late.is_alive()
    lab.gate.opened.set()
    late.join(SOON_S)
    assert sorted(lab.gate.sent) == ["mine", "mine", "mine", "theirs"]


def test_streams_at_the_wire_door_are_left_alone_whatever_is_set(make_lab: MakeLab) -> None:
    from small_service import DONE, WIRE, Body, event, streamed

    lab = make_lab(
        options={"profile": "zapier"}, answer=lambda request: streamed(Body([event("a"), event("b"), DONE]))
    )
    order = Order(
        action_id="acme.say",
        fields={"text": "hi", "stream": True},
        content=b'{"text": "hi", "stream": true}',
        headers={"prefer": "wait=5"},
        endpoint=WIRE,
    )
    reply = lab.run(order)
    assert not isinstance(reply.content, bytes)
    assert b"".join(reply.content) == event("a") + event("b") + DONE
    assert lab.office._parts is None


def test_a_job_runs_where_services_are_simulated_only_if_it_was_taken_in_there(make_lab: MakeLab) -> None:
    real, simulated = make_lab(options={"running": 0}), make_lab(settings={"sandbox": True})
    id = real.call(prefer="respond-async").json["id"]  # type: ignore[index]  # it is an object
    kept = JobTable(real.gateway.database).get(id)
    assert kept is not None
    assert kept.order is not None
    opened = real.gateway.seals.unseal(kept.order, "jobs", id, "order")
    simulated.office.desk  # noqa: B018 - makes the parts
    JobTable(simulated.gateway.database).add(
        dataclasses.replace(kept, owner=None, order=simulated.gateway.seals.seal(opened, "jobs", id, "order"))
    )
    simulated.office.keeper.wake()
    until = time.monotonic() + SOON_S
    while (found := simulated.status(f"/jobs/{id}"))["runs"] < 1 or found["status"] != "queued":
        assert time.monotonic() < until, found
        time.sleep(0.02)
    assert simulated.upstream.sent == []


# ---------------------------------------------------------------- looked at


def test_the_status_is_for_people(lab: JobsLab) -> None:
    lab.gate.opened.clear()
    where = lab.call(prefer="respond-async", headers={"x-hookline-flow": "Invoices"}).headers["location"]
    lab.gate.wait_until_asked()

    told = lab.wait_for(where, "running")

    assert told["flow"] == "Invoices"
    assert (told["action"], told["runs"], told["result_status"]) == ("acme.say", 1, None)
    assert told["created_at"] <= told["started_at"] < told["expires_at"]


def test_a_job_that_waits_tells_how_many_go_before_it(make_lab: MakeLab) -> None:
    lab = make_lab(options={"running": 1})
    lab.gate.opened.clear()
    first = lab.call("first", prefer="respond-async").headers["location"]
    lab.gate.wait_until_asked()
    places = [lab.call(f"{number}", prefer="respond-async").headers["location"] for number in range(3)]
    assert [lab.status(where)["position"] for where in (first, *places)] == [None, 0, 1, 2]
    assert lab.client.get(places[2]).json["message"] == "The job waits. 2 go before it."  # type: ignore[index]


def test_own_jobs_are_listed_page_by_page(lab: JobsLab) -> None:
    made = [lab.call(f"{number}", prefer="respond-async").headers["location"] for number in range(5)]
    for where in made:
        lab.result(where)

    seen, cursor = [], ""
    while cursor is not None:
        page: dict[str, Any] = orjson.loads(
            lab.client.get(f"/jobs?limit=2&cursor={cursor}" if cursor else "/jobs?limit=2").data
        )
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["next_cursor"]

    assert seen == [where.removeprefix("/jobs/") for where in reversed(made)]
    assert orjson.loads(lab.client.get("/jobs?state=failed").data)["jobs"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?limit=0", "limit"),
        ("?limit=-1", "limit"),
        ("?limit=10000000000000000000000", "limit"),
        ("?limit=x", "limit"),
        ("?state=gone", "state"),
        ("?cursor=%00", "cursor"),
        ("?cursor=eHg=", "cursor"),
        ("?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk6am9iX3g=", "cursor"),
        ("?all=maybe", "all"),
        ("?cursr=x", "cursr"),
    ],
)
def test_a_wrong_parameter_is_named(lab: JobsLab, query: str, field: str) -> None:
    refused = lab.client.get(f"/jobs{query}")
    assert (refused.status_code, refused.json["field"]) == (422, field)  # type: ignore[index]


@pytest.mark.parametrize("method", ["get", "delete"])
@pytest.mark.parametrize("path", ["", "/status"])
def test_another_tenants_job_does_not_exist(make_lab: MakeLab, method: str, path: str) -> None:
    class ByHeader:
        @hookimpl(tryfirst=True)
        def hookline_authenticate(self, request: Any) -> Principal:
            return Principal(key_id="k", tenant=request.headers.get("x-tenant", "mine"), scopes=CALLER.scopes)

    lab = make_lab(ByHeader())
    where = lab.call(prefer="respond-async").headers["location"]
    lab.result(where)
    if (method, path) == ("delete", "/status"):
        return
    others = getattr(lab.client, method)(where + path, headers={"x-tenant": "theirs"})
    nobodys = getattr(lab.client, method)(f"/jobs/job_0{path}", headers={"x-tenant": "theirs"})
    assert (others.status_code, nobodys.status_code) == (404, 404)
    assert others.json["error"] == nobodys.json["error"]
    assert lab.status(where)["status"] == "done"


def test_another_key_of_the_tenant_sees_a_job_only_with_the_right_to_see_all(make_lab: MakeLab) -> None:
    class ByHeader:
        @hookimpl(tryfirst=True)
        def hookline_authenticate(self, request: Any) -> Principal:
            key_id = request.headers.get("x-key", "mine")
            more = {"usage:admin"} if key_id == "admin" else set()
            return Principal(key_id=key_id, scopes=CALLER.scopes | more)

    lab = make_lab(ByHeader())
    where = lab.call(prefer="respond-async").headers["location"]
    lab.result(where)

    def status(key: str, path: str) -> int:
        return lab.client.get(path, headers={"x-key": key}).status_code

    assert [status(key, where) for key in ("mine", "another", "admin")] == [200, 404, 200]
    assert [status(key, "/jobs?all=1") for key in ("another", "admin")] == [403, 200]


# ---------------------------------------------------------------- cancelled


def test_a_job_that_waits_is_cancelled_and_never_runs(make_lab: MakeLab) -> None:
    lab = make_lab(options={"running": 1})
    lab.gate.opened.clear()
    lab.call("first", prefer="respond-async")
    lab.gate.wait_until_asked()
    where = lab.call("second", prefer="respond-async").headers["location"]

    told = lab.client.delete(where)

    assert (told.status_code, told.json["status"]) == (200, "cancelled")  # type: ignore[index]
    result = lab.client.get(where)
    assert (result.status_code, result.json["error"]["code"]) == (410, "job_cancelled")  # type: ignore[index]
    lab.gate.opened.set()
    third = lab.call("third", prefer="respond-async").headers["location"]
    lab.result(third)
    assert lab.gate.sent == ["first", "third"]


def test_a_job_that_runs_is_cancelled_upstream_too(make_lab: MakeLab) -> None:
    from hookline.errors import UpstreamUnavailableError

    begun = threading.Event()

    class Wait:
        @hookimpl
        def hookline_execute(self, call: Any) -> None:
            left = threading.Event()
            call.cancellation.add(left.set)
            begun.set()
            assert left.wait(SOON_S)
            raise UpstreamUnavailableError("The connection was closed.")

    lab = make_lab(Wait())
    where = lab.call(prefer="respond-async").headers["location"]
    assert begun.wait(SOON_S)

    lab.client.delete(where)

    assert lab.wait_for(where, "cancelled")["result_status"] == 410


def test_a_job_that_is_over_stays_as_it_is(lab: JobsLab) -> None:
    where = lab.call(prefer="respond-async").headers["location"]
    lab.result(where)
    assert lab.client.delete(where).json["status"] == "done"  # type: ignore[index]
    assert lab.client.get(where).status_code == 200


# ---------------------------------------------------------------- in order, and not too many


def test_tenants_take_turns_however_many_jobs_one_of_them_has(make_lab: MakeLab) -> None:
    lab = make_lab(options={"running": 1})
    lab.gate.opened.clear()
    many, few = (Principal(key_id=name, tenant=name, scopes=CALLER.scopes) for name in ("many", "few"))

    def ask(caller: Principal, text: str, **headers: str) -> Reply:
        asked = Order(
            action_id="acme.say", fields={"text": text}, headers={"prefer": "respond-async", **headers}
        )
        return lab.run(asked, caller)

    ask(many, "first")
    lab.gate.wait_until_asked()
    for number in range(4):
        ask(many, f"many {number}")
    ask(few, "few 0")
    ask(few, "few 1")
    ask(many, "later", **{"x-hookline-priority": "low"})
    lab.wait_until_queued()
    lab.gate.opened.set()
    for _ in range(7):
        lab.gate.wait_until_asked()

    order = lab.gate.sent[1:]
    assert order.index("few 0") == 0
    assert order.index("few 1") <= 2
    assert order[-1] == "later"


def test_a_priority_that_does_not_exist_is_refused_and_nobody_raises_its_own(make_lab: MakeLab) -> None:
    lab = make_lab(options={"priority": "low"})
    refused = lab.call(prefer="respond-async", headers={"x-hookline-priority": "urgent"})
    assert refused.status_code == 422
    lab.call(prefer="respond-async", headers={"x-hookline-priority": "high"})
    [row] = lab.office.desk.page(tenant="default", key_id=None, state=None, before=None, limit=5)
    assert row.priority > 2_000_000


@pytest.mark.parametrize("option", ["max_waiting", "max_waiting_per_tenant"])
def test_a_full_queue_takes_no_more_and_says_when_to_come_again(make_lab: MakeLab, option: str) -> None:
    lab = make_lab(options={"running": 1, option: 2})
    lab.gate.opened.clear()
    lab.call(prefer="respond-async")
    lab.gate.wait_until_asked()
    statuses = [lab.call(prefer="respond-async").status_code for _ in range(3)]
    full = lab.call(prefer="respond-async")
    assert statuses == [202, 202, 503]
    assert (full.json["error"]["code"], full.headers["retry-after"]) == ("queue_full", "30")  # type: ignore[index]
    assert full.json["retryable"] is True  # type: ignore[index]


def test_no_more_jobs_than_allowed_run_on_one_account(make_lab: MakeLab) -> None:
    lab = make_lab(options={"running": 8, "running_per_connection": 2})
    lab.gate.opened.clear()
    made = [lab.call(f"{number}", prefer="respond-async").headers["location"] for number in range(5)]
    lab.gate.wait_until_asked()
    lab.gate.wait_until_asked()
    assert not lab.gate.asked.acquire(timeout=0.3)
    lab.gate.opened.set()
    assert [lab.result(where).status_code for where in made] == [200] * 5


def test_a_job_that_limits_refuse_for_now_waits_for_its_turn(make_lab: MakeLab) -> None:
    refusals = iter([True, False])

    class Limit:
        @hookimpl
        def hookline_admit(self) -> None:
            if next(refusals):
                raise RateLimitedError("Too fast.", retry_after_s=1, reached_upstream=False)

    lab = make_lab(Limit())
    where = lab.call(prefer="respond-async").headers["location"]
    assert lab.result(where).status_code == 200
    assert lab.status(where)["runs"] == 2
    assert lab.gate.sent == ["hi"]


def test_a_job_that_is_cancelled_while_limits_hold_it_up_does_not_run_again(make_lab: MakeLab) -> None:
    lab: JobsLab

    class Limit:
        @hookimpl
        def hookline_admit(self, call: Any) -> None:
            [row] = JobTable(lab.gateway.database).page(limit=5)
            JobTable(lab.gateway.database).ask_to_cancel(row.id)  # as another process does
            raise RateLimitedError("Too fast.", retry_after_s=1, reached_upstream=False)

    lab = make_lab(Limit())
    where = lab.call(prefer="respond-async").headers["location"]
    assert lab.wait_for(where, "cancelled")["runs"] == 1
    assert lab.gate.sent == []


def test_a_job_that_waited_too_long_fails_and_says_so(make_lab: MakeLab) -> None:
    clock = FakeClock()

    class Limit:
        @hookimpl
        def hookline_admit(self) -> None:
            clock.advance(100)
            raise RateLimitedError("Too fast.", retry_after_s=1, reached_upstream=False)

    lab = make_lab(Limit(), options={"max_age_s": 60}, clock=clock)
    where = lab.call(prefer="respond-async").headers["location"]
    assert lab.result(where).status_code == 429
    assert lab.gate.sent == []


# ---------------------------------------------------------------- who asked


def test_a_caller_runs_later_with_the_rights_that_it_has_then(make_lab: MakeLab) -> None:
    seen: list[Principal] = []

    class Keys:
        @hookimpl
        def hookline_renew_principal(self, principal: Principal) -> Principal:
            return Principal(key_id=principal.key_id, scopes=principal.scopes, label="renewed")

        @hookimpl
        def hookline_admit(self, call: Any) -> None:
            seen.append(call.principal)

    lab = make_lab(Keys())
    lab.result(lab.call(prefer="respond-async").headers["location"])
    assert [principal.label for principal in seen] == ["renewed"]


def test_the_job_of_a_key_that_is_not_valid_any_more_does_not_run(make_lab: MakeLab) -> None:
    class Keys:
        @hookimpl
        def hookline_renew_principal(self, principal: Principal) -> Principal:
            raise AuthenticationError("The key is not valid any more.")

    lab = make_lab(Keys())
    assert lab.result(lab.call(prefer="respond-async").headers["location"]).status_code == 401
    assert lab.gate.sent == []


def test_a_plugin_that_fails_ends_the_job_with_its_fault(make_lab: MakeLab) -> None:
    class Broken:
        @hookimpl
        def hookline_renew_principal(self) -> Principal:
            raise KeyError("nobody expected this")

    lab = make_lab(Broken())
    result = lab.result(lab.call(prefer="respond-async").headers["location"])
    assert (result.status_code, result.json["error"]["code"]) == (500, "plugin_failed")  # type: ignore[index]


def test_a_reply_that_is_too_large_to_keep_is_an_end_too(make_lab: MakeLab) -> None:
    lab = make_lab(answer=lambda request: whole({"text": "x" * 1_100_000}), options={"max_reply_mb": 1})
    result = lab.result(lab.call(prefer="respond-async").headers["location"])
    assert result.json["error"]["code"] == "job_reply_too_large"  # type: ignore[index]  # it is an object


def test_what_is_kept_of_an_order_gives_the_same_order_and_caller() -> None:
    caller = Principal(
        key_id="hk_1",
        tenant="berlin",
        scopes=frozenset({"actions:run", "catalog:read"}),
        label="Zapier",
        actions=("acme.*",),
        models=("small",),
        connections=("main",),
        caps=Caps(max_output_tokens=5, max_stream_s=1.5),
        limits=(KeyLimits(key_id="hk_0", limits=(parse_limit("5 usd / day per tenant warn 80%"),)),),
    )
    order = Order(
        action_id="acme.say",
        fields={"text": "ü", "callback_url": "https://a.example"},
        headers={"x-hookline-flow": "f", "prefer": "wait=1"},
        client="192.0.2.1",
    )
    found, kept, is_simulated = load_order(dump_order(caller, order, {"text": "ü"}, is_simulated=True))
    assert is_simulated
    assert found == caller
    assert (kept.action_id, kept.fields, kept.headers, kept.call_id, kept.client) == (
        "acme.say",
        {"text": "ü"},
        {"x-hookline-flow": "f"},
        order.call_id,
        "192.0.2.1",
    )


# ---------------------------------------------------------------- told, and forgotten


def test_plugins_are_told_of_every_end_once_with_the_reply(make_lab: MakeLab) -> None:
    lab = make_lab()
    where = lab.call("a", prefer="respond-async", callback_url="https://hooks.example/1").headers["location"]
    lab.result(where)

    until = threading.Event()
    while not lab.told.jobs:
        until.wait(0.01)
    [job] = lab.told.jobs
    assert (f"/jobs/{job.id}", job.state, job.callback_url) == (where, "done", "https://hooks.example/1")
    assert job.reply is not None
    assert job.reply.content == b'{"text":"a!","warnings":[]}'
    assert "hooks.example" not in repr(job)


def test_nothing_of_prompts_answers_and_addresses_is_readable_in_the_database(make_lab: MakeLab) -> None:
    from sqlalchemy import select

    from hookline.store.tables import JOBS

    lab = make_lab()
    where = lab.call("canary-text", prefer="respond-async", callback_url="https://canary.example/token")
    lab.result(where.headers["location"])
    with lab.gateway.database.connect() as connection:
        [row] = connection.execute(select(JOBS)).mappings().all()
    assert row["order"] is None
    assert b"canary" not in repr(dict(row)).encode()


def test_results_are_forgotten_after_their_time(make_lab: MakeLab) -> None:
    clock = FakeClock()
    lab = make_lab(options={"keep_s": 60}, clock=clock)
    where = lab.call(prefer="respond-async").headers["location"]
    lab.result(where)
    clock.advance(61)
    until = threading.Event()
    while lab.client.get(where).status_code != 404:
        lab.office.keeper.wake()
        until.wait(0.02)


def test_a_call_that_wishes_nothing_starts_no_thread_and_opens_no_database(make_lab: MakeLab) -> None:
    lab = make_lab()
    before = threading.active_count()
    assert lab.call().status_code == 200
    assert threading.active_count() == before
    assert lab.office._parts is None
