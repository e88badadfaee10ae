"""What the official client sees of streams that break, over real sockets, and what the service is asked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING
from uuid import uuid4

import openai
import pytest

from hookline_openai.stream_resume import GO_ON
from hookline_sandbox.server import SandboxServer
from live_gateway import KEY, Server, run_server
from scripted_server import CHUNKED, Peer, chunk, serving
from streams_lab import DONE, END, ROLE, say

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "ping"}]
BEGUN = "Simulated answer"  # what arrives before a fault
WHOLE = "Simulated answer to: ping"
LONG: list[ChatCompletionMessageParam] = [{"role": "user", "content": "ping " * 30}]

Start = Callable[..., Server]


@pytest.fixture(scope="module")
def service() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    folder = tmp_path_factory.mktemp("gateways")
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(
            run_server(folder, HOOKLINE_OPENAI_API_KEY="none", **settings)
        )


@pytest.fixture(scope="module")
def plain(start: Start, service: SandboxServer) -> Server:
    return start(HOOKLINE_OPENAI_BASE_URL=service.base_url, HOOKLINE_STREAMS_STALL_S="0.5")


@pytest.fixture(scope="module")
def mending(start: Start, service: SandboxServer) -> Server:
    return start(
        HOOKLINE_OPENAI_BASE_URL=service.base_url,
        HOOKLINE_STREAMS_STALL_S="0.5",
        HOOKLINE_STREAMS_ON_INTERRUPT="continue",
    )


@pytest.fixture(scope="module")
def hurried(start: Start, service: SandboxServer) -> Server:
    return start(
        HOOKLINE_OPENAI_BASE_URL=service.base_url,
        HOOKLINE_STREAMS_INTERNAL="true",
        HOOKLINE_STREAMS_ON_INTERRUPT="continue",
        HOOKLINE_TIMEOUT_S="2",
    )


@pytest.fixture
def ask(service: SandboxServer) -> Iterator[Callable[[Server], openai.OpenAI]]:
    """Return a client of a gateway; its calls are told apart by the sandbox whatever they send."""
    service.requests.clear()
    with ExitStack() as stack:
        yield lambda server: stack.enter_context(
            openai.OpenAI(
                base_url=f"{server.url}/v1",
                api_key=KEY,
                default_headers={"x-client-request-id": str(uuid4())},
            )
        )


Ask = Callable[[Server], openai.OpenAI]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("cut", "stream_interrupted"),
        ("cut-event", "stream_interrupted"),
        ("no-done", "stream_interrupted"),
        ("malformed", "invalid_upstream_answer"),
        ("invalid-utf8", "invalid_upstream_answer"),
        ("error-event", "server_is_overloaded"),
        ("stall-30", "upstream_timeout"),
    ],
)
def test_broken_stream_raises_and_the_service_is_asked_once(
    plain: Server, ask: Ask, service: SandboxServer, fault: str, code: str
) -> None:
    stream = ask(plain).chat.completions.create(model=f"sandbox-{fault}", messages=MESSAGES, stream=True)
    received: list[ChatCompletionChunk] = []
    began = time.monotonic()
    with pytest.raises(openai.APIError) as caught:
        received.extend(stream)

    assert caught.value.code == code
    assert "".join(part.choices[0].delta.content or "" for part in received).startswith("Simulated")
    assert len(service.requests) == 1
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("fault", ["cut", "cut-event", "malformed", "error-event", "stall-30"])
def test_stream_that_broke_once_reads_as_one(
    mending: Server, ask: Ask, service: SandboxServer, fault: str
) -> None:
    parts = list(
        ask(mending).chat.completions.create(
            model=f"sandbox-{fault}-times-1",
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    text = "".join(choice.delta.content or "" for part in parts for choice in part.choices)
    first, second = (json.loads(request.body) for request in service.requests)
    assert len(service.requests) == 2
    begun = second["messages"][-2]["content"]
    assert BEGUN.startswith(begun)
    assert text == WHOLE
    assert second["messages"][-1]["content"] == GO_ON
    assert second["messages"][:-2] == first["messages"]
    assert len({part.id for part in parts}) == 1
    marks = [(part.model_extra or {}).get("hookline") for part in parts]
    assert [mark for mark in marks if mark] == [{"stitched": True}]
    assert parts[-1].usage is not None


def test_helper_of_the_client_understands_a_stream_in_two_parts(mending: Server, ask: Ask) -> None:
    with ask(mending).chat.completions.stream(model="sandbox-cut-times-1", messages=MESSAGES) as stream:
        final = stream.get_final_completion()

    assert final.choices[0].message.content == WHOLE
    assert final.choices[0].finish_reason == "stop"


def test_completion_that_broke_once_reads_as_one(mending: Server, ask: Ask, service: SandboxServer) -> None:
    stream = ask(mending).completions.create(
        model="sandbox-cut-times-1", prompt="ping", max_tokens=100, stream=True
    )

    text = "".join(choice.text for part in stream for choice in part.choices)

    first, second = (json.loads(request.body) for request in service.requests)
    begun = second["prompt"].removeprefix(first["prompt"])
    assert begun
    assert text.startswith(begun)
    assert len(text) > len(begun)


def test_stream_that_breaks_each_time_raises_after_the_attempts_that_were_promised(
    mending: Server, ask: Ask, service: SandboxServer
) -> None:
    with pytest.raises(openai.APIError) as caught:
        list(ask(mending).chat.completions.create(model="sandbox-cut", messages=MESSAGES, stream=True))

    assert caught.value.code == "stream_interrupted"
    assert len(service.requests) == 3


def test_stream_that_breaks_before_its_first_word_is_asked_for_again(start: Start) -> None:
    def script(peer: Peer, head: bytes) -> bool:
        events = [ROLE] if peer.number == 0 else [ROLE, say("Hello"), END, DONE]
        headers = CHUNKED.replace(b"\r\n", b"\r\nContent-Type: text/event-stream\r\n", 1)
        peer.send(headers + b"".join(map(chunk, events)))
        return True

    with serving(script) as upstream:
        server = start(HOOKLINE_OPENAI_BASE_URL=f"{upstream.url}/v1", HOOKLINE_STREAMS_ON_INTERRUPT="restart")
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
            parts = list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))

    assert [part.choices[0].delta.content for part in parts] == ["", "Hello", None]
    assert len(upstream.heads()) == 2


def test_caller_without_a_stream_gets_the_whole_answer_though_it_broke_once(
    hurried: Server, ask: Ask, service: SandboxServer
) -> None:
    answer = ask(hurried).chat.completions.create(model="sandbox-cut-times-1", messages=MESSAGES)

    assert answer.choices[0].message.content == WHOLE
    assert answer.choices[0].finish_reason == "stop"
    assert len(service.requests) == 2
    assert "incomplete" not in (answer.model_extra or {})


def test_caller_without_a_stream_gets_what_has_arrived_when_it_breaks_each_time(
    hurried: Server, ask: Ask, service: SandboxServer
) -> None:
    raw = ask(hurried).chat.completions.with_raw_response.create(model="sandbox-cut", messages=LONG)

    answer = raw.parse()
    assert (answer.choices[0].message.content or "").startswith(BEGUN)
    assert answer.choices[0].finish_reason == "length"
    assert (answer.model_extra or {})["incomplete"] is True
    assert "answer_incomplete" in raw.headers["x-hookline-warnings"]
    assert (len(service.requests), raw.headers["x-hookline-attempts"]) == (3, "3")


def test_caller_without_a_stream_gets_what_has_arrived_when_time_is_up(
    hurried: Server, ask: Ask, service: SandboxServer
) -> None:
    began = time.monotonic()

    answer = ask(hurried).chat.completions.create(model="sandbox-slow-700", messages=MESSAGES)

    assert time.monotonic() - began < 5
    assert (answer.choices[0].message.content or "").startswith("Simulated")
    assert (answer.choices[0].finish_reason, (answer.model_extra or {})["incomplete"]) == ("length", True)
    assert len(service.requests) == 1
