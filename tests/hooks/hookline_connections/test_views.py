"""The addresses below ``/connections``: each tenant sees and changes its own, and writes secrets only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hookline import Principal
from small_service import whole

if TYPE_CHECKING:
    from connections_lab import Lab

NEW = {"name": "main", "connector": "acme", "credential": "sk-canary-api"}


def test_a_tenant_stores_lists_renews_and_removes_its_own(lab: Lab, caller: Any) -> None:
    made = lab.post("/connections", {**NEW, "weight": 3, "priority": 2, "models": ["m*"]})

    assert made.status_code == 201
    shown = made.json
    assert shown == {
        "name": "main",
        "tenant": "ada",
        "connector": "acme",
        "base_url": "https://api.acme.example/v1",
        "allowed_origins": ["https://api.acme.example:443"],
        "models": ["m*"],
        "weight": 3,
        "priority": 2,
        "enabled": True,
        "created_at": "2026-11-22T12:00:00+00:00",
        "credential": {
            "kind": "stored",
            "set_at": "2026-11-22T12:00:00+00:00",
            "fingerprint": shown["credential"]["fingerprint"],
        },
    }
    assert lab.get("/connections").json == {"connections": [shown], "count": 1}
    assert lab.ask(caller("ada"), model="m1")[0] == 200
    assert lab.service.sent[-1] == ("api.acme.example", "sk-canary-api")

    lab.clock.advance(60)
    renewed = lab.post("/connections/main/rotate", {"credential": "sk-second"})
    assert renewed.status_code == 200
    assert renewed.json["credential"]["set_at"] == "2026-11-22T12:01:00+00:00"
    assert renewed.json["credential"]["fingerprint"] != shown["credential"]["fingerprint"]
    lab.ask(caller("ada"), model="m1")
    assert lab.service.sent[-1] == ("api.acme.example", "sk-second")

    assert lab.delete("/connections/main").status_code == 204
    assert lab.get("/connections").json == {"connections": [], "count": 0}


def test_another_tenant_s_connection_is_not_there(lab: Lab) -> None:
    """S10: the same 404 as for a name that nobody has, whatever is done with it."""
    lab.post("/connections", NEW)
    lab.add("shared-one")

    def outcomes(name: str, tenant: str) -> list[tuple[int, Any]]:
        replies = [
            lab.post(f"/connections/{name}/rotate", {"credential": "sk-mine"}, tenant=tenant),
            lab.delete(f"/connections/{name}", tenant=tenant),
            lab.post("/connections/test", {"connection": name}, tenant=tenant),
        ]
        return [
            (reply.status_code, {**reply.json, "instance": "", "detail": "", "message": "", "error": ""})
            for reply in replies
        ]

    assert outcomes("main", "bob") == outcomes("nowhere", "bob")
    assert [status for status, _ in outcomes("main", "bob")] == [404, 404, 404]
    assert outcomes("shared-one", "bob")[:2] == outcomes("nowhere", "bob")[:2]  # the operator's, neither
    assert lab.get("/connections", tenant="bob").json["count"] == 0
    assert lab.get("/connections").json["count"] == 1
    assert lab.post("/connections", NEW, tenant="bob").status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/connections"),
        ("post", "/connections"),
        ("post", "/connections/main/rotate"),
        ("delete", "/connections/main"),
        ("post", "/connections/test"),
    ],
)
@pytest.mark.parametrize("scope", ["actions:run", "catalog:read", "keys:admin", ""])
def test_each_address_needs_its_own_scope(lab: Lab, method: str, path: str, scope: str) -> None:
    lab.doors.known["ada"] = Principal(key_id="k", tenant="ada", scopes=frozenset({scope}))

    body: dict[str, Any] | None = None if method in ("get", "delete") else {}
    assert getattr(lab, method)(path, *([] if body is None else [body])).status_code == 403
    assert getattr(lab.client, method)(path).status_code == 401


def test_the_scope_of_testing_is_not_that_of_changing(lab: Lab) -> None:
    lab.doors.known["ada"] = Principal(key_id="k", tenant="ada", scopes=frozenset({"connections:test"}))

    assert lab.post("/connections/test", {"connector": "acme"}).status_code == 200
    assert lab.post("/connections", NEW).status_code == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tenant": "bob"}, "tenant"),
        ({"tenant": ""}, "tenant"),
        ({"options": {"a": 1}}, "options"),
        ({"credential_ref": "file:/etc/passwd"}, "credential_ref"),
        ({"allowed_origins": ["https://evil.example"]}, "allowed_origins"),
        ({"is_disabled": False}, "is_disabled"),
        ({"sealed": "x"}, "sealed"),
        ({"name": "Main"}, "name"),
        ({"name": "../x"}, "name"),
        ({"name": "a" * 64}, "name"),
        ({"name": 7}, "name"),
        ({"connector": "nope"}, "connector"),
        ({"credential": ""}, "credential"),
        ({"credential": "a b"}, "credential"),
        ({"credential": "a\r\nx-evil: 1"}, "credential"),
        ({"credential": 7}, "credential"),
        ({"weight": -1}, "weight"),
        ({"weight": 10**30}, "weight"),
        ({"weight": True}, "weight"),
        ({"priority": 1001}, "priority"),
        ({"models": []}, "models"),
        ({"models": ["a*b"]}, "models"),
        ({"models": [""]}, "models"),
        ({"models": ["m"] * 101}, "models"),
    ],
    ids=repr,
)
def test_what_a_tenant_may_not_set_is_refused_by_name(lab: Lab, change: dict[str, Any], field: str) -> None:
    """S9: no field beyond those that are named can be set."""
    reply = lab.post("/connections", {**NEW, **change})

    assert (reply.status_code, reply.json["field"]) == (422, field)
    assert "sk-canary" not in reply.text
    assert lab.get("/connections").json["count"] == 0


INTERNAL = [
    "http://127.0.0.1/v1",
    "http://localhost:8787",
    "http://[::1]/",
    "http://169.254.169.254/latest",
    "http://10.0.0.1",
    "http://2130706433/",
    "http://0x7f.1/",
    "https://evil.example",
    "http://api.acme.example/v1",
    "https://api.acme.example:444/v1",
    "https://api.acme.example.evil.example/v1",
    "https://api.acme.example@evil.example/",
    "https://evil.example#api.acme.example",
    "https://evil.example/?https://api.acme.example",
    "https://api.acme.example\\@evil.example/",
    "https://api.acme.example\\.evil.example/",
    "https://api.acme.example./v1",
    "https://api.acme.example\n.evil.example",
    "//api.acme.example",
    "file:///etc/passwd",
    "gopher://api.acme.example",
    "",
    " ",
]


@pytest.mark.parametrize("url", INTERNAL, ids=ascii)
def test_a_tenant_cannot_point_the_gateway_anywhere_else(lab: Lab, url: str) -> None:
    """S1: a tenant's own connection leads to the connector's own address, or to what the operator allows."""
    reply = lab.post("/connections", {**NEW, "base_url": url})

    assert (reply.status_code, reply.json["field"]) == (422, "base_url")
    assert lab.get("/connections").json["count"] == 0


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://llm.example/v1", True),
        ("https://llm.example:443/v2", True),
        ("https://eu.llm.example.com/v1", True),
        ("https://a.b.llm.example.com", True),
        ("https://api.acme.example/v1", True),
        ("http://eu.llm.example.com", False),
        ("https://eu.llm.example.com:8443", False),
        ("https://llm.example.com", False),
        ("https://evilllm.example.com", False),
        ("https://eu.llm.example.com.evil.example", False),
        ("https://evil.example\\x.llm.example.com", False),
    ],
    ids=ascii,
)
def test_the_operator_says_where_tenants_may_lead(make_lab: Any, url: str, is_allowed: bool) -> None:
    lab = make_lab(allowed_origins=["https://llm.example", "https://*.llm.example.com"])

    assert lab.post("/connections", {**NEW, "base_url": url}).status_code == (201 if is_allowed else 422)


@pytest.mark.parametrize(
    "pattern", ["*", "https://*", "https://*.com", "https://a.*.com", "https://a*.example.com", "llm.example",
                "https://llm.example/v1", "https://u@llm.example", "https://*.*.example.com"]
)  # fmt: skip
def test_a_pattern_that_allows_too_much_or_nothing_keeps_the_gateway_from_starting(
    make_lab: Any, pattern: str
) -> None:
    from hookline.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="allowed_origins"):
        make_lab(allowed_origins=[pattern])


def test_a_name_is_taken_once(lab: Lab) -> None:
    assert lab.post("/connections", NEW).status_code == 201

    reply = lab.post("/connections", NEW)
    assert (reply.status_code, reply.json["error"]["code"]) == (409, "connection_exists")


def test_a_tenant_stores_no_more_than_it_may(make_lab: Any) -> None:
    lab = make_lab(max_per_tenant=2)
    codes = [lab.post("/connections", {**NEW, "name": f"n{number}"}).status_code for number in range(3)]

    assert codes == [201, 201, 422]
    assert lab.post("/connections", NEW, tenant="bob").status_code == 201


def test_every_change_stands_in_the_audit_log_without_the_secret(lab: Lab) -> None:
    lab.post("/connections", NEW)
    lab.post("/connections/main/rotate", {"credential": "sk-canary-second"})
    lab.delete("/connections/main")
    lab.post("/connections/nowhere/rotate", {"credential": "sk-canary-third"})

    events = lab.audit()
    assert [(one["actor"], one["action"], one["target"], one["tenant"]) for one in events] == [
        ("key-of-ada", action, "ada/main", "ada")
        for action in ("connection.add", "connection.rotate", "connection.remove")
    ]
    assert {one["client"] for one in events} == {"127.0.0.1"}
    assert "canary" not in str(events)


# ---------------------------------------------------------------- trying out


def test_a_connection_that_works_answers_with_a_label_that_people_recognise(lab: Lab) -> None:
    lab.add("production", tenant="ada", host="eu.acme.example")

    reply = lab.post("/connections/test", {"connection": "production"})

    assert (reply.status_code, reply.json) == (
        200,
        {
            "ok": True,
            "label": "Acme · production (eu.acme.example)",
            "connector": "acme",
            "connection": "production",
            "ms": 0,
            "enabled": True,
        },
    )
    assert lab.service.sent == [("eu.acme.example", "sk-ada-production")]
    (sent,) = lab.requests
    assert (sent.method, sent.path) == ("GET", "/probe")


def test_by_connector_the_one_is_tried_that_a_call_would_use(lab: Lab) -> None:
    lab.add("main")
    assert lab.post("/connections/test", {"connector": "acme"}).json["label"] == "Acme · main (main.example)"
    lab.add("own", tenant="ada")

    assert lab.post("/connections/test", {"connector": "acme"}).json["connection"] == "own"
    assert lab.post("/connections/test", {"connector": "acme"}, tenant="bob").json["connection"] == "main"
    assert lab.post("/connections/test", {"connection": "main"}, tenant="ada").status_code == 404


def test_without_stored_connections_that_of_the_settings_is_tried(make_lab: Any) -> None:
    lab = make_lab(environ={"ACME_API_KEY": "sk-set"})

    assert (
        lab.post("/connections/test", {"connector": "acme"}).json["label"] == "Acme · acme (api.acme.example)"
    )
    assert lab.service.sent == [("api.acme.example", "sk-set")]


def test_in_the_sandbox_the_label_says_so(make_lab: Any) -> None:
    lab = make_lab(sandbox=True)

    assert lab.post("/connections/test", {"connector": "acme"}).json["label"] == "Acme · acme (simulated)"


@pytest.mark.parametrize(
    ("status", "told", "code"),
    [
        (401, 502, "upstream_credential_rejected"),
        (402, 402, "insufficient_quota"),
        (429, 429, "rate_limit_exceeded"),
        (503, 502, "upstream_unavailable"),
    ],
)
def test_a_connection_that_does_not_work_says_why_and_no_other_takes_its_place(
    lab: Lab, status: int, told: int, code: str
) -> None:
    lab.add("bad", tenant="ada")
    lab.add("good", tenant="ada", priority=1)
    lab.service.scripts["bad.example"] = [lambda request: whole({}, status=status)]

    reply = lab.post("/connections/test", {"connection": "bad"})

    assert reply.status_code == told
    body = reply.json
    assert (body["ok"], body["error"]["code"], body["status"]) == (False, code, told)
    assert body["label"] == "Acme · bad (bad.example)"
    assert body["message"]
    assert lab.service.hosts == ["bad.example"]


def test_one_that_is_switched_off_can_be_tried(lab: Lab, operator: Any) -> None:
    lab.add("main", tenant="ada")
    lab.desk.switch("ada", "main", operator, is_disabled=True)

    told = lab.post("/connections/test", {"connection": "main"}).json
    assert (told["ok"], told["enabled"]) == (True, False)


def test_a_key_can_try_only_the_connections_that_it_may_use(lab: Lab, caller: Any) -> None:
    """S12: and none of another name in their place."""
    lab.add("main")
    lab.add("other", priority=1)
    lab.doors.known["ada"] = caller("ada", connections=("other",))

    assert lab.post("/connections/test", {"connection": "main"}).status_code == 404
    assert lab.post("/connections/test", {"connector": "acme"}).json["connection"] == "other"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"connector": "acme", "connection": "main"}, 422),
        ({"connector": "nope"}, 422),
        ({"connector": 7}, 422),
        ({"connection": "Nope!"}, 404),
        ({"connector": "acme", "base_url": "http://127.0.0.1"}, 422),
        ([], 400),
    ],
    ids=repr,
)
def test_a_question_that_makes_no_sense_is_refused(lab: Lab, body: Any, status: int) -> None:
    assert lab.post("/connections/test", body).status_code == status
    assert lab.service.sent == []


def test_a_field_that_is_nearly_right_is_named(lab: Lab) -> None:
    body = {"name": "main", "connector": "acme", "credential": "sk-1", "baseurl": "https://x.example"}

    told = lab.post("/connections", body).json

    assert told["detail"] == "`baseurl`: there is no such field; did you mean `base_url`?"


def test_a_name_that_is_taken_has_a_title_and_a_next_step_of_its_own(lab: Lab) -> None:
    body = {"name": "main", "connector": "acme", "credential": "sk-1"}
    assert lab.post("/connections", body).status_code == 201

    reply = lab.post("/connections", body)

    assert (reply.status_code, reply.json["title"]) == (409, "There is one of that name already")
    assert "`rotate`" in reply.json["detail"]
    assert "`remove`" in reply.json["detail"]
