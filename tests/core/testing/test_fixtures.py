"""The fixtures of the kit, used as a plugin author uses them."""

from __future__ import annotations

import socket
import urllib.request
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from hookline import Call, Connector, Response, Sample, hookimpl
from hookline.testing import NetworkBlockedError, Pause, block_network

if TYPE_CHECKING:
    from hookline.testing import ActionCaller, FakeClock, GatewayUnderTest, ScriptedUpstream


class FindContact(BaseModel):
    """Find one contact."""

    email: str
    stream: bool = False


class Contact(BaseModel):
    """A contact."""

    name: str


class Texts:
    """Presents a stream of texts."""

    def __init__(self, call: Call) -> None:
        self.texts: list[str] = []

    def feed(self, event: dict[str, object]) -> list[dict[str, object]]:
        self.texts.append(str(event["text"]))
        return [{"type": "text", "text": event["text"]}]

    def finish(self) -> dict[str, object]:
        return {"name": "".join(self.texts)}


acme = Connector("acme", title="Acme CRM", base_url="https://api.acme.example/v2")
acme.endpoint(
    "find_contact", "GET", "/contacts/{email}", input=FindContact, output=Contact, read_only=True,
    samples=[Sample(title="Ada", input={"email": "ada@example.com"}, output={"name": "Ada"})],
)  # fmt: skip
acme.endpoint("tell", "POST", "/tell", input=FindContact, output=Contact, stream=Texts, stream_end=b"[DONE]")


class Shout:
    """Raises its voice."""

    @hookimpl
    def hookline_process_response(self, call: Call, response: Response) -> None:
        response.output["name"] = str(response.output["name"]).upper()


pytestmark = pytest.mark.hookline(plugins=[acme])


def test_a_call_gets_what_the_service_answers(call: ActionCaller, upstream: ScriptedUpstream) -> None:
    upstream.answers("GET", "/contacts/{email}", json={"name": "Ada"})

    result = call("acme.find_contact", email="ada@example.com")

    assert result.status == 200
    assert result.output == {"name": "Ada", "warnings": []}
    assert upstream.requests[0].path == "/contacts/ada@example.com"
    assert upstream.requests[0].url.startswith("https://api.acme.example/v2/contacts/")
    assert upstream.requests[0].headers["authorization"] == "Bearer kit-credential-of-acme"


@pytest.mark.hookline(plugins=[Shout])
def test_plugins_of_a_test_come_to_those_of_its_module(
    call: ActionCaller, upstream: ScriptedUpstream
) -> None:
    upstream.answers("GET", "/contacts/{email}", json={"name": "Ada"})

    assert call("acme.find_contact", FindContact(email="a@b")).output["name"] == "ADA"


def test_a_sequence_of_answers_is_given_in_order_and_its_last_one_stays(
    call: ActionCaller, upstream: ScriptedUpstream, clock: FakeClock
) -> None:
    upstream.answers("GET", "/contacts/{email}", status=503).then(json={"name": "Ada"})

    assert [call("acme.find_contact", email="a@b").output["name"] for _ in range(2)] == ["Ada", "Ada"]
    assert len(upstream.requests) == 3
    assert len(clock.waits) == 1


def test_a_stream_is_read_event_by_event(call: ActionCaller, upstream: ScriptedUpstream) -> None:
    upstream.streams("POST", "/tell", [{"text": "A"}, Pause(seconds=3), {"text": "da"}], end="[DONE]")

    result = call.stream("acme.tell", email="a@b")

    assert [event["type"] for event in result.events] == ["text", "text", "output"]
    assert (result.text, result.output["name"]) == ("Ada", "Ada")
    assert upstream.requests[0].json == {"email": "a@b", "stream": True}


def test_an_action_runs_through_every_door(call: ActionCaller, upstream: ScriptedUpstream) -> None:
    upstream.answers("GET", "/contacts/{email}", json={"name": "Ada"})
    results = [
        call("acme.find_contact", email="a@b"),
        call.job("acme.find_contact", email="a@b"),
        call.mcp("acme.find_contact", email="a@b"),
        call.cli("acme.find_contact", email="a@b"),
    ]

    assert [result.output["name"] for result in results] == ["Ada"] * 4


def test_each_item_of_a_call_has_a_result(call: ActionCaller, upstream: ScriptedUpstream) -> None:
    upstream.answers("GET", "/contacts/{email}", json={"name": "Ada"})
    upstream.answers("GET", "/contacts/nobody", status=404, json={})

    result = call.items("acme.find_contact", [{"email": "a@b"}, {"email": "nobody"}])

    assert [item.status for item in result.items] == [200, 404]
    assert not result.is_ok
    assert result.items[0].output["name"] == "Ada"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("refused", 502, "upstream_unavailable"),
        ("reset", 502, "upstream_unavailable"),
        ("timeout", 504, "upstream_timeout"),
        ("slow", 504, "upstream_timeout"),
        ("cut", 502, "stream_interrupted"),
        ("garbage", 502, "invalid_upstream_answer"),
        ("html", 502, "invalid_upstream_answer"),
        ("empty", 502, "invalid_upstream_answer"),
        ("huge", 502, "upstream_answer_too_large"),
    ],
)
@pytest.mark.hookline(settings={"limits": {"max_answer_bytes": 100_000}})
def test_a_fault_becomes_the_error_that_the_real_one_becomes(
    call: ActionCaller, upstream: ScriptedUpstream, fault: str, status: int, code: str
) -> None:
    upstream.fails("GET", "/contacts/{email}", fault)  # type: ignore[arg-type]  # one of the faults

    error = call("acme.find_contact", email="a@b").error

    assert error is not None
    assert (error.status, error.code, error.is_retryable) == (status, code, True)


@pytest.mark.hookline(settings={"limits": {"timeout_s": 10}})
def test_a_delay_beyond_the_deadline_is_a_timeout_and_takes_no_time(
    call: ActionCaller, upstream: ScriptedUpstream, clock: FakeClock
) -> None:
    upstream.answers("GET", "/contacts/{email}", json={"name": "Ada"}, after_s=9.0).then(
        json={"name": "Ada"}, after_s=11.0
    )

    assert call("acme.find_contact", email="a@b").status == 200
    assert call("acme.find_contact", email="a@b").status == 504
    assert clock.waits[:2] == [9.0, 10.0]


def test_the_key_of_a_caller_is_not_the_one_for_the_service(
    gateway: GatewayUnderTest, upstream: ScriptedUpstream
) -> None:
    upstream.answers("GET", "/contacts/{email}", json={"name": "Ada"})

    gateway.call("acme.find_contact", email="a@b")

    assert gateway.credential("acme") == "kit-credential-of-acme"
    assert "key-of-the-testing-kit" not in str(upstream.requests[0].headers)


@pytest.mark.hookline(environ={"HOOKLINE_ACME_BASE_URL": "https://other.example"}, credentials=False)
def test_the_environment_of_a_marker_counts_and_that_of_the_process_does_not(
    call: ActionCaller, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOKLINE_ACME_API_KEY", "of-the-process")
    upstream.answers("GET", "https://other.example/contacts/{email}", json={"name": "Ada"})

    call("acme.find_contact", email="a@b")

    assert "authorization" not in upstream.requests[0].headers


def test_the_sandbox_answers_without_a_script(sandbox: GatewayUnderTest, call: ActionCaller) -> None:
    assert call("openai.chat", model="sandbox", prompt="hi").text == "Simulated answer to: hi"
    assert sandbox.upstream.requests == []


def test_a_real_request_is_stopped() -> None:
    with block_network() as stopped:
        with pytest.raises(NetworkBlockedError, match=r"real request was stopped.*example.com.*network=True"):
            urllib.request.urlopen("http://example.com/")
        with socket.socket() as made, pytest.raises(NetworkBlockedError, match=r"192\.0\.2\.1, port 80"):
            made.connect(("192.0.2.1", 80))
    assert len(stopped) == 2


def test_the_scripted_service_answers_on_a_port_too(upstream: ScriptedUpstream) -> None:
    upstream.answers("GET", "/things/{id}", json={"id": 1}, headers={"x-one": "1"})

    with upstream.serve() as url, urllib.request.urlopen(f"{url}/things/1?a=b") as answer:
        assert (answer.status, answer.read(), answer.headers["x-one"]) == (200, b'{"id":1}', "1")
    assert upstream.requests[0].query == {"a": ["b"]}
    assert upstream.requests[0].path == "/things/1"
