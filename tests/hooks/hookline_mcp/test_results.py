"""Replies of the pipeline as results: jobs, limits, repeats, the ledger, and outputs that do not fit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hookline import Reply, Response, hookimpl, json_reply
from hookline_mcp.results import result_of
from mcp_lab import CHAT, ask, call, client_of, make_gateway, modern, post

if TYPE_CHECKING:
    from flask.testing import FlaskClient

_ASK = "No.\nAsk.\nField: a.b\nTry again after 1 s."


def text_of(result: dict[str, Any]) -> str:
    (block,) = result["content"]
    return str(block["text"])


def test_an_output_is_passed_on_byte_by_byte() -> None:
    reply = Reply(content='{"text":"ä","n":1.50}'.encode())
    result = orjson.loads(orjson.dumps(result_of(reply, fits=None)))
    assert result["structuredContent"] == {"text": "ä", "n": 1.5}
    assert text_of(result) == '{"text":"ä","n":1.50}'


def test_an_output_on_several_lines_is_written_on_one() -> None:
    reply = Reply(content=b'{\n  "text": "a\\nb",\r\n  "n": 36893488147419103232\n}\n')
    written = orjson.dumps(result_of(reply, fits=lambda output: True))
    assert b"\n" not in written
    assert b"\r" not in written
    assert json.loads(written)["structuredContent"] == {"text": "a\nb", "n": 36893488147419103232}


@pytest.mark.parametrize("content", [b"plain text", b"", b"\xff"])
def test_an_output_that_is_no_json_is_told_as_text(content: bytes) -> None:
    result = orjson.loads(orjson.dumps(result_of(Reply(content=content), fits=None)))
    assert (result["isError"], "structuredContent" in result) == (True, False)
    assert result["content"][-1]["text"] == content.decode(errors="replace")


def test_a_call_that_goes_on_as_a_job_names_it(client: FlaskClient) -> None:
    result = ask(client, "tools/call", call("openai_chat"), Prefer="respond-async")
    job = result["_meta"]["hookline/job"]
    assert result["isError"] is True
    assert "structuredContent" not in result
    assert job["id"] in text_of(result)
    assert job["result_url"] in text_of(result)
    assert "Do not call the tool again" in text_of(result)


def test_a_call_that_takes_longer_than_its_caller_waits_names_its_job(client: FlaskClient) -> None:
    arguments = {"model": "sandbox-slow-first-byte-3", "prompt": "hi"}
    result = ask(client, "tools/call", call("openai_chat", arguments), Prefer="wait=1")
    assert result["isError"] is True
    assert "job_" in text_of(result)


def test_a_repeated_call_with_an_idempotency_key_runs_once(client: FlaskClient) -> None:
    results = [
        ask(client, "tools/call", call("openai_chat"), Idempotency_Key="once-and-no-more") for _ in range(2)
    ]
    assert results[0]["structuredContent"]["id"] == results[1]["structuredContent"]["id"]
    other = ask(client, "tools/call", call("openai_chat", {**CHAT, "seed": 7}))
    assert other["structuredContent"]["id"] != results[0]["structuredContent"]["id"]


def test_limits_hold_and_say_when_to_come_back() -> None:
    gateway = make_gateway(plugins={"limits": {"limits": ["1 request / hour"]}})
    client = client_of(gateway)
    assert ask(client, "tools/call", call("openai_chat"))["isError"] is False
    answer = post(client, modern("tools/call", call("openai_chat")))
    assert answer.status_code == 200
    result = answer.get_json()["result"]
    assert result["isError"] is True
    assert "Try again after" in text_of(result)
    assert result["_meta"]["hookline/problem"]["status"] == 429
    assert "ratelimit" in answer.headers
    gateway.close()


class Bending:
    """Takes a member out of every output that its schema demands."""

    @hookimpl
    def hookline_process_response(self, response: Response) -> None:
        response.output.pop("finish_reason", None)


def test_an_output_that_does_not_fit_is_shown_but_not_as_structure() -> None:
    gateway = make_gateway(Bending())
    result = ask(client_of(gateway), "tools/call", call("openai_chat"))
    assert result["isError"] is True
    assert "structuredContent" not in result
    assert "does not fit" in result["content"][0]["text"]
    assert "Simulated answer to: hi" in result["content"][1]["text"]
    gateway.close()


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        ({"detail": "It broke.", "retryable": True}, "It broke.\nThe same call may succeed later."),
        ({"title": "Broken", "retryable": False}, "Broken\nThe same call would fail again."),
        ({"detail": "Slow down.", "retry_after": 7, "retryable": True}, "Slow down.\nTry again after 7 s."),
        (
            {"detail": "No.", "hint": "Ask.", "field": "a.b"},
            "No.\nAsk.\nField: a.b\nThe same call would fail again.",
        ),
    ],
)
def test_a_failure_says_what_to_do(problem: dict[str, Any], text: str) -> None:
    result: Any = result_of(json_reply(problem, status=500), fits=None)
    assert (text_of(result), result["isError"]) == (text, True)
    assert result["_meta"] == {"hookline/problem": problem}


def test_a_failure_that_cannot_be_read_is_a_failure_all_the_same() -> None:
    result: Any = result_of(Reply(status=500, content=b"<html>"), fits=None)
    assert (text_of(result), result["isError"]) == ("The call failed.", True)
