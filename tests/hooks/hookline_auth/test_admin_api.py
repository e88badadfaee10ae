"""The admin API of keys: its scope, its tenant, and never more than the key that asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from hookline.store.tables import KEYS
from hookline.webhook.app import create_app
from hookline_auth.desk import operator

if TYPE_CHECKING:
    from tests.hooks.hookline_auth.conftest import Lab
    from werkzeug.test import TestResponse

    from hookline_auth.desk import Made

ADMIN = ["actions:run", "catalog:read", "usage:read", "keys:admin"]
Send = Callable[..., "TestResponse"]


@pytest.fixture
def send(lab: Lab) -> Send:
    """Send a request to the gateway's web application."""
    client = create_app(lab.gateway).test_client()

    def send(method: str, path: str, made: Made | None, body: object = None, **more: Any) -> TestResponse:
        headers = {}
        if made is not None:
            assert made.key is not None
            headers["authorization"] = f"Bearer {made.key.reveal()}"
        if body is not None:
            more["json"] = body
        return client.open(path, method=method, headers=headers, **more)

    return send


@pytest.fixture
def admin(lab: Lab) -> Made:
    return lab.make(tenant="acme", label="ops", scopes=ADMIN)


def routes(lab: Lab) -> list[tuple[str, str]]:
    return [(one.method, one.path) for one in lab.gateway.routes if one.path.startswith("/keys")]


def test_s5_s31_every_route_of_keys_asks_for_its_own_scope(lab: Lab, send: Send) -> None:
    """S5, S31: no key without keys:admin gets in, a static one and none at all neither."""
    ordinary = lab.make()
    other = lab.make()
    assert len(routes(lab)) == 6
    for method, path in routes(lab):
        address = path.replace("<key_id>", other.record.id)
        assert send(method, address, ordinary, {}).status_code == 403
        assert send(method, address, None, {}).status_code == 401
    assert {one.scope for one in lab.gateway.routes if one.path.startswith("/keys")} == {"keys:admin"}
    assert lab.ask(other).key_id == other.record.id


def test_a_key_is_made_shown_once_and_works(lab: Lab, send: Send, admin: Made) -> None:
    answer = send("POST", "/keys", admin, {"label": "flow", "limits": ["60 requests / minute"]})

    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.get_json()
    assert (made["tenant"], made["parent_id"], made["created_by"]) == (
        "acme",
        admin.record.id,
        admin.record.id,
    )
    assert made["scopes"] == ["actions:run", "catalog:read", "usage:read"]
    assert lab.ask(made["key"]).tenant == "acme"
    shown = send("GET", f"/keys/{made['id']}", admin).get_json()
    listed = send("GET", "/keys", admin).get_json()["keys"]
    assert {**made, "key": None} == {**shown, "key": None}
    assert "key" not in shown
    assert shown in listed


def test_s32_no_answer_holds_a_hash_and_none_is_accepted(lab: Lab, send: Send, admin: Made) -> None:
    """S32: neither what is stored of a secret, nor a way to set it."""
    made = send("POST", "/keys", admin, {"label": "x", "signing": {"mode": "optional"}}).get_json()
    pages = [
        send("GET", "/keys", admin),
        send("GET", f"/keys/{made['id']}", admin),
        send("PATCH", f"/keys/{made['id']}", admin, {"label": "y"}),
        send("POST", f"/keys/{made['id']}/rotate", admin),
        send("POST", f"/keys/{made['id']}/revoke", admin),
    ]
    pepper = lab.callers.pepper.get()

    assert [page.status_code for page in pages] == [200] * 5
    for page in pages:
        assert "hash" not in page.text
        assert pepper.id not in page.text
        assert "sealed" not in page.text
    for page in pages[:3]:
        assert made["key"][20:] not in page.text
        assert made["signing_secret"] not in page.text
    for field in ("secret_hash", "hash", "secret", "key"):
        answer = send("POST", "/keys", admin, {"label": "x", field: pepper.hash("x")})
        assert (answer.status_code, answer.get_json()["field"]) == (422, field)


@pytest.mark.parametrize(
    "field", ["tenant", "parent_id", "id", "created_by", "revoked_at", "is_admin", "status", "created_at"]
)
def test_s9_fields_of_others_are_refused(lab: Lab, send: Send, admin: Made, field: str) -> None:
    """S9: mass assignment, when made and when changed."""
    child = lab.make(admin)

    assert send("POST", "/keys", admin, {"label": "x", field: "x"}).status_code == 422
    assert send("PATCH", f"/keys/{child.record.id}", admin, {field: "x"}).status_code == 422


def test_s9_a_key_gives_no_more_than_it_has_and_nothing_to_itself(lab: Lab, send: Send) -> None:
    """S9: neither to a child, nor to itself, nor to another key of its tenant."""
    admin = lab.make(tenant="acme", scopes=ADMIN, models=["gpt-4o"])
    child = send("POST", "/keys", admin, {"label": "c", "scopes": ["keys:admin"]}).get_json()
    mighty = lab.make(tenant="acme", scopes=[*ADMIN, "usage:admin"])

    answer = send("POST", "/keys", admin, {"label": "x", "scopes": ["usage:admin"]})
    assert (answer.status_code, answer.get_json()["field"]) == (403, "scopes")
    assert send("POST", "/keys", admin, {"label": "x", "models": ["*"]}).status_code == 403
    assert send("PATCH", f"/keys/{child['id']}", admin, {"models": ["*"]}).status_code == 403
    assert send("PATCH", f"/keys/{admin.record.id}", admin, {"limits": []}).status_code == 403
    for method, path, body in (
        ("PATCH", "", {"label": "mine"}),
        ("POST", "/rotate", {}),
        ("POST", "/revoke", {}),
    ):
        assert send(method, f"/keys/{mighty.record.id}{path}", admin, body).status_code == 403
    assert lab.ask(mighty).key_id == mighty.record.id


def test_a_child_that_administers_cannot_touch_its_maker(lab: Lab, send: Send, admin: Made) -> None:
    child = lab.make(admin, scopes=ADMIN)

    for path in ("/rotate", "/revoke"):
        assert send("POST", f"/keys/{admin.record.id}{path}", child, {}).status_code == 403
    assert send("PATCH", f"/keys/{admin.record.id}", child, {"label": "x"}).status_code == 403


def test_a_key_may_give_itself_another_secret_and_end_itself(lab: Lab, send: Send, admin: Made) -> None:
    new = send("POST", f"/keys/{admin.record.id}/rotate", admin, {"grace_s": 0}).get_json()

    assert lab.refusal(admin).status == 401
    assert lab.ask(new["key"]).key_id == admin.record.id
    assert lab.callers.desk.revoke(admin.record.id, operator()).revoked_at_us is not None


def test_s10_keys_of_another_tenant_are_not_there(lab: Lab, send: Send, admin: Made) -> None:
    """S10: for every route, the same answer as for an id that does not exist."""
    foreign = lab.make(tenant="other", label="theirs")
    unknown = "a" * 16

    for method, path in routes(lab):
        if "<key_id>" not in path:
            continue
        theirs = send(method, path.replace("<key_id>", foreign.record.id), admin, {})
        nobody = send(method, path.replace("<key_id>", unknown), admin, {})
        assert theirs.status_code == nobody.status_code == 404, path
        assert _without_call(theirs).replace(foreign.record.id, unknown) == _without_call(nobody)
    assert foreign.record.id not in send("GET", "/keys?all=1&search=theirs", admin).text
    assert lab.ask(foreign).key_id == foreign.record.id


def _without_call(answer: TestResponse) -> str:
    return str({**answer.get_json(), "instance": ""})


@pytest.mark.parametrize(
    "text", ["%", "_", "' OR 1=1 --", "\\", "%' UNION SELECT * FROM keys --", "é", "a\x00b", "x" * 5000]
)
def test_s6_signs_of_sql_in_ids_and_searches_are_only_text(
    lab: Lab, send: Send, admin: Made, text: str
) -> None:
    """S6: patterns match nothing but themselves, and the answer comes soon."""
    lab.make(admin, label="ordinary")
    began = time.monotonic()

    found = send("GET", "/keys", admin, query_string={"search": text})
    after = send("GET", "/keys", admin, query_string={"after": text})
    shown = send("GET", "/keys/" + text.replace("/", "").replace("\x00", "%00"), admin)

    assert (found.status_code, found.get_json()["keys"]) == (200, [])
    assert after.status_code == 200
    assert shown.status_code in (400, 404)
    assert time.monotonic() - began < 2
    made = lab.make(admin, label=f"has {text[:50]} in it") if text.isprintable() else None
    if made is not None and len(text) < 100:
        keys = send("GET", "/keys", admin, query_string={"search": text}).get_json()["keys"]
        assert [one["id"] for one in keys] == [made.record.id]


def test_keys_are_listed_page_by_page(lab: Lab, send: Send, admin: Made) -> None:
    ids = {admin.record.id, *(lab.make(admin).record.id for _ in range(6))}
    found: list[str] = []
    after = ""
    while True:
        page = send("GET", "/keys", admin, query_string={"limit": "3", "after": after}).get_json()
        found += [one["id"] for one in page["keys"]]
        if page["next_after"] is None:
            break
        after = page["next_after"]

    assert found == sorted(ids)
    for limit in ("0", "201", "-1", "x", "٣"):
        assert send("GET", "/keys", admin, query_string={"limit": limit}).status_code == 422


def test_keys_that_ended_are_listed_when_asked_for(lab: Lab, send: Send, admin: Made) -> None:
    child = lab.make(admin)
    send("POST", f"/keys/{child.record.id}/revoke", admin)

    assert len(send("GET", "/keys", admin).get_json()["keys"]) == 1
    keys = send("GET", "/keys?all=1", admin).get_json()["keys"]
    assert {one["id"]: one["status"] for one in keys} == {
        admin.record.id: "active",
        child.record.id: "revoked",
    }


def test_a_change_is_in_force_with_the_next_request(lab: Lab, send: Send, admin: Made) -> None:
    made = send("POST", "/keys", admin, {"label": "x"}).get_json()
    lab.ask(made["key"])

    changed = send("PATCH", f"/keys/{made['id']}", admin, {"models": ["gpt-4o"], "label": "y"}).get_json()

    assert (changed["models"], changed["label"], changed["limits"]) == (["gpt-4o"], "y", [])
    assert lab.ask(made["key"]).models == ("gpt-4o",)
    send("POST", f"/keys/{made['id']}/revoke", admin)
    assert lab.refusal(made["key"]).status == 401
    for path, body in (("", {"label": "z"}), ("/rotate", {})):
        method = "POST" if path else "PATCH"
        assert send(method, f"/keys/{made['id']}{path}", admin, body).status_code == 409
    assert send("POST", f"/keys/{made['id']}/revoke", admin).status_code == 200


def test_every_change_is_in_the_audit_log_with_who_and_from_where(lab: Lab, send: Send, admin: Made) -> None:
    made = send("POST", "/keys", admin, {"label": "x", "signing": {"mode": "optional"}}).get_json()
    send("PATCH", f"/keys/{made['id']}", admin, {"label": "y"})
    rotated = send("POST", f"/keys/{made['id']}/rotate", admin, {"grace_s": 60}).get_json()
    send("POST", f"/keys/{made['id']}/revoke", admin)
    send("PATCH", f"/keys/{admin.record.id}", admin, {"limits": []})  # refused: nothing happened

    events = [one for one in lab.events("key.*") if one["target"] == made["id"]]

    assert [one["action"] for one in events] == ["key.create", "key.change", "key.rotate", "key.revoke"]
    assert {(one["actor"], one["tenant"], one["client"]) for one in events} == {
        (admin.record.id, "acme", "127.0.0.1")
    }
    assert events[0]["details"]["scopes"] == ["actions:run", "catalog:read", "usage:read"]
    assert events[1]["details"]["changed"] == ["label"]
    assert events[2]["details"] == {"grace_s": 60}
    text = str(events)
    for secret in (made["key"][20:], rotated["key"][20:], made["signing_secret"]):
        assert secret not in text
    assert len(lab.events("key.*")) == 5
    assert lab.gateway.audit.verify().is_sound


def test_nothing_is_changed_that_cannot_be_noted(
    lab: Lab, send: Send, admin: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change and its event are kept together or not at all."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the audit log is broken")

    child = lab.make(admin)
    monkeypatch.setattr(lab.gateway.audit, "append_to", fail)

    assert send("POST", f"/keys/{child.record.id}/revoke", admin).status_code == 500
    assert send("POST", "/keys", admin, {"label": "x"}).status_code == 500
    assert lab.ask(child).key_id == child.record.id
    assert len(lab.callers.store.search()) == 2


def test_s14_a_body_is_not_read_before_the_caller_is_known(lab: Lab, send: Send) -> None:
    """S14: garbage and deep nesting are refused for the key, not for the body."""
    for body in (b"{", b"[" * 100_000, b"\xff"):
        answer = send("POST", "/keys", None, data=body, content_type="application/json")
        assert answer.status_code == 401


def test_the_api_says_of_children_what_the_command_says(lab: Lab, send: Send) -> None:
    admin = lab.make(tenant="acme", scopes=ADMIN)
    maker = lab.make(tenant="acme", expires_at="2d")
    child = lab.make(maker, expires_at="1d")
    grandchild = lab.make(child)
    lab.clock.advance(1.5 * 86_400)
    listed = send("GET", "/keys", admin).get_json()
    every = send("GET", "/keys?all=1", admin).get_json()

    assert {key["id"] for key in listed["keys"]} == {admin.record.id, maker.record.id}
    statuses = {key["id"]: key["status"] for key in every["keys"]}
    assert statuses[child.record.id] == "expired"
    assert statuses[grandchild.record.id] in ("expired", "expired with its maker")
    with lab.gateway.database.begin() as connection:
        row = KEYS.c.id == grandchild.record.id
        connection.execute(update(KEYS).where(row).values(expires_at_us=None))
    shown = send("GET", f"/keys/{grandchild.record.id}", admin).get_json()
    assert shown["status"] == "expired with its maker"


def test_a_key_whose_maker_is_gone_is_orphaned(lab: Lab, send: Send) -> None:
    admin = lab.make(tenant="acme", scopes=ADMIN)
    maker = lab.make(tenant="acme")
    child = lab.make(maker)
    with lab.gateway.database.begin() as connection:
        broken = update(KEYS).where(KEYS.c.id == maker.record.id).values(scopes="no list")
        connection.execute(broken)

    shown = send("GET", f"/keys/{child.record.id}", admin).get_json()

    assert (shown["status"], shown["effective"]) == ("orphaned", None)


@pytest.fixture
def reader(lab: Lab) -> Made:
    return lab.make(tenant="acme", label="reader", scopes=["audit:read"])


def test_s10_events_of_the_own_tenant_are_shown_newest_first(lab: Lab, send: Send, reader: Made) -> None:
    """S10: nothing of another tenant, whatever is asked for."""
    lab.make(tenant="beta", label="secret of beta")
    mine = lab.make(tenant="acme", label="mine")
    lab.change(mine, label="renamed")

    answer = send("GET", "/audit", reader)
    events = answer.get_json()["events"]

    assert [event["action"] for event in events] == ["key.change", "key.create", "key.create"]
    assert {event["tenant"] for event in events} == {"acme"}
    assert events[0]["target"] == mine.record.id
    assert "beta" not in answer.text
    assert send("GET", "/audit?tenant=beta", reader).status_code == 422


def test_s5_the_scope_is_needed(lab: Lab, send: Send) -> None:
    """S5: an administrator of keys may not read the log either, unless the scope was given."""
    admin = lab.make(tenant="acme", scopes=["actions:run", "keys:admin"])

    assert send("GET", "/audit", admin).status_code == 403
    assert send("GET", "/audit", None).status_code == 401


def test_events_are_chosen_and_bounded(lab: Lab, send: Send, reader: Made) -> None:
    for _ in range(60):
        lab.gateway.audit.append(actor="a", action="x.y", target="t", tenant="acme", client="", details={})

    def count(query: str) -> int:
        return len(send("GET", f"/audit?{query}", reader).get_json()["events"])

    assert (count(""), count("limit=200"), count("limit=3")) == (50, 61, 3)
    assert (count("action=key.*"), count("action=key.create"), count("action=nothing")) == (1, 1, 0)
    assert (count("since=2000-01-01"), count("since=2999-01-01T00:00:00Z")) == (50, 0)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("since=soon", "since"),
        ("since=999999w", "since"),
        ("action=", "action"),
        ("actions=x", "actions"),
    ],
)
def test_a_parameter_that_cannot_be_read_is_named(send: Send, reader: Made, query: str, field: str) -> None:
    answer = send("GET", f"/audit?{query}", reader)

    assert (answer.status_code, answer.get_json()["field"]) == (422, field)


def test_a_key_made_by_the_api_has_a_label(send: Send, admin: Made) -> None:
    for body in ({}, {"label": ""}, {"label": " "}):
        answer = send("POST", "/keys", admin, body)
        assert (answer.status_code, answer.get_json()["field"]) == (422, "label")


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ("max_output_tokens", "caps.max_output_tokens"),
        ("lable", "label"),
        ("expires", "expires_at"),
        ("model", "models"),
        ("caps.max_choice", "caps.max_choices"),
    ],
)
def test_an_unknown_field_is_answered_with_what_was_meant(
    send: Send, admin: Made, field: str, meant: str
) -> None:
    outer, _, inner = field.partition(".")
    answer = send("POST", "/keys", admin, {"label": "x", outer: {inner: 1} if inner else 1}).get_json()

    assert answer["field"] == field
    assert answer["hint"] == f"Did you mean `{meant}`?"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("label", 1, "`label` is a text."),
        ("limits", "60 requests / minute", "`limits` is a list."),
        ("limits", [1], "`limits[0]` is a text."),
        ("caps", 5, "`caps` is an object."),
        ("caps", {"max_choices": 0}, "`caps.max_choices` is at least 1."),
        ("caps", {"max_choices": 1.5}, "`caps.max_choices` is a whole number."),
        ("signing", {}, "`signing.mode` is needed."),
        ("signing", {"mode": "on"}, "`signing.mode` is one of 'off', 'optional', 'required'."),
        ("label", "x" * 300, "`label` has at most 200 characters."),
        ("models", ["a"] * 300, "`models` has at most 200 entries."),
    ],
)
def test_what_is_wrong_with_a_field_is_said_in_words(
    send: Send, admin: Made, field: str, value: object, message: str
) -> None:
    assert send("POST", "/keys", admin, {"label": "x", field: value}).get_json()["detail"] == message


def test_an_end_may_be_so_long_from_now(lab: Lab, send: Send, admin: Made) -> None:
    made = send("POST", "/keys", admin, {"label": "x", "expires_at": "7d"}).get_json()

    assert made["expires_at"] == (lab.clock.now() + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_an_unknown_key_is_not_answered_with_actions(send: Send, admin: Made) -> None:
    answer = send("GET", f"/keys/{'a' * 16}", admin).get_json()

    assert (answer["status"], "GET /keys" in answer["hint"], "/actions" in answer["hint"]) == (
        404,
        True,
        False,
    )
