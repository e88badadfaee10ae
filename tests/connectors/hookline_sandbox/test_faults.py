"""Each fault does what the table says, as the official client and a bare socket see it."""

from __future__ import annotations

import gzip
import json
import re
import socket
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import openai
import pytest
from openai import OpenAI

from hookline_sandbox.errors import CutConnection
from hookline_sandbox.faults import FAULTS, parse_fault
from hookline_sandbox.server import SandboxServer
from hookline_sandbox.service import Sandbox, SandboxAnswer
from hookline_sandbox.wire import DONE

NOW_S = 1_795_305_600.0
BODY = {"model": "sandbox", "messages": [{"role": "user", "content": "ping"}]}


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


@pytest.fixture(scope="module")
def client(server: SandboxServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key="none", max_retries=0, timeout=30) as made:
        yield made


def ask(fault: str, *, stream: bool = False, sleeps: list[float] | None = None) -> SandboxAnswer:
    noted: list[float] = [] if sleeps is None else sleeps
    body = json.dumps({**BODY, "stream": stream}).encode()
    sandbox = Sandbox(sleep=noted.append, now=lambda: NOW_S)
    return sandbox.answer("POST", "/v1/chat/completions", {"x-sandbox-fault": fault}, body)


def events_before_cut(answer: SandboxAnswer) -> list[bytes]:
    events: list[bytes] = []
    try:
        for chunk in answer.chunks:
            events.append(chunk)
    except CutConnection:
        return events
    raise AssertionError("the connection was not cut")


def exchange(server: SandboxServer, fault: str, *, stream: bool) -> bytes:
    """Return every byte of one connection's answer, to the end of the connection."""
    body = json.dumps({**BODY, "stream": stream}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-sandbox-fault: {fault}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((server.host, server.port), timeout=30) as connection:
        connection.sendall(head.encode() + body)
        received = b""
        while data := connection.recv(65_536):
            received += data
    return received


EXAMPLES = {
    "<400..599>": "418",
    "<seconds>": "0.01",
    "<ms>": "1",
    "<MB>": "1",
    "<fault>-times-<n>": "status-503-times-1",
}


def example_of(name: str) -> str:
    return re.sub("<.*>", lambda found: EXAMPLES[found.group()], name)


@pytest.mark.parametrize("name", [kind.name for kind in FAULTS])
@pytest.mark.parametrize("stream", [False, True])
def test_every_fault_of_the_table_exists_and_can_be_read_to_its_end(name: str, stream: bool) -> None:
    answer = ask(example_of(name), stream=stream)
    try:
        assert answer.content_length in (None, len(b"".join(answer.chunks)))
    except CutConnection:
        assert name.startswith("cut")
    assert ("x-sandbox", "simulated") in answer.headers


@pytest.mark.parametrize(
    "name", ["", "sta", "status-200", "status-600", "big-0", "big-2000", "slow-x", "CUT", "cut-times-0"]
)
def test_an_unknown_fault_is_answered_with_the_list(name: str) -> None:
    answer = Sandbox().answer(
        "POST", "/v1/chat/completions", {}, json.dumps({**BODY, "model": f"sandbox-{name}"}).encode()
    )
    assert answer.status == 400
    message = json.loads(b"".join(answer.chunks))["error"]["message"]
    assert all(kind.name in message for kind in FAULTS)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": BODY["messages"]}),
        ("/v1/completions", {"prompt": "x"}),
        ("/v1/edits", {"instruction": "x"}),
        ("/v1/embeddings", {"input": "x"}),
        ("/v1/moderations", {"input": "x"}),
    ],
)
def test_a_model_name_asks_for_a_fault_on_every_endpoint(path: str, body: dict[str, object]) -> None:
    sleeps: list[float] = []
    sandbox = Sandbox(sleep=sleeps.append)
    refused = sandbox.answer("POST", path, {}, json.dumps({**body, "model": "sandbox-status-500"}).encode())
    assert refused.status == 500
    slow = sandbox.answer("POST", path, {}, json.dumps({**body, "model": "sandbox-stall-2"}).encode())
    assert (slow.status, len(list(slow.chunks)), sleeps) == (200, 2, [2])


CLIENT_ERRORS: list[tuple[str, type[openai.APIError], str | None]] = [
    ("status-400", openai.BadRequestError, None),
    ("status-401", openai.AuthenticationError, "invalid_api_key"),
    ("status-403", openai.PermissionDeniedError, "unsupported_country_region_territory"),
    ("status-404", openai.NotFoundError, "model_not_found"),
    ("status-408", openai.APIStatusError, None),
    ("status-409", openai.ConflictError, None),
    ("status-422", openai.UnprocessableEntityError, None),
    ("status-429", openai.RateLimitError, "rate_limit_exceeded"),
    ("status-500", openai.InternalServerError, None),
    ("status-502", openai.InternalServerError, None),
    ("status-503", openai.InternalServerError, "server_is_overloaded"),
    ("status-504", openai.InternalServerError, None),
    ("status-529", openai.InternalServerError, "server_is_overloaded"),
    ("429", openai.RateLimitError, "rate_limit_exceeded"),
    ("429-text", openai.RateLimitError, "rate_limit_exceeded"),
    ("429-none", openai.RateLimitError, "rate_limit_exceeded"),
    ("429-too-large", openai.RateLimitError, "rate_limit_exceeded"),
    ("429-slow-down", openai.RateLimitError, "slow_down"),
    ("billing", openai.RateLimitError, "insufficient_quota"),
    ("credit_balance_exhausted", openai.RateLimitError, "credit_balance_exhausted"),
    ("organization_spend_limit_exceeded", openai.RateLimitError, "organization_spend_limit_exceeded"),
    ("project_spend_limit_exceeded", openai.RateLimitError, "project_spend_limit_exceeded"),
    ("organization_usage_limit_exceeded", openai.RateLimitError, "organization_usage_limit_exceeded"),
    ("billing_not_active", openai.RateLimitError, "billing_not_active"),
    ("html", openai.InternalServerError, None),
    ("empty-503", openai.InternalServerError, None),
]


@pytest.mark.parametrize(("fault", "kind", "code"), CLIENT_ERRORS)
def test_the_client_raises_the_class_and_code_of_a_refusal(
    client: OpenAI, fault: str, kind: type[openai.APIError], code: str | None
) -> None:
    with pytest.raises(kind) as caught:
        client.embeddings.create(
            model="sandbox-embedding", input="x", extra_headers={"x-sandbox-fault": fault}
        )
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("fault", "name", "value"),
    [
        ("429", "retry-after", "1"),
        ("429-retry-after-0.05", "retry-after", "0.05"),
        ("429-retry-after-30", "retry-after", "30"),
        ("429-ms", "retry-after-ms", "50"),
        ("cookie", "set-cookie", "sandbox_visit=simulated; Path=/"),
        ("redirect", "location", "https://elsewhere.invalid/v1/chat/completions"),
        ("gzip", "content-encoding", "gzip"),
        ("html-200", "content-type", "text/html; charset=utf-8"),
        ("text", "content-type", "text/plain"),
    ],
)
def test_a_fault_sets_its_header(fault: str, name: str, value: str) -> None:
    assert (name, value) in ask(fault).headers


def test_waits_are_named_in_one_place_only() -> None:
    dated = dict(ask("429-http-date").headers)["retry-after"]
    assert parsedate_to_datetime(dated).timestamp() == NOW_S + 2
    for fault in ("429-text", "429-none"):
        assert not {"retry-after", "retry-after-ms"} & {name for name, _ in ask(fault).headers}
    assert b"try again in 250ms" in b"".join(ask("429-text").chunks)
    assert b"try again" not in b"".join(ask("429-none").chunks)


def test_an_inactive_account_gets_no_rate_headers() -> None:
    assert not [name for name, _ in ask("billing_not_active").headers if name.startswith("x-ratelimit")]


@pytest.mark.parametrize(
    ("fault", "stream", "taken", "sleeps"),
    [
        ("slow-first-byte-5", False, 0, [5.0]),
        ("slow-first-event-5", True, 0, []),
        ("slow-first-event-5", True, 1, [5.0]),
        ("stall-60", True, 3, []),
        ("stall-60", True, 4, [60.0]),
        ("stall-60", False, 1, []),
        ("stall-60", False, 2, [60.0]),
        ("slow-100", True, 4, [0.1] * 3),
        ("slow-100", False, 1, [0.1]),
    ],
)
def test_a_slow_fault_waits_at_its_place(fault: str, stream: bool, taken: int, sleeps: list[float]) -> None:
    noted: list[float] = []
    answer = ask(fault, stream=stream, sleeps=noted)
    for _ in range(taken):
        next(answer.chunks)
    assert noted == sleeps


def test_a_slow_answer_is_complete_in_the_end() -> None:
    def texts(answer: SandboxAnswer) -> bytes:
        return b"".join(answer.chunks)

    for fault in ("stall-9", "slow-9", "slow-first-event-9", "slow-first-byte-9", "cookie"):
        usual = Sandbox(now=lambda: NOW_S).answer(
            "POST", "/v1/chat/completions", {}, json.dumps({**BODY, "stream": True}).encode()
        )
        assert texts(ask(fault, stream=True)) == texts(usual)


def test_a_cut_stream_has_three_events() -> None:
    assert len(events_before_cut(ask("cut", stream=True))) == 3
    inside = events_before_cut(ask("cut-event", stream=True))
    assert len(inside) == 3
    assert not inside[-1].endswith(b"\n\n")


def test_a_stream_can_end_without_done() -> None:
    events = list(ask("no-done", stream=True).chunks)
    assert DONE not in events
    assert b'"finish_reason":"stop"' in events[-1]


def test_one_event_can_be_malformed() -> None:
    broken = [event for event in ask("malformed", stream=True).chunks if not _is_json(event)]
    assert len(broken) == 1
    with pytest.raises(json.JSONDecodeError):
        json.loads(b"".join(ask("malformed").chunks))


def _is_json(event: bytes) -> bool:
    try:
        json.loads(event.removeprefix(b"data: ").replace(b"[DONE]", b"0"))
    except json.JSONDecodeError:
        return False
    return True


def test_an_error_event_ends_the_stream() -> None:
    events = list(ask("error-event", stream=True).chunks)
    assert len(events) == 4
    assert json.loads(events[-1].removeprefix(b"data: "))["error"]["code"] == "server_is_overloaded"
    assert ask("error-event").status == 503


@pytest.mark.parametrize("stream", [False, True])
def test_a_compressed_answer_is_the_same_answer(stream: bool) -> None:
    plain = b"".join(ask("cookie", stream=stream).chunks)
    assert gzip.decompress(b"".join(ask("gzip", stream=stream).chunks)) == plain


@pytest.mark.parametrize("stream", [False, True])
def test_a_big_answer_is_big_and_valid(stream: bool) -> None:
    body = b"".join(ask("big-2", stream=stream).chunks)
    assert len(body) > 2_000_000
    assert all(_is_json(part) for part in body.strip().split(b"\n\n"))


@pytest.mark.parametrize("stream", [False, True])
def test_invalid_utf8_cannot_be_decoded(stream: bool) -> None:
    with pytest.raises(UnicodeDecodeError):
        b"".join(ask("invalid-utf8", stream=stream).chunks).decode()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["cut", "cut-event"])
def test_a_cut_connection_ends_without_the_last_chunk(
    server: SandboxServer, fault: str, stream: bool
) -> None:
    received = exchange(server, fault, stream=stream)
    assert b"200 OK" in received
    assert b"transfer-encoding: chunked" in received
    assert not received.endswith(b"0\r\n\r\n")


def test_a_proper_stream_is_chunked_event_by_event(server: SandboxServer) -> None:
    received = exchange(server, "cookie", stream=True)
    assert received.endswith(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")


def test_a_redirect_and_a_page_arrive_as_such(server: SandboxServer) -> None:
    assert exchange(server, "redirect", stream=False).startswith(b"HTTP/1.1 307 ")
    page = exchange(server, "html", stream=True)
    assert page.startswith(b"HTTP/1.1 502 ")
    assert b"<h1>" in page


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("cut", openai.APIConnectionError),
        ("cut-event", openai.APIConnectionError),
        ("error-event", openai.APIError),
        ("malformed", json.JSONDecodeError),
        ("invalid-utf8", UnicodeDecodeError),
    ],
)
def test_the_client_notices_a_broken_stream(client: OpenAI, fault: str, kind: type[Exception]) -> None:
    def read() -> None:
        for _ in client.chat.completions.create(
            model=f"sandbox-{fault}", messages=[{"role": "user", "content": "ping"}], stream=True
        ):
            pass

    with pytest.raises(kind):
        read()


def test_a_silence_ends_by_the_client_s_time_limit(client: OpenAI) -> None:
    impatient = client.with_options(timeout=0.05)
    with pytest.raises(openai.APITimeoutError):
        impatient.models.list(extra_headers={"x-sandbox-fault": "slow-first-byte-5"})


def test_a_fault_knows_its_name() -> None:
    assert parse_fault("stall-3").name == "stall-3"
