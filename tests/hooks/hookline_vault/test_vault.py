"""Credentials from Vault: where they are, how long they are kept, and what happens when it is away."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import orjson
import pytest

from fake_clock import FakeClock
from hookline.settings import Settings
from hookline_credentials import CredentialsPlugin
from hookline_vault import VaultPlugin
from hookline_vault.references import VaultReference, WrongReferenceError, parse_reference
from small_service import CALLER, Upstream, make_gateway, say

if TYPE_CHECKING:
    from pathlib import Path

    from hookline.gateway import Gateway
    from hookline_vault.shelf import Shelf


class Fake(Protocol):
    """What the tests use of the fake Vault."""

    url: str
    secrets: dict[str, dict[str, Any]]
    tokens: set[str]
    roles: dict[str, str]
    lease_s: int
    fault: tuple[int, bytes, dict[str, str]] | None
    asked: list[tuple[str, str]]
    headers: list[dict[str, str]]
    logins: int


class Lab:
    """A gateway whose one connection keeps its credential in Vault."""

    def __init__(self, vault: Fake, reference: str = "vault:secret/openai#api_key", **options: Any) -> None:
        self.clock = FakeClock()
        self.upstream = Upstream()
        self.beside: list[Callable[[], None]] = []
        environ = {"VAULT_TOKEN": "token-of-tests", "ACME_API_KEY": "sk-of-the-operator"}
        settings = Settings.model_validate(
            {
                "connections": {"acme": {"credential_ref": reference}},
                "plugins": {"plugin2": {"url": vault.url, **options}},
            }
        )
        plugin = VaultPlugin()
        self.gateway: Gateway = make_gateway(
            CredentialsPlugin(),
            plugin,
            upstream=self.upstream,
            settings=settings,
            clock=self.clock,
            environ=environ,
        )
        self.shelf: Shelf = plugin._shelf
        self.shelf._start = self.beside.append

    def catch_up(self) -> None:
        """Do what was to be done on other threads."""
        while self.beside:
            self.beside.pop(0)()

    def call(self) -> tuple[int, str | None]:
        before = len(self.upstream.sent)
        reply = self.gateway.runner.run(CALLER, say())
        if len(self.upstream.sent) > before:
            return reply.status, self.upstream.sent[-1].headers.get("authorization")
        assert isinstance(reply.content, bytes)
        return reply.status, orjson.loads(reply.content)["error"]["code"]


Make = Callable[..., Lab]


@pytest.fixture
def make(vault: Fake) -> Iterator[Make]:
    labs: list[Lab] = []

    def make(*args: Any, **options: Any) -> Lab:
        labs.append(Lab(vault, *args, **options))
        return labs[-1]

    yield make
    for lab in labs:
        lab.gateway.close()


SENT = (200, "Bearer sk-canary-vault-1")
UNREADABLE = (502, "credential_unreadable")
AWAY = (503, "store_unavailable")


@pytest.mark.parametrize("path", ["secret/openai", "secret/data/openai"])
def test_a_field_of_a_secret_is_sent(make: Make, vault: Fake, path: str) -> None:
    assert make(f"vault:{path}#api_key").call() == SENT
    assert vault.asked == [("GET", "/v1/secret/data/openai")]
    assert vault.headers[0]["X-Vault-Token"] == "token-of-tests"


def test_it_is_asked_for_once_and_then_beside_the_calls(make: Make, vault: Fake) -> None:
    lab = make(cache_s=60)
    for _ in range(5):
        assert lab.call() == SENT
    assert len(vault.asked) == 1
    vault.secrets["secret/openai"]["api_key"] = "sk-second"

    lab.clock.advance(61)
    assert lab.call() == SENT  # nobody waits for Vault
    lab.catch_up()
    assert lab.call() == (200, "Bearer sk-second")
    assert len(vault.asked) == 2


def test_while_vault_is_away_what_it_said_is_used_for_a_stated_time_then_calls_get_503(
    make: Make, server: Any
) -> None:
    lab = make(cache_s=60, max_stale_s=600)
    assert lab.call() == SENT
    server.stop()

    for _ in range(9):
        lab.clock.advance(66)
        assert lab.call() == SENT
        lab.catch_up()
    lab.clock.advance(66)
    assert lab.call() == AWAY
    assert lab.upstream.sent[-1].headers["authorization"] == SENT[1]

    server.start()
    assert lab.call() == AWAY  # it is left alone for a second
    lab.clock.advance(1.1)
    assert lab.call() == SENT


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ((503, b'{"errors": ["Vault is sealed"]}', {}), AWAY),
        ((500, b"oops", {}), AWAY),
        ((429, b'{"errors": ["too many"]}', {}), AWAY),
        ((473, b"", {}), AWAY),
        ((200, b"<html>", {}), AWAY),
        ((200, b"[]", {}), AWAY),
        ((200, b'{"data": null}', {}), AWAY),
        ((403, b'{"errors": ["permission denied"]}', {}), UNREADABLE),
        ((404, b'{"errors": []}', {}), UNREADABLE),
        ((400, b'{"errors": ["x"]}', {}), UNREADABLE),
    ],
)
def test_faults_of_vault_are_told_apart_and_pass(
    make: Make, vault: Fake, fault: Any, outcome: tuple[int, str]
) -> None:
    vault.fault = fault
    lab = make()
    assert lab.call() == outcome
    assert lab.upstream.sent == []

    vault.fault = None
    lab.clock.advance(1.1)
    assert lab.call() == SENT


def test_a_server_that_hangs_is_given_up_in_time(make: Make, vault: Fake) -> None:
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        lab = make(url=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        assert lab.call() == AWAY


def test_a_redirect_is_not_followed_with_the_token(make: Make, vault: Fake) -> None:
    """S2 for Vault's own token."""
    vault.fault = (307, b"", {"location": f"{vault.url}/v1/elsewhere"})

    assert make().call()[0] in (502, 503)
    assert [path for _, path in vault.asked] == ["/v1/secret/data/openai"]


@pytest.mark.parametrize("field", ["missing", "number", "bad"])
def test_a_field_that_is_no_credential_fails_the_call(make: Make, field: str) -> None:
    """S12: the operator's own credential, which is set, does not take its place."""
    lab = make(f"vault:secret/openai#{field}")

    assert lab.call() == UNREADABLE
    assert lab.upstream.sent == []


def test_a_secret_that_was_deleted_is_not_used_from_memory(make: Make, vault: Fake) -> None:
    lab = make(cache_s=60)
    assert lab.call() == SENT
    del vault.secrets["secret/openai"]
    lab.clock.advance(61)
    lab.call()
    lab.catch_up()

    assert lab.call() == UNREADABLE


def test_an_app_role_logs_in_and_again_when_two_thirds_of_its_lease_are_over(
    make: Make, vault: Fake, tmp_path: Path
) -> None:
    file = tmp_path / "secret-id"
    file.write_text("id-of-tests\n")
    vault.roles["role-1"] = "id-of-tests"
    vault.lease_s = 300
    lab = make(role_id="role-1", secret_id_file=str(file), cache_s=60)
    logins = []
    for _ in range(6):
        assert lab.call() == SENT
        lab.catch_up()
        logins.append(vault.logins)
        lab.clock.advance(61)

    assert logins == [1, 1, 1, 1, 2, 2]


def test_an_app_role_whose_token_was_revoked_logs_in_anew(make: Make, vault: Fake, tmp_path: Path) -> None:
    file = tmp_path / "secret-id"
    file.write_text("id-of-tests")
    vault.roles["role-1"] = "id-of-tests"
    lab = make(role_id="role-1", secret_id_file=str(file), cache_s=0)
    assert lab.call() == SENT
    vault.tokens.clear()

    lab.clock.advance(1)
    lab.call()
    lab.catch_up()
    lab.clock.advance(1.1)
    assert lab.call() == SENT
    assert vault.logins == 2


def test_a_wrong_secret_id_is_told_and_not_shown(
    make: Make, vault: Fake, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "secret-id"
    file.write_text("wrong-canary-id")
    with caplog.at_level(logging.DEBUG, logger="hookline"):
        assert make(role_id="role-1", secret_id_file=str(file)).call() == UNREADABLE

    assert "refused the log-in" in caplog.text
    assert "wrong-canary-id" not in caplog.text


def test_a_token_in_a_file_is_read_anew_each_time(make: Make, vault: Fake, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("token-of-tests")
    lab = make(token_file=str(file), cache_s=0)
    assert lab.call() == SENT
    vault.tokens = {"second-token"}
    file.write_text("second-token\n")

    lab.clock.advance(1)
    lab.call()
    lab.catch_up()
    assert lab.call() == SENT
    assert vault.headers[-1]["X-Vault-Token"] == "second-token"


def test_a_token_of_the_environment_is_renewed_now_and_then(make: Make, vault: Fake) -> None:
    lab = make(cache_s=60, renew_s=100)
    for _ in range(4):
        assert lab.call() == SENT
        lab.catch_up()
        lab.clock.advance(61)

    renewals = [path for method, path in vault.asked if method == "POST"]
    assert renewals == ["/v1/auth/token/renew-self"]


def test_the_namespace_is_sent(make: Make, vault: Fake) -> None:
    make(namespace="team-a").call()

    assert vault.headers[0]["X-Vault-Namespace"] == "team-a"


def test_many_calls_at_once_ask_once(make: Make, vault: Fake) -> None:
    lab = make()
    barrier = threading.Barrier(16)
    outcomes: list[str] = []

    def find() -> None:
        barrier.wait(20)
        secret = lab.shelf.find("vault:secret/openai#api_key", name="acme", origin="https://a.example:443")
        outcomes.append(secret.reveal())

    threads = [threading.Thread(target=find) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert outcomes == ["sk-canary-vault-1"] * 16
    assert len(vault.asked) == 1


def test_the_credential_and_the_token_show_nowhere(
    make: Make, vault: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    """S2, S23: bound to one origin; nothing in logs at DEBUG, repr or answers, with faults too."""
    lab = make(cache_s=0)
    with caplog.at_level(logging.DEBUG):
        lab.call()
        vault.fault = (500, b"sk-canary-vault-1 token-of-tests", {})
        lab.clock.advance(10_000)
        assert lab.call() == AWAY
        vault.fault = None
        lab.clock.advance(2)
        found = lab.shelf.find("vault:secret/openai#api_key", name="acme", origin="https://a.example:443")

    assert found.allowed_origins == frozenset({"https://a.example:443"})
    seen = caplog.text + repr(found) + repr(vars(lab.shelf)) + repr(lab.shelf._entries)
    assert "sk-canary" not in seen
    assert "token-of-tests" not in seen


def test_what_is_not_set_is_told_in_the_log(
    make: Make, vault: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    assert make(url=None).call() == UNREADABLE
    assert make(role_id="role-1").call() == UNREADABLE
    assert make(token_file="/nowhere/token").call() == UNREADABLE

    assert "set `plugins.vault.url` or VAULT_ADDR" in caplog.text
    assert "`plugins.vault.role_id` needs `secret_id_file`" in caplog.text
    assert "/nowhere/token cannot be read" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "vault:",
        "vault:secret",
        "vault:secret/openai",
        "vault:secret#x",
        "vault:secret/openai#",
        "vault:secret/../sys#x",
        "vault:secret/a//b#x",
        "vault:secret/data/#x",
        "vault:secret/a b#x",
        "vault:/openai#x",
    ],
)
def test_a_reference_that_names_no_place_is_refused(make: Make, vault: Fake, text: str) -> None:
    with pytest.raises(WrongReferenceError):
        parse_reference(text)
    assert make(text).call() == UNREADABLE
    assert vault.asked == []


def test_a_reference_names_mount_path_and_field() -> None:
    assert parse_reference("vault:kv/team/openai#key") == VaultReference(
        mount="kv", path="team/openai", field="key"
    )
