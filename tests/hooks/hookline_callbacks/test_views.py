"""Deliveries and secrets over HTTP: what each caller sees, and that deeds are written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from callbacks_lab import Lab, receiving
from hookline import Decision, InboundRequest, Principal, hookimpl
from hookline.webhook.app import create_app
from hookline_callbacks.deliveries import delivery_id_of
from scripted_server import answer

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

NewLab = Callable[..., Lab]
RUN, ADMIN = "actions:run", "actions:run,callbacks:admin"


class ByHeader:
    """Takes callers as they describe themselves."""

    @hookimpl
    def hookline_authenticate(self, request: InboundRequest) -> Principal:
        told = request.headers
        return Principal(
            key_id=told.get("x-key", "key1"),
            tenant=told.get("x-tenant", "acme"),
            scopes=frozenset(told.get("x-scopes", RUN).split(",")),
        )

    @hookimpl
    def hookline_authorize(self) -> Decision:
        return Decision(allow=True)


class Desk:
    """A lab with a client of its HTTP API."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._client = create_app(lab.gateway).test_client()

    def ask(self, path: str, method: str = "GET", *, json: object = None, **headers: str) -> TestResponse:
        named = {f"x-{name}": value for name, value in headers.items()}
        return self._client.open(path, method=method, headers=named, json=json)

    def ids(self, path: str, **headers: str) -> list[str]:
        answer = self.ask(path, **headers)
        assert answer.status_code == 200, answer.text
        assert answer.json is not None
        return [one["job"] for one in answer.json["deliveries"]]


@pytest.fixture
def desk(new_lab: NewLab) -> Desk:
    return Desk(new_lab(guard=ByHeader()))


def test_a_delivery_is_told_with_every_attempt_and_without_what_is_secret(desk: Desk) -> None:
    with receiving(answer(b"", "503 Busy"), answer()) as receiver:
        delivery = desk.lab.take(receiver.url("/hook-path?token=a-secret-token"))
        desk.lab.carry()
        desk.lab.carry(after_s=6)
        shown = desk.ask(f"/deliveries/{delivery.id}")
        listed = desk.ask("/deliveries")

    found: Any = shown.json
    assert listed.json == {"deliveries": [found], "next_cursor": None}
    assert found["id"] == delivery.id
    assert found["job"] == delivery.job_id
    assert found["receiver"] == receiver.url("")
    assert found["state"] == "delivered"
    assert found["next_attempt_at"] is None
    assert found["ended_at"] is not None
    assert [(one["status"], one["error"]) for one in found["attempts"]] == [
        (503, "it answered 503"),
        (200, None),
    ]
    assert set(found["attempts"][0]) == {"at", "status", "took_ms", "error"}
    for word in ("a-secret-token", "hook-path", "hello", "whsec_"):
        assert word not in shown.text + listed.text


def test_s10_what_is_another_s_is_not_found(desk: Desk) -> None:
    """S10: of another tenant for everybody, of another key for whoever may not administer."""
    with receiving() as receiver:
        delivery = desk.lab.take(receiver.url())
        for who in (
            {"tenant": "rome"},
            {"tenant": "rome", "scopes": ADMIN},
            {"tenant": "rome", "key": "key1", "scopes": ADMIN},
            {"key": "key2"},
        ):
            assert desk.ids("/deliveries", **who) == []
            assert desk.ids(f"/deliveries?job={delivery.job_id}", **who) == []
            for path, method in (("", "GET"), ("/redeliver", "POST")):
                answer = desk.ask(f"/deliveries/{delivery.id}{path}", method, **who)
                assert (answer.status_code, answer.json["error"]["code"]) == (404, "no_such_delivery")  # type: ignore[index]  # it is JSON
        assert desk.ids("/deliveries", key="key2", scopes=ADMIN) == [delivery.job_id]
        assert desk.ask(f"/deliveries/{delivery.id}", key="key2", scopes=ADMIN).status_code == 200
        assert desk.lab.carry() == 1


@pytest.mark.parametrize("id", ["msg_" + "0" * 32, "x", "msg_" + "0" * 3000, "%00", "msg_%F0%9F%98%80", "'"])
def test_what_never_was_is_not_found(desk: Desk, id: str) -> None:
    assert desk.ask(f"/deliveries/{id}").status_code == 404
    assert desk.ask(f"/deliveries/{id}/redeliver", "POST").status_code == 404


def test_pages_and_filters(desk: Desk) -> None:
    with receiving(answer(), answer(b"", "410 Gone"), answer(b"", "500 Broken")) as receiver:
        jobs = []
        for number in range(3):
            desk.lab.clock.advance(1)
            jobs.append(desk.lab.take(receiver.url(), number).job_id)
            desk.lab.carry()

    assert desk.ids("/deliveries") == jobs[::-1]
    assert desk.ids("/deliveries?state=delivered") == [jobs[0]]
    assert desk.ids("/deliveries?state=stopped") == [jobs[1]]
    assert desk.ids("/deliveries?state=waiting") == [jobs[2]]
    assert desk.ids(f"/deliveries?job={jobs[1]}") == [jobs[1]]
    first = desk.ask("/deliveries?limit=2").json
    assert first is not None
    assert len(first["deliveries"]) == 2
    assert desk.ids(f"/deliveries?limit=2&cursor={first['next_cursor']}") == [jobs[0]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=lost", "state"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=1-msg_x", "cursor"),
        ("cursor=99999999999999999999-msg_" + "0" * 32, "cursor"),
        ("job=%00", "job"),
        ("tenant=rome", "tenant"),
    ],
)
def test_a_bad_parameter_is_named(desk: Desk, query: str, field: str) -> None:
    answer = desk.ask(f"/deliveries?{query}")
    assert answer.json is not None
    assert (answer.status_code, answer.json["field"]) == (422, field)


def test_a_delivery_is_sent_again_with_the_same_id_and_the_whole_schedule(desk: Desk) -> None:
    with receiving(answer(b"", "410 Gone"), answer(b"", "500 Broken"), answer()) as receiver:
        delivery = desk.lab.take(receiver.url())
        desk.lab.carry()
        assert desk.lab.find().state == "stopped"
        again = desk.ask(f"/deliveries/{delivery.id}/redeliver", "POST")
        assert again.status_code == 202
        assert again.json is not None
        assert again.json["state"] == "waiting"
        desk.lab.carry()
        assert (desk.lab.find().state, desk.lab.find().attempts) == ("waiting", 1)
        desk.lab.carry(after_s=6)

    assert [one.status for one in desk.lab.find().history] == [410, 500, 200]
    assert {letter.id for letter in receiver.letters} == {delivery_id_of(delivery.job_id)}
    [event] = desk.lab.gateway.audit.entries(action="callback.redeliver")
    assert (event.event.actor, event.event.target, event.event.tenant) == ("key1", delivery.id, "acme")


def test_secrets_are_shown_only_where_it_is_asked_for_and_that_is_noted(desk: Desk) -> None:
    assert desk.ask("/callbacks/secrets").status_code == 403
    assert desk.ask("/callbacks/secrets", scopes=ADMIN).json == {"secrets": []}
    shown = desk.ask("/callbacks/secrets?reveal=true", scopes=ADMIN)
    listed = desk.ask("/callbacks/secrets", scopes=ADMIN)

    assert shown.json is not None
    [secret] = shown.json["secrets"]
    assert secret["secret"].startswith("whsec_")
    assert [secret["secret"]] == desk.lab.secrets()
    assert secret["retires_at"] is None
    assert "whsec_" not in listed.text
    assert shown.headers["cache-control"] == "no-store"
    other = desk.ask("/callbacks/secrets?reveal=1", scopes=ADMIN, tenant="rome").json
    assert other is not None
    assert other["secrets"][0]["secret"] != secret["secret"]
    told = [one.event.tenant for one in desk.lab.gateway.audit.entries(action="callback_secret.reveal")]
    assert told == ["rome", "acme"]


def test_a_secret_is_renewed_with_a_grace(desk: Desk) -> None:
    assert desk.ask("/callbacks/secrets", "POST").status_code == 403
    first = desk.ask("/callbacks/secrets", "POST", scopes=ADMIN)
    second = desk.ask("/callbacks/secrets", "POST", json={"grace_s": 60}, scopes=ADMIN)
    both = desk.lab.secrets()
    desk.lab.clock.advance(61)

    assert first.status_code == second.status_code == 201
    assert first.json is not None
    assert second.json is not None
    assert both == [second.json["secret"], first.json["secret"]]
    assert desk.lab.secrets() == [second.json["secret"]]
    assert (first.json["id"], second.json["id"]) == ("1", "2")
    assert second.headers["cache-control"] == "no-store"
    events = desk.lab.gateway.audit.entries(action="callback_secret.rotate")
    assert [one.as_json()["details"] for one in events] == [
        {"id": "2", "grace_s": 60},
        {"id": "1", "grace_s": 86_400},
    ]
    assert "whsec_" not in str(events)


def test_a_grace_of_nothing_ends_the_old_secret_at_once(desk: Desk) -> None:
    desk.ask("/callbacks/secrets", "POST", scopes=ADMIN)
    desk.ask("/callbacks/secrets", "POST", json={"grace_s": 0}, scopes=ADMIN)
    assert len(desk.lab.secrets()) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"grace_s": -1}, "grace_s"),
        ({"grace_s": 1.5}, "grace_s"),
        ({"grace_s": True}, "grace_s"),
        ({"grace_s": "60"}, "grace_s"),
        ({"grace_s": 10**9}, "grace_s"),
        ({"secret": "whsec_AAAA"}, "secret"),
    ],
)
def test_a_bad_field_is_named(desk: Desk, body: dict[str, object], field: str) -> None:
    answer = desk.ask("/callbacks/secrets", "POST", json=body, scopes=ADMIN)
    assert answer.json is not None
    assert (answer.status_code, answer.json["field"]) == (422, field)
    assert desk.ask("/callbacks/secrets?reveal=maybe", scopes=ADMIN).status_code == 422
