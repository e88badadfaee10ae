"""`hookline batch` over a gateway that runs elsewhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from fake_clock import FakeClock
from hookline.cli.messages import CommandError
from hookline_bulk.remote_runner import RemoteRunner
from hookline_bulk.runners import GatewayLostError, RowEstimate, RowReply
from live_gateway import KEY, free_port, run_server

if TYPE_CHECKING:
    from click.testing import Result

Answer = tuple[int, dict[str, str], object]
DESCRIBED: Answer = (200, {}, {"hints": {"idempotent": False}, "input_schema": {"properties": {}}})
PROBLEM = {"status": 429, "detail": "Too many.", "upstream": None, "retry_after": 1}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_server(tmp_path_factory.mktemp("gateway"), HOOKLINE_SANDBOX="true") as server:
        yield server.url


class Fake:
    """A gateway that answers from a list, after it has described its action."""

    def __init__(self) -> None:
        self.answers: list[Answer | None] = []
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []

    @contextmanager
    def serve(self) -> Iterator[str]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                fake.requests.append((self.command, self.path, headers, orjson.loads(body) if body else None))
                answer = DESCRIBED if len(fake.requests) == 1 else fake.answers.pop(0)
                if answer is None:  # it breaks the connection after it has taken the request
                    self.close_connection = True
                    return
                status, more, value = answer
                content = orjson.dumps(value)
                self.send_response(status)
                for name, text in {**more, "content-length": str(len(content))}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/base"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@pytest.fixture
def fake() -> Fake:
    return Fake()


def run(fake: Fake, *answers: Answer | None) -> RowReply:
    fake.answers = list(answers)
    with fake.serve() as url:
        runner = RemoteRunner(url, "a-key", "acme.say", clock=FakeClock())
        try:
            return runner.run({"text": "a"}, key="run-1-1")
        finally:
            runner.close()


def of_items(status: int, member: str, value: object) -> dict[str, object]:
    summary = {"total": 1, "usage": {"input_tokens": 1, "output_tokens": 2}, "cost_usd": 0.001}
    return {"items": [{"index": 0, "status": status, member: value}], "summary": summary}


def test_a_row_is_sent_with_the_key_and_a_key_of_its_own_and_its_cost_comes_back(fake: Fake) -> None:
    reply = run(fake, (200, {}, of_items(200, "output", {"text": "A"})))
    assert reply == RowReply(
        status=200,
        content=b'{"text":"A"}',
        usage={"input_tokens": 1, "output_tokens": 2},
        cost_nano_usd=1_000_000,
    )
    method, path, headers, body = fake.requests[1]
    assert (method, path, body) == ("POST", "/base/actions/acme.say", {"items": [{"text": "a"}]})
    assert (headers["authorization"], headers["idempotency-key"]) == ("Bearer a-key", '"run-1-1"')


def test_a_row_that_failed_has_the_status_and_error_of_its_item(fake: Fake) -> None:
    problem = {"status": 422, "detail": "Wrong."}
    reply = run(fake, (422, {}, {**problem, **of_items(422, "error", problem)}))
    assert (reply.status, orjson.loads(reply.content)) == (422, problem)


def test_a_refusal_of_the_gateway_is_to_be_waited_for(fake: Fake) -> None:
    reply = run(fake, (429, {"retry-after": "7"}, PROBLEM))
    assert (reply.status, reply.wait_s) == (429, 7.0)


def test_a_row_that_still_runs_under_its_key_is_to_be_waited_for(fake: Fake) -> None:
    assert run(fake, (409, {"retry-after": "2"}, {"status": 409, "upstream": None})).wait_s == 2.0


@pytest.mark.parametrize(
    "begun",
    [
        (202, {"location": "/jobs/job_1", "retry-after": "1"}, {}),
        (202, {"location": "https://public.example/base/jobs/job_1"}, {}),
        (504, {}, {"status": 504, "job": {"id": "job_1", "result_url": "/jobs/job_1"}}),
    ],
)
def test_a_row_that_became_a_job_is_polled_to_its_end_where_the_row_was_sent(
    fake: Fake, begun: Answer
) -> None:
    waiting: Answer = (202, {"retry-after": "3"}, {"status": "running"})
    reply = run(fake, begun, waiting, waiting, (200, {}, of_items(200, "output", {"text": "A"})))
    assert (reply.status, reply.content) == (200, b'{"text":"A"}')
    assert [request[:2] for request in fake.requests[2:]] == [("GET", "/base/jobs/job_1")] * 3


def test_if_the_connection_breaks_after_a_row_was_sent_nobody_knows_what_became_of_it(fake: Fake) -> None:
    reply = run(fake, None)
    assert (reply.status, reply.is_known) == (0, False)
    assert len(fake.requests) == 2  # it was not sent again


def test_a_gateway_that_is_not_there_is_told_at_once_at_the_beginning() -> None:
    clock = FakeClock()
    with pytest.raises(GatewayLostError, match="cannot be reached"):
        RemoteRunner(f"http://127.0.0.1:{free_port()}", "a-key", "acme.say", clock=clock)


def test_a_gateway_that_went_away_is_waited_for_and_the_row_was_not_sent(fake: Fake) -> None:
    clock = FakeClock()
    with fake.serve() as url:
        runner = RemoteRunner(url, "a-key", "acme.say", clock=clock)
    runner.close()
    runner._drop(runner._local.connection)
    with pytest.raises(GatewayLostError):
        runner.run({}, key="k")
    assert len(clock.waits) == 8
    assert sum(clock.waits) > 60


def test_an_estimate_is_asked_for_without_running_anything(fake: Fake) -> None:
    fake.answers = [
        (200, {}, {"input_tokens": 3, "output_tokens": 100, "cost_usd": 0.5}),
        (200, {}, {"input_tokens": None, "output_tokens": None, "cost_usd": None}),
        (422, {}, {"detail": "`text` is missing."}),
        (404, {}, {}),
    ]
    with fake.serve() as url:
        runner = RemoteRunner(url, "a-key", "acme.say")
        assert runner.estimate({}) == RowEstimate(
            input_tokens=3, output_tokens=100, cost_nano_usd=500_000_000
        )
        assert runner.estimate({}).cost_nano_usd is None
        assert runner.estimate({}).refusal == "`text` is missing."
        with pytest.raises(CommandError, match="no estimates"):
            runner.estimate({})
        runner.close()
    assert {request[1] for request in fake.requests[1:]} == {"/base/actions/acme.say/estimate"}


@pytest.mark.parametrize(
    "url",
    ["hooks.example.com", "ftp://a", "https://", "https://user:pw@a", "https://a?x=1", "https://a:99999"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(CommandError, match="--url"):
        RemoteRunner(url, "a-key", "acme.say")


def test_rows_run_on_a_real_gateway(
    gateway: str,
    batch: Callable[..., Result],
    write: Callable[..., Path],
    results: Callable[[], list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    write("question\nWho?\nWhy?\n\n")
    (tmp_path / "key").write_text(KEY + "\n")
    options = ["--map", "prompt=question", "--set", "model=gpt-5.4-mini", "--url", gateway]
    result = batch(*options, "--key-file", str(tmp_path / "key"), action="openai.chat")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line["output"]["text"] for line in results()] == [
        "Simulated answer to: Who?",
        "Simulated answer to: Why?",
    ]
    assert all(line["cost_usd"] > 0 for line in results())


def test_a_wrong_key_is_told_before_any_row_is_sent(
    gateway: str, batch: Callable[..., Result], write: Callable[..., Path]
) -> None:
    write("prompt\nWho?\n")
    result = batch("--url", gateway, action="openai.chat", environ={"HOOKLINE_API_KEY": "wrong"})
    assert result.exit_code == 2
    assert "refused to describe openai.chat" in result.stderr
    assert "wrong" not in result.stderr


def test_a_gateway_that_is_not_there_ends_the_command(
    batch: Callable[..., Result], write: Callable[..., Path]
) -> None:
    write("prompt\nWho?\n")
    result = batch("--url", f"http://127.0.0.1:{free_port()}", environ={"HOOKLINE_API_KEY": "a-key"})
    assert (result.exit_code, "cannot be reached" in result.stderr) == (1, True)


def test_a_key_that_cannot_be_one_is_refused(
    batch: Callable[..., Result], write: Callable[..., Path]
) -> None:
    write("prompt\nWho?\n")
    result = batch("--url", "http://127.0.0.1:1", environ={"HOOKLINE_API_KEY": "a b"})
    assert (result.exit_code, "characters that a key cannot have" in result.stderr) == (2, True)
    assert json.dumps("a b") not in result.stderr
