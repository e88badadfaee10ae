"""Two tenants on one gateway with every bundled plugin: nothing of one reaches or harms the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from callbacks_lab import receiving
from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline_sandbox.server import SandboxServer
from live_gateway import Server, run_server

CHAT: dict[str, Any] = {
    "model": "gpt-5.4-mini",
    "messages": [{"role": "user", "content": "hi"}],
    "max_completion_tokens": 50,
}


class House:
    """A gateway with two tenants, each with a key and an upstream account of its own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.environ = {"HOOKLINE_STATE_DIR": str(folder / "state"), "HOOKLINE_LOG_LEVEL": "warning"}
        self.upstreams = {name: stack.enter_context(SandboxServer()) for name in ("oslo", "rome", "operator")}
        self.keys = {name: self._new_key(name) for name in ("oslo", "rome")}
        for name in ("oslo", "rome"):
            self._command(
                *("connections", "add", "main", "--tenant", name, "--connector", "openai"),
                *("--base-url", self.upstreams[name].base_url, "--credential-stdin"),
                typed=f"credential-of-{name}-which-is-long\n",
            )
        self.server: Server = stack.enter_context(
            run_server(
                folder,
                **self.environ,
                HOOKLINE_OPENAI_BASE_URL=self.upstreams["operator"].base_url,
                HOOKLINE_OPENAI_API_KEY="credential-of-the-operator",
                HOOKLINE_RETRY_MAX_ATTEMPTS="1",
                HOOKLINE_CALLBACKS_ALLOW_LOOPBACK="true",
            )
        )

    def _command(self, *arguments: str, typed: str | None = None) -> str:
        done = CliRunner().invoke(
            build_cli(), arguments, obj=CommandContext(environ=dict(self.environ)), input=typed
        )
        assert done.exit_code == 0, done.output
        return done.stdout

    def _new_key(self, tenant: str) -> str:
        told = self._command("keys", "create", "--label", tenant, "--tenant", tenant, "--admin", "--json")
        return str(json.loads(told)["key"])

    def ask(self, tenant: str, path: str = "/v1/chat/completions", **more: Any) -> httpx.Response:
        """Call as a tenant: a chat, unless something else is asked for."""
        headers = {"authorization": f"Bearer {self.keys[tenant]}", **more.pop("headers", {})}
        if "method" not in more:
            more.setdefault("json", CHAT)
        method = more.pop("method", "POST")
        return httpx.request(method, self.server.url + path, headers=headers, timeout=20, **more)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with ExitStack() as stack:
        yield House(tmp_path_factory.mktemp("house"), stack)


def test_each_tenant_pays_with_its_own_account(house: House) -> None:
    """S12: the operator's account is there, and nobody with one of their own uses it."""
    for name in ("oslo", "rome"):
        assert house.ask(name).status_code == 200
        sent = house.upstreams[name].requests[-1].headers["authorization"]
        assert sent == f"Bearer credential-of-{name}-which-is-long"
    assert len(house.upstreams["operator"].requests) == 0


def test_s25_an_idempotency_key_is_its_caller_s_own(house: House) -> None:
    """S25: another tenant's key of the same name neither gets the reply nor learns that there is one."""
    key = {"idempotency-key": "the-same-for-all"}
    other = {**CHAT, "max_completion_tokens": 51}
    before = {name: len(house.upstreams[name].requests) for name in ("oslo", "rome")}

    oslo, rome = house.ask("oslo", headers=key), house.ask("rome", headers=key, json=other)
    again = [house.ask("oslo", headers=key), house.ask("rome", headers=key, json=other)]

    assert [answer.status_code for answer in (oslo, rome, *again)] == [200] * 4
    assert "idempotent-replayed" not in {*oslo.headers, *rome.headers}
    assert [answer.headers["idempotent-replayed"] for answer in again] == ["true", "true"]
    assert [answer.content for answer in again] == [oslo.content, rome.content]
    assert house.ask("oslo", headers=key, json=other).status_code == 422
    assert {name: len(house.upstreams[name].requests) - before[name] for name in before} == {
        "oslo": 1,
        "rome": 1,
    }


def test_a_wait_that_one_tenant_s_account_was_told_holds_nobody_else_up(house: House) -> None:
    """S24: what is learned from an account is kept for that account."""
    limited = house.ask("oslo", headers={"x-sandbox-fault": "429"})
    again = house.ask("oslo")
    other = house.ask("rome")

    assert limited.status_code == 429
    assert again.status_code in (200, 429)
    assert other.status_code == 200


def test_no_tenant_sees_keys_accounts_or_usage_of_another(house: House) -> None:
    """S10: by name, by id and by list, the objects of others are not there."""
    foreign_id = house.keys["rome"].split("_")[1]

    for path in (f"/keys/{foreign_id}", "/keys/aaaaaaaaaaaaaaaa"):
        assert house.ask("oslo", path, method="GET").status_code == 404
    assert foreign_id not in house.ask("oslo", "/keys", method="GET").text
    told = house.ask("oslo", "/connections", method="GET").text
    assert "oslo" in told
    assert "rome" not in told
    assert house.upstreams["rome"].base_url not in told
    options = house.ask("oslo", "/options/connections", method="GET")
    assert options.json()["options"] == [{"id": "main", "name": "OpenAI · main"}]
    for path in (f"/keys/{foreign_id}/revoke", f"/keys/{foreign_id}/rotate"):
        assert house.ask("oslo", path, json={}).status_code == 404
    assert house.ask("rome").status_code == 200


def test_no_tenant_sees_deliveries_or_secrets_of_another(house: House) -> None:
    """S10, S27: what is posted for one is not found by the other, and signed with a secret of its own."""
    with receiving() as receiver:
        body = {"model": "gpt-5.4-mini", "prompt": "hi", "callback_url": receiver.url()}
        assert house.ask("oslo", "/actions/openai.chat", json=body).status_code == 202
        assert receiver.wait_for(1)
    [letter] = receiver.letters
    [own] = house.ask("oslo", "/deliveries", method="GET").json()["deliveries"]
    shown = {
        name: house.ask(name, "/callbacks/secrets?reveal=true", method="GET").json()["secrets"][0]["secret"]
        for name in ("oslo", "rome")
    }

    assert own["id"] == letter.id
    assert house.ask("rome", "/deliveries", method="GET").json()["deliveries"] == []
    assert house.ask("rome", f"/deliveries?job={own['job']}", method="GET").json()["deliveries"] == []
    assert house.ask("rome", f"/deliveries/{letter.id}", method="GET").status_code == 404
    assert house.ask("rome", f"/deliveries/{letter.id}/redeliver", json={}).status_code == 404
    assert letter.is_signed_with(shown["oslo"])
    assert not letter.is_signed_with(shown["rome"])


@pytest.mark.parametrize("text", ["a\r\nset-cookie: x=1", "a\nb", "a\x00b", "\x1b[31mred", "a\u2028b"])
@pytest.mark.parametrize("field", ["user", "safety_identifier", "model", "label", "name"])
def test_s21_no_text_of_a_caller_becomes_a_header_or_a_line(house: House, field: str, text: str) -> None:
    """S21: neither in what goes to the service, nor in what comes back, nor in the log."""
    before = len(house.server.log.read_bytes().splitlines())
    if field == "label":
        answer = house.ask("oslo", "/keys", json={"label": text})
    elif field == "name":
        body = {"name": text, "connector": "openai", "credential": "a-credential-that-is-long"}
        answer = house.ask("oslo", "/connections", json=body)
    else:
        answer = house.ask("oslo", json={**CHAT, field: text})

    assert answer.status_code < 500
    assert "set-cookie" not in answer.headers
    sent = house.upstreams["oslo"].requests[-1].headers
    assert "set-cookie" not in sent
    assert all(value.isprintable() for value in sent.values())
    written = house.server.log.read_bytes()
    assert b"\x1b" not in written
    assert len(written.splitlines()) - before <= 2


@pytest.mark.parametrize(
    "name", ["X-Hookline-Flow", "X-Client-Request-Id", "X-Hookline-Hops", "X-Forwarded-For"]
)
@pytest.mark.parametrize("value", [b"a\tb", b"\xff\xfe", b"a" * 5000, b"'; drop table keys; --", b"%s%n"])
def test_s21_odd_values_of_our_own_headers_do_not_hurt(house: House, name: str, value: bytes) -> None:
    """S21."""
    raw = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nAuthorization: Bearer "
        + house.keys["rome"].encode()
        + b"\r\n"
        + name.encode()
        + b": "
        + value
    )
    body = json.dumps(CHAT).encode()

    answer = house.server.send_raw(raw + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    assert answer.split(b" ", 2)[1] in (b"200", b"400", b"431")


INTERNALS = (
    "Traceback",
    "site-packages",
    str(Path(__file__).parents[2]),
    "hookline/engine",
    ".py",
    "granian",
    "werkzeug",
    "sqlite",
    "SELECT",
)


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("GET", "/no/such/page", b""),
        ("DELETE", "/actions", b""),
        ("POST", "/actions/openai.chat", b"{"),
        ("POST", "/v1/chat/completions", b"\xff"),
        ("POST", "/v1/chat/completions", b'{"messages": 1}'),
        ("POST", "/keys", b'{"label": 1, "secret_hash": "x"}'),
        ("POST", "/connections", b'{"name": {}}'),
        ("POST", "/connections/test", b'{"connection": "../../etc/passwd"}'),
        ("GET", "/usage?by='%20or%201=1", b""),
        ("GET", "/usage?since=99999999999d", b""),
        ("GET", "/keys/%00", b""),
        ("GET", "/deliveries/%00", b""),
        ("GET", "/deliveries?cursor='%20or%201=1", b""),
        ("POST", "/callbacks/secrets", b'{"grace_s": "x"}'),
        ("GET", "/keys/" + "a" * 4000, b""),
        ("PATCH", "/keys/nobody", b"[]"),
    ],
)
def test_s34_an_error_tells_nothing_of_what_is_inside(
    house: House, method: str, path: str, content: bytes
) -> None:
    """S34: no traceback, no path, no name or version of a library, and never 500."""
    headers = {"content-type": "application/json"}

    answer = house.ask("oslo", path, method=method, content=content, headers=headers)

    assert 400 <= answer.status_code < 500
    shown = answer.text + str(dict(answer.headers))
    assert not [word for word in INTERNALS if word in shown]
