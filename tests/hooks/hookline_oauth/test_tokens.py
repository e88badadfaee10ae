"""Access tokens against a real OAuth 2.0 server: fetched once, renewed in time, never sent elsewhere."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
from flask import Response

from fake_clock import FakeClock
from hookline import Call, Connection, Secret, UpstreamRequest, hookimpl
from hookline_retry import RetryPlugin
from oauth_lab import PAIR, TRIPLE, oauth_lab
from oauth_service import CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH_TOKEN, OAuthService, oauth_service

if TYPE_CHECKING:
    from pathlib import Path

# ---------------------------------------------------------------- fetched


def test_a_token_is_fetched_with_the_client_s_credential_and_used_for_many_calls(
    service: OAuthService,
) -> None:
    lab = oauth_lab(service)

    assert [lab.call() for _ in range(3)] == [(200, [1, 2])] * 3
    assert service.token_requests == [
        {"grant_type": "client_credentials", "scope": "read", "(header)": "basic"}
    ]
    assert len(set(service.api_requests)) == 1


def test_the_client_can_go_into_the_form_with_further_parameters(service: OAuthService) -> None:
    lab = oauth_lab(service, client_in="form", parameters=(("audience", "https://api.acme.example"),))

    assert lab.call() == (200, [1, 2])
    assert service.token_requests == [
        {
            "grant_type": "client_credentials",
            "scope": "read",
            "audience": "https://api.acme.example",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "(header)": "",
        }
    ]


def test_calls_at_the_same_time_fetch_one_token(service: OAuthService) -> None:
    lab = oauth_lab(service)
    together = threading.Barrier(8)
    found: list[tuple[int, Any]] = []

    def call() -> None:
        together.wait(10)
        found.append(lab.call())

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert found == [(200, [1, 2])] * 8
    assert len(service.token_requests) == 1


@pytest.mark.parametrize(("expires_in", "holds_s"), [(3600, 3540), (100, 90), (7200, 7140)])
def test_a_token_is_renewed_shortly_before_it_ends(
    service: OAuthService, expires_in: int, holds_s: float
) -> None:
    service.expires_in = expires_in
    clock = FakeClock()
    lab = oauth_lab(service, clock=clock)
    lab.call()

    clock.advance(holds_s - 1)
    lab.call()
    assert len(service.token_requests) == 1
    clock.advance(2)
    lab.call()

    assert len(service.token_requests) == 2


def test_a_token_that_the_service_took_back_is_renewed_once_within_the_call(service: OAuthService) -> None:
    lab = oauth_lab(service, RetryPlugin())
    lab.call()
    service.revoke_all()

    assert lab.call() == (200, [1, 2])
    assert len(service.token_requests) == 2
    assert len(service.api_requests) == 3


def test_a_service_that_takes_no_token_is_not_asked_for_ever(service: OAuthService) -> None:
    lab = oauth_lab(service, RetryPlugin())
    lab.call()
    service.is_of_use = False
    service.revoke_all()

    assert [lab.call() for _ in range(3)] == [(502, "upstream_credential_rejected")] * 3
    assert len(service.token_requests) <= 3
    assert len(service.api_requests) <= 1 + 3 * 2


# ---------------------------------------------------------------- refresh tokens


def refreshing(service: OAuthService, folder: Path | None = None, **more: Any) -> Any:
    settings = {} if folder is None else {"state_dir": str(folder)}
    return oauth_lab(service, credential=TRIPLE, grant="refresh_token", settings=settings, **more)


def test_a_refresh_token_that_holds_once_survives_a_restart(service: OAuthService, tmp_path: Path) -> None:
    clock = FakeClock()
    first = refreshing(service, tmp_path, clock=clock)
    assert first.call() == (200, [1, 2])
    first.gateway.close()
    clock.advance(4000)

    second = refreshing(service, tmp_path, clock=clock)
    assert second.call() == (200, [1, 2])
    second.gateway.close()

    used = [one["refresh_token"] for one in service.token_requests]
    assert used[0] == FIRST_REFRESH_TOKEN
    assert len(set(used)) == 2
    assert not service.is_revoked


def test_what_is_kept_of_it_is_sealed(service: OAuthService, tmp_path: Path) -> None:
    lab = refreshing(service, tmp_path)
    lab.call()
    lab.gateway.close()

    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    newest = [token for token in service.refresh_tokens if token != FIRST_REFRESH_TOKEN]
    assert len(newest) == 1
    for text in (*newest, *service.valid, FIRST_REFRESH_TOKEN, CLIENT_SECRET):
        assert text.encode() not in kept


def test_two_processes_share_a_refresh_token_that_holds_once(service: OAuthService, tmp_path: Path) -> None:
    clock = FakeClock()
    labs = [refreshing(service, tmp_path, clock=clock) for _ in range(2)]

    for _ in range(3):
        assert [lab.call() for lab in labs] == [(200, [1, 2])] * 2
        clock.advance(4000)

    assert len(service.token_requests) == 3
    assert not service.is_revoked
    for lab in labs:
        lab.gateway.close()


def test_two_processes_that_renew_at_the_same_moment_ask_once(service: OAuthService, tmp_path: Path) -> None:
    labs = [refreshing(service, tmp_path) for _ in range(2)]
    for lab in labs:
        lab.gateway.database.upgrade()
    together = threading.Barrier(2)
    found: list[tuple[int, Any]] = []

    def call(lab: Any) -> None:
        together.wait(10)
        found.append(lab.call())

    threads = [threading.Thread(target=call, args=(lab,)) for lab in labs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert found == [(200, [1, 2])] * 2
    assert len(service.token_requests) == 1
    for lab in labs:
        lab.gateway.close()


def test_a_new_stored_refresh_token_takes_the_place_of_the_kept_one(
    service: OAuthService, tmp_path: Path
) -> None:
    clock = FakeClock()
    first = refreshing(service, tmp_path, clock=clock)
    first.call()
    first.gateway.close()
    clock.advance(4000)
    service.save({"access_token": "none", "refresh_token": "given-by-the-operator"}, None)

    second = oauth_lab(
        service,
        credential=f"{PAIR}:given-by-the-operator",
        grant="refresh_token",
        settings={"state_dir": str(tmp_path)},
        clock=clock,
    )
    assert second.call() == (200, [1, 2])
    second.gateway.close()

    assert service.token_requests[-1]["refresh_token"] == "given-by-the-operator"


def test_without_a_place_to_keep_it_somebody_is_told(
    service: OAuthService, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    lab = refreshing(service, clock=clock)

    with caplog.at_level(logging.WARNING):
        assert lab.call() == (200, [1, 2])
        clock.advance(4000)
        assert lab.call() == (200, [1, 2])

    told = [one.getMessage() for one in caplog.records if "lost when this process ends" in one.getMessage()]
    assert len(told) == 1
    assert "HOOKLINE_STATE_DIR" in told[0]


def test_a_token_that_was_taken_back_is_not_taken_from_the_store(
    service: OAuthService, tmp_path: Path
) -> None:
    lab = refreshing(service, tmp_path)
    lab.call()
    service.revoke_all()

    assert lab.call() == (200, [1, 2])
    assert len(service.token_requests) == 2
    lab.gateway.close()


# ---------------------------------------------------------------- refused


def test_a_refused_client_is_told_without_its_secret(
    service: OAuthService, caplog: pytest.LogCaptureFixture
) -> None:
    lab = oauth_lab(service, credential=f"{CLIENT_ID}:canary-wrong-secret")

    with caplog.at_level(logging.DEBUG):
        reply = lab.reply()

    assert reply.status == 502
    assert b"The token service of the connection 'acme' refused the gateway's credential" in reply.content
    assert b"invalid_client" in reply.content
    assert b"token_refused" in reply.content
    assert b"canary" not in reply.content
    assert "canary" not in caplog.text
    assert service.api_requests == []


@pytest.mark.parametrize(
    ("credential", "declared"),
    [
        ("no-colon", {}),
        (":no-id", {}),
        ("id:secret", {"grant": "refresh_token"}),
        ("id:secret:", {"grant": "refresh_token"}),
        ('{"client_id":"x"', {}),
        ('{"client_id":1}', {}),
    ],
)
def test_a_credential_of_another_form_is_told_and_sent_nowhere(
    service: OAuthService, credential: str, declared: dict[str, Any]
) -> None:
    assert oauth_lab(service, credential=credential, **declared).call() == (502, "credential_malformed")
    assert service.token_requests == []


def test_a_credential_may_be_json(service: OAuthService) -> None:
    lab = oauth_lab(service, credential=f'{{"client_id":"{CLIENT_ID}","client_secret":"{CLIENT_SECRET}"}}')

    assert lab.call() == (200, [1, 2])


@pytest.mark.parametrize(
    ("answer", "code", "status"),
    [
        (Response("{}", 500), "token_service_unavailable", 502),
        (Response("", 429), "token_service_unavailable", 502),
        (Response("<html>", 400), "token_refused", 502),
        (Response('{"error": "<b>evil</b>"}', 403), "token_refused", 502),
        (Response("<html>", 200), "token_answer_unreadable", 502),
        (Response("[]", 200), "token_answer_unreadable", 502),
        (Response('{"access_token": 1}', 200), "token_answer_unreadable", 502),
        (Response('{"access_token": "a\\r\\nb"}', 200), "token_answer_unreadable", 502),
        (Response('{"access_token": "x", "token_type": "mac"}', 200), "token_answer_unreadable", 502),
        (Response('{"access_token": "' + "x" * 70_000 + '"}', 200), "token_answer_unreadable", 502),
    ],
    ids=["fails", "slow down", "html", "odd code", "no json", "list", "number", "two lines", "mac", "large"],
)
def test_what_is_no_token_is_told(service: OAuthService, answer: Response, code: str, status: int) -> None:
    service.answer = lambda: answer
    lab = oauth_lab(service)

    reply = lab.reply()

    assert lab.call() == (status, code)
    assert b"evil" not in reply.content
    assert service.api_requests == []


def test_a_token_service_that_fails_is_left_alone_for_a_moment(service: OAuthService) -> None:
    service.answer = lambda: Response("{}", 500)
    clock = FakeClock()
    lab = oauth_lab(service, clock=clock)

    assert [lab.call()[1] for _ in range(5)] == ["token_service_unavailable"] * 5
    assert len(service.token_requests) == 1
    service.answer = None
    clock.advance(2)

    assert lab.call() == (200, [1, 2])


def test_no_redirect_is_followed(service: OAuthService) -> None:
    with oauth_service() as other:
        service.answer = lambda: Response("", 307, {"location": other.token_url})

        assert oauth_lab(service).call() == (502, "token_refused")
        assert other.token_requests == []


def test_a_silent_token_service_is_not_waited_for_beyond_the_call_s_time(service: OAuthService) -> None:
    is_over = threading.Event()
    service.entered = lambda: is_over.wait(10)
    lab = oauth_lab(service, settings={"limits": {"timeout_s": 0.3}})

    try:
        assert lab.call() == (504, "upstream_timeout")
    finally:
        is_over.set()


def test_a_token_service_that_is_not_there_is_told(service: OAuthService) -> None:
    lab = oauth_lab(service, token_url="http://127.0.0.1:9/token")

    assert lab.call() == (502, "token_service_unavailable")


# ---------------------------------------------------------------- where secrets go


class Watch:
    """Notes which secret is bound to what, and may spoil it."""

    def __init__(self, spoil: Any = None) -> None:
        self.exchanged: list[Secret] = []
        self.applied: list[Secret] = []
        self.spoil = spoil

    @hookimpl(tryfirst=True)
    def hookline_exchange_credential(self, connection: Connection, secret: Secret) -> Any:
        self.exchanged.append(secret)
        return None if self.spoil is None else self.spoil(secret)

    @hookimpl(tryfirst=True)
    def hookline_apply_upstream_auth(self, call: Call, request: UpstreamRequest, secret: Secret) -> None:
        self.applied.append(secret)


def test_the_client_s_secret_is_for_the_token_service_alone_and_the_token_for_the_api(
    service: OAuthService,
) -> None:
    with oauth_service() as tokens:
        tokens.valid = service.valid
        watch = Watch()
        lab = oauth_lab(service, watch, token_url=tokens.token_url)

        assert lab.call() == (200, [1, 2])

        assert [secret.allowed_origins for secret in watch.exchanged] == [{tokens.origin}]
        assert [secret.allowed_origins for secret in watch.applied] == [{service.origin}]
        assert watch.applied[0].reveal() == service.api_requests[0]
        assert CLIENT_SECRET not in watch.applied[0].reveal()
        assert (len(tokens.token_requests), len(service.token_requests)) == (1, 0)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda secret: "a text",
        lambda secret: Secret("t", allowed_origins=frozenset({"https://evil.example:443"})),
        lambda secret: Secret("t", allowed_origins=frozenset()),
        lambda secret: secret,
    ],
    ids=["no secret", "another origin", "nowhere", "the credential itself"],
)
def test_a_plugin_cannot_send_a_token_or_the_secret_elsewhere(service: OAuthService, spoil: Any) -> None:
    with oauth_service() as tokens:
        lab = oauth_lab(service, Watch(spoil), token_url=tokens.token_url)

        status, code = lab.call()

        assert status == 500
        assert code in ("plugin_failed", "configuration_error")
        assert (service.api_requests, tokens.token_requests) == ([], [])


# ---------------------------------------------------------------- from everywhere


def test_it_works_with_a_file(service: OAuthService, tmp_path: Path) -> None:
    path = tmp_path / "credential"
    path.write_text(PAIR + "\n")
    settings = {"connections": {"acme": {"credential_ref": f"file:{path}"}}}

    assert oauth_lab(service, credential=None, settings=settings).call() == (200, [1, 2])


def test_it_works_with_the_settings_file(service: OAuthService) -> None:
    settings = {"connections": {"acme": {"api_key": PAIR}}}

    assert oauth_lab(service, credential=None, settings=settings).call() == (200, [1, 2])


def test_it_works_with_a_stored_connection(service: OAuthService, tmp_path: Path) -> None:
    from hookline_connections.desk import Actor
    from hookline_connections.drafts import Draft

    lab = oauth_lab(service, credential=None, settings={"state_dir": str(tmp_path)})
    desk = lab.connections._office.desk()
    desk.add(Draft(tenant="", name="main", connector="acme", secret=PAIR), Actor(name="cli:operator"))

    assert lab.call() == (200, [1, 2])
    lab.gateway.close()


def test_a_connector_of_tokens_needs_the_plugin(service: OAuthService) -> None:
    from hookline.order import Order
    from hookline_credentials import CredentialsPlugin
    from oauth_lab import things_connector
    from small_service import CALLER, Acme, make_gateway

    gateway = make_gateway(
        CredentialsPlugin(),
        service=Acme(things_connector(service)),
        environ={"HOOKLINE_ACME_API_KEY": PAIR},
    )
    reply = gateway.runner.run(CALLER, Order(action_id="acme.list_things", fields={}))

    assert reply.status == 500
    assert b"is `oauth` switched off?" in reply.content
