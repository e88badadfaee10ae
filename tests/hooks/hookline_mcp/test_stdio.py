"""Messages over pipes: lines, cancellations, ends, and whatever else may arrive there."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson
import pytest

from hookline_mcp import McpPlugin
from hookline_mcp.local_door import LocalDoor
from hookline_mcp.protocol import INVALID_PARAMS, ProtocolError
from hookline_mcp.stdio import MOST_CALLS, StdioServer
from mcp_lab import LEGACY, TOOLS, call, legacy, make_gateway, modern
from small_service import CALLER, Upstream, whole
from small_service import make_gateway as small_gateway

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.action import JsonObject
    from hookline.call import Cancellation
    from hookline.engine.transport import Timeouts
    from hookline.upstream import UpstreamRequest, UpstreamResponse
    from hookline_mcp.messages import Message
    from hookline_mcp.stdio import Door

LONG_S = 20.0


class TestDoor:
    """Answers with the name of the method; what is called ``wait`` waits to be told, or to be cancelled."""

    __test__ = False

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.cancelled: list[object] = []

    def is_quick(self, message: Message) -> bool:
        return message.method != "wait"

    def answer(
        self,
        message: Message,
        body: JsonObject,
        *,
        cancellation: Cancellation,
        notify: Callable[[bytes], None],
    ) -> bytes | None:
        if message.method == "wait":
            cancellation.add(lambda: self.cancelled.append(message.id))
            over = threading.Event()
            cancellation.add(over.set)
            while not over.is_set() and not self.may_answer.wait(0.01):
                pass
        if message.method == "fail":
            raise RuntimeError("a secret")
        if message.method == "refuse":
            raise ProtocolError(INVALID_PARAMS, "No.", data={"why": 1})
        return None if message.id is None else orjson.dumps({"id": message.id, "result": message.method})


class WaitingUpstream(Upstream):
    """Answers nothing until it is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.was_asked = threading.Event()
        self.was_cancelled = threading.Event()

    def send(
        self, request: UpstreamRequest, *, timeouts: Timeouts, cancellation: Cancellation
    ) -> UpstreamResponse:
        self.was_asked.set()
        cancellation.add(self.was_cancelled.set)
        assert self.was_cancelled.wait(LONG_S)
        return whole({"text": "too late"})


class Talk:
    """A client at the other ends of the pipes."""

    def __init__(self, door: Door, **more: Any) -> None:
        source, self._to = os.pipe()
        self._from, target = os.pipe()
        self._input = os.fdopen(self._to, "wb", buffering=0)
        self.output = os.fdopen(self._from, "rb")
        self._ends: list[BinaryIO] = [os.fdopen(source, "rb"), os.fdopen(target, "wb")]
        server = StdioServer(door, source=self._ends[0], target=self._ends[1], **more)
        self.thread = threading.Thread(target=server.run, daemon=True)
        self.thread.start()

    def say(self, *messages: Any) -> None:
        for message in messages:
            content = message if isinstance(message, bytes) else orjson.dumps(message) + b"\n"
            self._input.write(content)

    def hear(self) -> Any:
        return orjson.loads(self.output.readline())

    def hang_up(self) -> None:
        if not self._input.closed:
            self._input.close()

    def end(self) -> None:
        self.hang_up()
        self.thread.join(LONG_S)
        assert not self.thread.is_alive()
        for one in (*self._ends, self.output):
            one.close()


@contextmanager
def talk_to(door: Door, **more: Any) -> Iterator[Talk]:
    talk = Talk(door, **more)
    try:
        yield talk
    finally:
        talk.end()


@pytest.fixture
def door() -> Iterator[TestDoor]:
    door = TestDoor()
    yield door
    door.may_answer.set()


@pytest.fixture(scope="module")
def local() -> Iterator[Callable[[], LocalDoor]]:
    gateway = make_gateway()
    yield lambda: LocalDoor(gateway, CALLER, beat_s=0.02)
    gateway.close()


@pytest.mark.parametrize(
    ("line", "code", "id"),
    [
        (b"{\n", -32700, None),
        (b"\xff\xfe\n", -32700, None),
        (b"[" * 5000 + b"\n", -32700, None),
        (b'{"a":1,"a":2}\n', -32700, None),
        (b"[]\n", -32600, None),
        (b"7\n", -32600, None),
        (b'{"jsonrpc":"2.0","id":3,"method":7}\n', -32600, 3),
        (b'{"jsonrpc":"2.0","id":null,"method":"x"}\n', -32600, None),
        (b'{"jsonrpc":"2.0","id":4,"result":{}}\n', -32600, None),
        (b"x" * 3000 + b"\n", -32600, None),
    ],
    ids=["cut", "UTF-16", "deep", "twice", "list", "number", "method", "null", "response", "long"],
)
def test_a_line_that_is_no_message_is_refused_and_the_next_one_answered(
    door: TestDoor, line: bytes, code: int, id: object
) -> None:
    with talk_to(door, max_line_bytes=2000 if len(line) == 3001 else 10_000) as talk:
        talk.say(line, legacy("ping", id=9))
        refusal = talk.hear()
        assert (refusal["error"]["code"], refusal.get("id")) == (code, id)
        assert talk.hear() == {"id": 9, "result": "ping"}


def test_empty_lines_and_notifications_are_not_answered(door: TestDoor) -> None:
    with talk_to(door) as talk:
        talk.say(b"\n  \r\n", {"jsonrpc": "2.0", "method": "notifications/initialized"}, legacy("ping", id=1))
        assert talk.hear() == {"id": 1, "result": "ping"}


def test_a_slow_request_keeps_nobody_waiting(door: TestDoor) -> None:
    with talk_to(door) as talk:
        talk.say(legacy("wait", id="slow"), legacy("ping", id=2))
        assert talk.hear()["id"] == 2
        door.may_answer.set()
        assert talk.hear()["id"] == "slow"


def test_a_cancelled_request_is_ended_and_never_answered(door: TestDoor) -> None:
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled"}
    with talk_to(door) as talk:
        talk.say(
            legacy("wait", id=1),
            legacy("wait", id="1"),
            {**cancel, "params": {"requestId": 1, "reason": "enough"}},
            {**cancel, "params": {"requestId": "unknown"}},
            {**cancel, "params": {"requestId": []}},
            cancel,
            legacy("ping", id=3),
        )
        assert talk.hear()["id"] == 3
        assert door.cancelled == [1]
        door.may_answer.set()
        assert talk.hear()["id"] == "1"


def test_an_id_that_is_in_use_is_refused(door: TestDoor) -> None:
    with talk_to(door) as talk:
        talk.say(legacy("wait", id=1), legacy("wait", id=1))
        assert talk.hear()["error"]["code"] == -32600
        door.may_answer.set()
        assert talk.hear()["result"] == "wait"


def test_too_many_requests_at_a_time_are_refused_and_a_ping_is_not(door: TestDoor) -> None:
    with talk_to(door) as talk:
        talk.say(*(legacy("wait", id=number) for number in range(MOST_CALLS + 1)), legacy("ping", id="ping"))
        refused = talk.hear()
        assert (refused["id"], refused["error"]["code"]) == (MOST_CALLS, -32600)
        assert talk.hear()["id"] == "ping"
        door.may_answer.set()


def test_an_error_of_the_protocol_is_told_whole_and_any_other_is_not(door: TestDoor) -> None:
    with talk_to(door) as talk:
        talk.say(legacy("refuse", id=1), legacy("fail", id=2))
        refusal = {"code": INVALID_PARAMS, "message": "No.", "data": {"why": 1}}
        assert talk.hear() == {"jsonrpc": "2.0", "id": 1, "error": refusal}
        failure = talk.hear()
        assert (failure["id"], failure["error"]["code"]) == (2, -32603)
        assert "secret" not in str(failure)


def test_what_still_runs_at_the_end_is_answered_if_it_is_quick_about_it(door: TestDoor) -> None:
    with talk_to(door) as talk:
        talk.say(legacy("wait", id=1))
        talk.hang_up()
        threading.Timer(0.1, door.may_answer.set).start()
        assert talk.hear() == {"id": 1, "result": "wait"}
        assert talk.output.read(0) == b""


def test_what_takes_too_long_at_the_end_is_cancelled(door: TestDoor) -> None:
    with talk_to(door) as talk:
        talk.say(legacy("wait", id=1))
        talk.hang_up()
        talk.thread.join(LONG_S)
        assert door.cancelled == [1]


def test_a_client_that_reads_no_more_ends_the_server() -> None:
    class Broken(io.BytesIO):
        def write(self, content: object) -> int:
            raise BrokenPipeError

    source = io.BytesIO(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n' * 3)
    StdioServer(TestDoor(), source=source, target=Broken()).run()
    assert len(source.read()) > 0


def test_the_newest_revision_needs_no_handshake(local: Callable[[], LocalDoor]) -> None:
    with talk_to(local()) as talk:
        talk.say(
            modern("server/discover"),
            modern("tools/list", id=2),
        )
        assert talk.hear()["result"]["supportedVersions"][0] == "2026-07-28"
        assert [tool["name"] for tool in talk.hear()["result"]["tools"]] == TOOLS
        talk.say(modern("tools/call", call("openai_chat"), id=3))
        assert talk.hear()["result"]["structuredContent"]["text"] == "Simulated answer to: hi"


@pytest.mark.parametrize("version", LEGACY)
def test_the_older_revisions_begin_with_a_handshake(local: Callable[[], LocalDoor], version: str) -> None:
    with talk_to(local()) as talk:
        talk.say(legacy("ping"), legacy("tools/list", id=2))
        assert talk.hear()["result"] == {}
        error = talk.hear()["error"]
        assert error["code"] == -32602
        assert "or begin with `initialize`" in error["message"]
        talk.say(
            legacy("initialize", {"protocolVersion": version}, id=3),
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            legacy("tools/list", id=4),
            legacy("tools/call", call("openai_chat"), id=5),
            modern("server/discover", id=6),
        )
        assert talk.hear()["result"]["protocolVersion"] == version
        assert list(talk.hear()["result"]) == ["tools"]
        last = {one["id"]: one["result"] for one in (talk.hear(), talk.hear())}
        assert "resultType" not in last[5]
        assert last[6]["resultType"] == "complete"


def test_a_version_that_nobody_speaks_is_answered_with_those_that_are(local: Callable[[], LocalDoor]) -> None:
    body = modern("server/discover")
    body["params"]["_meta"] = {
        "io.modelcontextprotocol/protocolVersion": "1900-01-01",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    with talk_to(local()) as talk:
        talk.say(body)
        error = talk.hear()["error"]
        assert (error["code"], error["data"]["requested"]) == (-32022, "1900-01-01")


@pytest.mark.parametrize("version", LEGACY)
def test_a_call_that_is_cancelled_ends_at_the_service_in_every_revision(version: str) -> None:
    upstream = WaitingUpstream()
    gateway = small_gateway(McpPlugin(), upstream=upstream)
    with talk_to(LocalDoor(gateway, CALLER)) as talk:
        talk.say(legacy("initialize", {"protocolVersion": version}, id=1))
        assert talk.hear()["id"] == 1
        talk.say(legacy("tools/call", {"name": "acme_say", "arguments": {"text": "hi"}}, id=2))
        assert upstream.was_asked.wait(LONG_S)
        talk.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}})
        assert upstream.was_cancelled.wait(LONG_S)
        talk.say(legacy("ping", id=3))
        assert talk.hear()["id"] == 3
    gateway.close()


def test_progress_is_told_before_the_answer_and_never_after(local: Callable[[], LocalDoor]) -> None:
    arguments = {"model": "sandbox-slow-first-byte-0.3", "prompt": "hi"}
    body = modern("tools/call", call("openai_chat", arguments), id=7)
    body["params"]["_meta"] = {**body["params"]["_meta"], "progressToken": 7}
    with talk_to(local()) as talk:
        talk.say(body)
        first = talk.hear()
        assert (first["method"], first["params"]["progressToken"]) == ("notifications/progress", 7)
        while (heard := talk.hear()).get("method") == "notifications/progress":
            pass
        assert heard["result"]["isError"] is False
        talk.say(modern("server/discover", id=8))
        assert talk.hear()["id"] == 8
