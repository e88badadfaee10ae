"""The gateway layer as its users meet it: keys by command, calls by the official client, workers that die."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from hookline_sandbox.server import SandboxServer
from live_gateway import Server, run_server

CHAT: dict[str, Any] = {"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "hi"}]}
LEASE_S = 2
WAIT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A running gateway and its command line, over one state folder."""

    server: Server
    environ: dict[str, str]
    clients: list[openai.OpenAI] = field(default_factory=list)

    def command(self, *arguments: str) -> str:
        """Run a command as whoever runs the gateway would, and return what it prints."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HOOKLINE_")}
        done = subprocess.run(
            [sys.executable, "-m", "hookline", *arguments],
            env=inherited | self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def new_key(self, *options: str) -> str:
        """Make a key and return it."""
        told: dict[str, str] = json.loads(
            self.command("keys", "create", "--label", "test", "--json", *options)
        )
        return told["key"]

    def client(self, key: str) -> openai.OpenAI:
        """Return the official client, which tries nothing again by itself."""
        client = openai.OpenAI(base_url=f"{self.server.url}/v1", api_key=key, max_retries=0, timeout=30)
        self.clients.append(client)
        return client

    def close(self) -> None:
        """Close the connections of clients, which would else be told of while another test runs."""
        for client in self.clients:
            client.close()

    def usage(self, *options: str) -> dict[str, Any]:
        """Return the totals that the command shows."""
        told: dict[str, Any] = json.loads(self.command("usage", "--json", *options))
        return told["total"]  # type: ignore[no-any-return]  # JSON

    def rows(self) -> list[tuple[str, int, str | None]]:
        """Return call id, status and error code of every row of the ledger."""
        with closing(sqlite3.connect(Path(self.environ["HOOKLINE_STATE_DIR"]) / "hookline.sqlite3")) as file:
            return file.execute("select call_id, status, error_code from usage_rows").fetchall()


Open = Callable[..., Shop]


@pytest.fixture
def open_shop(tmp_path: Path) -> Iterator[Open]:
    with ExitStack() as stack:

        def open_shop(**more: str) -> Shop:
            environ = {"HOOKLINE_STATE_DIR": str(tmp_path / "state"), **more}
            shop = Shop(server=stack.enter_context(run_server(tmp_path, **environ)), environ=environ)
            stack.callback(shop.close)
            return shop

        yield open_shop


def wait_for(condition: Callable[[], bool], *, within_s: float = WAIT_S) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_a_key_is_made_limited_used_seen_and_revoked(open_shop: Open) -> None:
    shop = open_shop(HOOKLINE_SANDBOX="1")
    key = shop.new_key("--limit", "3 requests / minute", "--model", "gpt-*", "--action", "openai.chat")
    client = shop.client(key)

    answers = [client.chat.completions.create(**CHAT).choices[0].message.content for _ in range(3)]
    with pytest.raises(openai.RateLimitError) as limited:
        client.chat.completions.create(**CHAT)
    with pytest.raises(openai.PermissionDeniedError):
        client.embeddings.create(model="text-embedding-3-small", input="hi")

    assert answers == ["Simulated answer to: hi"] * 3
    assert 1 <= int(limited.value.response.headers["retry-after"]) <= 67  # a window ends with its last tenth
    wait_for(lambda: len(shop.rows()) == 5)
    total = shop.usage()
    assert (total["calls"], total["errors"]) == (5, 2)
    assert total["cost_usd"] > 0

    shop.command("keys", "revoke", key.split("_")[1])
    revoked_at = time.monotonic()

    def is_refused() -> bool:
        try:
            client.models.list()
        except openai.AuthenticationError:
            return True
        except openai.PermissionDeniedError:
            return False
        return False

    wait_for(is_refused, within_s=10)
    assert time.monotonic() - revoked_at < 7  # five seconds are promised; the command itself takes one
    assert "are as they were written" in shop.command("audit", "verify")


def test_a_budget_is_not_overdrawn_and_says_so(open_shop: Open) -> None:
    shop = open_shop(HOOKLINE_SANDBOX="1")
    key = shop.new_key("--limit", "0.001 usd / day")
    client = shop.client(key)

    def spend_all() -> tuple[int, openai.APIStatusError]:
        for count in range(100):
            try:
                client.chat.completions.create(**CHAT, max_completion_tokens=50)
            except openai.APIStatusError as error:
                return count, error
        raise AssertionError("the budget has no end")

    served, refused = spend_all()

    assert refused.status_code == 402
    assert refused.code == "budget_exhausted"
    assert refused.response.headers["x-should-retry"] == "false"
    wait_for(lambda: len(shop.rows()) == served + 1)
    total = shop.usage()
    assert total["calls"] == served + 1
    assert 0 < total["cost_usd"] <= 0.001
    action = httpx.post(
        f"{shop.server.url}/actions/openai.chat",
        json={"model": "gpt-5.4-mini", "prompt": "hi", "max_completion_tokens": 50},
        headers={"authorization": f"Bearer {key}"},
    )
    assert (action.status_code, action.json()["error"]["code"]) == (402, "budget_exhausted")
    assert "0.001 usd / day" in action.json()["message"]


def workers_of(pid: int) -> list[int]:
    """Return the ids of the processes that a server has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"PPid:\t{pid}\n" in (folder / "status").read_text():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to find the worker")
def test_a_killed_worker_loses_no_reservation_and_no_finished_call(open_shop: Open) -> None:
    """50 calls in flight when their worker is killed: their places come back, what was done is written."""
    with SandboxServer() as upstream:
        shop = open_shop(
            HOOKLINE_OPENAI_BASE_URL=upstream.base_url,
            HOOKLINE_OPENAI_API_KEY="an-upstream-credential",
            HOOKLINE_LIMITS_STORE="sqlite",
            HOOKLINE_LIMITS_LEASE_S=str(LEASE_S),
            HOOKLINE_LOG_LEVEL="error",
        )
        key = shop.new_key("--limit", "50 concurrent", "--limit", "5 usd / day")
        client = shop.client(key)
        for _ in range(20):
            client.chat.completions.create(**CHAT, max_completion_tokens=50)
        wait_for(lambda: len(shop.rows()) == 20)

        def hang() -> None:
            with pytest.raises((openai.APIConnectionError, openai.APITimeoutError)):
                client.chat.completions.create(
                    **CHAT, max_completion_tokens=50, extra_headers={"x-sandbox-fault": "slow-first-byte-25"}
                )

        threads = [threading.Thread(target=hang) for _ in range(50)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(upstream.requests) >= 70)
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(**CHAT, max_completion_tokens=50)
        wait_for(lambda: len(shop.rows()) == 21)

        (worker,) = workers_of(shop.server.pid)
        os.kill(worker, signal.SIGKILL)
        for thread in threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()

        def is_served() -> bool:
            try:
                client.chat.completions.create(**CHAT, max_completion_tokens=50)
            except (openai.RateLimitError, openai.APIConnectionError):
                return False
            return True

        wait_for(is_served)
        results: list[bool] = []
        together = [threading.Thread(target=lambda: results.append(is_served())) for _ in range(50)]
        for thread in together:
            thread.start()
        for thread in together:
            thread.join(WAIT_S)
        assert results == [True] * 50  # none of the fifty places is lost
        wait_for(lambda: sum(status == 200 for _, status, _ in shop.rows()) == 20 + 1 + 50)
        ids = [id for id, _, _ in shop.rows()]
        assert len(ids) == len(set(ids))


CANARIES = {
    "HOOKLINE_API_KEYS": "canary-static-key-of-a-caller",
    "HOOKLINE_OPENAI_API_KEY": "canary-upstream-credential",
}
FAULTS = ["status-401", "status-500", "html", "cut", "malformed", "429", "billing", "redirect", "none"]


def test_no_secret_is_found_anywhere(open_shop: Open, tmp_path: Path) -> None:
    """S23, S36: canaries in every input, DEBUG logging, faults: none in logs, database, answers or `ps`."""
    with SandboxServer() as upstream:
        shop = open_shop(**CANARIES, HOOKLINE_OPENAI_BASE_URL=upstream.base_url, HOOKLINE_LOG_LEVEL="debug")
        key = shop.new_key("--admin", "--signing", "optional")
        prompt = "canary-prompt-of-a-person"
        shown = b""
        keys = [CANARIES["HOOKLINE_API_KEYS"], key, key[:-1] + "x", "canary-unknown-credential"]
        with httpx.Client(base_url=shop.server.url, timeout=20) as http:
            for fault in FAULTS:
                for stream in (False, True):
                    for secret in keys:
                        headers = {"authorization": f"Bearer {secret}", "x-sandbox-fault": fault}
                        body = {**CHAT, "messages": [{"role": "user", "content": prompt}], "stream": stream}
                        answer = http.post("/v1/chat/completions", json=body, headers=headers)
                        shown += str(answer.headers).encode()
                        if answer.status_code != 200:
                            shown += answer.content
            for path in ("/actions", "/usage", "/keys", "/connections", "/readyz", "/keys/nobody"):
                answer = http.get(path, headers={"authorization": f"Bearer {key}"})
                shown += answer.content
            shown += http.get("/actions", headers={"x-api-key": "canary-unknown-credential"}).content
        wait_for(lambda: len(shop.rows()) >= len(FAULTS) * 4)
        for arguments in (["usage"], ["keys", "list"], ["audit", "list", "--json"], ["db", "status"]):
            shown += shop.command(*arguments).encode()
        for pid in (shop.server.pid, *workers_of(shop.server.pid)):
            shown += Path(f"/proc/{pid}/cmdline").read_bytes() if sys.platform == "linux" else b""
    shown += shop.server.log.read_bytes()
    for file in (tmp_path / "state").rglob("*"):
        if file.is_file():
            shown += file.read_bytes()
    for canary in (*CANARIES.values(), key.split("_", 2)[2], "canary-unknown-credential", prompt):
        assert canary.encode() not in shown, canary


def test_a_worker_that_is_told_to_end_writes_what_is_left(open_shop: Open, tmp_path: Path) -> None:
    with ExitStack() as stack:
        environ = {"HOOKLINE_STATE_DIR": str(tmp_path / "other"), "HOOKLINE_SANDBOX": "1"}
        server = stack.enter_context(run_server(tmp_path, **environ))
        shop = Shop(server=server, environ=environ)
        stack.callback(shop.close)
        client = shop.client(server.key)
        for _ in range(30):
            client.chat.completions.create(**CHAT)
    assert len(shop.rows()) == 30


def test_a_key_for_some_models_lists_these_and_no_other(open_shop: Open) -> None:
    shop = open_shop(HOOKLINE_SANDBOX="1")
    client = shop.client(shop.new_key("--model", "gpt-5.4*"))

    shown = [model.id for model in client.models.list()]

    assert shown
    assert all(id.startswith("gpt-5.4") for id in shown)
    assert client.models.retrieve(shown[0]).id == shown[0]
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")
    with pytest.raises(openai.PermissionDeniedError):
        client.chat.completions.create(**{**CHAT, "model": "gpt-4o"})
