"""The service inside the gateway: no socket, the gateway's own error types, bound by the call's deadline."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

import hookline_sandbox
from hookline import hookimpl
from hookline.call import Call, Cancellation
from hookline.connection import Connection
from hookline.errors import StreamInterruptedError, UpstreamTimeoutError
from hookline.plugins import PluginHost
from hookline.upstream import UpstreamRequest, UpstreamResponse

if TYPE_CHECKING:
    from hookline.principal import Principal

IN_PROCESS = "http://sandbox.invalid/v1"


def make_call(*, base_url: str = IN_PROCESS, deadline_s: float = 5, **headers: str) -> Call:
    return Call(
        action=cast(
            "Any", SimpleNamespace(id="openai.chat", code=None, connector=SimpleNamespace(id="openai"))
        ),
        principal=cast("Principal", SimpleNamespace(id="tester")),
        connection=Connection(name="sandbox", connector="openai", base_url=base_url),
        input={},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        deadline=time.monotonic() + deadline_s,
        cancellation=Cancellation(),
    )


def run(
    call: Call, fault: str = "", *, stream: bool = False, id: str = "", stall_s: float | None = None
) -> UpstreamResponse | None:
    body = {"model": "sandbox", "messages": [{"role": "user", "content": "ping"}], "stream": stream}
    request = UpstreamRequest(
        method="POST",
        base_url=call.connection.base_url,
        path="/chat/completions",
        headers={"x-sandbox-fault": fault, "x-client-request-id": id},
        content=json.dumps(body).encode(),
        stall_timeout_s=stall_s,
    )
    return hookline_sandbox.hookline_execute(call, request)


def run_in_process(call: Call, fault: str = "", *, stream: bool = False, id: str = "") -> UpstreamResponse:
    response = run(call, fault, stream=stream, id=id)
    assert response is not None
    return response


def test_a_call_is_answered_without_network() -> None:
    response = run_in_process(make_call())
    assert response.status == 200
    answer = json.loads(response.read(max_bytes=100_000))
    assert answer["choices"][0]["message"]["content"] == "Simulated answer to: ping"


@pytest.mark.parametrize(
    "base_url", ["https://api.openai.com/v1", "http://127.0.0.1:8788/v1", "http://sandbox.invalid.example/v1"]
)
def test_other_connections_are_left_to_the_transport(base_url: str) -> None:
    assert run(make_call(base_url=base_url)) is None


def test_it_answers_after_all_plugins_that_look_at_attempts() -> None:
    class Looks:
        @hookimpl
        def hookline_execute(self) -> None:
            """Only stand in the order."""

    host = PluginHost()
    host.register(Looks(), name="looks")
    host.register(hookline_sandbox, name="sandbox")
    assert host.order()["hookline_execute"] == ["looks", "sandbox"]


def test_a_refusal_is_an_answer_with_its_status_and_headers() -> None:
    response = run_in_process(make_call(), "429")
    assert (response.status, response.header("retry-after")) == (429, "1")


def test_a_fault_that_passes_is_counted_over_the_attempts_of_a_call() -> None:
    call = make_call()
    statuses = [run_in_process(call, "429-times-1", id=call.id).status for _ in range(3)]
    assert statuses == [429, 200, 200]


def test_a_cut_raises_the_gateway_s_own_error() -> None:
    response = run_in_process(make_call(), "cut", stream=True)
    with pytest.raises(StreamInterruptedError):
        list(response.chunks)


def test_a_compressed_answer_is_decoded() -> None:
    assert (
        json.loads(run_in_process(make_call(), "gzip").read(max_bytes=100_000))["object"] == "chat.completion"
    )


@pytest.mark.parametrize("fault", ["slow-first-byte-9", "stall-9"])
def test_a_silence_longer_than_the_call_is_a_timeout(fault: str) -> None:
    call = make_call(deadline_s=0.02)

    def read() -> None:
        run_in_process(call, fault, stream=True).read(max_bytes=100_000)

    with pytest.raises(UpstreamTimeoutError):
        read()


def test_a_silence_longer_than_the_request_allows_is_a_timeout_once_the_answer_has_begun() -> None:
    response = run(make_call(), "stall-30", stream=True, stall_s=0.01)
    assert response is not None
    with pytest.raises(UpstreamTimeoutError):
        list(response.chunks)
    slow = run(make_call(), "slow-first-byte-0.05", stall_s=0.01)
    assert slow is not None
    assert slow.read(max_bytes=10_000)


def test_a_caller_who_leaves_ends_the_silence() -> None:
    call = make_call()
    threading.Timer(0.02, call.cancellation.cancel).start()
    started_at = time.monotonic()
    response = run_in_process(call, "stall-4", stream=True)
    with pytest.raises(StreamInterruptedError):
        list(response.chunks)
    assert time.monotonic() - started_at < 3


def test_closing_ends_the_silence_from_another_thread() -> None:
    response = run_in_process(make_call(), "stall-4", stream=True)
    threading.Timer(0.02, response.close).start()
    with pytest.raises(StreamInterruptedError):
        list(response.chunks)


@pytest.mark.parametrize(
    ("base_url", "passed"),
    [
        (IN_PROCESS, {"x-sandbox-fault": "cut"}),
        ("http://127.0.0.1:8788/v1", {"x-sandbox-fault": "cut"}),
        ("http://[::1]:8788/v1", {"x-sandbox-fault": "cut"}),
        ("http://localhost:8788/v1", {"x-sandbox-fault": "cut"}),
        ("https://api.openai.com/v1", {}),
    ],
)
def test_sandbox_headers_go_to_sandboxes_only(base_url: str, passed: dict[str, str]) -> None:
    call = make_call(base_url=base_url, x_sandbox_fault="cut", x_other="1")
    request = UpstreamRequest(method="POST", base_url=base_url, path="/chat/completions")
    hookline_sandbox.hookline_shape_request(call, request)
    assert request.headers == passed
