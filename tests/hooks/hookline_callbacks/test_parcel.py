"""What is posted for a job."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from callbacks_lab import OUTPUT, job
from hookline.routes import Reply
from hookline_callbacks.parcel import Parcel, make_parcel

MB = 1_000_000


def event_of(**changes: Any) -> dict[str, Any]:
    parcel = make_parcel(job(**changes), format="event", max_bytes=MB)
    assert parcel.headers["content-type"] == "application/json"
    found: dict[str, Any] = orjson.loads(parcel.content)
    return found


def test_an_output_is_posted_byte_by_byte() -> None:
    parcel = make_parcel(job(), format="output", max_bytes=MB)

    assert parcel.content == OUTPUT
    assert parcel.headers == {
        "content-type": "application/json",
        "x-hookline-job": job().id,
        "x-hookline-action": "acme.say",
        "x-hookline-status": "200",
    }


def test_an_error_is_posted_as_the_caller_would_have_got_it() -> None:
    headers = [("content-type", "application/problem+json")]
    reply = Reply(status=502, headers=headers, content=b'{"title":"no"}')
    parcel = make_parcel(job(state="failed", reply=reply), format="output", max_bytes=MB)

    assert parcel.content == b'{"title":"no"}'
    assert parcel.headers["content-type"] == "application/problem+json"
    assert parcel.headers["x-hookline-status"] == "502"


def test_an_event_holds_type_time_and_output() -> None:
    done = job()
    assert done.ended_at is not None
    assert event_of() == {
        "type": "job.done",
        "timestamp": done.ended_at.isoformat().replace("+00:00", "Z"),
        "data": {
            "job": done.id,
            "action": "acme.say",
            "call_id": "call_1",
            "status": 200,
            "output": orjson.loads(OUTPUT),
        },
    }


@pytest.mark.parametrize(("state", "type"), [("failed", "job.failed"), ("cancelled", "job.cancelled")])
def test_an_event_of_what_did_not_succeed_holds_the_error(state: str, type: str) -> None:
    reply = Reply(
        status=504, headers=[("Content-Type", "application/problem+json; charset=utf-8")], content=b'{"a":1}'
    )
    event = event_of(state=state, reply=reply)

    assert event["type"] == type
    assert event["data"]["error"] == {"a": 1}
    assert "output" not in event["data"]


def test_a_body_that_is_no_json_stands_in_an_event_as_text() -> None:
    headers = [("content-type", "text/event-stream")]
    assert event_of(reply=Reply(headers=headers, content=b"data: x\n\n"))["data"]["output"] == "data: x\n\n"
    broken = Reply(headers=[("content-type", "application/json")], content=b"\xff{")
    assert event_of(reply=broken)["data"]["output"] == "\N{REPLACEMENT CHARACTER}{"


def test_large_numbers_come_through_an_event() -> None:
    content = b'{"n":123456789012345678901234567890,"f":1.10}'
    reply = Reply(headers=[("content-type", "application/json")], content=content)
    assert content in make_parcel(job(reply=reply), format="event", max_bytes=MB).content


def test_a_job_without_a_reply_is_told_as_an_event() -> None:
    parcel = make_parcel(job(state="failed", reply=None), format="output", max_bytes=MB)
    assert orjson.loads(parcel.content)["type"] == "job.failed"


@pytest.mark.parametrize("format", ["output", "event"])
def test_in_place_of_a_large_result_goes_where_it_is(format: Any) -> None:
    reply = Reply(headers=[("content-type", "application/json")], content=b'"' + b"x" * MB + b'"')
    parcel = make_parcel(job(reply=reply), format=format, max_bytes=MB)
    event = orjson.loads(parcel.content)

    assert len(parcel.content) < 1000
    assert event["data"]["too_large"] is True
    assert event["data"]["location"] == f"/jobs/{job().id}"
    assert event["data"]["size_bytes"] >= MB + 2


def test_a_parcel_is_packed_and_unpacked() -> None:
    parcel = Parcel(content=b"a\nb\n\n", headers={"x": "y"})
    assert Parcel.unpack(parcel.pack()) == parcel
    with pytest.raises(orjson.JSONDecodeError):
        Parcel.unpack(b"no parcel")
