"""A real Node-RED runs a flow of plain nodes: catalog, call, 202 and polls, callback.

Node-RED is an npm package: ``npm install node-red`` somewhere, and ``HOOKLINE_NODE_RED`` names its program.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

KEY = "a-key-for-tests-only-0001"
START_S = 60.0
SOON_S = 60.0
_CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("HOOKLINE_", "OPENAI_"))}


class Collector(ThreadingHTTPServer):
    """Takes what the flow posts at its end."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.came: dict[str, Any] = {}
        self.changed = threading.Condition()

    def wait_for(self, *names: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: set(names) <= self.came.keys(), SOON_S), self.came


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert isinstance(self.server, Collector)
        with self.server.changed:
            self.server.came[self.path.strip("/")] = body
            self.server.changed.notify_all()
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text()[-2000:])


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[int]:
    """Port of a gateway over the sandbox that may post to loopback."""
    port, log = _free_port(), tmp_path / "gateway.log"
    environ = {
        **_CLEAN,
        "HOOKLINE_API_KEYS": KEY,
        "HOOKLINE_STATE_DIR": str(tmp_path / "state"),
        "HOOKLINE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "HOOKLINE_CALLBACKS_ALLOW_LOOPBACK": "true",
    }
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "hookline", "serve", "--sandbox", "--port", str(port)],
            env=environ,
            cwd=tmp_path,
            stdout=file,
            stderr=file,
        )
    try:
        _wait_for_port(port, process, log)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.fixture
def node_red() -> Path:
    """The program; without it the test is skipped, and says so."""
    found = os.environ.get("HOOKLINE_NODE_RED") or shutil.which("node-red")
    if not found:
        pytest.skip("node-red is not installed: npm install node-red, and set HOOKLINE_NODE_RED")
    return Path(found)


def make_flow(gateway: int, own_port: int, collector: int) -> list[dict[str, Any]]:
    """Return a flow as Node-RED keeps it."""
    base = f"http://127.0.0.1:{gateway}"

    def node(id: str, type: str, wires: list[list[str]], **more: Any) -> dict[str, Any]:
        return {"id": id, "type": type, "z": "tab", "name": id, "wires": wires, "x": 1, "y": 1, **more}

    def request(id: str, to: str, method: str = "use", url: str = "") -> dict[str, Any]:
        return node(
            id, "http request", [[to]], method=method, url=url, ret="obj", paytoqs="ignore", senderr=False
        )

    def function(id: str, code: str, *to: str, outputs: int = 1) -> dict[str, Any]:
        wires = [[name] for name in to]
        return node(id, "function", wires, func=code, outputs=outputs, noerr=0, libs=[])

    headers = f'"authorization": "Bearer {KEY}", "content-type": "application/json"'
    ask = (
        f"msg.method = 'POST'; msg.url = '{base}/actions/openai.chat';"
        f"msg.headers = {{{headers}, {{more}}}};"
        "msg.payload = {model: 'sandbox', prompt: 'Say hello to Ada.'{field}}; return msg;"
    )
    return [
        {"id": "tab", "type": "tab", "label": "Hookline"},
        node("begin", "inject", [["catalog"]], once=True, onceDelay=0.1, props=[], repeat="", crontab=""),
        function(
            "catalog",
            f"msg.method = 'GET'; msg.url = '{base}/actions'; msg.headers = {{{headers}}}; return msg;",
            "get catalog",
        ),
        request("get catalog", "pick"),
        function(
            "pick",
            "const chat = msg.payload.actions.find(action => action.id === 'openai.chat');"
            "return [{payload: {id: chat.id, title: chat.title}}, {}, {}];",
            "tell catalog",
            "ask later",
            "ask callback",
            outputs=3,
        ),
        # 202, Location and Retry-After, as any HTTP node can follow them
        function(
            "ask later",
            ask.replace("{more}", '"prefer": "respond-async"').replace("{field}", ""),
            "post later",
        ),
        request("post later", "poll or done"),
        function(
            "poll or done",
            "if (msg.statusCode !== 202) { return [null, msg]; }"
            "msg.url = msg.headers.location; msg.method = 'GET';"
            f"msg.headers = {{{headers}}}; delete msg.payload; return [msg, null];",
            "wait",
            "tell polled",
            outputs=2,
        ),
        node(
            "wait", "delay", [["get job"]], pauseType="delay", timeout="200", timeoutUnits="milliseconds",
            rate="1", nbRateUnits="1", rateUnits="second", randomFirst="1", randomLast="5",
            randomUnits="seconds", drop=False, allowrate=False, outputs=1,
        ),
        request("get job", "poll or done"),
        # the result is posted to an HTTP-in node of the same Node-RED
        function(
            "ask callback",
            ask.replace("{more}", '"x-from": "node-red"').replace(
                "{field}", f", callback_url: 'http://127.0.0.1:{own_port}/hookline'"
            ),
            "post callback",
        ),
        request("post callback", "tell accepted"),
        node("called back", "http in", [["answer it", "tell called"]], url="/hookline", method="post"),
        node("answer it", "http response", [], statusCode="204", headers={}),
        function(
            "tell called",
            "msg.payload = {text: msg.payload.text, id: msg.req.headers['webhook-id'],"
            "signature: msg.req.headers['webhook-signature']}; return msg;",
            "send called",
        ),
        *[
            part
            for name in ("catalog", "polled", "accepted")
            for part in (
                function(f"tell {name}", "msg.headers = {}; return msg;", f"send {name}"),
                request(f"send {name}", "end", "POST", f"http://127.0.0.1:{collector}/{name}"),
            )
        ],
        request("send called", "end", "POST", f"http://127.0.0.1:{collector}/called"),
        node("end", "debug", [], active=False, tosidebar=False, console=False, complete="false"),
    ]  # fmt: skip


@contextmanager
def running(
    program: Path,
    flow: list[dict[str, Any]],
    folder: Path,
    *,
    port: int,
    secrets: dict[str, Any] | None = None,
) -> Iterator[None]:
    """Run a Node-RED with a flow and what it keeps apart from it."""
    home, log = folder / "node-red", folder / "node-red.log"
    home.mkdir()
    (home / "flows.json").write_text(json.dumps(flow))
    (home / "flows_cred.json").write_text(json.dumps(secrets or {}))
    (home / "settings.js").write_text(
        "module.exports = {flowFile: 'flows.json', uiHost: '127.0.0.1', httpAdminRoot: false,"
        "credentialSecret: false, telemetry: {enabled: false, updateNotification: false},"
        "editorTheme: {tours: false}, logging: {console: {level: 'info'}}};"
    )
    with log.open("wb") as file:
        process = subprocess.Popen(
            [
                str(program),
                "--userDir",
                str(home),
                "--settings",
                str(home / "settings.js"),
                "--port",
                str(port),
            ],
            env=_CLEAN,
            cwd=home,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        _wait_for_port(port, process, log)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def test_a_flow_reads_the_catalog_polls_a_result_and_is_called_back(
    node_red: Path, gateway: int, collector: Collector, tmp_path: Path
) -> None:
    port = _free_port()
    flow = make_flow(gateway, port, collector.server_address[1])
    with running(node_red, flow, tmp_path, port=port):
        collector.wait_for("catalog", "polled", "accepted", "called")

    assert collector.came["catalog"]["id"] == "openai.chat"
    assert collector.came["polled"]["text"].startswith("Simulated answer to: Say hello to Ada.")
    assert collector.came["accepted"]["status"] == "queued"
    assert collector.came["called"]["text"] == collector.came["polled"]["text"]
    assert collector.came["called"]["signature"].startswith("v1,")
    listed = Request(f"http://127.0.0.1:{gateway}/jobs", headers={"authorization": f"Bearer {KEY}"})
    with urlopen(listed, timeout=10) as answer:
        jobs = json.load(answer)["jobs"]
    assert sorted(job["status"] for job in jobs) == ["done", "done"]


def make_flow_of_the_page(gateway: int, collector: int, input: str) -> list[dict[str, Any]]:
    """Return the flow that "Use in Node-RED" tells to build, once with a key and once without."""

    def node(id: str, type: str, wires: list[list[str]], **more: Any) -> dict[str, Any]:
        return {"id": id, "type": type, "z": "tab", "name": id, "wires": wires, "x": 1, "y": 1, **more}

    def request(id: str, to: str, url: str, **more: Any) -> dict[str, Any]:
        return node(id, "http request", [[to]], method="POST", url=url, ret="obj", paytoqs="ignore", **more)

    def ask(id: str) -> dict[str, Any]:
        return request(
            id,
            "switch",
            f"http://127.0.0.1:{gateway}/actions/openai.chat",
            authType="bearer",
            senderr=False,
            headers=[
                {"keyType": "other", "keyValue": "Prefer", "valueType": "other", "valueValue": "wait=110"}
            ],
        )

    return [
        {"id": "tab", "type": "tab", "label": "Hookline"},
        node(
            "inject", "inject", [["ask", "ask without key"]], once=True, onceDelay=0.1, repeat="", crontab="",
            props=[{"p": "payload"}], payload=input, payloadType="json",
        ),
        ask("ask"),
        ask("ask without key"),
        node(
            "switch", "switch", [["send answer"], ["send error"]], property="statusCode", propertyType="msg",
            rules=[{"t": "eq", "v": "200", "vt": "num"}, {"t": "else"}], checkall="true", outputs=2,
        ),
        request("send answer", "end", f"http://127.0.0.1:{collector}/answer", senderr=False),
        request("send error", "end", f"http://127.0.0.1:{collector}/error", senderr=False),
        node("end", "debug", [], active=False, tosidebar=False, console=False, complete="false"),
    ]  # fmt: skip


def test_the_flow_of_the_page_tells_answers_from_errors(
    node_red: Path, gateway: int, collector: Collector, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/use-in-node-red.md").read_text("utf-8")
    (input,) = re.findall(r"`msg.payload` be JSON: `(\{.*\})`", page)
    assert "`Prefer` with `wait=110`" in page
    flow = make_flow_of_the_page(gateway, collector.server_address[1], input)
    secrets = {"ask": {"user": "", "password": KEY}}
    with running(node_red, flow, tmp_path, port=_free_port(), secrets=secrets):
        collector.wait_for("answer", "error")
    assert collector.came["answer"]["text"].startswith("Simulated answer to: Say hello to Ada.")
    assert collector.came["error"]["status"] == 401
    assert collector.came["error"]["message"].startswith("This request carries no valid API key.")
