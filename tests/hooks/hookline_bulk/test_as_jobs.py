"""Many items beside the plugin that keeps jobs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from hookline.store.tables import JOBS
from hookline_bulk import BulkPlugin
from jobs_lab import SOON_S, JobsLab
from scripted_server import eventually


@pytest.fixture
def bulk() -> BulkPlugin:
    return BulkPlugin()


@pytest.fixture
def lab(tmp_path: Path, bulk: BulkPlugin) -> Iterator[JobsLab]:
    lab = JobsLab(bulk, settings={"state_dir": tmp_path})
    try:
        yield lab
    finally:
        lab.close()


def call(lab: JobsLab, items: int, **fields: object) -> tuple[str, int]:
    body = {"items": [{"text": f"t{number}"} for number in range(items)], **fields}
    answer = lab.client.post("/actions/acme.say", json=body)
    return answer.headers.get("location", ""), answer.status_code


def test_many_items_become_a_job_that_ends_with_all_of_them(lab: JobsLab) -> None:
    where, status = call(lab, 120)
    assert status == 202

    done = lab.result(where)

    assert done.status_code == 200
    assert done.json is not None
    assert done.json["summary"]["succeeded"] == 120
    assert done.json["items"][119]["output"]["text"] == "t119!"
    told = lab.status(where)
    assert (told["status"], told["progress"]) == ("done", {"done": 120, "total": 120})


def test_few_items_are_answered_at_once(lab: JobsLab) -> None:
    assert call(lab, 3) == ("", 200)


def test_a_job_counts_as_sent_once_one_of_its_items_was(lab: JobsLab) -> None:
    lab.gate.opened.clear()
    call(lab, 101, concurrency=1)
    lab.gate.wait_until_asked()
    with lab.gateway.database.connect() as connection:
        sent = connection.execute(select(JOBS.c.is_sent)).scalars().all()
    assert sent == [True]
    lab.gate.opened.set()


def test_a_job_that_is_cut_off_by_a_deploy_has_failed_and_keeps_what_was_paid_for(
    lab: JobsLab, bulk: BulkPlugin, tmp_path: Path
) -> None:
    lab.gate.opened.clear()
    where, _ = call(lab, 101, concurrency=1)
    lab.gate.wait_until_asked()
    closing = threading.Thread(target=lab.gateway.close)
    closing.start()
    eventually(lambda: bulk._desk._threads.is_closed)
    lab.gate.opened.set()
    closing.join(SOON_S)

    later = JobsLab(settings={"state_dir": tmp_path})
    try:
        state, told = later.status(where)["status"], later.client.get(where)
    finally:
        later.close()
    assert (state, told.status_code) == ("failed", 502)
    assert told.json is not None
    assert (told.json["error"]["code"], told.json["summary"]["succeeded"]) == ("interrupted", 1)
    assert told.json["items"][0]["output"]["text"] == "t0!"
    assert "by their index: 1-100." in told.json["hint"]
    assert lab.gate.sent == ["t0"]


def test_cancelling_a_job_ends_its_items(lab: JobsLab) -> None:
    lab.gate.opened.clear()
    where, _ = call(lab, 101, concurrency=1)
    lab.gate.wait_until_asked()
    assert lab.client.delete(where).status_code in (200, 202, 204)
    lab.gate.opened.set()
    done = lab.result(where).json
    assert done is not None
    assert [item["status"] for item in done["items"]] == [200] + [424] * 100  # what was paid for is kept
    assert done["items"][1]["error"]["because"] == "cancelled"
    assert lab.gate.sent == ["t0"]
