"""Results on their way: the schedule by an injected clock, to a real receiver that behaves in many ways."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime

import pytest
from standardwebhooks.webhooks import Webhook

from callbacks_lab import OUTPUT, Lab, receiving
from hookline_callbacks.deliveries import delivery_id_of
from hookline_callbacks.schedule import SCHEDULE_S
from scripted_server import always, answer, serving

NewLab = Callable[..., Lab]
STEPS = SCHEDULE_S[1:]


def wait_s(lab: Lab, number: int = 1) -> float:
    return (lab.find(number).next_at_us - lab.office.now_us()) / 1e6


def test_the_result_arrives_as_the_action_answered_it_signed_for_the_judge(new_lab: NewLab) -> None:
    lab = new_lab()
    with receiving() as receiver:
        lab.take(receiver.url("/hook?token=secret"))
        assert lab.carry() == 1
        [letter] = receiver.letters

    assert letter.content == OUTPUT
    assert letter.path == "/hook?token=secret"
    assert letter.headers["content-type"] == "application/json"
    assert letter.headers["x-hookline-job"] == lab.find().job_id
    assert letter.headers["x-hookline-action"] == "acme.say"
    assert letter.headers["x-hookline-status"] == "200"
    assert letter.headers["user-agent"].startswith("hookline/")
    [secret] = lab.secrets()
    assert Webhook(secret).verify(letter.content, letter.headers) == json.loads(OUTPUT)
    delivered = lab.find()
    assert delivered.state == "delivered"
    assert [(one.status, one.error) for one in delivered.history] == [(200, None)]
    assert lab.carry(after_s=400_000) == 0


def test_a_receiver_that_fails_is_asked_again_by_the_schedule_and_then_no_more(new_lab: NewLab) -> None:
    """The specification's schedule: at once, then after 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h."""
    lab = new_lab()
    with receiving(answer(b"", "500 Broken")) as receiver:
        lab.take(receiver.url())
        assert lab.carry() == 1
        for count, step_s in enumerate(STEPS, start=1):
            planned = wait_s(lab)
            assert step_s <= planned <= step_s * 1.1
            assert lab.carry(after_s=planned - 0.5) == 0
            assert lab.carry(after_s=0.5) == 1
            assert len(receiver.letters) == count + 1
        failed = lab.find()
        assert lab.carry(after_s=400_000) == 0

    assert (failed.state, failed.attempts, len(failed.history)) == ("failed", 10, 10)
    assert {one.error for one in failed.history} == {"it answered 500"}
    [secret] = lab.secrets()
    assert {letter.id for letter in receiver.letters} == {delivery_id_of(failed.job_id)}
    assert len({letter.headers["webhook-timestamp"] for letter in receiver.letters}) == 10
    assert {letter.content for letter in receiver.letters} == {OUTPUT}
    assert all(letter.is_signed_with(secret) for letter in receiver.letters)


def test_a_receiver_that_recovers_gets_it(new_lab: NewLab) -> None:
    lab = new_lab()
    with receiving(answer(b"", "500 Broken"), answer(b"", "404 Unknown"), answer()) as receiver:
        lab.take(receiver.url())
        assert [lab.carry(), lab.carry(after_s=6), lab.carry(after_s=331)] == [1, 1, 1]

    assert lab.find().state == "delivered"
    assert [one.status for one in lab.find().history] == [500, 404, 200]


def test_410_stops_it(new_lab: NewLab) -> None:
    lab = new_lab()
    with receiving(answer(b"", "410 Gone")) as receiver:
        lab.take(receiver.url())
        lab.carry()
        assert lab.carry(after_s=400_000) == 0

    stopped = lab.find()
    assert stopped.state == "stopped"
    assert stopped.history[-1].error == "it answered 410: it wants no more of this"


def test_a_receiver_that_hangs_is_left_in_time(new_lab: NewLab) -> None:
    lab = new_lab(timeout_s=1)
    with receiving(None) as receiver:
        lab.take(receiver.url())
        lab.carry()

    assert lab.find().state == "waiting"
    assert lab.find().history[-1].error == "127.0.0.1 did not answer in time"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Elsewhere", "308 For good"])
def test_s3_a_redirect_is_a_failure_and_leads_nowhere(new_lab: NewLab, status: str) -> None:
    """S3."""
    lab = new_lab()
    with serving(always(answer())) as private:
        location = f"Location: {private.url}/".encode()
        with receiving(answer(b"", status, location)) as receiver:
            lab.take(receiver.url())
            lab.carry()
        assert private.peers == []

    assert lab.find().state == "waiting"
    assert lab.find().history[-1].error == f"it answered {status[:3]}, a redirect, which is not followed"


def test_a_receiver_that_is_gone_is_asked_again(new_lab: NewLab) -> None:
    lab = new_lab()
    with receiving() as receiver:
        url = receiver.url()
    assert receiver.server is not None
    receiver.server.server_close()
    lab.take(url)
    lab.carry()

    assert lab.find().history[-1].error == "127.0.0.1 could not be reached"
    assert 5 <= wait_s(lab) <= 5.5


@pytest.mark.parametrize(
    ("status", "value", "least_s", "most_s"),
    [
        ("429 Slow", "120", 120, 120),
        ("503 Busy", "600", 600, 600),
        ("502 Bad", "60", 60, 60),
        ("504 Late", "in two hours", 7199, 7200),  # a date has no parts of a second
        ("429 Slow", "1", 5, 5.5),  # never earlier than the schedule
        ("429 Slow", "999999999", 86_400, 86_400),
        ("429 Slow", "-5", 5, 5.5),
        ("429 Slow", "soon", 5, 5.5),
        ("429 Slow", "two hours ago", 5, 5.5),
        ("500 Broken", "120", 5, 5.5),  # there it means nothing
    ],
)
def test_a_wait_that_is_asked_for_is_kept(
    new_lab: NewLab, status: str, value: str, least_s: float, most_s: float
) -> None:
    lab = new_lab()
    two_hours = timedelta(hours=2)
    dates = {"in two hours": lab.clock.now() + two_hours, "two hours ago": lab.clock.now() - two_hours}
    if value in dates:
        value = format_datetime(dates[value], usegmt=True)
    with receiving(answer(b"", status, f"Retry-After: {value}".encode())) as receiver:
        lab.take(receiver.url())
        lab.carry()

    assert least_s <= wait_s(lab) <= most_s


def test_a_job_that_is_told_of_twice_is_posted_once(new_lab: NewLab) -> None:
    lab = new_lab()
    with receiving() as receiver:
        first = lab.take(receiver.url())
        again = lab.take(receiver.url())
        assert lab.carry() == 1
        lab.take(receiver.url())
        assert lab.carry() == 0

    assert first == again
    assert len(receiver.letters) == 1


def test_a_job_without_an_address_leaves_nothing(new_lab: NewLab) -> None:
    lab = new_lab()
    from callbacks_lab import job

    lab.plugin.hookline_job_over(job=job())
    assert lab.office.deliveries.search(tenant=None, limit=1) == []


def test_while_a_secret_is_renewed_both_sign(new_lab: NewLab) -> None:
    """S27: a receiver that knows the old or the new one accepts it, and later only the new one is right."""
    lab = new_lab(rotation_grace_s=3600)
    with receiving() as receiver:
        lab.take(receiver.url(), 1)
        lab.carry()
        [old] = lab.secrets()
        lab.office.secrets.rotate(
            "acme", grace_s=3600, now_us=lab.office.now_us(), note=lambda connection, id: None
        )
        new, same_old = lab.secrets()
        lab.take(receiver.url(), 2)
        lab.carry()
        lab.clock.advance(3601)
        lab.take(receiver.url(), 3)
        lab.carry()
        first, second, third = receiver.letters

    assert same_old == old != new
    assert first.is_signed_with(old)
    assert second.is_signed_with(old)
    assert second.is_signed_with(new)
    assert Webhook(old).verify(second.content, second.headers) == json.loads(OUTPUT)
    assert third.is_signed_with(new)
    assert not third.is_signed_with(old)


def test_s27_each_tenant_has_a_secret_of_its_own(new_lab: NewLab) -> None:
    """S27."""
    lab = new_lab()
    with receiving() as receiver:
        lab.take(receiver.url(), 1, tenant="acme")
        lab.take(receiver.url(), 2, tenant="rome")
        assert lab.carry() == 2
        by_job = {letter.headers["x-hookline-job"]: letter for letter in receiver.letters}

    [acme], [rome] = lab.secrets("acme"), lab.secrets("rome")
    assert acme != rome
    assert by_job[lab.find(1).job_id].is_signed_with(acme)
    assert not by_job[lab.find(2).job_id].is_signed_with(acme)


def test_s3_an_address_that_settings_forbid_since_is_not_called(new_lab: NewLab) -> None:
    """S3: the URL is judged again before every attempt."""
    lab = new_lab()
    with receiving() as receiver:
        lab.take(receiver.url())
        strict = new_lab(allow_loopback=False)
        assert strict.carry() == 1
        assert receiver.letters == []

    assert strict.find().state == "waiting"
    assert "`https://`" in str(strict.find().history[-1].error)


def test_address_and_content_are_sealed_and_in_no_text(new_lab: NewLab) -> None:
    lab = new_lab()
    with receiving(answer(b"", "500 Broken")) as receiver:
        delivery = lab.take(receiver.url("/hook-path?token=a-secret-token"))
        lab.carry()
    with lab.gateway.database.connect() as connection:
        from sqlalchemy import text

        rows = [str(row) for row in connection.execute(text("SELECT * FROM deliveries"))]

    shown = " ".join([*rows, repr(delivery), repr(lab.find()), str(lab.find().as_json())])
    for word in ("a-secret-token", "hook-path", "hello"):
        assert word not in shown
    assert delivery.receiver == receiver.url("")


def test_without_the_key_it_says_what_is_missing_and_tries_later(
    new_lab: NewLab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from callbacks_lab import make_lab

    lab = new_lab()
    with receiving() as receiver:
        lab.take(receiver.url())
        path = lab.gateway.database.path
        other = make_lab(tmp_path_factory.mktemp("elsewhere"), f"sqlite:///{path}")
        try:
            assert other.carry() == 1
        finally:
            other.gateway.close()
        assert "a key of this gateway is missing" in str(lab.find().history[-1].error)
        assert lab.carry(after_s=60) == 1

    assert lab.find().state == "delivered"


def test_with_too_many_that_wait_further_ones_count_as_failed(new_lab: NewLab) -> None:
    lab = new_lab(max_waiting=2)
    with receiving() as receiver:
        states = [lab.take(receiver.url(), number).state for number in (1, 2, 3)]
        other = lab.take(receiver.url(), 4, tenant="rome").state

    assert states == ["waiting", "waiting", "failed"]
    assert other == "waiting"
    assert "too many" in str(lab.find(3).history[-1].error)


def test_what_is_over_goes_after_its_time_and_what_waits_stays(new_lab: NewLab) -> None:
    lab = new_lab(retention_days=4)
    with receiving() as receiver:
        lab.take(receiver.url(), 1)
        lab.carry()
        lab.clock.advance(3 * 86_400)
        lab.take(receiver.url(), 2)
        store = lab.office.deliveries
        assert store.purge(now_us=lab.office.now_us()) == 0
        lab.clock.advance(86_401)
        assert store.purge(now_us=lab.office.now_us()) == 1
        lab.clock.advance(100 * 86_400)
        assert store.purge(now_us=lab.office.now_us()) == 0

    assert lab.find(2).state == "waiting"
