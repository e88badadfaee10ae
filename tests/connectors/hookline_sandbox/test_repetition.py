"""Faults that pass after so many times: per request id, per request, bounded, safe with threads."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from hookline_sandbox.errors import CutConnection
from hookline_sandbox.repetition import MOST_REQUESTS, FaultCounter
from hookline_sandbox.server import SandboxServer
from hookline_sandbox.service import Sandbox

PATH = "/v1/chat/completions"


def body(*, model: str = "sandbox", text: str = "ping", stream: bool = False) -> bytes:
    messages = [{"role": "user", "content": text}]
    return json.dumps({"model": model, "messages": messages, "stream": stream}).encode()


def ask(sandbox: Sandbox, fault: str, *, id: str | None = None, content: bytes = b"") -> int:
    headers = {"x-sandbox-fault": fault} | ({"x-client-request-id": id} if id else {})
    answer = sandbox.answer("POST", PATH, headers, content or body())
    try:
        list(answer.chunks)
    except CutConnection:
        return 0
    return answer.status


def test_a_fault_meets_a_request_as_often_as_was_asked_and_then_passes() -> None:
    sandbox = Sandbox()
    assert [ask(sandbox, "status-503-times-2", id="a") for _ in range(4)] == [503, 503, 200, 200]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("429-retry-after-1-times-1", 429),
        ("429-times-1", 429),
        ("429-ms-times-1", 429),
        ("cut-times-1", 0),
        ("billing-times-1", 429),
        ("empty-502-times-1", 502),
    ],
)
def test_every_kind_of_fault_can_pass(fault: str, status: int) -> None:
    sandbox = Sandbox()
    assert [ask(sandbox, fault, id="a") for _ in range(2)] == [status, 200]


def test_a_slow_answer_is_slow_only_so_many_times() -> None:
    sleeps: list[float] = []
    sandbox = Sandbox(sleep=sleeps.append)
    assert [ask(sandbox, "slow-first-byte-5-times-1", id="a") for _ in range(2)] == [200, 200]
    assert sleeps == [5.0]


def test_requests_are_told_apart_by_their_id() -> None:
    sandbox = Sandbox()
    assert [ask(sandbox, "status-500-times-1", id=id) for id in "abab"] == [500, 500, 200, 200]


def test_requests_without_an_id_are_told_apart_by_what_they_say() -> None:
    sandbox = Sandbox()
    contents = [body(text="one"), body(text="two"), body(text="one")]
    assert [ask(sandbox, "status-500-times-1", content=each) for each in contents] == [500, 500, 200]


def test_each_fault_of_a_request_is_counted_by_itself() -> None:
    sandbox = Sandbox()
    faults = ["status-500-times-1", "status-503-times-1", "status-500-times-1"]
    assert [ask(sandbox, fault, id="a") for fault in faults] == [500, 503, 200]


def test_a_model_name_asks_for_a_fault_that_passes() -> None:
    sandbox = Sandbox()
    content = body(model="sandbox-status-503-times-1")
    headers = {"x-client-request-id": "a"}
    statuses = [sandbox.answer("POST", PATH, headers, content).status for _ in range(2)]
    assert statuses == [503, 200]


def test_a_fault_that_passed_leaves_the_request_to_be_judged_as_usual() -> None:
    sandbox = Sandbox()
    assert [ask(sandbox, "status-503-times-1", id="a", content=b"{") for _ in range(2)] == [503, 400]


def test_a_header_outdoes_the_model_also_after_its_fault_has_passed() -> None:
    sandbox = Sandbox()
    content = body(model="sandbox-status-500")
    assert [ask(sandbox, "status-503-times-1", id="a", content=content) for _ in range(2)] == [503, 200]


def test_only_the_last_thousand_requests_are_remembered() -> None:
    counter = FaultCounter()
    assert counter.meets("first", times=1)
    for number in range(MOST_REQUESTS - 1):
        counter.meets(str(number), times=1)
    assert not counter.meets("first", times=1)
    for number in range(MOST_REQUESTS):
        counter.meets(f"more {number}", times=1)
    assert counter.meets("first", times=1)


def test_many_threads_share_one_count() -> None:
    counter = FaultCounter()
    start = threading.Barrier(8)

    def meet() -> int:
        start.wait(10)
        return sum(counter.meets("a", times=500) for _ in range(200))

    with ThreadPoolExecutor(8) as pool:
        assert sum(future.result() for future in [pool.submit(meet) for _ in range(8)]) == 500


def test_the_server_counts_over_its_connections() -> None:
    headers = {"x-sandbox-fault": "status-503-times-1", "x-client-request-id": "a"}
    with SandboxServer() as server:
        statuses = [
            httpx.post(f"{server.base_url}/chat/completions", content=body(), headers=headers).status_code
            for _ in range(2)
        ]
    assert statuses == [503, 200]
