"""``GET /options/connections``: the names that a caller may use, and nothing else of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from connections_lab import Lab
    from hookline import Principal
    from hookline_connections.desk import Actor


def rows(lab: Lab, query: str = "", *, tenant: str = "ada") -> list[tuple[str, str]]:
    answer = lab.get(f"/options/connections{query}", tenant=tenant)
    assert answer.status_code == 200, answer.json
    return [(row["id"], row["name"]) for row in answer.json["options"]]


def test_a_tenant_sees_its_own_and_none_of_another(lab: Lab) -> None:
    lab.add("main", tenant="ada")
    lab.add("spare", tenant="ada")
    lab.add("other", tenant="bob")

    assert rows(lab) == [("main", "Acme · main"), ("spare", "Acme · spare")]
    assert rows(lab, tenant="bob") == [("other", "Acme · other")]


def test_who_has_none_sees_the_operator_s(lab: Lab) -> None:
    lab.add("house")
    lab.add("main", tenant="ada")

    assert rows(lab, tenant="bob") == [("house", "Acme · house")]
    assert rows(lab) == [("main", "Acme · main")]


def test_a_tenant_that_may_fall_back_sees_both(make_lab: Any) -> None:
    lab = make_lab(fall_back_to_shared=True)
    lab.add("house")
    lab.add("main", tenant="ada")

    assert [id for id, _ in rows(lab)] == ["main", "house"]


def test_a_key_for_some_connections_sees_those(lab: Lab, caller: Callable[..., Principal]) -> None:
    lab.add("main", tenant="ada")
    lab.add("spare", tenant="ada")
    lab.doors.known["pinned"] = caller("ada", connections=("spare",))

    assert rows(lab, tenant="pinned") == [("spare", "Acme · spare")]


def test_a_change_is_seen_at_once(lab: Lab, operator: Actor) -> None:
    lab.add("main", tenant="ada")
    assert len(rows(lab)) == 1

    lab.add("spare", tenant="ada")

    assert len(rows(lab)) == 2
    lab.desk.remove("ada", "main", operator)
    assert [id for id, _ in rows(lab)] == ["spare"]


def test_neither_address_nor_credential_is_in_it(lab: Lab) -> None:
    lab.add("main", tenant="ada", host="secret-host.example", secret="sk-canary-options")

    text = lab.get("/options/connections").get_data(as_text=True)

    assert "secret-host" not in text
    assert "canary" not in text


def test_the_connector_narrows_the_list_and_an_unknown_one_is_named(lab: Lab) -> None:
    lab.add("main", tenant="ada")

    assert len(rows(lab, "?connector=acme")) == 1
    refused = lab.get("/options/connections?connector=acne")
    assert (refused.status_code, refused.json["field"]) == (400, "connector")


def test_search_and_pages_work_as_everywhere(lab: Lab) -> None:
    for name in ("a1", "a2", "b1"):
        lab.add(name, tenant="ada")

    assert [id for id, _ in rows(lab, "?q=A2")] == ["a2"]
    first = lab.get("/options/connections?limit=2").json
    assert [id for id, _ in rows(lab, f"?cursor={first['next_cursor']}")] == ["b1"]
