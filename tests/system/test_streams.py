"""Streams through a real gateway from a real upstream: prompt, whole, kept awake, and let go."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse

import openai
import pytest

from hookline_sandbox.server import SandboxServer
from live_gateway import KEY, Server, Start

HEARTBEAT_S = 0.3
WIRE = "/v1/chat/completions"
ACTION = "/actions/openai.chat"


@pytest.fixture(scope="module")
def upstream() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(start_server: Start, upstream: SandboxServer) -> Server:
    return start_server(
        HOOKLINE_OPENAI_BASE_URL=upstream.base_url,
        HOOKLINE_OPENAI_API_KEY="upstream-credential",
        HOOKLINE_HEARTBEAT_S=str(HEARTBEAT_S),
        HOOKLINE_RETRY_MAX_TOTAL_S="0.2",
    )


def body(model: str, path: str = WIRE, text: str = "ping") -> bytes:
    fields: dict[str, object] = {"model": model, "stream": True}
    fields |= {"prompt": text} if path == ACTION else {"messages": [{"role": "user", "content": text}]}
    if path == WIRE:  # or the gateway would ask for it, and the sandbox answer another request
        fields["stream_options"] = {"include_usage": True}
    return json.dumps(fields).encode()


def open_stream(connection: HTTPConnection, model: str, path: str = WIRE, text: str = "ping") -> HTTPResponse:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    connection.request("POST", path, body(model, path, text), headers)
    return connection.getresponse()


def read_stream(port: int, model: str, path: str = WIRE, text: str = "ping") -> bytes:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        return open_stream(connection, model, path, text).read()


def wait_for(condition: Callable[[], bool], *, within_s: float) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def events(stream: bytes) -> list[dict[str, object]]:
    lines = [line for line in stream.decode().split("\n") if line.startswith("data: {")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def without_comments(stream: bytes) -> bytes:
    return stream.replace(b": ping\n\n", b"")


def test_wire_stream_passes_through_byte_for_byte(gateway: Server, upstream: SandboxServer) -> None:
    direct = read_stream(upstream.port, "sandbox")
    through = read_stream(gateway.port, "sandbox")

    # The one difference is the moment of creation.
    strip = [
        b"".join(part for part in text.split(b'"') if not part.startswith(b":1"))
        for text in (direct, through)
    ]
    assert strip[0] == strip[1]
    assert through.endswith(b"data: [DONE]\n\n")


def test_first_byte_comes_within_ten_milliseconds_of_the_upstream(
    gateway: Server, upstream: SandboxServer
) -> None:
    def first_byte_s(port: int) -> float:
        with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.connect()
            begun = time.perf_counter()
            response = open_stream(connection, "sandbox-slow-30")
            response.read(6)
            return time.perf_counter() - begun

    pairs = [(first_byte_s(upstream.port), first_byte_s(gateway.port)) for _ in range(25)]

    added_s = statistics.median(through - direct for direct, through in pairs)
    assert added_s < 0.010


def test_events_arrive_one_by_one_and_not_in_a_heap(gateway: Server) -> None:
    with closing(HTTPConnection("127.0.0.1", gateway.port, timeout=30)) as connection:
        response = open_stream(connection, "sandbox-slow-50", text="one two three four five six")
        arrivals = []
        while line := response.readline():
            if line.startswith(b"data: "):
                arrivals.append(time.monotonic())

    assert len(arrivals) > 8
    assert arrivals[-1] - arrivals[0] > 0.3


@pytest.mark.parametrize("fault", ["slow-first-byte-1.2", "slow-first-event-1.2", "stall-1.2"])
@pytest.mark.parametrize("path", [WIRE, ACTION])
def test_comments_keep_the_client_awake_while_the_model_is_silent(
    gateway: Server, path: str, fault: str
) -> None:
    stream = read_stream(gateway.port, f"sandbox-{fault}", path)

    assert 2 <= stream.count(b": ping\n\n") <= 5
    calm = read_stream(gateway.port, "sandbox", path)
    assert len(events(without_comments(stream))) == len(events(calm))


@pytest.mark.parametrize("path", [WIRE, ACTION])
@pytest.mark.parametrize("fault", ["slow-200", "stall-30", "slow-first-event-30", "slow-first-byte-30"])
def test_upstream_is_let_go_when_the_client_leaves(
    gateway: Server, upstream: SandboxServer, fault: str, path: str
) -> None:
    before = upstream.disconnects
    connection = HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    response = open_stream(
        connection, f"sandbox-{fault}", path, text="one two three four five six seven eight nine"
    )
    response.read(6)
    left_at = time.monotonic()
    response.close()
    connection.close()

    assert wait_for(lambda: upstream.disconnects > before, within_s=5)
    # One heartbeat until the gateway writes, one more until the write fails, and the sandbox's own polling.
    assert upstream.disconnected_at[-1] - left_at < 2 * HEARTBEAT_S + 0.9


@pytest.mark.parametrize("fault", ["cut", "cut-event", "no-done"])
def test_broken_stream_raises_in_the_official_client(gateway: Server, fault: str) -> None:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client:
        stream = client.chat.completions.create(
            model=f"sandbox-{fault}", messages=[{"role": "user", "content": "ping"}], stream=True
        )
        received: list[object] = []
        with pytest.raises(openai.APIError) as caught:
            received.extend(stream)

    assert caught.value.code == "stream_interrupted"
    assert received


def test_error_inside_a_stream_reaches_the_official_client(gateway: Server) -> None:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client:
        stream = client.chat.completions.create(
            model="sandbox-error-event", messages=[{"role": "user", "content": "ping"}], stream=True
        )
        with pytest.raises(openai.APIError) as caught:
            list(stream)

    assert caught.value.code == "server_is_overloaded"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("cut", "stream_interrupted"),
        ("cut-event", "stream_interrupted"),
        ("no-done", "stream_interrupted"),
        ("malformed", "invalid_upstream_answer"),
        ("error-event", "server_is_overloaded"),
    ],
)
def test_broken_stream_of_an_action_ends_with_an_error_event(gateway: Server, fault: str, code: str) -> None:
    last = events(read_stream(gateway.port, f"sandbox-{fault}", ACTION))[-1]

    assert last["type"] == "error"
    error = last["error"]
    assert isinstance(error, dict)
    assert error["code"] == code
    assert last["retryable"] is True


def test_refusal_before_the_stream_is_a_plain_error(gateway: Server) -> None:
    with closing(HTTPConnection("127.0.0.1", gateway.port, timeout=30)) as connection:
        response = open_stream(connection, "sandbox-429")

        assert response.status == 429
        assert response.getheader("retry-after") == "1"
        assert json.loads(response.read())["error"]["code"] == "rate_limit_exceeded"


def test_refusal_after_a_long_silence_is_told_inside_the_stream(gateway: Server) -> None:
    with closing(HTTPConnection("127.0.0.1", gateway.port, timeout=30)) as connection:
        headers = {
            "Authorization": KEY,
            "Content-Type": "application/json",
            "X-Sandbox-Fault": "slow-first-byte-1.2",
        }
        connection.request("POST", WIRE, body("no-such-model"), headers)
        response = connection.getresponse()
        stream = response.read()

    assert response.status == 200
    assert stream.startswith(b": ping\n\n")
    error = events(stream)[-1]["error"]
    assert isinstance(error, dict)
    assert error["code"] == "model_not_found"


def test_two_hundred_streams_at_once_lose_nothing(gateway: Server) -> None:
    expected = without_comments(read_stream(gateway.port, "sandbox", text="same words for all"))
    results: list[bytes] = []
    barrier = threading.Barrier(200)

    def run() -> None:
        barrier.wait(30)
        results.append(
            without_comments(read_stream(gateway.port, "sandbox-slow-20", text="same words for all"))
        )

    threads = [threading.Thread(target=run) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert len(results) == 200
    assert all(len(events(stream)) == len(events(expected)) for stream in results)
    assert all(stream.endswith(b"data: [DONE]\n\n") for stream in results)
